"""Leaving out the days that doubts name, in one go: the doubts about fewest days first, as long as enough are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flows.history.days import DayData
from flows.history.doubts import Doubt
from flows.language.translatable import translatable

LEAST_LEFT = 7  # AAPS and OpenAPS advise a week or more


def leave_out_found(cut: Sequence[DayData], doubts: Sequence[Doubt]) -> tuple[list[DayData], list[Doubt], list[str]]:
    """The days with those of the doubts left out, the doubts that stay, and what to say.

    A doubt without dates stays. One whose days cannot all be left out, because fewer than a week would be left, stays
    with all its days.
    """
    reasons: dict[str, str] = {}
    kept, notes = [], []
    for doubt in sorted(doubts, key=lambda d: len(d.dates)):
        if not doubt.dates:
            kept.append(doubt)
            continue
        left = sum(not d.skipped and str(d.day) not in {*reasons, *doubt.dates} for d in cut)
        if left < LEAST_LEFT:
            kept.append(doubt)
            notes.append(
                translatable(
                    "--exclude-found leaves the days of {doubt} in: {left} days would be left, fewer than "
                    "{least}. Take more days (--days).",
                    doubt=doubt.name,
                    left=left,
                    least=LEAST_LEFT,
                )
            )
            continue
        for day in doubt.dates:
            reasons[day] = f"{reasons[day]}, {doubt.name}" if day in reasons else f"found by {doubt.name}"
    days = [d if d.skipped or str(d.day) not in reasons else replace(d, skipped=reasons[str(d.day)]) for d in cut]
    return days, kept, notes
