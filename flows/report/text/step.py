"""The step in sentences: what to do now, why the rest stays, what to watch, whether the last step helped.

The document has ids and facts; these are their English sentences, and the only place that has them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from flows.proposal.document import Proposal
from flows.proposal.step_document import (
    Baseline,
    Because,
    BlockValue,
    FollowUp,
    FollowUpVerdict,
    Kept,
    NextStep,
    Said,
    StepKind,
    Watch,
)
from flows.proposal.step_limits import OF
from flows.report.step_rows import NAMES_OF_PARTS, StepRow, step_rows
from flows.report.wording import many, setting
from flows.values.parts import Part
from flows.values.units import HOURS_PER_DAY, MGDL_PER_MMOLL

WHY = {
    Because.ISF_NEVER: "upstream says {upstream_percent:+.0f} %, and an ISF that followed its answers went wrong "
    "in too many simulated people; to write it all the same, name it (--only isf)",
    Because.SMALL: "upstream's change ({upstream_percent:+.0f} %) is too small to act on",
    Because.NO_NEED_OF_MORE: "upstream says {upstream_percent:+.0f} %, but there is no need of more insulin: above 180 "
    "mg/dL (10.0 mmol/L) for {above_180_percent:.1f} %, below 70 mg/dL (3.9 mmol/L) for {below_70_percent:.1f} % of "
    "the time",
    Because.NO_NEED_OF_LESS: "upstream says {upstream_percent:+.0f} %, but lows are rare: below 70 mg/dL (3.9 mmol/L) "
    "for {below_70_percent:.1f} % of the time",
    Because.LOWS: "glucose is too often low: nothing that adds insulin is done",
    Because.HIGHS: "glucose is above 180 mg/dL (10.0 mmol/L) for {above_180_percent:.1f} % of the time: no insulin is "
    "taken away",
    Because.UNTOLD_CARBS: "glucose rose after lows without carbs entered, which upstream takes for missing insulin: "
    "nothing that adds insulin is done",
    Because.LOWS_AFTER: "lows follow in the four hours after it",
    Because.HIGHS_AFTER: "high glucose follows in the four hours after it",
    Because.BASELINE: "it is as far from your baseline as steps may go; `autotune baseline set` sets another one",
    Because.PUMP_STEP: "half of the way is less than a step of the pump, or beyond the limit of a step",
    Because.NOT_COMPARABLE: "upstream's one number is not comparable with it",
    Because.OTHER_CURVE: "all numbers were tuned under another insulin curve",
    Because.DATA: "the data do not bear a step: see the reasons",
    Because.NO_GLUCOSE: "glucose of these days is not known",
    Because.COOL_DOWN: "the last step is watched for {days_left:.0f} more day(s)",
    Because.PAUSE: "the last step was taken back; {days_left:.0f} day(s) of pause are left",
    Because.LAST_STEP_HARMED: "glucose got worse after the last step",
    Because.NOTHING_WANTED: "upstream does not change it",
    Because.REDUCTIONS_NOT_ENOUGH: "glucose is too often low, and what upstream would reduce will hardly be enough: "
    "discuss with your diabetes team where there is too much insulin",
}
# Of each reason the words that stand by themselves, where many settings share a line; a test finds them in `WHY`.
GIST = {
    Because.ISF_NEVER: "an ISF that followed its answers went wrong in too many simulated people",
    Because.SMALL: "too small to act on",
    Because.NO_NEED_OF_MORE: "there is no need of more insulin",
    Because.NO_NEED_OF_LESS: "lows are rare",
    Because.LOWS: "glucose is too often low",
    Because.HIGHS: "no insulin is taken away",
    Because.UNTOLD_CARBS: "glucose rose after lows without carbs entered",
    Because.LOWS_AFTER: "lows follow in the four hours after it",
    Because.HIGHS_AFTER: "high glucose follows in the four hours after it",
    Because.BASELINE: "as far from your baseline as steps may go",
    Because.PUMP_STEP: "less than a step of the pump, or beyond the limit of a step",
    Because.NOT_COMPARABLE: "upstream's one number is not comparable with it",
    Because.OTHER_CURVE: "tuned under another insulin curve",
    Because.DATA: "the data do not bear a step",
    Because.NO_GLUCOSE: "glucose of these days is not known",
    Because.COOL_DOWN: "the last step is watched",
    Because.PAUSE: "the last step was taken back",
    Because.LAST_STEP_HARMED: "glucose got worse after the last step",
    Because.NOTHING_WANTED: "upstream does not change it",
    Because.REDUCTIONS_NOT_ENOUGH: "what upstream would reduce will hardly be enough",
}
_MINUS = re.compile(r"(?<!\w)-(?=\d)")  # as in every other number of the report
ONLY_REDUCTIONS = "Only reductions: whatever would give more insulin is held back."
NO_BASELINE = "No baseline is known: the limits of steps count from the settings in use."
ALL_STAY = "no setting is off by enough, with a need for it, to act on"
WATCHING = {
    Watch.LOWS: "lows (below 70 mg/dL, 3.9 mmol/L): there is more insulin",
    Watch.HIGHS: "high glucose (above 180 mg/dL, 10.0 mmol/L): there is less insulin",
    Watch.NIGHTS: "the nights",
    Watch.AFTER_MEALS: "the hours after meals",
}
HELPED = {
    FollowUpVerdict.BETTER: "better",
    FollowUpVerdict.UNCLEAR: "no clear difference",
    FollowUpVerdict.TAKE_BACK: "worse: take it back to be safe",
    FollowUpVerdict.NOT_KNOWN: "not known: too few days with readings",
}


@dataclass(frozen=True)
class StepInWords:
    """The step as every form shows it; an empty text is not shown.

    Attributes:
        what: to do now, in one sentence.
        rows: the numbers that change.
        day: the basal of the day before and after.
        notes: of the numbers: held back, or how repeatable.
        kept: what stays and why.
        next: what to watch, and when to look again.
        last: whether the last step helped.
        baseline: its values, and since when.
    """

    what: str
    rows: tuple[StepRow, ...]
    day: str
    notes: tuple[str, ...]
    kept: tuple[str, ...]
    next: str
    last: str
    baseline: str


def step_in_words(proposal: Proposal) -> StepInWords | None:
    """The step in sentences; `None` of a proposal that has no step yet."""
    if (step := proposal.step) is None:
        return None
    watch = f"Watch {'; '.join(WATCHING[watch] for watch in step.watch)}. " if step.watch else ""
    moved = step.daily_basal_new_u != step.daily_basal_current_u
    notes = (ONLY_REDUCTIONS if step.only_reductions and step.changes else "", _repeatable(proposal, step))
    return StepInWords(
        what=what_to_do(step),
        rows=tuple(step_rows(step)),
        day=f"{step.daily_basal_current_u:.2f} → {step.daily_basal_new_u:.2f} U" if moved else "",
        notes=tuple(filter(None, notes)),
        kept=tuple(map(kept_sentence, step.kept)),
        next=f"{watch}Look again in {many(step.look_again_after_days, 'day')}.",
        last=follow_up_sentence(step.follow_up) if step.follow_up else "",
        baseline=baseline_sentence(step.baseline),
    )


def step_lines(proposal: Proposal) -> list[str]:
    """The step as lines of text; none of a proposal that has no step yet."""
    if (said := step_in_words(proposal)) is None or proposal.step is None:
        return []
    lines = [*change_lines(proposal.step), *said.notes, *said.kept, said.next, said.last, said.baseline]
    return [said.what, *(f"  {line}" for line in lines if line)]


def what_to_do(step: NextStep) -> str:
    """The step in one sentence."""
    if step.kind is StepKind.CHANGE:
        parts = sorted({change.part for change in step.changes}, key=list(Part).index)
        named = " and the ".join(NAMES_OF_PARTS[part] for part in parts)
        more = f" {why(step.said)[0].upper()}{why(step.said)[1:]}." if step.said else ""
        return f"Step: change the {named} a little.{more}"
    reason = why(step.said) if step.said and step.said.because is not Because.NOTHING_WANTED else ALL_STAY
    does = {StepKind.KEEP: "keep your settings", StepKind.WAIT: "wait", StepKind.TAKE_BACK: "take the last step back"}
    return f"Step: {does[step.kind]}: {reason}."


def change_lines(step: NextStep) -> list[str]:
    """Each number that changes; neighbouring hours with the same two numbers are one line."""
    lines = list(map(str, step_rows(step)))
    if step.daily_basal_new_u != step.daily_basal_current_u:
        lines.append(f"basal a day: {step.daily_basal_current_u:.2f} → {step.daily_basal_new_u:.2f} U")
    return lines


def _repeatable(proposal: Proposal, step: NextStep) -> str:
    """How many of the repetitions move what changes the way the step goes; nothing where that is not known."""
    evidence = proposal.evidence
    one_of = {Part.ISF: evidence.isf.agreement, Part.CARB_RATIO: evidence.carb_ratio.agreement}
    basal = {hour.hour: hour.agreement for hour in evidence.basal}
    found = [basal[int(c.start[:2])] if c.part is Part.BASAL else one_of[c.part] for c in step.changes]
    shares = sorted(round(100 * agreement.share) for agreement in found if agreement is not None)
    if not shares:
        return ""
    least, most = shares[0], shares[-1]
    of = f"{least}" if least == most else f"{least} to {most}"
    return f"Which way these numbers go is repeatable in {of} of 100; that does not make them right."


def why(said: Said) -> str:
    """A reason as a part of a sentence."""
    return _MINUS.sub("−", WHY[said.because].format(**said.facts))


def kept_sentence(kept: Kept) -> str:
    """What stays, and why."""
    name = _name(kept)
    return f"{name[0].upper()}{name[1:]} stays: {why(kept.said)}."


def kept_in_short(kept: Sequence[Kept]) -> str:
    """All that stays, and the gist of why, in one sentence."""
    by_reason: dict[Because, list[str]] = {}
    for one in kept:
        by_reason.setdefault(one.said.because, []).append(_name(one))
    said = [f"{' and '.join(names)} ({GIST[because]})" for because, names in by_reason.items()]
    return f"Stays: {'; '.join(said)}."


def _name(kept: Kept) -> str:
    all_day = len(kept.starts) == (HOURS_PER_DAY if kept.part is Part.BASAL else 1)
    return f"{NAMES_OF_PARTS[kept.part]}{'' if all_day else _hours(kept)}"


def _hours(kept: Kept) -> str:
    """The starts, neighbouring hours as a span."""
    hours = [int(start[:2]) for start in kept.starts]
    if kept.part is not Part.BASAL:
        return f" from {', '.join(kept.starts)}"
    spans: list[list[int]] = []
    for hour in sorted(hours):
        if spans and hour == spans[-1][1]:
            spans[-1][1] = hour + 1
        else:
            spans.append([hour, hour + 1])
    return " " + ", ".join(f"{first:02d}–{last:02d}" for first, last in spans)


def follow_up_sentence(follow_up: FollowUp) -> str:
    """Whether the last step helped, with the noise named; to take it back, how, where its run is known."""
    takes_back = follow_up.verdict is FollowUpVerdict.TAKE_BACK and follow_up.run
    command = f" (`autotune rollback {quote(follow_up.run)}`)" if takes_back else ""
    said = f"The step of {follow_up.taken_on}, {follow_up.days_since} days ago: {HELPED[follow_up.verdict]}{command}."
    if follow_up.before is None or follow_up.after is None:
        return said
    before, after = follow_up.before, follow_up.after
    return (
        f"{said} Below 70 mg/dL (3.9 mmol/L) {before.below_70_percent:.1f} → {after.below_70_percent:.1f} %, in range "
        f"{before.in_range_70_180_percent:.0f} → {after.in_range_70_180_percent:.0f} % ({before.days} days before, "
        f"{after.days} after; a week's time in range differs by about {OF['noise']:g} points by chance)."
    )


def baseline_sentence(baseline: Baseline | None) -> str:
    """Its values and since when, and how far steps may go from it."""
    if baseline is None:
        return NO_BASELINE
    how = "by hand" if baseline.by_hand else "by the first change that was applied"
    isf = ", ".join(
        f"{setting(b.value)} mg/dL/U ({b.value / MGDL_PER_MMOLL:.2f} mmol/L/U)"
        for b in _values(baseline.isf_mgdl_per_u)
    )
    ratio = ", ".join(f"{setting(b.value)} g/U" for b in _values(baseline.carb_ratio_g_per_u))
    return (
        f"Baseline since {baseline.set_at[:10]}, set {how}: basal {math.fsum(baseline.basal_u_per_h):.2f} U a day, ISF "
        f"{isf}, carb ratio {ratio}. No chain of steps leaves {OF['least_of_baseline']:g}–{OF['most_of_baseline']:g} "
        f"of each value and {OF['least_daily_of_baseline']:g}–{OF['most_daily_of_baseline']:g} of the day's basal."
    )


def _values(blocks: Sequence[BlockValue]) -> list[BlockValue]:
    """Blocks without those that repeat the value before."""
    return [block for n, block in enumerate(blocks) if n == 0 or block.value != blocks[n - 1].value]
