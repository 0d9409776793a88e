"""Why a number moved or did not, in plain language: each kind of sentence one function and one row of a table.

No glucose value is named, so that the same text holds in mg/dL and in mmol/L. The rules of upstream described here are
those of oref0@0.7.1 lib/autotune/index.js. Knows facts already counted, and nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from flows.oref0.log_parser import LEAST_ISF_POINTS
from flows.proposal.document import Cap
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


Facts = TypeVar("Facts", bound=Moved)


@dataclass(frozen=True)
class SentenceKind(Generic[Facts]):
    """One kind of sentence: its name, and what it says of the facts (`None`: nothing)."""

    name: str
    says: Callable[[Facts], str | None]


def _on(count: int, days: int) -> str:
    if days == 1:
        return "On the only day"
    if count < days:
        return f"On {count} of {days} days"
    return "On both days" if days == 2 else f"On all {days} days"


def _said_of_days(count: Callable[[Facts], int], words: str) -> Callable[[Facts], str | None]:
    """A sentence about so many of the days looked at; none where it is about no day."""
    return lambda facts: f"{_on(days, facts.days)} {words}" if (days := count(facts)) else None


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _times(hour: int) -> str:
    """The three hours whose glucose moves an hour's basal."""
    return f"between {(hour + 1) % HOURS_PER_DAY:02d}:00 and {(hour + 4) % HOURS_PER_DAY:02d}:00"


# ---- of every setting


def _started_from_previous(facts: Moved) -> str | None:
    if not facts.started_from_previous:
        return None
    return "This run started from an earlier recommendation, not from the pump's own setting."


def _at_cap(facts: Moved) -> str | None:
    if facts.at_cap is None:
        return None
    where = _where(facts, facts.at_cap)
    if facts.past_cap:
        return f"Smoothing between hours moved it past upstream's own cap: at most {where}."
    return f"Upstream stopped at its cap: at most {where}."


def _wanted_more(facts: Moved) -> str | None:
    if facts.at_cap is not None:
        return None
    found = [
        f"{_on(count, facts.days)} upstream wanted to go further than its cap: at most {_where(facts, cap)}."
        for cap, count in ((Cap.HIGH, facts.days_capped_high), (Cap.LOW, facts.days_capped_low))
        if count
    ]
    return " ".join(found) or None


def _where(facts: Moved, cap: Cap) -> str:
    if cap is Cap.HIGH:
        return f"{facts.cap_high_percent} % above the pump's setting"
    return f"{facts.cap_low_percent} % below the pump's setting"


def _a_part(facts: Moved) -> str | None:
    return FIFTH if facts.moved and facts.at_cap is None else None


# ---- insulin sensitivity


def _isf_shared(facts: IsfFacts) -> str | None:
    if facts.data_counts_percent == 100:
        return None
    return f"The pump's profile weights the data at {facts.data_counts_percent} % and its own setting at the rest."


def _isf_unmoved(facts: IsfFacts) -> str | None:
    if facts.moved or facts.at_cap is not None:
        return None
    if facts.days_up or facts.days_down:
        return "Increases and decreases on different days cancelled out."
    if facts.days_too_few_points + facts.days_rising_under_insulin == facts.days:
        return "No day had data that could change it."
    return "Insulin lowered glucose as the setting says: no change."


# ---- carb ratio


def _meals(facts: CarbRatioFacts) -> str | None:
    if not facts.periods_used:
        return None
    return (
        f"{_many(facts.periods_used, 'meal', 'meals')} with {facts.carbs_g:.0f} g of carbs needed "
        f"{facts.insulin_u:.1f} U of insulin, with insulin on board and the insulin to bring glucose back included."
    )


def _meals_ignored(facts: CarbRatioFacts) -> str | None:
    if not (count := facts.periods_ignored):
        return None
    were = "was" if count == 1 else "were"
    return (
        f"{_many(count, 'meal', 'meals')} {were} left out: shorter than an hour, not over at the end of the day, or "
        "without insulin."
    )


def _ratio_unmoved(facts: CarbRatioFacts) -> str | None:
    if facts.moved or facts.at_cap is not None:
        return None
    if facts.days_up or facts.days_down:
        return "Increases and decreases on different days cancelled out."
    if facts.days_without_meals == facts.days:
        return "No day had data that could change it."
    return "Meals needed the insulin the ratio gives: no change."


# ---- basal


def _rose(facts: BasalFacts) -> str | None:
    if not facts.days_up:
        return None
    return (
        f"{_on(facts.days_up, facts.days)} glucose {_times(facts.hour)} rose more than insulin and carbs explain; "
        "upstream gives more basal in the three hours before."
    )


def _fell(facts: BasalFacts) -> str | None:
    if not facts.days_down:
        return None
    if facts.days_up:
        return f"{_on(facts.days_down, facts.days)} it fell more than they explain."
    return (
        f"{_on(facts.days_down, facts.days)} glucose {_times(facts.hour)} fell more than insulin and carbs explain; "
        "upstream gives less basal in the three hours before."
    )


def _unannounced(facts: BasalFacts) -> str | None:
    if not facts.unannounced_after:
        return None
    return (
        f"Of the {_many(facts.points_after, 'data point', 'data points')} {_times(facts.hour)}, "
        f"{facts.unannounced_after} were in rises like those of meals not entered; upstream counts them as basal."
    )


