"""What the safety rules look at, and the two questions several of them ask of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flows.history.doubts import Doubt
from flows.oref0.caps import Caps
from flows.proposal.agreement import AGREED, WORTH_A_BASAL_CHANGE, WORTH_A_CHANGE
from flows.proposal.document import Colour, ForPump, Glucose, Settings
from flows.proposal.evidence_document import Agreement, BasalEvidence, CarbRatioEvidence, Evidence, IsfEvidence
from flows.proposal.step_document import NextStep, StepChange
from flows.settings import AgeGroup
from flows.values.parts import Part
from flows.values.sentence import Listed, NamedFacts, Worded, sentence_of, worded

MORE_AGGRESSIVE = 0.02

AMBER, RED = Colour.AMBER, Colour.RED


@dataclass(frozen=True)
class RuleFinding:
    """What a rule has found: how grave it is, the sentence, the facts in it by name, and it for other languages."""

    colour: Colour
    sentence: str
    facts: NamedFacts = field(default_factory=dict)
    said: tuple[Worded, ...] = ()


def finding(holds: object, words: str, colour: Colour = AMBER, /, **facts: float | str | Listed) -> RuleFinding | None:
    """What a rule has found where its condition holds (as a truth value), else nothing.

    Args:
        holds: the condition.
        words: of the sentence, with the facts in braces (`flows.values.sentence`), marked by `to_translate`.
        colour: how grave it is.
        facts: of those only what the words name is kept, and `case`.
    """
    return RuleFinding(colour, *sentence_of(words, facts), (worded(words, facts),)) if holds else None


@dataclass(frozen=True)
class DayUsed:
    """A day used: its colour, its carb entries, and the hours another profile, or no known one, was in force."""

    colour: str | None
    carb_entries: int | None
    other_profile_hours: float
    unknown_profile_hours: float = 0.0


@dataclass(frozen=True)
class Case:
    """All that the rules look at; `age_days` is from the end of the last day to the proposal.

    With a `step` the case is the step's: its numbers are what is looked at, and what it leaves as it is, is not
    (`flows.judgement.stepped`). Without, it is that of upstream's numbers whole.
    """

    current: Settings
    recommended: Settings
    for_pump: ForPump
    caps: Caps
    evidence: Evidence
    glucose: Glucose | None
    days: Sequence[DayUsed]
    age_days: float
    age_group: AgeGroup = AgeGroup.ADULT
    corrected: bool = True
    quarantined: int = 0
    recomputed_exactly: bool = False
    continues_previous: bool = False  # from an earlier result instead of the pump's profile
    doubts: Sequence[Doubt] = ()  # what the records leave open
    profiles_known: bool = True  # documents and switches, by which to tell what was in force
    age_group_known: bool = True  # said by the person, at set-up or for the run
    insulin_known: bool = True  # said, or named by the data
    step: NextStep | None = None

    @property
    def daily_basal_change(self) -> float:
        """Of the numbers to enter, as a share of now."""
        return self.for_pump.daily_basal_u / self.current.daily_basal_u - 1

    @property
    def curve_changes(self) -> bool:
        """Whether upstream recommends another duration or peak of insulin action."""
        now, new = self.current, self.recommended
        return (now.dia_h, now.insulin_peak_min) != (new.dia_h, new.insulin_peak_min)


def key_of(change: StepChange) -> str:
    """How a verdict names what a step changes."""
    return {Part.BASAL: f"basal_{change.start[:2]}", Part.ISF: "isf", Part.CARB_RATIO: "carb_ratio"}[change.part]


def adds_insulin(change: StepChange) -> bool:
    """Whether it gives more insulin: a higher basal, a lower sensitivity or carb ratio."""
    return (change.new > change.current) == (change.part is Part.BASAL)


def worth_changing(case: Case) -> list[str]:
    """The settings that change by enough to matter and as the repetitions agree; the verdict's keys.

    Of a step's case those that the step changes.

    Of a setting the profile has several of only where its one value is made from enough of what is in the blocks: on
    what a mean over the day is wrong by, the repetitions agree.
    """

    if case.step is not None:
        return list(dict.fromkeys(map(key_of, case.step.changes)))

    def changes(of: IsfEvidence | CarbRatioEvidence | BasalEvidence, least: float) -> bool:
        return abs(of.change_percent) >= 100 * least and agreed(of.agreement)

    pump = case.for_pump
    untrusted = (*pump.untrusted, *(one.part for one in pump.one_for_several if not one.reliable))
    one_of_each = (Part.ISF, "isf", case.evidence.isf), (Part.CARB_RATIO, "carb_ratio", case.evidence.carb_ratio)
    trusted = [(name, of) for part, name, of in one_of_each if part not in untrusted]
    found = [name for name, of in trusted if changes(of, WORTH_A_CHANGE)]
    if abs(case.daily_basal_change) >= WORTH_A_CHANGE and _daily_basal_agreed(case):
        found.append("daily_basal")
    return found + [f"basal_{hour.hour:02d}" for hour in case.evidence.basal if changes(hour, WORTH_A_BASAL_CHANGE)]


def _daily_basal_agreed(case: Case) -> bool:
    """Whether most of the change of the day is made of hours that are agreed on."""
    hours = [h for h in case.evidence.basal if h.change_percent * case.daily_basal_change > 0]
    sure = sum(abs(h.change_percent) for h in hours if agreed(h.agreement))
    return sure >= 0.5 * sum(abs(h.change_percent) for h in hours)


def agreed(agreement: Agreement | None) -> bool:
    """Whether enough repetitions move a number as recommended; unknown counts as agreed, and is a reason of its own."""
    return agreement is None or agreement.share >= AGREED


def more_aggressive(case: Case) -> bool:
    """Whether the numbers mean more insulin: more basal a day or at some hour, a lower ISF or carb ratio."""
    if case.step is not None:
        return any(map(adds_insulin, case.step.changes))
    rates = zip(case.current.basal_u_per_h, case.for_pump.basal_u_per_h, strict=True)
    isf = [b.recommended_mgdl_per_u / b.current_mgdl_per_u for b in case.for_pump.isf]
    ratio = [b.recommended_g_per_u / b.current_g_per_u for b in case.for_pump.carb_ratio]
    return (
        case.for_pump.daily_basal_u > case.current.daily_basal_u * (1 + MORE_AGGRESSIVE)
        or any(new >= now * (1 + WORTH_A_BASAL_CHANGE) for now, new in rates)
        or min(isf) < 1 - MORE_AGGRESSIVE
        or min(ratio) < 1 - MORE_AGGRESSIVE
    )
