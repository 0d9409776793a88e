"""The trend page: one self-contained HTML file over a person's runs. It loads nothing and runs no script."""

from __future__ import annotations

from typing import Any

from flows.report.html.page import page
from flows.report.trend.history import Application, Trend
from flows.report.trend.past_runs import PastRun, RunOutcome
from flows.report.trend.plots import MEASURES, hour_over_time, hours_range, in_range_over_time, settings_over_time
from flows.report.trend.text import remarks, verdict
from flows.values.units import HOURS_PER_DAY

HOURLY_RUNS = 14  # of which the table of all hours shows the numbers; older ones are in the drawings and in --json
# A row of the comparison: what, between which glucose values in both units, where it stands, its decimals.
SHARES = (
    ("in range", ("70–180", "3.9–10.0"), "in_range_percent", 1),
    ("below", ("70", "3.9"), "below_70_percent", 1),
    ("below", ("54", "3.0"), "below_54_percent", 1),
    ("there at all, of those due", None, "coverage_percent", 0),
)
TABLE_RUNS = 200  # the newest; a page of years of nightly runs stays small
SIGNS = {"green": "✓", "amber": "!", "red": "✕", "unknown": "–"}


def trend_page(trend: Trend) -> bytes:
    """The page in UTF-8. Strings of data are escaped and isolated; the unit can be switched."""
    proposals = trend.proposals
    shared = hours_range(trend) if proposals else (0.0, 1.0)
    return page(
        "trend.html",
        units=trend.units.value,
        trend=trend,
        first=trend.day(trend.runs[0].at),
        last=trend.day(trend.runs[-1].at),
        latest=_row(proposals[-1], trend) if proposals else None,
        applications=[_application(a, trend) for a in reversed(trend.applications)],
        in_range=in_range_over_time(trend),
        measures=[(m.title, settings_over_time(trend, m)) for m in MEASURES] if proposals else [],
        hours=[(h, hour_over_time(trend, h, shared)) for h in range(HOURS_PER_DAY)] if proposals else [],
        rows=[_row(r, trend) for r in reversed(trend.runs[-TABLE_RUNS:])],
        older=max(0, len(trend.runs) - TABLE_RUNS),
        hourly=[_row(r, trend) for r in reversed(proposals[-HOURLY_RUNS:])],
        remarks=remarks(trend),
    )


def _row(run: PastRun, trend: Trend) -> dict[str, Any]:
    applied = run.last_applied
    colour = "unknown" if run.colour is None else run.colour.value
    return {
        "run": run,
        "date": trend.day(run.at),
        "time": f"{trend.local(run.at):%H:%M}",
        "verdict": verdict(run),
        "colour": colour,
        "sign": SIGNS[colour],
        "proposal": run.outcome is RunOutcome.PROPOSAL,
        "applied": trend.day(applied.at) if applied else None,
        "undone": trend.day(applied.undone_at) if applied and applied.undone_at else None,
    }


def _application(application: Application, trend: Trend) -> dict[str, Any]:
    undone = application.undone_at
    sides = (("before", application.before), ("after", application.after))
    return {
        "it": application,
        "when": trend.minute(application.at),
        "undone": trend.minute(undone) if undone else None,
        "shares": SHARES,
        "sides": [(name, vars(days)) for name, days in sides if days is not None],
    }
