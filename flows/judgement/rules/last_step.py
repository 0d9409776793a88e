"""Safety rules about the last step: whether glucose got worse after it."""

from __future__ import annotations

from flows.judgement.case import Case, RuleFinding, finding
from flows.judgement.rule import NEVER, SafetyRule
from flows.language.catalogue import to_translate
from flows.proposal.step_document import FollowUp, FollowUpVerdict
from flows.proposal.step_limits import OF, STUDY
from flows.values.sentence import Listed

WORSE = {
    "below_70": to_translate("more time below 70 mg/dL (3.9 mmol/L)"),
    "below_54": to_translate("more time below 54 mg/dL (3.0 mmol/L)"),
    "in_range": to_translate("less time in range"),
}


def last_step(case: Case) -> RuleFinding | None:
    follow_up = case.step.follow_up if case.step is not None else None
    if follow_up is None or follow_up.verdict is not FollowUpVerdict.TAKE_BACK:
        return None
    return worse(follow_up)


def worse(follow_up: FollowUp) -> RuleFinding | None:
    """What got worse after a step, with the noise named."""
    return finding(
        True,
        to_translate(
            "Since the step of {taken_on} there is {worse}. It is proposed to take it back to be safe: a week's time "
            "in range differs by about {by_chance_points:g} points by chance, so the step need not be the cause."
        ),
        worse=Listed([WORSE[reason] for reason in follow_up.reasons], to_translate(" and ")),
        case=", ".join(follow_up.reasons),
        taken_on=follow_up.taken_on,
        by_chance_points=OF["noise"],
    )


RULES: tuple[SafetyRule, ...] = (
    SafetyRule(
        "last_step",
        to_translate("Glucose got worse after the last step"),
        f"below 70 mg/dL up by more than {OF['low_up']:g} points to more than {OF['low_now']:g} %, below 54 up by more "
        f"than {OF['very_low_up']:g} to more than {OF['very_low_now']:g} %, or time in range down by "
        f"{OF['in_range_down']:g}",
        NEVER,
        STUDY,
        last_step,
    ),
)