def _no_data(facts: BasalFacts) -> str | None:
    if not (count := facts.days_without_points):
        return None
    return (
        f"{_on(count, facts.days)} there was no data of its own {_times(facts.hour)}: it was smoothed (moved 20 % "
        "towards the neighbouring hours)."
    )


def _as_explained(facts: BasalFacts) -> str | None:
    count = facts.days_missing - facts.days_without_points - facts.days_held_at_cap
    if count <= 0:
        return None
    return (
        f"{_on(count, facts.days)} glucose {_times(facts.hour)} needed no change: it was smoothed (moved 20 % "
        "towards the neighbouring hours)."
    )


def _remainder(facts: BasalFacts) -> str | None:
    others = facts.days_up or facts.days_down or facts.days_missing or facts.started_from_previous
    if not facts.moved or others:
        return None
    return f"Rises and falls {_times(facts.hour)} nearly cancelled out; the remaining difference moved it."


def _basal_unmoved(facts: BasalFacts) -> str | None:
    if facts.moved or facts.at_cap is not None:
        return None
    if not facts.points_after:
        return "Its neighbouring hours did not move it either: no change."
    if facts.days_up or facts.days_down:
        return "Increases and decreases on different days cancelled out."
    return f"Glucose {_times(facts.hour)} changed as insulin and carbs explain: no change of the basal."


FOR_ISF: tuple[SentenceKind[IsfFacts], ...] = (
    SentenceKind("started from previous", _started_from_previous),
    SentenceKind(
        "insulin worked more",
        _said_of_days(lambda facts: facts.days_up, "one unit of insulin lowered glucose more than the setting says."),
    ),
    SentenceKind(
        "insulin worked less",
        _said_of_days(lambda facts: facts.days_down, "one unit of insulin lowered glucose less than the setting says."),
    ),
    SentenceKind(
        "glucose rose under insulin",
        _said_of_days(
            lambda facts: facts.days_rising_under_insulin,
            "glucose rose while insulin worked: upstream did not change the setting.",
        ),
    ),
    SentenceKind(
        "too few points",
        _said_of_days(
            lambda facts: facts.days_too_few_points,
            f"there were fewer than {LEAST_ISF_POINTS} data points: upstream did not change the setting.",
        ),
    ),
    SentenceKind(
        "rises borrowed",
        _said_of_days(
            lambda facts: facts.days_borrowed_rises,
            "it had few data points of its own; rises without entered carbs were used too.",
        ),
    ),
    SentenceKind(
        "meals borrowed",
        _said_of_days(
            lambda facts: facts.days_borrowed_meals,
            "it had few data points of its own; the hours after meals were used too.",
        ),
    ),
    SentenceKind("the pump counts too", _isf_shared),
    SentenceKind("at the cap", _at_cap),
    SentenceKind("wanted beyond the cap", _wanted_more),
    SentenceKind("a part each day", _a_part),
    SentenceKind("why it did not move", _isf_unmoved),
)
FOR_CARB_RATIO: tuple[SentenceKind[CarbRatioFacts], ...] = (
    SentenceKind("started from previous", _started_from_previous),
    SentenceKind("meals used", _meals),
    SentenceKind("meals ignored", _meals_ignored),
    SentenceKind(
        "meals took more",
        _said_of_days(lambda facts: facts.days_down, "meals needed more insulin than the ratio gives."),
    ),
    SentenceKind(
        "meals took less", _said_of_days(lambda facts: facts.days_up, "meals needed less insulin than the ratio gives.")
    ),
    SentenceKind(
        "no meals",
        _said_of_days(
            lambda facts: facts.days_without_meals,
            "there was no meal with usable data: upstream did not change the ratio.",
        ),
    ),
    SentenceKind("at the cap", _at_cap),
    SentenceKind("wanted beyond the cap", _wanted_more),
    SentenceKind("a part each day", _a_part),
    SentenceKind("why it did not move", _ratio_unmoved),
)
FOR_BASAL: tuple[SentenceKind[BasalFacts], ...] = (
    SentenceKind("started from previous", _started_from_previous),
    SentenceKind("glucose rose", _rose),
    SentenceKind("glucose fell", _fell),
    SentenceKind("unannounced rises counted", _unannounced),
    SentenceKind("no data", _no_data),
    SentenceKind(
        "held at the cap",
        _said_of_days(
            lambda facts: facts.days_held_at_cap,
            "it was at its cap and was smoothed towards the neighbouring hours.",
        ),
    ),
    SentenceKind("nothing asked", _as_explained),
    SentenceKind("rises and falls nearly cancelled", _remainder),
    SentenceKind("at the cap", _at_cap),
    SentenceKind("wanted beyond the cap", _wanted_more),
    SentenceKind("a part each day", _a_part),
    SentenceKind("why it did not move", _basal_unmoved),
)


def sentences(kinds: tuple[SentenceKind[Facts], ...], facts: Facts) -> tuple[str, ...]:
    """What the kinds say of the facts, in the order of the table."""
    return tuple(said for kind in kinds if (said := kind.says(facts)))
