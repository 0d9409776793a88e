"""Why a number moved or did not, in plain language: each kind of sentence one function and one row of a table.

No glucose value is named, so that the same text holds in mg/dL and in mmol/L. The rules of upstream described here are
those of oref0@0.7.1 lib/autotune/index.js. Knows facts already counted, and nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from flows.language.catalogue import to_translate
from flows.oref0.log_parser import LEAST_ISF_POINTS
from flows.proposal.evidence_document import Cap
from flows.proposal.explanation_facts import BasalFacts, CarbRatioFacts, IsfFacts, Moved
from flows.values.sentence import Listed, Worded, worded
from flows.values.units import HOURS_PER_DAY

FIFTH = to_translate("Upstream moves a setting by only 20 % of the difference each day.")


Facts = TypeVar("Facts", bound=Moved, contravariant=True)


@dataclass(frozen=True)
class SentenceKind(Generic[Facts]):
    """One kind of sentence: its name, of which facts it is said, and what it says of them."""

    name: str
    when: Callable[[Facts], object]
    says: Callable[[Facts], Worded]


def sentences(kinds: tuple[SentenceKind[Facts], ...], facts: Facts) -> tuple[Worded, ...]:
    """What the kinds say of the facts, in the order of the table."""
    return tuple(kind.says(facts) for kind in kinds if kind.when(facts))


def _of_days(name: str, count: Callable[[Facts], int], words: str, **more: float) -> SentenceKind[Facts]:
    """A sentence about so many of the days looked at, which it calls `{on}`; none where it is about no day."""
    return SentenceKind(name, count, lambda facts: _said(words, on=_on(count(facts), facts.days), **more))


def _said(words: str, /, **facts: float | str | Listed | Worded) -> Worded:
    """The words with their facts; one that is worded itself brings its own."""
    inner = {name: fact for name, fact in facts.items() if isinstance(fact, Worded)}
    plain = {name: fact for name, fact in facts.items() if not isinstance(fact, Worded)}
    for name, one in inner.items():
        plain |= {name: Listed([one.words]), **one.facts}
    return worded(words, plain)


def _on(count: int, days: int) -> Worded:
    if days == 1:
        return _said(to_translate("On the only day"))
    if count < days:
        return _said(to_translate("On {count:.0f} of {days:.0f} days"), count=count, days=days)
    if days == 2:
        return _said(to_translate("On both days"))
    return _said(to_translate("On all {days:.0f} days"), days=days)


# ---- of every setting


def _where(facts: Moved, cap: Cap) -> Worded:
    if cap is Cap.HIGH:
        return _said(to_translate("{cap_percent:.0f} % above the pump's setting"), cap_percent=facts.cap_high_percent)
    return _said(to_translate("{cap_percent:.0f} % below the pump's setting"), cap_percent=facts.cap_low_percent)


def _at_cap(facts: Moved) -> Worded:
    where = _where(facts, facts.at_cap or Cap.LOW)
    if facts.past_cap:
        return _said(
            to_translate("Smoothing between hours moved it past upstream's own cap: at most {where}."), where=where
        )
    return _said(to_translate("Upstream stopped at its cap: at most {where}."), where=where)


def _wanted_more(facts: Moved, cap: Cap) -> Worded:
    count = facts.days_capped_high if cap is Cap.HIGH else facts.days_capped_low
    return _said(
        to_translate("{on} upstream wanted to go further than its cap: at most {where}."),
        on=_on(count, facts.days),
        where=_where(facts, cap),
    )


def _unmoved(facts: Moved) -> bool:
    return not facts.moved and facts.at_cap is None


def _why_unmoved(facts: Moved, days_without_data: int | None, otherwise: Worded) -> Worded:
    if facts.days_up or facts.days_down:
        return _said(to_translate("Increases and decreases on different days cancelled out."))
    if days_without_data == facts.days:
        return _said(to_translate("No day had data that could change it."))
    return otherwise


STARTED_FROM_PREVIOUS = SentenceKind[Moved](
    "started from previous",
    lambda facts: facts.started_from_previous,
    lambda _: _said(to_translate("This run started from an earlier recommendation, not from the pump's own setting.")),
)
CAPS = (
    SentenceKind[Moved]("at the cap", lambda facts: facts.at_cap is not None, _at_cap),
    SentenceKind[Moved](
        "wanted beyond the upper cap",
        lambda facts: facts.at_cap is None and facts.days_capped_high,
        lambda facts: _wanted_more(facts, Cap.HIGH),
    ),
    SentenceKind[Moved](
        "wanted beyond the lower cap",
        lambda facts: facts.at_cap is None and facts.days_capped_low,
        lambda facts: _wanted_more(facts, Cap.LOW),
    ),
    SentenceKind[Moved]("a part each day", lambda facts: facts.moved and facts.at_cap is None, lambda _: _said(FIFTH)),
)


# ---- each setting

FOR_ISF: tuple[SentenceKind[IsfFacts], ...] = (
    STARTED_FROM_PREVIOUS,
    _of_days(
        "insulin worked more",
        lambda facts: facts.days_up,
        to_translate("{on} one unit of insulin lowered glucose more than the setting says."),
    ),
    _of_days(
        "insulin worked less",
        lambda facts: facts.days_down,
        to_translate("{on} one unit of insulin lowered glucose less than the setting says."),
    ),
    _of_days(
        "glucose rose under insulin",
        lambda facts: facts.days_rising_under_insulin,
        to_translate("{on} glucose rose while insulin worked: upstream did not change the setting."),
    ),
    _of_days(
        "too few points",
        lambda facts: facts.days_too_few_points,
        to_translate("{on} there were fewer than {least_points:.0f} data points: upstream did not change the setting."),
        least_points=LEAST_ISF_POINTS,
    ),
    _of_days(
        "rises borrowed",
        lambda facts: facts.days_borrowed_rises,
        to_translate("{on} it had few data points of its own; rises without entered carbs were used too."),
    ),
    _of_days(
        "meals borrowed",
        lambda facts: facts.days_borrowed_meals,
        to_translate("{on} it had few data points of its own; the hours after meals were used too."),
    ),
    SentenceKind(
        "the pump counts too",
        lambda facts: facts.data_counts_percent != 100,
        lambda facts: _said(
            to_translate(
                "The pump's profile weights the data at {data_counts_percent:.0f} % and its own setting at the rest."
            ),
            data_counts_percent=facts.data_counts_percent,
        ),
    ),
    *CAPS,
    SentenceKind[IsfFacts](
        "why it did not move",
        _unmoved,
        lambda facts: _why_unmoved(
            facts,
            facts.days_too_few_points + facts.days_rising_under_insulin,
            _said(to_translate("Insulin lowered glucose as the setting says: no change.")),
        ),
    ),
)
MEAL_USED = to_translate(
    "{meals:.0f} meal with {carbs_g:.0f} g of carbs needed {insulin_u:.1f} U of insulin, with insulin on board and the "
    "insulin to bring glucose back included."
)
MEALS_USED = to_translate(
    "{meals:.0f} meals with {carbs_g:.0f} g of carbs needed {insulin_u:.1f} U of insulin, with insulin on board and "
    "the insulin to bring glucose back included."
)
MEAL_IGNORED = to_translate(
    "{meals:.0f} meal was left out: shorter than an hour, not over at the end of the day, or without insulin."
)
MEALS_IGNORED = to_translate(
    "{meals:.0f} meals were left out: shorter than an hour, not over at the end of the day, or without insulin."
)
FOR_CARB_RATIO: tuple[SentenceKind[CarbRatioFacts], ...] = (
    STARTED_FROM_PREVIOUS,
    SentenceKind(
        "meals used",
        lambda facts: facts.periods_used,
        lambda facts: _said(
            MEAL_USED if facts.periods_used == 1 else MEALS_USED,
            meals=facts.periods_used,
            carbs_g=facts.carbs_g,
            insulin_u=facts.insulin_u,
        ),
    ),
    SentenceKind(
        "meals ignored",
        lambda facts: facts.periods_ignored,
        lambda facts: _said(MEAL_IGNORED if facts.periods_ignored == 1 else MEALS_IGNORED, meals=facts.periods_ignored),
    ),
    _of_days(
        "meals took more",
        lambda facts: facts.days_down,
        to_translate("{on} meals needed more insulin than the ratio gives."),
    ),
    _of_days(
        "meals took less",
        lambda facts: facts.days_up,
        to_translate("{on} meals needed less insulin than the ratio gives."),
    ),
    _of_days(
        "no meals",
        lambda facts: facts.days_without_meals,
        to_translate("{on} there was no meal with usable data: upstream did not change the ratio."),
    ),
    *CAPS,
    SentenceKind[CarbRatioFacts](
        "why it did not move",
        _unmoved,
        lambda facts: _why_unmoved(
            facts,
            facts.days_without_meals,
            _said(to_translate("Meals needed the insulin the ratio gives: no change.")),
        ),
    ),
)


# ---- basal


def _times(facts: BasalFacts) -> Worded:
    """The three hours whose glucose moves an hour's basal."""
    return _said(
        to_translate("between {from_time} and {to_time}"),
        from_time=f"{(facts.hour + 1) % HOURS_PER_DAY:02d}:00",
        to_time=f"{(facts.hour + 4) % HOURS_PER_DAY:02d}:00",
    )


