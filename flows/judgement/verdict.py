"""Whether a person should act on a recommendation: named rules, each with its threshold and its source.

Green: nothing speaks against it. Amber: read this first. Red: it cannot be applied. `RULES` is the whole list; the
report and docs/safety.md are made from it. Upstream's numbers are never changed here.
"""

from __future__ import annotations

from flows.judgement.case import AMBER, RED, Case, worth_changing
from flows.judgement.headline import headline, headline_of_step
from flows.judgement.rule import SafetyRule
from flows.judgement.rules import (
    certainty,
    data,
    glucose,
    insulin_and_glucose,
    last_step,
    numbers,
    person,
    records,
)
from flows.proposal.consensus_limits import exceeded, shares_of, sides
from flows.proposal.document import Colour, Verdict
from flows.proposal.step_document import StepKind

# In the order the reasons are shown: glucose as it is before any number.
RULES: tuple[SafetyRule, ...] = (
    *glucose.RULES,
    *last_step.RULES,
    *insulin_and_glucose.RULES,
    *numbers.RULES,
    *data.RULES,
    *records.RULES,
    *certainty.RULES,
    *person.RULES,
)


def against_steps(whole: Verdict) -> list[str]:
    """The rules about the data that forbid any step, by a verdict of all."""
    forbid = {rule.name for rule in RULES if rule.forbids_steps}
    return [reason.rule for reason in whole.reasons if reason.colour is RED and reason.rule in forbid]


def judge_case(case: Case) -> Verdict:
    """Apply every rule; the verdict has the worst colour found."""
    reasons = [rule.reason(found) for rule in RULES if (found := rule.find(case)) is not None]
    reasons.sort(key=lambda r: r.colour is not RED)
    worst = RED if any(r.colour is RED for r in reasons) else AMBER if reasons else Colour.GREEN
    worth = worth_changing(case)
    beyond = sides(exceeded(shares_of(case.glucose), case.age_group))
    return Verdict(
        colour=worst,
        nothing_to_change=not worth and not beyond and _keeps(case),
        beyond_limits=beyond,
        worth_changing=tuple(worth),
        headline=headline(worst, not worth, beyond)
        if case.step is None
        else headline_of_step(worst, case.step, beyond),
        reasons=tuple(reasons),
        rules_checked=tuple(r.name for r in RULES if case.profiles_known or r.name != "other_profile"),
    )


def _keeps(case: Case) -> bool:
    """Whether the settings are to stay, and not only for now."""
    return case.step is None or case.step.kind is StepKind.KEEP
