"""A history on the terminal: a line for every run, and what can be said of each application."""

from __future__ import annotations

from collections import Counter
from textwrap import wrap

from flows.language.catalogue import count_phrase, phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.proposal.document import Colour, Units
from flows.report.trend.history import Trend
from flows.report.trend.past_runs import PastRun, RunOutcome, Tuned
from flows.report.wording import cut, day_shown, fixed, harmless

HEAD = (
    to_translate("date"),
    to_translate("verdict"),
    to_translate("ISF"),
    to_translate("carb ratio"),
    to_translate("daily basal"),
    to_translate("in range"),
    to_translate("applied"),
)
LONGEST_REASON, WIDTH = 100, 100
PAST = to_translate(
    "Runs marked `past` were made later, by a backfill, and stand where their days ended; none of them can be applied."
)

ROLLED_BACK_ON = to_translate("rolled back {time}")
OUTCOMES = {RunOutcome.REFUSED: to_translate("refused"), RunOutcome.FAILED: to_translate("failed")}
COLOURS = {
    Colour.GREEN: to_translate("green"),
    Colour.AMBER: to_translate("amber"),
    Colour.RED: to_translate("red"),
}


def history(trend: Trend) -> str:
    """What `autotune history` prints; `current → recommended` for each setting, not rounded for a pump."""
    profiles = ", ".join(harmless(p) for p in trend.profiles) or phrase("(none known)")
    lines = [
        count_phrase(
            "Runs for {source}, profile {profiles}",
            "Runs for {source}, profiles {profiles}",
            max(len(trend.profiles), 1),
            source=harmless(trend.source.label),
            profiles=profiles,
        ),
        phrase(
            "ISF in {units} per U, carb ratio in g per U, basal in U a day: current → recommended",
            units=trend.units.value,
        ),
        "",
        *_table(trend),
    ]
    if trend.applications:
        lines += ["", phrase("What was applied:")]
    for a in trend.applications:
        run = phrase("run {run}", run=harmless(a.run))
        back = phrase(ROLLED_BACK_ON, time=trend.minute(a.undone_at)) if a.undone_at else ""
        undone = f", {back}" if back else ""
        lines.append(f"  {trend.minute(a.at)}  {run}{undone}")
        lines += wrap(in_spoken(a.sentence), WIDTH, initial_indent="    ", subsequent_indent="    ")
    if len(trend.profiles) > 1:
        lines += ["", phrase("Runs of several profiles stand together here: --profile NAME shows one.")]
    lines += ["", *remarks(trend)]
    return "\n".join(lines).rstrip()


def remarks(trend: Trend) -> list[str]:
    """What is not in the history, counted."""
    left_out = count_phrase(
        "{count} run of other sites, directories or profiles left out.",
        "{count} runs of other sites, directories or profiles left out.",
        trend.others,
    )
    others = [left_out] if trend.others else []
    counts = sorted(Counter(why for _, why in trend.skipped).items())
    words = to_translate("{file} is damaged: what was applied may be more than is shown.")
    damaged = [phrase(words, file=harmless(file)) for file in trend.damaged]
    skipped = [
        count_phrase(
            "{count} directory skipped: {why}.", "{count} directories skipped: {why}.", count, why=in_spoken(why)
        )
        for why, count in counts
    ]
    past = [translated(PAST)] if any(run.past for run in trend.runs) else []
    return past + others + skipped + damaged


def isf(settings: Tuned, units: Units) -> str:
    """In the person's unit."""
    return fixed(settings.isf_mmoll_per_u, 2) if units is Units.MMOL_PER_L else fixed(settings.isf_mgdl_per_u, 1)


def verdict(run: PastRun) -> str:
    """One or two words: the verdict's colour, or how a run without one ended; and whether a backfill made it."""
    return phrase("{verdict}, past", verdict=_verdict(run)) if run.past else _verdict(run)


def _verdict(run: PastRun) -> str:
    if run.outcome is not RunOutcome.PROPOSAL:
        return translated(OUTCOMES[run.outcome])
    if run.colour is None:
        return phrase("not judged")
    colour = translated(COLOURS[run.colour])
    return phrase("{colour}, no change", colour=colour) if run.nothing_to_change else colour


def _table(trend: Trend) -> list[str]:
    rows = [tuple(map(translated, HEAD)), *(_cells(run, trend) for run in trend.runs)]
    # A refused run's sentence takes the place of all its settings: it widens no column.
    whole = [row for row in rows if len(row) == len(HEAD)]
    widths = [max(len(row[n]) for row in (rows if n < 2 else whole)) for n in range(len(HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows]


def _cells(run: PastRun, trend: Trend) -> tuple[str, ...]:
    when, now, new = trend.minute(run.at), run.current, run.recommended
    if now is None or new is None:
        return when, verdict(run), cut(harmless(in_spoken(run.why)), LONGEST_REASON)
    share = fixed(run.shares.in_range_percent, 0) + " %" if run.shares else "–"
    shares = phrase("{share} of {days} d", share=share, days=len(run.days))
    last = run.last_applied
    applied = day_shown(trend.day(last.at)) if last else phrase("no")
    if last and last.undone_at:
        rolled_back = phrase("rolled back")
        applied += f", {rolled_back}"
    return (
        when,
        verdict(run),
        f"{isf(now, trend.units)} → {isf(new, trend.units)}",
        f"{fixed(now.carb_ratio_g_per_u, 1)} → {fixed(new.carb_ratio_g_per_u, 1)}",
        f"{fixed(now.daily_basal_u, 2)} → {fixed(new.daily_basal_u, 2)}",
        shares,
        applied,
    )
