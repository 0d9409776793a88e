"""What the report's first screen says: how glucose is, the step, what to keep, what to watch, when to look again.

Short on purpose: each fact stands here once, and its full reason below the fold. Knows no form, and no number that is
not of the proposal but the GMI.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flows.judgement.verdict_today import verdict_today
from flows.language.catalogue import count_phrase, date_text, phrase, to_translate, translated
from flows.language.translatable import in_spoken, translatable
from flows.proposal.consensus_limits import HIGH, LOW, age_group, below_70_percent, beyond_limits, unknown
from flows.proposal.document import Glucose, Proposal
from flows.proposal.glucose import gmi_percent
from flows.proposal.step_case import above_180_percent
from flows.proposal.step_document import Because, FollowUpVerdict, Kept, NextStep, StepKind, Watch
from flows.report.numbers_to_enter import why_nothing_to_enter
from flows.report.step_rows import NAMES_OF_PARTS, StepRow, step_rows
from flows.report.text.step import as_sentence, why
from flows.report.wording import decimals_shown, headline_in_spoken
from flows.settings import AgeGroup
from flows.values.parts import Part
from flows.values.units import HOURS_PER_DAY

# International Consensus on Time in Range, Diabetes Care 2019;42:1593, type 1: more than this in range, less than this
# above it, and readings for so much of the time; the limits that the verdict judges by too are in `consensus_limits`.
IN_RANGE_PERCENT, ABOVE_180_PERCENT, COVERAGE_PERCENT = 70.0, 25.0, 70.0
ROWS_SHOWN = 3  # of numbers that change; of more the basal is told as the day's total, and all stand under the settings

KEPT_BECAUSE = {
    Because.ISF_NEVER: to_translate("never followed"),
    Because.SMALL: to_translate("too small a change"),
    Because.NO_NEED_OF_MORE: to_translate("no need of more insulin"),
    Because.NO_NEED_OF_LESS: to_translate("lows are rare"),
    Because.LOWS: to_translate("too many lows"),
    Because.HIGHS: to_translate("too many highs"),
    Because.UNTOLD_CARBS: to_translate("carbs seem not to be entered"),
    Because.LOWS_AFTER: to_translate("lows follow"),
    Because.HIGHS_AFTER: to_translate("highs follow"),
    Because.BASELINE: to_translate("as far from your baseline as steps go"),
    Because.PUMP_STEP: to_translate("below a pump step"),
    Because.NOT_COMPARABLE: to_translate("upstream's one number is not comparable"),
    Because.OTHER_CURVE: to_translate("tuned under another insulin curve"),
    Because.DATA: to_translate("the data do not bear a step"),
    Because.NO_GLUCOSE: to_translate("glucose is not known"),
    Because.COOL_DOWN: to_translate("the last step is still watched"),
    Because.PAUSE: to_translate("a step was taken back"),
    Because.LAST_STEP_HARMED: to_translate("glucose got worse"),
    Because.NOTHING_WANTED: to_translate("upstream keeps it"),
    Because.REDUCTIONS_NOT_ENOUGH: to_translate("reductions are hardly enough"),
}
WATCHED = {
    Watch.LOWS: to_translate("lows"),
    Watch.HIGHS: to_translate("highs"),
    Watch.NIGHTS: to_translate("at night"),
    Watch.AFTER_MEALS: to_translate("after meals"),
}
OTHERS = {
    Part.ISF: to_translate("the other ISFs"),
    Part.CARB_RATIO: to_translate("the other carb ratios"),
    Part.BASAL: to_translate("the other basals"),
}
LAST_STEP = {
    FollowUpVerdict.BETTER: to_translate("better since"),
    FollowUpVerdict.UNCLEAR: to_translate("no clear difference"),
    FollowUpVerdict.TAKE_BACK: to_translate("worse since"),
    FollowUpVerdict.NOT_KNOWN: to_translate("not known yet"),
}
WHOLE_DAY, ALL_DAY = f"{0:02d}:00–{HOURS_PER_DAY}:00", to_translate("all day")
NOT_KNOWN = to_translate("Glucose of these days is not known.")
ON_TARGET = to_translate("On target.")
NOT_ENOUGH = to_translate("What upstream would reduce will hardly be enough.")


@dataclass(frozen=True)
class Share:
    """A share of the readings in percent, and what of, in mg/dL and mmol/L; `None` where it is not known."""

    mgdl: str
    mmoll: str
    percent: float | None


@dataclass(frozen=True)
class FirstScreen:
    """The first screen; an empty text is not shown.

    Attributes:
        glucose: how it is, in a word or two.
        on_target: whether it meets every target of the consensus.
        shares: below and in range.
        gmi_percent: the glucose management indicator; `None` where glucose is not known, and in pregnancy.
        title: of the step.
        headline: the verdict in a sentence.
        rows: the numbers that change, where they are few.
        total: what many of them come to.
        why: the step's own reason.
        last: what became of the last step.
        keep, watch, look_again: sentences without their first words, which are these names.
        look_again_on: a day, as `Wednesday 2 December`.
    """

    glucose: str
    on_target: bool
    shares: tuple[Share, ...]
    gmi_percent: float | None
    title: str
    headline: str
    rows: tuple[StepRow, ...]
    total: str
    why: str
    last: str
    keep: str
    watch: str
    look_again: str
    look_again_on: str


def first_screen(proposal: Proposal) -> FirstScreen:
    """Of a proposal with or without a step."""
    glucose, step = proposal.glucose, proposal.step
    pregnant = age_group(proposal.options) is AgeGroup.PREGNANT
    rows = _rows(proposal, step) if step else ()
    few = len(rows) <= ROWS_SHOWN
    others = [row for row in rows if row.part is not Part.BASAL]
    return FirstScreen(
        glucose=in_spoken(how_glucose_is(proposal)),
        on_target=how_glucose_is(proposal) == ON_TARGET,
        shares=_shares(glucose, pregnant=pregnant) if glucose else (),
        gmi_percent=None if glucose is None or pregnant else gmi_percent(glucose.mean_mgdl),
        title=phrase("The step to take now") if rows else phrase("What to do now"),
        headline=headline_in_spoken(verdict_today(proposal).headline),
        rows=rows if few else tuple(others[:ROWS_SHOWN]),
        total="" if step is None or few else _total(step, len(others) - ROWS_SHOWN),
        why=_why(proposal),
        last=translated(LAST_STEP[step.follow_up.verdict]) if step and step.follow_up else "",
        keep=_keep(step) if step else "",
        watch=_watch(step) if step else "",
        look_again=count_phrase("in {count} day", "in {count} days", step.look_again_after_days) if step else "",
        look_again_on=_day(proposal, step.look_again_after_days) if step else "",
    )


def how_glucose_is(proposal: Proposal) -> str:
    """Against the targets of the consensus; in pregnancy against its own limits."""
    if (glucose := proposal.glucose) is None:
        return NOT_KNOWN
    group = age_group(proposal.options)
    found = beyond_limits(proposal)
    beyond_usual = group is not AgeGroup.PREGNANT and (
        glucose.in_range_70_180_percent <= IN_RANGE_PERCENT or above_180_percent(glucose) >= ABOVE_180_PERCENT
    )
    high = HIGH in found or beyond_usual
    if LOW in found:
        return to_translate("Too many lows and highs.") if high else to_translate("Too many lows.")
    if high:
        return to_translate("Above target.")
    if unknown(proposal):
        return to_translate("Not known against the limits in pregnancy.")
    if glucose.coverage_percent < COVERAGE_PERCENT:
        return translatable(
            "Within the targets, but with readings for {coverage_percent:.1f} % of the time only.",
            coverage_percent=glucose.coverage_percent,
        )
    return ON_TARGET


def _shares(glucose: Glucose, *, pregnant: bool) -> tuple[Share, ...]:
    if not pregnant:
        return (
            Share(phrase("below 70"), phrase("below 3.9"), below_70_percent(glucose)),
            Share(phrase("in range"), phrase("in range"), glucose.in_range_70_180_percent),
        )
    below, above = glucose.below_63_percent, glucose.above_140_percent
    within = None if below is None or above is None else round(100 - below - above, 1)
    return (
        Share(phrase("below 63"), phrase("below 3.5"), below),
        Share(phrase("in 63–140"), phrase("in 3.5–7.8"), within),
    )


def _rows(proposal: Proposal, step: NextStep) -> tuple[StepRow, ...]:
    """The numbers that change, now and new with as many decimals; of a setting with one change, that it is all day."""
    rows, blocks = step_rows(step), len(proposal.for_pump.carb_ratio)
    ratios = [row for row in rows if row.part is Part.CARB_RATIO]
    if len(ratios) == blocks and len({(row.now, row.new) for row in ratios}) == 1:
        rows = [row for row in rows if row not in ratios[1:]]
        rows[rows.index(ratios[0])] = replace(ratios[0], when=translated(ALL_DAY))
    return tuple(_levelled(replace(row, when=translated(ALL_DAY)) if row.when == WHOLE_DAY else row) for row in rows)


def _levelled(row: StepRow) -> StepRow:
    return replace(row, decimals=max(map(decimals_shown, (row.current, row.recommended))))


def _total(step: NextStep, more: int) -> str:
    """What the changes of the basal come to, and how many other numbers are not shown."""
    now, new = step.daily_basal_current_u, step.daily_basal_new_u
    way = "▲" if new > now else "▼" if new < now else "="
    hours = sum(change.part is Part.BASAL for change in step.changes)
    basal = count_phrase(
        "basal in {count} hour: {now:.2f} → {new:.2f} U a day {way}",
        "basal in {count} hours: {now:.2f} → {new:.2f} U a day {way}",
        hours,
        **{"now": now, "new": new, "way": way},
    )
    others = phrase("{count} more under Settings", count=more) if more > 0 else ""
    return "; ".join(filter(None, (basal if hours else "", others)))


def _why(proposal: Proposal) -> str:
    """Why this is to be done, in one sentence; nothing where the headline says it."""
    step = proposal.step
    if step is None:
        nothing = why_nothing_to_enter(proposal)
        return in_spoken(nothing) if nothing else phrase("The numbers to enter stand below, one change at a time.")
    if step.kind is not StepKind.CHANGE:
        said = step.said
        known = said is not None and said.because not in (Because.NOTHING_WANTED, Because.LAST_STEP_HARMED)
        return as_sentence(why(said)) if said is not None and known else ""
    if step.said is not None:  # REDUCTIONS_NOT_ENOUGH is the only one that a change has
        too_little = step.said.because is Because.REDUCTIONS_NOT_ENOUGH
        return translated(NOT_ENOUGH) if too_little else as_sentence(why(step.said))
    return _need(proposal, step)


def _need(proposal: Proposal, step: NextStep) -> str:
    """What glucose says for the step, and upstream."""
    ways = {(change.new > change.current) is (change.part is Part.BASAL) for change in step.changes}
    if len(ways) == 2 or (glucose := proposal.glucose) is None:
        return phrase("Upstream asks for more insulin at some times, and for less at others.")
    if ways == {True}:
        return phrase(
            "Above 180 mg/dL (10.0 mmol/L) for {percent:.1f} % of the time, and upstream asks for more insulin.",
            percent=above_180_percent(glucose),
        )
    return phrase(
        "Below 70 mg/dL (3.9 mmol/L) for {percent:.1f} % of the time, and upstream asks for less insulin.",
        percent=below_70_percent(glucose),
    )


def _keep(step: NextStep) -> str:
    """What stays, and the reason of each part that holds for most of it; parts of one reason together."""
    if not step.kept:
        return phrase("every setting as it is.") if step.kind is StepKind.WAIT else phrase("all else as it is.")
    changed = {change.part for change in step.changes}
    named: dict[str, list[str]] = {}
    for part in (Part.ISF, Part.CARB_RATIO, Part.BASAL):
        if kept := [k for k in step.kept if k.part is part]:
            name = (OTHERS if part in changed else NAMES_OF_PARTS)[part]
            named.setdefault(_mostly(kept), []).append(translated(name))
    said = [f"{translated(' and ').join(names)} ({because})" for because, names in named.items()]
    return f"{', '.join(said)}."


def _mostly(kept: list[Kept]) -> str:
    counted: Counter[Because] = Counter()
    for one in kept:
        counted[one.said.because] += len(one.starts)
    (because, _), *others = counted.most_common()
    reason = translated(KEPT_BECAUSE[because])
    return phrase("mostly: {reason}", reason=reason) if others else reason


def _watch(step: NextStep) -> str:
    what = [translated(WATCHED[w]) for w in step.watch if w in (Watch.LOWS, Watch.HIGHS)]
    when = [translated(WATCHED[w]) for w in step.watch if w in (Watch.NIGHTS, Watch.AFTER_MEALS)]
    what = what or ([phrase("glucose")] if step.watch else [])
    both = translated(" and ")
    return " ".join(filter(None, (both.join(what), both.join(when))))


def _day(proposal: Proposal, after_days: int) -> str:
    """The local day so many days after the proposal was made; nothing where its time cannot be read."""
    try:
        made = datetime.fromisoformat(proposal.created_at).astimezone(ZoneInfo(proposal.timezone))
    except (ValueError, KeyError, OSError, OverflowError):
        return ""
    on: date = made.date() + timedelta(days=after_days)
    return date_text(on, "day")