def _fell(facts: BasalFacts) -> Worded:
    on = _on(facts.days_down, facts.days)
    if facts.days_up:
        return _said(to_translate("{on} it fell more than they explain."), on=on)
    return _said(
        to_translate(
            "{on} glucose {times} fell more than insulin and carbs explain; upstream gives less basal in the three "
            "hours before."
        ),
        on=on,
        times=_times(facts),
    )


def _days_as_explained(facts: BasalFacts) -> int:
    return max(0, facts.days_missing - facts.days_without_points - facts.days_held_at_cap)


def _nearly_cancelled(facts: BasalFacts) -> bool:
    others = facts.days_up or facts.days_down or facts.days_missing or facts.started_from_previous
    return facts.moved and not others


def _basal_unmoved(facts: BasalFacts) -> Worded:
    if not facts.points_after:
        return _said(to_translate("Its neighbouring hours did not move it either: no change."))
    words = to_translate("Glucose {times} changed as insulin and carbs explain: no change of the basal.")
    return _why_unmoved(facts, None, _said(words, times=_times(facts)))


UNANNOUNCED_OF_ONE = to_translate(
    "Of the {points:.0f} data point {times}, {unannounced:.0f} were in rises like those of meals not entered; upstream "
    "counts them as basal."
)
UNANNOUNCED = to_translate(
    "Of the {points:.0f} data points {times}, {unannounced:.0f} were in rises like those of meals not entered; "
    "upstream counts them as basal."
)
FOR_BASAL: tuple[SentenceKind[BasalFacts], ...] = (
    STARTED_FROM_PREVIOUS,
    SentenceKind(
        "glucose rose",
        lambda facts: facts.days_up,
        lambda facts: _said(
            to_translate(
                "{on} glucose {times} rose more than insulin and carbs explain; upstream gives more basal in the three "
                "hours before."
            ),
            on=_on(facts.days_up, facts.days),
            times=_times(facts),
        ),
    ),
    SentenceKind("glucose fell", lambda facts: facts.days_down, _fell),
    SentenceKind(
        "unannounced rises counted",
        lambda facts: facts.unannounced_after,
        lambda facts: _said(
            UNANNOUNCED_OF_ONE if facts.points_after == 1 else UNANNOUNCED,
            points=facts.points_after,
            times=_times(facts),
            unannounced=facts.unannounced_after,
        ),
    ),
    SentenceKind(
        "no data",
        lambda facts: facts.days_without_points,
        lambda facts: _said(
            to_translate(
                "{on} there was no data of its own {times}: it was smoothed (moved 20 % towards the neighbouring "
                "hours)."
            ),
            on=_on(facts.days_without_points, facts.days),
            times=_times(facts),
        ),
    ),
    _of_days(
        "held at the cap",
        lambda facts: facts.days_held_at_cap,
        to_translate("{on} it was at its cap and was smoothed towards the neighbouring hours."),
    ),
    SentenceKind(
        "nothing asked",
        _days_as_explained,
        lambda facts: _said(
            to_translate(
                "{on} glucose {times} needed no change: it was smoothed (moved 20 % towards the neighbouring hours)."
            ),
            on=_on(_days_as_explained(facts), facts.days),
            times=_times(facts),
        ),
    ),
    SentenceKind(
        "rises and falls nearly cancelled",
        _nearly_cancelled,
        lambda facts: _said(
            to_translate("Rises and falls {times} nearly cancelled out; the remaining difference moved it."),
            times=_times(facts),
        ),
    ),
    *CAPS,
    SentenceKind("why it did not move", _unmoved, _basal_unmoved),
)
