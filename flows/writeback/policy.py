"""When a proposal may be written without a person: never, unless a policy file says how far. Knows no site.

The file (`AUTOTUNE_APPLY_POLICY` names it) has no defaults for what it allows:

    {"allow": true, "max_change_percent_per_night": 5, "max_change_percent_per_week": 10, "activate": false}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.profiles.schedule_blocks import read_schedule
from flows.proposal.consensus_limits import RULE_OF, beyond_limits, unknown
from flows.proposal.document import Colour, GlucoseLimit, Proposal
from flows.values.parts import Part
from flows.writeback.approval import SyncRequest
from flows.writeback.plan import FIELDS, Plan

LEAST_HOURS_BETWEEN = 20.0
ROUNDING = 1e-6


class Policy(BaseModel):
    """How far a proposal may go without a person. Percent are of the number that changes, up or down."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    allow: Literal[True]
    max_change_percent_per_night: float = Field(gt=0, le=20)
    max_change_percent_per_week: float = Field(gt=0, le=40)
    activate: bool = False
    only: list[Literal["basal", "isf", "cr"]] = Field(default_factory=list)


def read_policy(path: str | None) -> Policy:
    """The policy in a file.

    Raises:
        Refused: `POLICY_OFF` without one or one that allows nothing, `POLICY_UNREADABLE`.
    """
    if not path:
        raise Refused(Reason.POLICY_OFF)
    try:
        document = json.loads(Path(path).read_text("utf-8"))
        if isinstance(document, dict) and document.get("allow") is False:
            raise Refused(Reason.POLICY_OFF)
        return Policy.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise Refused(Reason.POLICY_UNREADABLE, detail=f"{where}: {first['msg']}") from None
    except (OSError, ValueError) as error:
        raise Refused(Reason.POLICY_UNREADABLE, detail=type(error).__name__) from None


def check_policy(
    policy: Policy,
    proposal: Proposal,
    request: SyncRequest,
    plan: Plan,
    week_ago: Record | None,
    hours_since: Iterable[float],
) -> None:
    """Refuse what the policy does not allow.

    Args:
        policy: read from its file.
        proposal: what was computed.
        request: what is asked for.
        plan: what would be written.
        week_ago: the profile that was in use before the first of our changes of the last seven days, if any.
        hours_since: how long ago each earlier change without a person was.

    Raises:
        Refused: `POLICY_FORBIDS`; which rule, never a number of the person's therapy.
    """
    _check_verdict(proposal)
    if request.activate and not policy.activate:
        raise forbidden("it does not allow to activate")
    if request.overwrite:
        raise forbidden("a profile is overwritten by a person only")
    parts = {Part(p) for p in policy.only} or set(Part)
    if not set(request.parts) <= parts:
        raise forbidden("it does not allow all of these parts")
    if any(hours < LEAST_HOURS_BETWEEN for hours in hours_since):  # one in the future too: a clock was set back
        raise forbidden("the last change without a person is less than a night ago")
    night, week = policy.max_change_percent_per_night, policy.max_change_percent_per_week
    worth = set(proposal.verdict.worth_changing)
    beyond_low = GlucoseLimit.LOW in beyond_limits(proposal)
    for line in plan.changed:
        if beyond_low and line.more_insulin:  # the plan has none of it; whoever made another one is stopped here
            raise forbidden(
                f"glucose is beyond a low limit, and the {line.part} of {line.start} would give more insulin"
            )
        if line.key not in worth and not (line.part is Part.BASAL and "daily_basal" in worth):
            raise forbidden(f"the {line.part} of {line.start} is not worth changing: too small or not sure enough")
        if not line.current:
            raise forbidden(f"the {line.part} of {line.start} is zero now, and has no change in percent")
    for line in plan.lines:
        if abs(line.change_percent) > night + ROUNDING:
            raise forbidden(f"the {line.part} of {line.start} would change by more than {night:g} % in a night")
    if week_ago is None:
        week_ago_change = [(line, line.change_percent) for line in plan.lines]
    else:
        was = {part: read_schedule(week_ago.get(field), field, []) for part, field in FIELDS.items()}
        week_ago_change = []
        for line in plan.lines:
            start = int(line.start[:2]) * 60 + int(line.start[3:])
            before = was[line.part].mean(start, start + 60) if line.part is Part.BASAL else was[line.part].at(start)
            week_ago_change.append((line, 100 * (line.new / before - 1) if before else float("inf")))
    for line, change in week_ago_change:
        if abs(change) > week + ROUNDING:
            raise forbidden(f"the {line.part} of {line.start} would change by more than {week:g} % in a week")


def _check_verdict(proposal: Proposal) -> None:
    """Green, or amber for nothing but a low limit, where the plan has only what gives less insulin.

    Glucose itself is looked at: a verdict sealed before the limits were a rule is green beyond them.
    """
    verdict, beyond = proposal.verdict, beyond_limits(proposal)
    others = [r for r in verdict.reasons if r.rule not in RULE_OF.values()]
    for_limits_alone = verdict.colour is Colour.AMBER and bool(beyond) and bool(verdict.reasons) and not others
    if verdict.colour is not Colour.GREEN and not for_limits_alone:
        raise forbidden(f"its verdict is {verdict.colour}, not green")
    if verdict.nothing_sure:
        raise forbidden("nothing in it is sure enough to act on")
    if unknown(proposal):
        raise forbidden("it is not known whether glucose is within the limits of the consensus")
    if beyond == (GlucoseLimit.HIGH,):
        raise forbidden(
            "glucose is beyond the high limit of the consensus, and what is to be done is for a person to say"
        )


def forbidden(detail: str) -> Refused:
    """The refusal, for a reason that holds no number of the person's therapy."""
    return Refused(Reason.POLICY_FORBIDS, detail=detail)
