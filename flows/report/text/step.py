"""The step in sentences: what to do now, why the rest stays, what to watch, whether the last step helped.

The document has ids and facts; these are their sentences, and the only place that has them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from flows.language.catalogue import count_phrase, phrase, to_translate, translated
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
from flows.report.wording import day_shown, setting
from flows.values.parts import Part
from flows.values.units import HOURS_PER_DAY, MGDL_PER_MMOLL

WHY = {
    Because.ISF_NEVER: to_translate(
        "upstream says {upstream_percent:+.0f} %, and an ISF that followed its answers went wrong in too many "
        "simulated people; to write it all the same, name it (--only isf)"
    ),
    Because.SMALL: to_translate("upstream's change ({upstream_percent:+.0f} %) is too small to act on"),
    Because.NO_NEED_OF_MORE: to_translate(
        "upstream says {upstream_percent:+.0f} %, but there is no need of more insulin: above 180 mg/dL (10.0 mmol/L) "
        "for {above_180_percent:.1f} %, below 70 mg/dL (3.9 mmol/L) for {below_70_percent:.1f} % of the time"
    ),
    Because.NO_NEED_OF_LESS: to_translate(
        "upstream says {upstream_percent:+.0f} %, but lows are rare: below 70 mg/dL (3.9 mmol/L) for "
        "{below_70_percent:.1f} % of the time"
    ),
    Because.LOWS: to_translate("glucose is too often low: nothing that adds insulin is done"),
    Because.HIGHS: to_translate(
        "glucose is above 180 mg/dL (10.0 mmol/L) for {above_180_percent:.1f} % of the time: no insulin is taken away"
    ),
    Because.UNTOLD_CARBS: to_translate(
        "glucose rose after lows without carbs entered, which upstream takes for missing insulin: nothing that adds "
        "insulin is done"
    ),
    Because.LOWS_AFTER: to_translate("lows follow in the four hours after it"),
    Because.HIGHS_AFTER: to_translate("high glucose follows in the four hours after it"),
    Because.BASELINE: to_translate(
        "it is as far from your baseline as steps may go; `autotune baseline set` sets another one"
    ),
    Because.PUMP_STEP: to_translate("half of the way is less than a step of the pump, or beyond the limit of a step"),
    Because.NOT_COMPARABLE: to_translate("upstream's one number is not comparable with it"),
    Because.OTHER_CURVE: to_translate("all numbers were tuned under another insulin curve"),
    Because.DATA: to_translate("the data do not bear a step: see the reasons"),
    Because.NO_GLUCOSE: to_translate("glucose of these days is not known"),
    Because.COOL_DOWN: to_translate("the last step is watched for {days_left:.0f} more day(s)"),
    Because.PAUSE: to_translate("the last step was taken back; {days_left:.0f} day(s) of pause are left"),
    Because.LAST_STEP_HARMED: to_translate("glucose got worse after the last step"),
    Because.NOTHING_WANTED: to_translate("upstream does not change it"),
    Because.REDUCTIONS_NOT_ENOUGH: to_translate(
        "glucose is too often low, and what upstream would reduce will hardly be enough: discuss with your diabetes "
        "team where there is too much insulin"
    ),
}
# Of each reason the words that stand by themselves, where many settings share a line; a test finds them in `WHY`.
GIST = {
    Because.ISF_NEVER: to_translate("an ISF that followed its answers went wrong in too many simulated people"),
    Because.SMALL: to_translate("too small to act on"),
    Because.NO_NEED_OF_MORE: to_translate("there is no need of more insulin"),
    Because.NO_NEED_OF_LESS: to_translate("lows are rare"),
    Because.LOWS: to_translate("glucose is too often low"),
    Because.HIGHS: to_translate("no insulin is taken away"),
    Because.UNTOLD_CARBS: to_translate("glucose rose after lows without carbs entered"),
    Because.LOWS_AFTER: to_translate("lows follow in the four hours after it"),
    Because.HIGHS_AFTER: to_translate("high glucose follows in the four hours after it"),
    Because.BASELINE: to_translate("as far from your baseline as steps may go"),
    Because.PUMP_STEP: to_translate("less than a step of the pump, or beyond the limit of a step"),
    Because.NOT_COMPARABLE: to_translate("upstream's one number is not comparable with it"),
    Because.OTHER_CURVE: to_translate("tuned under another insulin curve"),
    Because.DATA: to_translate("the data do not bear a step"),
    Because.NO_GLUCOSE: to_translate("glucose of these days is not known"),
    Because.COOL_DOWN: to_translate("the last step is watched"),
    Because.PAUSE: to_translate("the last step was taken back"),
    Because.LAST_STEP_HARMED: to_translate("glucose got worse after the last step"),
    Because.NOTHING_WANTED: to_translate("upstream does not change it"),
    Because.REDUCTIONS_NOT_ENOUGH: to_translate("what upstream would reduce will hardly be enough"),
}
ONLY_REDUCTIONS = to_translate("Only reductions: whatever would give more insulin is held back.")
NO_BASELINE = to_translate("No baseline is known: the limits of steps count from the settings in use.")
ALL_STAY = to_translate("no setting is off by enough, with a need for it, to act on")
WATCHING = {
    Watch.LOWS: to_translate("lows (below 70 mg/dL, 3.9 mmol/L): there is more insulin"),
    Watch.HIGHS: to_translate("high glucose (above 180 mg/dL, 10.0 mmol/L): there is less insulin"),
    Watch.NIGHTS: to_translate("the nights"),
    Watch.AFTER_MEALS: to_translate("the hours after meals"),
}
DOES = {
    StepKind.KEEP: to_translate("Step: keep your settings: {reason}."),
    StepKind.WAIT: to_translate("Step: wait: {reason}."),
    StepKind.TAKE_BACK: to_translate("Step: take the last step back: {reason}."),
}
HELPED = {
    FollowUpVerdict.BETTER: to_translate("better"),
    FollowUpVerdict.UNCLEAR: to_translate("no clear difference"),
    FollowUpVerdict.TAKE_BACK: to_translate("worse: take it back to be safe"),
    FollowUpVerdict.NOT_KNOWN: to_translate("not known: too few days with readings"),
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
    watched = "; ".join(translated(WATCHING[watch]) for watch in step.watch)
    watch = phrase("Watch {what}.", what=watched) + " " if step.watch else ""
    again = count_phrase("Look again in {count} day.", "Look again in {count} days.", step.look_again_after_days)
    moved = step.daily_basal_new_u != step.daily_basal_current_u
    reductions = translated(ONLY_REDUCTIONS) if step.only_reductions and step.changes else ""
    notes = (reductions, _repeatable(proposal, step))
    return StepInWords(
        what=what_to_do(step),
        rows=tuple(step_rows(step)),
        day=phrase("{now:.2f} → {new:.2f} U", now=step.daily_basal_current_u, new=step.daily_basal_new_u)
        if moved
        else "",
        notes=tuple(filter(None, notes)),
        kept=tuple(map(kept_sentence, step.kept)),
        next=f"{watch}{again}",
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
        named = translated(" and the ").join(translated(NAMES_OF_PARTS[part]) for part in parts)
        more = f" {as_sentence(why(step.said))}" if step.said else ""
        return phrase("Step: change the {settings} a little.", settings=named) + more
    known = step.said is not None and step.said.because is not Because.NOTHING_WANTED
    return phrase(DOES[step.kind], reason=why(step.said) if step.said and known else translated(ALL_STAY))


def change_lines(step: NextStep) -> list[str]:
    """Each number that changes; neighbouring hours with the same two numbers are one line."""
    lines = list(map(str, step_rows(step)))
    if step.daily_basal_new_u != step.daily_basal_current_u:
        now, new = step.daily_basal_current_u, step.daily_basal_new_u
        lines.append(phrase("basal a day: {now:.2f} → {new:.2f} U", now=now, new=new))
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
    of = f"{least}" if least == most else phrase("{least} to {most}", least=least, most=most)
    words = to_translate("Which way these numbers go is repeatable in {of} of 100; that does not make them right.")
    return phrase(words, of=of)


def why(said: Said) -> str:
    """A reason as a part of a sentence."""
    return phrase(WHY[said.because], **said.facts)


def as_sentence(part: str) -> str:
    """A part of a sentence as one of its own."""
    return f"{part[0].upper()}{part[1:]}."


def kept_sentence(kept: Kept) -> str:
    """What stays, and why."""
    name = _name(kept)
    capital = f"{name[0].upper()}{name[1:]}"
    return phrase("{setting} stays: {why}.", setting=capital, why=why(kept.said))


def kept_in_short(kept: Sequence[Kept]) -> str:
    """All that stays, and the gist of why, in one sentence."""
    by_reason: dict[Because, list[str]] = {}
    for one in kept:
        by_reason.setdefault(one.said.because, []).append(_name(one))
    said = [f"{translated(' and ').join(names)} ({translated(GIST[because])})" for because, names in by_reason.items()]
    return phrase("Stays: {settings}.", settings="; ".join(said))


def _name(kept: Kept) -> str:
    all_day = len(kept.starts) == (HOURS_PER_DAY if kept.part is Part.BASAL else 1)
    name = translated(NAMES_OF_PARTS[kept.part])
    if all_day:
        return name
    if kept.part is not Part.BASAL:
        return phrase("{setting} from {starts}", setting=name, starts=", ".join(kept.starts))
    return phrase("{setting} {hours}", setting=name, hours=_spans([int(start[:2]) for start in kept.starts]))


def _spans(hours: Sequence[int]) -> str:
    """Neighbouring hours as a span."""
    spans: list[list[int]] = []
    for hour in sorted(hours):
        if spans and hour == spans[-1][1]:
            spans[-1][1] = hour + 1
        else:
            spans.append([hour, hour + 1])
    return ", ".join(f"{first:02d}–{last:02d}" for first, last in spans)


def follow_up_sentence(follow_up: FollowUp) -> str:
    """Whether the last step helped, with the noise named; to take it back, how, where its run is known."""
    takes_back = follow_up.verdict is FollowUpVerdict.TAKE_BACK and follow_up.run
    command = f" (`autotune rollback {quote(follow_up.run)}`)" if takes_back else ""
    said = phrase(
        "The step of {day}, {days} days ago: {helped}.",
        day=day_shown(follow_up.taken_on),
        days=follow_up.days_since,
        helped=translated(HELPED[follow_up.verdict]) + command,
    )
    if follow_up.before is None or follow_up.after is None:
        return said
    before, after = follow_up.before, follow_up.after
    compared = phrase(
        "Below 70 mg/dL (3.9 mmol/L) {low_before:.1f} → {low_after:.1f} %, in range {in_range_before:.0f} → "
        "{in_range_after:.0f} % ({days_before} days before, {days_after} after; a week's time in range differs by "
        "about {noise:g} points by chance).",
        low_before=before.below_70_percent,
        low_after=after.below_70_percent,
        in_range_before=before.in_range_70_180_percent,
        in_range_after=after.in_range_70_180_percent,
        days_before=before.days,
        days_after=after.days,
        noise=OF["noise"],
    )
    return f"{said} {compared}"


def baseline_sentence(baseline: Baseline | None) -> str:
    """Its values and since when, and how far steps may go from it."""
    if baseline is None:
        return translated(NO_BASELINE)
    how = phrase("by hand") if baseline.by_hand else phrase("by the first change that was applied")
    isf = ", ".join(
        phrase("{mgdl} mg/dL/U ({mmoll:.2f} mmol/L/U)", mgdl=setting(b.value), mmoll=b.value / MGDL_PER_MMOLL)
        for b in _values(baseline.isf_mgdl_per_u)
    )
    ratio = ", ".join(phrase("{ratio} g/U", ratio=setting(b.value)) for b in _values(baseline.carb_ratio_g_per_u))
    return phrase(
        "Baseline since {day}, set {how}: basal {basal:.2f} U a day, ISF {isf}, carb ratio {ratio}. No chain of steps "
        "leaves {least:g}–{most:g} of each value and {least_daily:g}–{most_daily:g} of the day's basal.",
        day=day_shown(baseline.set_at[:10]),
        how=how,
        basal=math.fsum(baseline.basal_u_per_h),
        isf=isf,
        ratio=ratio,
        least=OF["least_of_baseline"],
        most=OF["most_of_baseline"],
        least_daily=OF["least_daily_of_baseline"],
        most_daily=OF["most_daily_of_baseline"],
    )


def _values(blocks: Sequence[BlockValue]) -> list[BlockValue]:
    """Blocks without those that repeat the value before."""
    return [block for n, block in enumerate(blocks) if n == 0 or block.value != blocks[n - 1].value]
