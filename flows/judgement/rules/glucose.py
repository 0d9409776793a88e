"""Safety rules about glucose as it is: what is beyond the consensus' limits is a finding before any number."""

from __future__ import annotations

from flows.judgement.case import Case, RuleFinding, finding
from flows.judgement.rule import CONSENSUS, NEVER, SafetyRule
from flows.language.catalogue import to_translate
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
from flows.values.sentence import CASE, Listed

WORDS = {
    LOW: to_translate(
        "On these days glucose was {found}: beyond the International Consensus on Time in Range, whatever is changed "
        "or kept. First check whether there is too much insulin at some time of the day. Discuss it with your diabetes "
        "team."
    ),
    HIGH: to_translate(
        "On these days glucose was {found}: beyond the International Consensus on Time in Range, whatever is changed "
        "or kept. Check for missed boluses, failed infusion sites and illness before you change a setting. Discuss it "
        "with your diabetes team."
    ),
}
IN_PREGNANCY = {
    LOW: to_translate(
        "On these days glucose was {found}: in pregnancy beyond the International Consensus on Time in Range, whatever "
        "is changed or kept. First check whether there is too much insulin at some time of the day. Discuss it with "
        "your diabetes team."
    ),
    HIGH: to_translate(
        "On these days glucose was {found}: in pregnancy beyond the International Consensus on Time in Range, whatever "
        "is changed or kept. Check for missed boluses, failed infusion sites and illness before you change a setting. "
        "Discuss it with your diabetes team."
    ),
}
FOUND = {
    70: to_translate(
        "below 70 mg/dL (3.9 mmol/L) for {below_70_percent:g} % of the time (less than {asked_70_percent:g} % is asked "
        "for)"
    ),
    63: to_translate(
        "below 63 mg/dL (3.5 mmol/L) for {below_63_percent:g} % of the time (less than {asked_63_percent:g} % is asked "
        "for)"
    ),
    54: to_translate(
        "below 54 mg/dL (3.0 mmol/L) for {below_54_percent:g} % of the time (less than {asked_54_percent:g} % is asked "
        "for)"
    ),
    140: to_translate(
        "above 140 mg/dL (7.8 mmol/L) for {above_140_percent:g} % of the time (at most {asked_140_percent:g} % is "
        "asked for)"
    ),
    250: to_translate(
        "above 250 mg/dL (13.9 mmol/L) for {above_250_percent:g} % of the time (at most {asked_250_percent:g} % is "
        "asked for)"
    ),
}


def beyond_low_limit(case: Case) -> RuleFinding | None:
    return beyond_limit(LOW, shares_of(case.glucose), case.age_group)


def beyond_high_limit(case: Case) -> RuleFinding | None:
    return beyond_limit(HIGH, shares_of(case.glucose), case.age_group)


def beyond_limit(side: GlucoseLimit, shares: SharesByLimit, group: AgeGroup) -> RuleFinding | None:
    """What is said of glucose beyond the limits on one side; `None` where it is within them."""
    found = [e for e in exceeded(shares, group) if e.limit.side is side]
    facts: dict[str, float | str] = {_fact(e.limit): e.share_percent for e in found}
    asked: dict[str, float | str] = {f"asked_{e.limit.mgdl}_percent": e.limit.percent for e in found}
    pregnant = group is AgeGroup.PREGNANT
    return finding(
        found,
        (IN_PREGNANCY if pregnant else WORDS)[side],
        found=Listed([FOUND[e.limit.mgdl] for e in found], to_translate(" and ")),
        **facts | asked | ({CASE: "pregnancy"} if pregnant else {}),
    )


def _fact(limit: Limit) -> str:
    return f"{limit.word}_{limit.mgdl}_percent"


RULES: tuple[SafetyRule, ...] = (
    SafetyRule(
        RULE_OF[LOW],
        to_translate("Glucose is too often too low"),
        f"≥ {BELOW_70_PERCENT:g} % below 70 or ≥ {BELOW_54_PERCENT:g} % below 54 mg/dL; in pregnancy "
        f"≥ {BELOW_63_PERCENT:g} % below 63 or ≥ {BELOW_54_PERCENT:g} % below 54",
        NEVER,
        CONSENSUS,
        beyond_low_limit,
    ),
    SafetyRule(
        RULE_OF[HIGH],
        to_translate("Glucose is too often very high"),
        f"> {ABOVE_250_PERCENT:g} % above 250 mg/dL; in pregnancy also > {ABOVE_140_PERCENT:g} % above 140",
        NEVER,
        CONSENSUS,
        beyond_high_limit,
    ),
)
