"""A history on the terminal: a line for every run, and what can be said of each application."""

from __future__ import annotations

from collections import Counter
from textwrap import wrap

from flows.proposal.document import Units
from flows.report.trend.history import Trend
from flows.report.trend.past_runs import PastRun, RunOutcome, Tuned
from flows.report.wording import cut, harmless, many

HEAD = ("date", "verdict", "ISF", "carb ratio", "daily basal", "in range", "applied")
LONGEST_REASON, WIDTH = 100, 100
PAST = (
    "Runs marked `past` were made later, by a backfill, and stand where their days ended; none of them can be applied."
)


def history(trend: Trend) -> str:
    """What `autotune history` prints; `current → recommended` for each setting, not rounded for a pump."""
    profiles = ", ".join(harmless(p) for p in trend.profiles) or "(none known)"
    lines = [
        f"Runs for {harmless(trend.source.label)}, {'profiles' if len(trend.profiles) > 1 else 'profile'} {profiles}",
        f"ISF in {trend.units.value} per U, carb ratio in g per U, basal in U a day: current → recommended",
        "",
        *_table(trend),
    ]
    if trend.applications:
        lines += ["", "What was applied:"]
    for a in trend.applications:
        undone = f", rolled back {trend.minute(a.undone_at)}" if a.undone_at else ""
        lines.append(f"  {trend.minute(a.at)}  run {harmless(a.run)}{undone}")
        lines += wrap(a.sentence, WIDTH, initial_indent="    ", subsequent_indent="    ")
    if len(trend.profiles) > 1:
        lines += ["", "Runs of several profiles stand together here: --profile NAME shows one."]
    lines += ["", *remarks(trend)]
    return "\n".join(lines).rstrip()


def remarks(trend: Trend) -> list[str]:
    """What is not in the history, counted."""
    others = [f"{many(trend.others, 'run')} of other sites, directories or profiles left out."] if trend.others else []
    counts = sorted(Counter(why for _, why in trend.skipped).items())
    damaged = [f"{harmless(file)} is damaged: what was applied may be more than is shown." for file in trend.damaged]
    skipped = [f"{many(count, 'directory', 'directories')} skipped: {why}." for why, count in counts]
    past = [PAST] if any(run.past for run in trend.runs) else []
    return past + others + skipped + damaged


def isf(settings: Tuned, units: Units) -> str:
    """In the person's unit."""
    return f"{settings.isf_mmoll_per_u:.2f}" if units is Units.MMOL_PER_L else f"{settings.isf_mgdl_per_u:.1f}"


def verdict(run: PastRun) -> str:
    """One or two words: the verdict's colour, or how a run without one ended; and whether a backfill made it."""
    return f"{_verdict(run)}, past" if run.past else _verdict(run)


def _verdict(run: PastRun) -> str:
    if run.outcome is not RunOutcome.PROPOSAL:
        return run.outcome.value
    if run.colour is None:
        return "not judged"
    return f"{run.colour.value}, no change" if run.nothing_to_change else run.colour.value


def _table(trend: Trend) -> list[str]:
    rows = [HEAD, *(_cells(run, trend) for run in trend.runs)]
    # A refused run's sentence takes the place of all its settings: it widens no column.
    whole = [row for row in rows if len(row) == len(HEAD)]
    widths = [max(len(row[n]) for row in (rows if n < 2 else whole)) for n in range(len(HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows]


def _cells(run: PastRun, trend: Trend) -> tuple[str, ...]:
    when, now, new = trend.minute(run.at), run.current, run.recommended
    if now is None or new is None:
        return when, verdict(run), cut(harmless(run.why), LONGEST_REASON)
    shares = f"{run.shares.in_range_percent:.0f} % of {len(run.days)} d" if run.shares else f"– of {len(run.days)} d"
    last = run.last_applied
    applied = trend.day(last.at) if last else "no"
    if last and last.undone_at:
        applied += ", rolled back"
    return (
        when,
        verdict(run),
        f"{isf(now, trend.units)} → {isf(new, trend.units)}",
        f"{now.carb_ratio_g_per_u:.1f} → {new.carb_ratio_g_per_u:.1f}",
        f"{now.daily_basal_u:.2f} → {new.daily_basal_u:.2f}",
        shares,
        applied,
    )
