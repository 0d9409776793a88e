"""The trend page: one self-contained HTML file over a person's runs. It loads nothing and runs no script."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flows.language.catalogue import date_text, phrase, to_translate, translated
from flows.report.html.page import page
from flows.report.trend.history import Application, Trend
from flows.report.trend.past_runs import PastRun, RunOutcome
from flows.report.trend.plots import MEASURES, hour_over_time, hours_range, in_range_over_time, settings_over_time
from flows.report.trend.text import remarks, verdict
from flows.report.wording import day_shown, headline_in_spoken
from flows.values.units import HOURS_PER_DAY

HOURLY_RUNS = 14  # of which the table of all hours shows the numbers; older ones are in the drawings and in --json
# A row of the comparison: what, between which glucose values in both units, where it stands, its decimals.
SHARES = (
    (to_translate("in range"), ("70–180", "3.9–10.0"), "in_range_percent", 1),
    (to_translate("below"), ("70", "3.9"), "below_70_percent", 1),
    (to_translate("below"), ("54", "3.0"), "below_54_percent", 1),
    (to_translate("there at all, of those due"), None, "coverage_percent", 0),
)
TABLE_RUNS = 200  # the newest; a page of years of nightly runs stays small
SIGNS = {"green": "✓", "amber": "!", "red": "✕", "unknown": "–"}


def trend_page(trend: Trend) -> bytes:
    """The page in UTF-8. Strings of data are escaped and isolated; the unit can be switched."""
    return page("trend.html", **trend_values(trend))


def trend_values(trend: Trend) -> dict[str, Any]:
    """What the template `trend.html` shows, by name."""
    proposals = trend.proposals
    shared = hours_range(trend) if proposals else (0.0, 1.0)
    return {
        **applied_values(trend),
        "units": trend.units.value,
        "first": day_shown(trend.day(trend.runs[0].at)),
        "last": day_shown(trend.day(trend.runs[-1].at)),
        "latest": _row(proposals[-1], trend) if proposals else None,
        "measures": [(translated(m.title), settings_over_time(trend, m)) for m in MEASURES] if proposals else [],
        "hours": [(h, hour_over_time(trend, h, shared)) for h in range(HOURS_PER_DAY)] if proposals else [],
        "rows": [_row(r, trend) for r in reversed(trend.runs[-TABLE_RUNS:])],
        "older": max(0, len(trend.runs) - TABLE_RUNS),
        "hourly": [_row(r, trend) for r in reversed(proposals[-HOURLY_RUNS:])],
        "remarks": remarks(trend),
    }


def applied_values(trend: Trend) -> dict[str, Any]:
    """What its part `trend_applied.html` shows: before and after what was applied, and time in range."""
    return {
        "trend": trend,
        "applications": [_application(a, trend) for a in reversed(trend.applications)],
        "in_range": in_range_over_time(trend),
    }


def _row(run: PastRun, trend: Trend) -> dict[str, Any]:
    applied = run.last_applied
    colour = "unknown" if run.colour is None else run.colour.value
    return {
        "run": run,
        "date": day_shown(trend.day(run.at)),
        "time": f"{trend.local(run.at):%H:%M}",
        "verdict": verdict(run),
        "headline": headline_in_spoken(run.headline) if run.headline else "",
        "colour": colour,
        "sign": SIGNS[colour],
        "proposal": run.outcome is RunOutcome.PROPOSAL,
        "applied": day_shown(trend.day(applied.at)) if applied else None,
        "undone": day_shown(trend.day(applied.undone_at)) if applied and applied.undone_at else None,
    }


def _application(application: Application, trend: Trend) -> dict[str, Any]:
    undone = application.undone_at
    sides = ((phrase("before"), application.before), (phrase("after"), application.after))
    return {
        "it": application,
        "when": _minute(trend, application.at),
        "undone": _minute(trend, undone) if undone else None,
        "shares": [(translated(what), unit, key, decimals) for what, unit, key, decimals in SHARES],
        "sides": [
            (name, {**vars(days), "first": date_text(days.first, "number"), "last": date_text(days.last, "number")})
            for name, days in sides
            if days is not None
        ],
    }


def _minute(trend: Trend, at: datetime) -> str:
    return f"{day_shown(trend.day(at))} {trend.local(at):%H:%M}"
