"""Safety rules about what is not known of the person: limits that hold for others may not hold for them."""

from __future__ import annotations

from flows.judgement.case import Case, RuleFinding, finding
from flows.judgement.rule import NEVER, OUR_CHOICE, SafetyRule
from flows.language.catalogue import to_translate


def age_group(case: Case) -> RuleFinding | None:
    return finding(
        not case.age_group_known,
        to_translate(
            "It is not known whether you are a child, a teenager, an adult or pregnant: an adult's limits were used. "
            "Say it once, in the set-up or the site's block, or with --age-group."
        ),
    )


def insulin(case: Case) -> RuleFinding | None:
    return finding(
        not case.insulin_known,
        to_translate(
            "Neither you nor the data name the insulin: rapid-acting was assumed, and another one acts faster. Say it "
            "once, in the set-up or the site's block, or with --insulin."
        ),
    )


RULES: tuple[SafetyRule, ...] = (
    SafetyRule(
        "age_group_unknown", to_translate("The age group is not known"), "nobody said it", NEVER, OUR_CHOICE, age_group
    ),
    SafetyRule(
        "insulin_unknown",
        to_translate("The insulin is not known"),
        "neither the person nor the data name it",
        NEVER,
        OUR_CHOICE,
        insulin,
    ),
)
