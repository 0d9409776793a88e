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
from flows.proposal.consensus_limits import HIGH, LOW, age_group, below_70_percent, beyond_limits, unknown
from flows.proposal.document import Glucose, Proposal
from flows.proposal.glucose import gmi_percent
from flows.proposal.step_case import above_180_percent
from flows.proposal.step_document import Because, FollowUpVerdict, Kept, NextStep, StepKind, Watch
from flows.report.numbers_to_enter import why_nothing_to_enter
from flows.report.step_rows import NAMES_OF_PARTS, StepRow, step_rows
from flows.report.text.step import why
from flows.report.wording import decimals_shown, fixed, many
from flows.settings import AgeGroup
from flows.values.parts import Part
from flows.values.units import HOURS_PER_DAY

# International Consensus on Time in Range, Diabetes Care 2019;42:1593, type 1: more than this in range, less than this
# above it, and readings for so much of the time; the limits that the verdict judges by too are in `consensus_limits`.
IN_RANGE_PERCENT, ABOVE_180_PERCENT, COVERAGE_PERCENT = 70.0, 25.0, 70.0
ROWS_SHOWN = 3  # of numbers that change; of more the basal is told as the day's total, and all stand under the settings

KEPT_BECAUSE = {
    Because.ISF_NEVER: "never followed",
    Because.SMALL: "too small a change",
    Because.NO_NEED_OF_MORE: "no need of more insulin",
    Because.NO_NEED_OF_LESS: "lows are rare",
    Because.LOWS: "too many lows",
    Because.HIGHS: "too many highs",
    Because.UNTOLD_CARBS: "carbs seem not to be entered",
    Because.LOWS_AFTER: "lows follow",
    Because.HIGHS_AFTER: "highs follow",
    Because.BASELINE: "as far from your baseline as steps go",
    Because.PUMP_STEP: "below a pump step",
    Because.NOT_COMPARABLE: "upstream's one number is not comparable",
    Because.OTHER_CURVE: "tuned under another insulin curve",
    Because.DATA: "the data do not bear a step",
    Because.NO_GLUCOSE: "glucose is not known",
    Because.COOL_DOWN: "the last step is still watched",
    Because.PAUSE: "a step was taken back",
    Because.LAST_STEP_HARMED: "glucose got worse",
    Because.NOTHING_WANTED: "upstream keeps it",
    Because.REDUCTIONS_NOT_ENOUGH: "reductions are hardly enough",
}
WATCHED = {Watch.LOWS: "lows", Watch.HIGHS: "highs", Watch.NIGHTS: "at night", Watch.AFTER_MEALS: "after meals"}
LAST_STEP = {
    FollowUpVerdict.BETTER: "better since",
    FollowUpVerdict.UNCLEAR: "no clear difference",
    FollowUpVerdict.TAKE_BACK: "worse since",
    FollowUpVerdict.NOT_KNOWN: "not known yet",
}
WHOLE_DAY, ALL_DAY = f"{0:02d}:00–{HOURS_PER_DAY}:00", "all day"
NOT_KNOWN = "Glucose of these days is not known."
ON_TARGET = "On target."
NOT_ENOUGH = "What upstream would reduce will hardly be enough."


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
        glucose=how_glucose_is(proposal),
        on_target=how_glucose_is(proposal) == ON_TARGET,
        shares=_shares(glucose, pregnant=pregnant) if glucose else (),
        gmi_percent=None if glucose is None or pregnant else gmi_percent(glucose.mean_mgdl),
        title="The step to take now" if rows else "What to do now",
        headline=verdict_today(proposal).headline,
        rows=rows if few else tuple(others[:ROWS_SHOWN]),
        total="" if step is None or few else _total(step, len(others) - ROWS_SHOWN),
        why=_why(proposal),
        last=f"{LAST_STEP[step.follow_up.verdict]}" if step and step.follow_up else "",
        keep=_keep(step) if step else "",
        watch=_watch(step) if step else "",
        look_again=f"in {many(step.look_again_after_days, 'day')}" if step else "",
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
        return "Too many lows and highs." if high else "Too many lows."
    if high:
        return "Above target."
    if unknown(proposal):
        return "Not known against the limits in pregnancy."
    if glucose.coverage_percent < COVERAGE_PERCENT:
        return f"Within the targets, but with readings for {fixed(glucose.coverage_percent, 1)} % of the time only."
    return ON_TARGET


def _shares(glucose: Glucose, *, pregnant: bool) -> tuple[Share, ...]:
    if not pregnant:
        return (
            Share("below 70", "below 3.9", below_70_percent(glucose)),
            Share("in range", "in range", glucose.in_range_70_180_percent),
        )
    below, above = glucose.below_63_percent, glucose.above_140_percent
    within = None if below is None or above is None else round(100 - below - above, 1)
    return Share("below 63", "below 3.5", below), Share("in 63–140", "in 3.5–7.8", within)


