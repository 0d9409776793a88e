"""Why a number moved or did not, in plain language: each kind of sentence one function and one row of a table.

No glucose value is named, so that the same text holds in mg/dL and in mmol/L. The rules of upstream described here are
those of oref0@0.7.1 lib/autotune/index.js. Knows facts already counted, and nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from flows.oref0.log_parser import LEAST_ISF_POINTS
from flows.proposal.evidence_document import Cap
from flows.values.units import HOURS_PER_DAY

# Upstream rounds a setting to three decimals: two numbers that differ by less than half of the last one are the same.
HALF_A_LAST_DECIMAL = 0.0005
FIFTH = "Upstream moves a setting by only 20 % of the difference each day."


@dataclass(frozen=True)
class Moved:
    """What every setting has: days looked at, where it went, how far from its caps, days it wanted beyond them.

    `cap_low_percent` and `cap_high_percent` are how far below and above the pump's setting upstream may go.
    `started_from_previous`: the run started from an earlier recommendation that had another value than the pump.
    """

    days: int
    current: float
    recommended: float
    at_cap: Cap | None
    past_cap: bool
    cap_low_percent: int
    cap_high_percent: int
    days_capped_low: int
    days_capped_high: int
    days_up: int
    days_down: int
    started_from_previous: bool

    @property
    def moved(self) -> bool:
        """Whether it is another number than the pump's, at upstream's three decimals."""
        return abs(self.recommended - self.current) > HALF_A_LAST_DECIMAL


@dataclass(frozen=True)
class IsfFacts(Moved):
    """Days upstream's points asked for a higher or lower sensitivity, and days they could not.

    `data_counts_percent`: how much the data decides beside the pump's setting (`autotune_isf_adjustmentFraction`).
    """

    points: int
    days_too_few_points: int
    days_rising_under_insulin: int
    days_borrowed_rises: int
    days_borrowed_meals: int
    data_counts_percent: int


@dataclass(frozen=True)
class CarbRatioFacts(Moved):
    """Days meals took less (`days_up`) or more insulin (`days_down`) than the ratio of that day gives."""

    periods_used: int
    periods_ignored: int
    carbs_g: float
    insulin_u: float
    days_without_meals: int


@dataclass(frozen=True)
class BasalFacts(Moved):
    """An hour's basal. Upstream moves it for the glucose of the three hours after it, which the `after` facts count.

    `days_up` and `days_down`: days those three hours asked for more or less insulin. `days_missing`: no change of its
    own and so smoothed, because there was no point after it, because it stood at its cap, or for no difference.
    """

    hour: int
    points: int
    total_deviation_mgdl: float
    days_missing: int
    days_without_points: int
    days_held_at_cap: int
    points_after: int
    unannounced_after: int


Facts = TypeVar("Facts", bound=Moved, contravariant=True)


@dataclass(frozen=True)
class SentenceKind(Generic[Facts]):
    """One kind of sentence: its name, of which facts it is said, and what it says of them."""

    name: str
    when: Callable[[Facts], object]
    says: Callable[[Facts], str]


def sentences(kinds: tuple[SentenceKind[Facts], ...], facts: Facts) -> tuple[str, ...]:
    """What the kinds say of the facts, in the order of the table."""
    return tuple(kind.says(facts) for kind in kinds if kind.when(facts))


def _of_days(name: str, count: Callable[[Facts], int], words: str) -> SentenceKind[Facts]:
    """A sentence about so many of the days looked at; none where it is about no day."""
    return SentenceKind(name, count, lambda facts: f"{_on(count(facts), facts.days)} {words}")


def _on(count: int, days: int) -> str:
    if days == 1:
        return "On the only day"
    if count < days:
        return f"On {count} of {days} days"
    return "On both days" if days == 2 else f"On all {days} days"


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


# ---- of every setting


def _where(facts: Moved, cap: Cap) -> str:
    if cap is Cap.HIGH:
        return f"{facts.cap_high_percent} % above the pump's setting"
    return f"{facts.cap_low_percent} % below the pump's setting"


def _at_cap(facts: Moved) -> str:
    where = _where(facts, facts.at_cap or Cap.LOW)
    if facts.past_cap:
        return f"Smoothing between hours moved it past upstream's own cap: at most {where}."
    return f"Upstream stopped at its cap: at most {where}."


def _wanted_more(facts: Moved) -> str:
    return " ".join(
        f"{_on(count, facts.days)} upstream wanted to go further than its cap: at most {_where(facts, cap)}."
        for cap, count in ((Cap.HIGH, facts.days_capped_high), (Cap.LOW, facts.days_capped_low))
        if count
    )


def _unmoved(facts: Moved) -> bool:
    return not facts.moved and facts.at_cap is None


def _why_unmoved(facts: Moved, days_without_data: int | None, otherwise: str) -> str:
    if facts.days_up or facts.days_down:
        return "Increases and decreases on different days cancelled out."
    return "No day had data that could change it." if days_without_data == facts.days else otherwise


STARTED_FROM_PREVIOUS = SentenceKind[Moved](
    "started from previous",
    lambda facts: facts.started_from_previous,
    lambda _: "This run started from an earlier recommendation, not from the pump's own setting.",
)
CAPS = (
    SentenceKind[Moved]("at the cap", lambda facts: facts.at_cap is not None, _at_cap),
    SentenceKind[Moved](
        "wanted beyond the cap",
        lambda facts: facts.at_cap is None and (facts.days_capped_high or facts.days_capped_low),
        _wanted_more,
    ),
    SentenceKind[Moved]("a part each day", lambda facts: facts.moved and facts.at_cap is None, lambda _: FIFTH),
)


# ---- each setting

FOR_ISF: tuple[SentenceKind[IsfFacts], ...] = (
    STARTED_FROM_PREVIOUS,
    _of_days(
        "insulin worked more",
        lambda facts: facts.days_up,
        "one unit of insulin lowered glucose more than the setting says.",
    ),
    _of_days(
        "insulin worked less",
        lambda facts: facts.days_down,
        "one unit of insulin lowered glucose less than the setting says.",
    ),
    _of_days(
        "glucose rose under insulin",
        lambda facts: facts.days_rising_under_insulin,
        "glucose rose while insulin worked: upstream did not change the setting.",
    ),
    _of_days(
        "too few points",
        lambda facts: facts.days_too_few_points,
        f"there were fewer than {LEAST_ISF_POINTS} data points: upstream did not change the setting.",
    ),
    _of_days(
        "rises borrowed",
        lambda facts: facts.days_borrowed_rises,
        "it had few data points of its own; rises without entered carbs were used too.",
    ),
    _of_days(
        "meals borrowed",
        lambda facts: facts.days_borrowed_meals,
        "it had few data points of its own; the hours after meals were used too.",
    ),
    SentenceKind(
        "the pump counts too",
        lambda facts: facts.data_counts_percent != 100,
        lambda facts: (
            f"The pump's profile weights the data at {facts.data_counts_percent} % and its own setting at the rest."
        ),
    ),
    *CAPS,
    SentenceKind[IsfFacts](
        "why it did not move",
        _unmoved,
        lambda facts: _why_unmoved(
            facts,
            facts.days_too_few_points + facts.days_rising_under_insulin,
            "Insulin lowered glucose as the setting says: no change.",
        ),
    ),
)
FOR_CARB_RATIO: tuple[SentenceKind[CarbRatioFacts], ...] = (
    STARTED_FROM_PREVIOUS,
    SentenceKind(
        "meals used",
        lambda facts: facts.periods_used,
        lambda facts: (
            f"{_many(facts.periods_used, 'meal', 'meals')} with {facts.carbs_g:.0f} g of carbs needed "
            f"{facts.insulin_u:.1f} U of insulin, with insulin on board and the insulin to bring glucose back included."
        ),
    ),
    SentenceKind(
        "meals ignored",
        lambda facts: facts.periods_ignored,
        lambda facts: (
            f"{_many(facts.periods_ignored, 'meal was', 'meals were')} left out: shorter than an hour, not over at "
            "the end of the day, or without insulin."
        ),
    ),
    _of_days(
        "meals took more",
        lambda facts: facts.days_down,
        "meals needed more insulin than the ratio gives.",
    ),
    _of_days(
        "meals took less",
        lambda facts: facts.days_up,
        "meals needed less insulin than the ratio gives.",
    ),
    _of_days(
        "no meals",
        lambda facts: facts.days_without_meals,
        "there was no meal with usable data: upstream did not change the ratio.",
    ),
    *CAPS,
    SentenceKind[CarbRatioFacts](
        "why it did not move",
        _unmoved,
        lambda facts: _why_unmoved(
            facts, facts.days_without_meals, "Meals needed the insulin the ratio gives: no change."
        ),
    ),
)


# ---- basal


def _times(facts: BasalFacts) -> str:
    """The three hours whose glucose moves an hour's basal."""
    return f"between {(facts.hour + 1) % HOURS_PER_DAY:02d}:00 and {(facts.hour + 4) % HOURS_PER_DAY:02d}:00"


