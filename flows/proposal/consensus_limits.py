"""Which limits of the consensus glucose is beyond, as it is: whatever a recommendation would change, or not change.

Source: International Consensus on Time in Range, Diabetes Care 2019;42:1593: type 1 diabetes, and pregnancy with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.proposal.document import Glucose, GlucoseLimit, Proposal
from flows.settings import AgeGroup
from flows.values.units import MGDL_PER_MMOLL

BELOW_70_PERCENT, BELOW_54_PERCENT, ABOVE_250_PERCENT = 4.0, 1.0, 5.0
BELOW_63_PERCENT, ABOVE_140_PERCENT = 4.0, 25.0  # in pregnancy

LOW, HIGH = GlucoseLimit.LOW, GlucoseLimit.HIGH
RULE_OF = {LOW: "beyond_low_limit", HIGH: "beyond_high_limit"}
# The share of readings, in percent, below (LOW) or above (HIGH) each glucose in mg/dL; `None` where it is not known.
SharesByLimit = Mapping[int, float | None]


@dataclass(frozen=True)
class Limit:
    """How much of the time glucose may be below or above `mgdl`: less than `percent` below, no more than it above."""

    side: GlucoseLimit
    mgdl: int
    percent: float

    def exceeded(self, share_percent: float) -> bool:
        """Whether so much of the time is too much."""
        return share_percent >= self.percent if self.side is LOW else share_percent > self.percent

    @property
    def word(self) -> str:
        """`below` or `above`."""
        return "below" if self.side is LOW else "above"

    @property
    def where(self) -> str:
        """`below 70 mg/dL (3.9 mmol/L)`."""
        return f"{self.word} {self.mgdl} mg/dL ({self.mgdl / MGDL_PER_MMOLL:.1f} mmol/L)"

    @property
    def allowed(self) -> str:
        """`less than 4 %`."""
        return f"{'less than' if self.side is LOW else 'at most'} {self.percent:g} %"


USUAL = (Limit(LOW, 70, BELOW_70_PERCENT), Limit(LOW, 54, BELOW_54_PERCENT), Limit(HIGH, 250, ABOVE_250_PERCENT))
# Its own range is 63–140 mg/dL. Of above 250 the consensus says nothing for it: what is too much for others is so here.
PREGNANCY = (
    Limit(LOW, 63, BELOW_63_PERCENT),
    Limit(LOW, 54, BELOW_54_PERCENT),
    Limit(HIGH, 140, ABOVE_140_PERCENT),
    Limit(HIGH, 250, ABOVE_250_PERCENT),
)


@dataclass(frozen=True)
class Exceeded:
    """A limit, and the share of readings beyond it."""

    limit: Limit
    share_percent: float


def limits_for(group: AgeGroup) -> tuple[Limit, ...]:
    """Pregnancy's own, or those of everybody else."""
    return PREGNANCY if group is AgeGroup.PREGNANT else USUAL


def shares_of(glucose: Glucose | None) -> SharesByLimit:
    """The shares that the limits are about."""
    if glucose is None:
        return {}
    return {
        54: glucose.below_54_percent,
        63: glucose.below_63_percent,
        70: below_70_percent(glucose),
        140: glucose.above_140_percent,
        250: glucose.above_250_percent,
    }


def below_70_percent(glucose: Glucose) -> float:
    """The share of readings below 70 mg/dL."""
    return round(glucose.below_54_percent + glucose.from_54_to_69_percent, 2)


def exceeded(shares: SharesByLimit, group: AgeGroup) -> tuple[Exceeded, ...]:
    """The limits that are exceeded. One whose share is not known counts as kept: see `unknown`."""
    known = ((limit, shares.get(limit.mgdl)) for limit in limits_for(group))
    return tuple(Exceeded(limit, share) for limit, share in known if share is not None and limit.exceeded(share))


def unknown(proposal: Proposal) -> bool:
    """Whether some limit cannot be checked: there are no readings, or the proposal is older than pregnancy's limits."""
    shares = shares_of(proposal.glucose)
    return any(shares.get(limit.mgdl) is None for limit in limits_for(age_group(proposal.options)))


def sides(found: tuple[Exceeded, ...]) -> tuple[GlucoseLimit, ...]:
    """Low, high or both."""
    return tuple(side for side in GlucoseLimit if any(e.limit.side is side for e in found))


def beyond_limits(proposal: Proposal) -> tuple[GlucoseLimit, ...]:
    """Which limits the proposal's glucose is beyond, whether or not that was a rule when it was sealed."""
    found = sides(exceeded(shares_of(proposal.glucose), age_group(proposal.options)))
    return tuple(side for side in GlucoseLimit if side in found or side in proposal.verdict.beyond_limits)


def age_group(options: Mapping[str, Any]) -> AgeGroup:
    """Of a run's options; an adult where they do not say."""
    try:
        return AgeGroup(str(options.get("age_group")))
    except ValueError:
        return AgeGroup.ADULT