def _rows(proposal: Proposal, step: NextStep) -> tuple[StepRow, ...]:
    """The numbers that change, now and new with as many decimals; of a setting with one change, that it is all day."""
    rows, blocks = step_rows(step), len(proposal.for_pump.carb_ratio)
    ratios = [row for row in rows if row.part is Part.CARB_RATIO]
    if len(ratios) == blocks and len({(row.now, row.new) for row in ratios}) == 1:
        rows = [row for row in rows if row not in ratios[1:]]
        rows[rows.index(ratios[0])] = replace(ratios[0], when=ALL_DAY)
    return tuple(_levelled(replace(row, when=ALL_DAY) if row.when == WHOLE_DAY else row) for row in rows)


def _levelled(row: StepRow) -> StepRow:
    return replace(row, decimals=max(map(decimals_shown, (row.current, row.recommended))))


def _total(step: NextStep, more: int) -> str:
    """What the changes of the basal come to, and how many other numbers are not shown."""
    now, new = step.daily_basal_current_u, step.daily_basal_new_u
    way = "▲" if new > now else "▼" if new < now else "="
    hours = sum(change.part is Part.BASAL for change in step.changes)
    basal = f"basal in {many(hours, 'hour')}: {fixed(now, 2)} → {fixed(new, 2)} U a day {way}" if hours else ""
    return "; ".join(filter(None, (basal, f"{more} more under Settings" if more > 0 else "")))


def _why(proposal: Proposal) -> str:
    """Why this is to be done, in one sentence; nothing where the headline says it."""
    step = proposal.step
    if step is None:
        return why_nothing_to_enter(proposal) or "The numbers to enter stand below, one change at a time."
    if step.kind is not StepKind.CHANGE:
        said = step.said
        known = said is not None and said.because not in (Because.NOTHING_WANTED, Because.LAST_STEP_HARMED)
        return _sentence(why(said)) if said is not None and known else ""
    if step.said is not None:  # REDUCTIONS_NOT_ENOUGH is the only one that a change has
        return NOT_ENOUGH if step.said.because is Because.REDUCTIONS_NOT_ENOUGH else _sentence(why(step.said))
    return f"{_need(proposal, step)}."


def _need(proposal: Proposal, step: NextStep) -> str:
    """What glucose says for the step, and upstream."""
    ways = {(change.new > change.current) is (change.part is Part.BASAL) for change in step.changes}
    if len(ways) == 2 or (glucose := proposal.glucose) is None:
        return "Upstream asks for more insulin at some times, and for less at others"
    if ways == {True}:
        above = f"{fixed(above_180_percent(glucose), 1)} %"
        return f"Above 180 mg/dL (10.0 mmol/L) for {above} of the time, and upstream asks for more insulin"
    below = f"{fixed(below_70_percent(glucose), 1)} %"
    return f"Below 70 mg/dL (3.9 mmol/L) for {below} of the time, and upstream asks for less insulin"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _keep(step: NextStep) -> str:
    """What stays, and the reason of each part that holds for most of it; parts of one reason together."""
    if not step.kept:
        return "every setting as it is." if step.kind is StepKind.WAIT else "all else as it is."
    changed = {change.part for change in step.changes}
    named: dict[str, list[str]] = {}
    for part in (Part.ISF, Part.CARB_RATIO, Part.BASAL):
        if kept := [k for k in step.kept if k.part is part]:
            name = NAMES_OF_PARTS[part]
            named.setdefault(_mostly(kept), []).append(f"the other {name}s" if part in changed else name)
    said = [f"{' and '.join(names)} ({because})" for because, names in named.items()]
    return f"{', '.join(said)}."


def _mostly(kept: list[Kept]) -> str:
    counted: Counter[Because] = Counter()
    for one in kept:
        counted[one.said.because] += len(one.starts)
    (because, _), *others = counted.most_common()
    return f"{'mostly: ' if others else ''}{KEPT_BECAUSE[because]}"


def _watch(step: NextStep) -> str:
    what = [WATCHED[w] for w in step.watch if w in (Watch.LOWS, Watch.HIGHS)] or (["glucose"] if step.watch else [])
    when = [WATCHED[w] for w in step.watch if w in (Watch.NIGHTS, Watch.AFTER_MEALS)]
    return " ".join(filter(None, (" and ".join(what), " and ".join(when))))


def _day(proposal: Proposal, after_days: int) -> str:
    """The local day so many days after the proposal was made; nothing where its time cannot be read."""
    try:
        made = datetime.fromisoformat(proposal.created_at).astimezone(ZoneInfo(proposal.timezone))
    except (ValueError, KeyError, OSError, OverflowError):
        return ""
    on: date = made.date() + timedelta(days=after_days)
    return f"{on:%A} {on.day} {on:%B}"
