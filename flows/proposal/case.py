"""What the safety rules look at, and the two questions several of them ask of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.proposal.document import Agreement, Colour, Evidence, ForPump, Glucose, Settings
from flows.proposal.rounding import Caps
from flows.proposal.thresholds import (
    AGREED,
    MORE_AGGRESSIVE,
    WORTH_A_BASAL_CHANGE,
    WORTH_A_CHANGE,
)
from flows.settings import AgeGroup

Finding = tuple[Colour, str]
AMBER, RED = Colour.AMBER, Colour.RED


@dataclass(frozen=True)
class Day:
    """A day that was used: its colour, whether carbs were entered, and how many hours another profile was in force."""

    colour: str | None
    carb_entries: int | None
    other_profile_hours: float


@dataclass(frozen=True)
class Case:
    """All that the rules look at; `age_days` is from the end of the last day to the proposal."""

    current: Settings
    recommended: Settings
    for_pump: ForPump
    caps: Caps
    evidence: Evidence
    glucose: Glucose | None
    days: Sequence[Day]
    age_days: float
    age_group: AgeGroup = AgeGroup.ADULT
    corrected: bool = True
    quarantined: int = 0
    redone: bool = False


def worth_changing(case: Case) -> list[str]:
    """The settings whose change is both large enough to matter and agreed on by the repetitions."""
    found = []
    for name, change, agreement in (
        ("ISF", case.evidence.isf.change_percent, case.evidence.isf.agreement),
        ("carb ratio", case.evidence.carb_ratio.change_percent, case.evidence.carb_ratio.agreement),
    ):
        if abs(change) >= 100 * WORTH_A_CHANGE and agreed(agreement):
            found.append(name)
    for hour in case.evidence.basal:
        if abs(hour.change_percent) >= 100 * WORTH_A_BASAL_CHANGE and agreed(hour.agreement):
            found.append(f"basal {hour.hour:02d}:00")
    return found


def agreed(agreement: Agreement | None) -> bool:
    return agreement is None or agreement.share >= AGREED


def more_aggressive(case: Case) -> bool:
    """Whether the numbers to enter mean more insulin: more basal a day, a lower ISF or a lower carb ratio."""
    isf = [b.recommended_mgdl_per_u / b.current_mgdl_per_u for b in case.for_pump.isf]
    ratio = [b.recommended_g_per_u / b.current_g_per_u for b in case.for_pump.carb_ratio]
    return (
        case.for_pump.daily_basal_u > case.current.daily_basal_u * (1 + MORE_AGGRESSIVE)
        or min(isf) < 1 - MORE_AGGRESSIVE
        or min(ratio) < 1 - MORE_AGGRESSIVE
    )
