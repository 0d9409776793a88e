"""Safety rules about glucose as it is: what is beyond the consensus' limits is a finding before any number."""

from __future__ import annotations

from flows.proposal.case import AMBER, Case, Finding
from flows.proposal.consensus import HIGH, LOW, exceeded, shares_of
from flows.proposal.document import GlucoseLimit
from flows.settings import AgeGroup


def beyond_low_limit(case: Case) -> Finding | None:
    return _beyond(case, LOW, "Too much insulin at some time of the day is the first thing to look for.")


def beyond_high_limit(case: Case) -> Finding | None:
    return _beyond(case, HIGH, "Look for missed boluses, sites that failed and illness before a setting is blamed.")


def _beyond(case: Case, side: GlucoseLimit, advice: str) -> Finding | None:
    found = [e for e in exceeded(shares_of(case.glucose), case.age_group) if e.limit.side is side]
    if not found:
        return None
    named = " and ".join(
        f"{e.limit.where} for {e.share_percent:g} % of the time ({e.limit.allowed} is asked for)" for e in found
    )
    of = "in pregnancy " if case.age_group is AgeGroup.PREGNANT else ""
    return AMBER, (
        f"On these days glucose was {named}: {of}beyond the International Consensus on Time in Range, whatever is "
        f"changed or kept. {advice} Discuss it with your diabetes team."
    )
