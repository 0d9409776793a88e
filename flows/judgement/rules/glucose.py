"""Safety rules about glucose as it is: what is beyond the consensus' limits is a finding before any number."""

from __future__ import annotations

from flows.judgement.case import Case, RuleFinding, finding
from flows.judgement.rule import CONSENSUS, NEVER, SafetyRule
from flows.proposal.consensus_limits import (
    ABOVE_140_PERCENT,
    ABOVE_250_PERCENT,
    BELOW_54_PERCENT,
    BELOW_63_PERCENT,
    BELOW_70_PERCENT,
    HIGH,
    LOW,
    RULE_OF,
    Limit,
    SharesByLimit,
    exceeded,
    shares_of,
)
from flows.proposal.document import GlucoseLimit
from flows.settings import AgeGroup
from flows.values.sentence import CASE

ADVICE = {
    LOW: "First check whether there is too much insulin at some time of the day.",
    HIGH: "Check for missed boluses, failed infusion sites and illness before you change a setting.",
}


def beyond_low_limit(case: Case) -> RuleFinding | None:
    return beyond_limit(LOW, shares_of(case.glucose), case.age_group)


def beyond_high_limit(case: Case) -> RuleFinding | None:
    return beyond_limit(HIGH, shares_of(case.glucose), case.age_group)


def beyond_limit(side: GlucoseLimit, shares: SharesByLimit, group: AgeGroup) -> RuleFinding | None:
    """What is said of glucose beyond the limits on one side; `None` where it is within them."""
    found = [e for e in exceeded(shares, group) if e.limit.side is side]
    named = " and ".join(
        f"{e.limit.where} for {{{_fact(e.limit)}:g}} % of the time ({e.limit.allowed} is asked for)" for e in found
    )
    facts: dict[str, float | str] = {_fact(e.limit): e.share_percent for e in found}
    of, its_case = ("in pregnancy ", {CASE: "pregnancy"}) if group is AgeGroup.PREGNANT else ("", {})
    return finding(
        found,
        f"On these days glucose was {named}: {of}beyond the International Consensus on Time in Range, whatever is "
        f"changed or kept. {ADVICE[side]} Discuss it with your diabetes team.",
        **facts | its_case,
    )


def _fact(limit: Limit) -> str:
    return f"{limit.word}_{limit.mgdl}_percent"


RULES: tuple[SafetyRule, ...] = (
    SafetyRule(
        RULE_OF[LOW],
        "Glucose is too often too low",
        f"≥ {BELOW_70_PERCENT:g} % below 70 or ≥ {BELOW_54_PERCENT:g} % below 54 mg/dL; in pregnancy "
        f"≥ {BELOW_63_PERCENT:g} % below 63 or ≥ {BELOW_54_PERCENT:g} % below 54",
        NEVER,
        CONSENSUS,
        beyond_low_limit,
    ),
    SafetyRule(
        RULE_OF[HIGH],
        "Glucose is too often very high",
        f"> {ABOVE_250_PERCENT:g} % above 250 mg/dL; in pregnancy also > {ABOVE_140_PERCENT:g} % above 140",
        NEVER,
        CONSENSUS,
        beyond_high_limit,
    ),
)
