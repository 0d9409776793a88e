"""What is said of the days of a run: which are left out and why, which are amber, and whether they are few."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date

from flows.history.days import DayData
from flows.history.glucose_values import LOWEST_MGDL
from flows.judgement.rules.data import FEW_DAYS
from flows.language.translatable import listed, translatable
from flows.values.units import MGDL_PER_MMOLL


def day_notes(cut: Sequence[DayData], excluded: Collection[date]) -> list[str]:
    """In the order of their kinds.

    Args:
        cut: the days asked for.
        excluded: on request.
    """
    asked = {d.day.date for d in cut}
    used = [d for d in cut if not d.skipped]
    return [
        *(_left_out(d, d.skipped) for d in cut if d.skipped),
        *(
            translatable("{day} is amber: {remarks}.", day=d.day, remarks=listed(d.remarks))
            for d in used
            if d.colour == "amber"
        ),
        *(
            translatable("{day} is excluded, but is none of the days asked for.", day=day)
            for day in sorted(excluded)
            if day not in asked
        ),
        *_few(len(used)),
    ]


def _left_out(day: DayData, why: str) -> str:
    if not (count := day.facts.lows_left_out):
        return translatable("{day} is left out: {why}.", day=day.day, why=why)
    return translatable(
        "{day} is left out: {why}; so are its {count} readings below {mgdl} mg/dL ({mmoll:.1f} mmol/L).",
        day=day.day,
        why=why,
        count=count,
        mgdl=LOWEST_MGDL,
        mmoll=LOWEST_MGDL / MGDL_PER_MMOLL,
    )


def _few(used: int) -> Iterator[str]:
    if used < FEW_DAYS:
        yield translatable(
            "{used} days are few: at least {advised} are advised before settings are changed.",
            used=used,
            advised=FEW_DAYS,
        )
