"""A sealed verdict as it is said today: whoever reads an old one is told of the limits that were no rule then.

Every form shown takes the verdict's colour, headline and reasons from here; the document stays as it was sealed.
"""

from __future__ import annotations

from flows.judgement.headline import colour_today, headline_today
from flows.judgement.rules.glucose import beyond_limit
from flows.judgement.verdict import RULES
from flows.proposal.consensus_limits import RULE_OF, age_group, beyond_limits, shares_of
from flows.proposal.document import Proposal, Verdict, VerdictReason


def verdict_today(proposal: Proposal) -> Verdict:
    """The sealed verdict, where glucose is beyond a limit of the consensus with that among its reasons.

    What decides about numbers (`nothing_to_change`, `worth_changing`, `beyond_limits`) is as it was sealed.
    """
    sealed, beyond = proposal.verdict, beyond_limits(proposal)
    said = headline_today(sealed.headline, sealed.colour, sealed.nothing_certain, beyond, sealed.beyond_limits)
    reasons = (*sealed.reasons, *_not_sealed(proposal))
    return sealed.model_copy(
        update={"colour": colour_today(sealed.colour, beyond), "headline": said, "reasons": reasons}
    )


def _not_sealed(proposal: Proposal) -> list[VerdictReason]:
    """A reason for each side whose limits glucose is beyond, and that the verdict has none for."""
    shares, group = shares_of(proposal.glucose), age_group(proposal.options)
    sealed, rules = {reason.rule for reason in proposal.verdict.reasons}, {rule.name: rule for rule in RULES}
    return [
        rules[name].reason(found)
        for side, name in RULE_OF.items()
        if name not in sealed and (found := beyond_limit(side, shares, group)) is not None
    ]
