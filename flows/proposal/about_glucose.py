"""Safety rules about glucose as it is: what is beyond the consensus' limits is a finding before any number."""

from __future__ import annotations

from flows.proposal.case import AMBER, Case, Finding
from flows.proposal.consensus import HIGH, LOW, Shares, exceeded, shares_of
from flows.proposal.document import GlucoseLimit
from flows.settings import AgeGroup

ADVICE = {
    LOW: "Too much insulin at some time of the day is the first thing to look for.",
    HIGH: "Look for missed boluses, sites that failed and illness before a setting is blamed.",
}


def beyond_low_limit(case: Case) -> Finding | None:
    return beyond_limit(LOW, shares_of(case.glucose), case.age_group)


def beyond_high_limit(case: Case) -> Finding | None:
    return beyond_limit(HIGH, shares_of(case.glucose), case.age_group)


def beyond_limit(side: GlucoseLimit, shares: Shares, group: AgeGroup) -> Finding | None:
    """What is said of glucose beyond the limits on one side; `None` where it is within them."""
    found = [e for e in exceeded(shares, group) if e.limit.side is side]
    if not found:
        return None
    named = " and ".join(
        f"{e.limit.where} for {e.share_percent:g} % of the time ({e.limit.allowed} is asked for)" for e in found
    )
    of = "in pregnancy " if group is AgeGroup.PREGNANT else ""
    return AMBER, (
        f"On these days glucose was {named}: {of}beyond the International Consensus on Time in Range, whatever is "
        f"changed or kept. {ADVICE[side]} Discuss it with your diabetes team."
    )
