"""The step in sentences: what to do now, why the rest stays, what to watch, whether the last step helped.

The document has ids and facts; these are their English sentences, and the only place that has them.
"""

from __future__ import annotations

from flows.proposal.document import Proposal
from flows.proposal.step_document import (
    Because,
    FollowUp,
    FollowUpVerdict,
    Kept,
    NextStep,
    Said,
    StepChange,
    StepKind,
    Watch,
)
from flows.proposal.step_limits import OF
from flows.report.wording import setting
from flows.values.parts import Part
from flows.values.units import HOURS_PER_DAY

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
    Because.COOL_DOWN: "the last step is watched for {days_left} more day(s)",
    Because.PAUSE: "the last step was taken back; {days_left} day(s) of pause are left",
    Because.LAST_STEP_HARMED: "glucose got worse after the last step",
    Because.NOTHING_WANTED: "upstream does not change it",
    Because.REDUCTIONS_NOT_ENOUGH: "glucose is too often low, and what upstream would reduce will hardly be enough: "
    "discuss with your diabetes team where there is too much insulin",
}
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


def step_lines(proposal: Proposal) -> list[str]:
    """The step as lines of text; none of a proposal that has no step yet."""
    if (step := proposal.step) is None:
        return []
    lines = [what_to_do(step), *(f"  {line}" for line in change_lines(step))]
    if step.only_reductions and step.changes:
        lines.append("  Only reductions: whatever would give more insulin is held back.")
    lines += [f"  {kept_sentence(kept)}" for kept in step.kept]
    if step.watch:
        lines.append(f"  Watch {'; '.join(WATCHING[watch] for watch in step.watch)}.")
    lines.append(f"  Look again in {step.look_again_after_days} days.")
    if step.follow_up is not None:
        lines.append(f"  {follow_up_sentence(step.follow_up)}")
    return lines


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


NAMES_OF_PARTS = {Part.BASAL: "basal", Part.ISF: "ISF", Part.CARB_RATIO: "carb ratio"}


def change_lines(step: NextStep) -> list[str]:
    """Each number that changes; neighbouring hours with the same two numbers are one line."""
    lines, units = [], {Part.BASAL: "U/h", Part.CARB_RATIO: "g/U", Part.ISF: "mg/dL/U"}
    run: list[StepChange] = []
    for change in (*step.changes, None):
        if run and (change is None or not _continues(run[-1], change)):
            first, unit = run[0], units[run[0].part]
            until = f"–{int(run[-1].start[:2]) + 1:02d}:00" if first.part is Part.BASAL else " on"
            numbers = f"{setting(first.current)} → {setting(first.new)} {unit}"
            arrow = "▲" if first.new > first.current else "▼"
            lines.append(f"{NAMES_OF_PARTS[first.part]} {first.start}{until}: {numbers} {arrow}")
            run = []
        if change is not None:
            run.append(change)
    if step.daily_basal_new_u != step.daily_basal_current_u:
        lines.append(f"basal a day: {step.daily_basal_current_u:.2f} → {step.daily_basal_new_u:.2f} U")
    return lines


def _continues(before: StepChange, change: StepChange) -> bool:
    next_hour = change.part is Part.BASAL and int(change.start[:2]) == int(before.start[:2]) + 1
    return next_hour and (change.part, change.current, change.new) == (before.part, before.current, before.new)


def why(said: Said) -> str:
    """A reason as a part of a sentence."""
    return WHY[said.because].format(**said.facts)


def kept_sentence(kept: Kept) -> str:
    """What stays, and why."""
    name = {Part.BASAL: "Basal", Part.ISF: "ISF", Part.CARB_RATIO: "Carb ratio"}[kept.part]
    all_day = len(kept.starts) == (HOURS_PER_DAY if kept.part is Part.BASAL else 1)
    some = "" if all_day else _hours(kept)
    return f"{name}{some} stays: {why(kept.said)}."


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
    """Whether the last step helped, with the noise named."""
    said = f"The step of {follow_up.taken_on}, {follow_up.days_since} days ago: {HELPED[follow_up.verdict]}."
    if follow_up.before is None or follow_up.after is None:
        return said
    before, after = follow_up.before, follow_up.after
    return (
        f"{said} Below 70 mg/dL {before.below_70_percent:.1f} → {after.below_70_percent:.1f} %, in range "
        f"{before.in_range_70_180_percent:.0f} → {after.in_range_70_180_percent:.0f} % ({before.days} days before, "
        f"{after.days} after; a week's time in range differs by about {OF['noise']:g} points by chance)."
    )