def _fell(facts: BasalFacts) -> str:
    on = _on(facts.days_down, facts.days)
    if facts.days_up:
        return f"{on} it fell more than they explain."
    return (
        f"{on} glucose {_times(facts)} fell more than insulin and carbs explain; upstream gives less basal in the "
        "three hours before."
    )


def _days_as_explained(facts: BasalFacts) -> int:
    return max(0, facts.days_missing - facts.days_without_points - facts.days_held_at_cap)


def _nearly_cancelled(facts: BasalFacts) -> bool:
    others = facts.days_up or facts.days_down or facts.days_missing or facts.started_from_previous
    return facts.moved and not others


def _basal_unmoved(facts: BasalFacts) -> str:
    if not facts.points_after:
        return "Its neighbouring hours did not move it either: no change."
    return _why_unmoved(
        facts, None, f"Glucose {_times(facts)} changed as insulin and carbs explain: no change of the basal."
    )


FOR_BASAL: tuple[SentenceKind[BasalFacts], ...] = (
    STARTED_FROM_PREVIOUS,
    SentenceKind(
        "glucose rose",
        lambda facts: facts.days_up,
        lambda facts: (
            f"{_on(facts.days_up, facts.days)} glucose {_times(facts)} rose more than insulin and carbs explain; "
            "upstream gives more basal in the three hours before."
        ),
    ),
    SentenceKind("glucose fell", lambda facts: facts.days_down, _fell),
    SentenceKind(
        "unannounced rises counted",
        lambda facts: facts.unannounced_after,
        lambda facts: (
            f"Of the {_many(facts.points_after, 'data point', 'data points')} {_times(facts)}, "
            f"{facts.unannounced_after} were in rises like those of meals not entered; upstream counts them as basal."
        ),
    ),
    SentenceKind(
        "no data",
        lambda facts: facts.days_without_points,
        lambda facts: (
            f"{_on(facts.days_without_points, facts.days)} there was no data of its own {_times(facts)}: it was "
            "smoothed (moved 20 % towards the neighbouring hours)."
        ),
    ),
    _of_days(
        "held at the cap",
        lambda facts: facts.days_held_at_cap,
        "it was at its cap and was smoothed towards the neighbouring hours.",
    ),
    SentenceKind(
        "nothing asked",
        _days_as_explained,
        lambda facts: (
            f"{_on(_days_as_explained(facts), facts.days)} glucose {_times(facts)} needed no change: it was smoothed "
            "(moved 20 % towards the neighbouring hours)."
        ),
    ),
    SentenceKind(
        "rises and falls nearly cancelled",
        _nearly_cancelled,
        lambda facts: f"Rises and falls {_times(facts)} nearly cancelled out; the remaining difference moved it.",
    ),
    *CAPS,
    SentenceKind("why it did not move", _unmoved, _basal_unmoved),
)
