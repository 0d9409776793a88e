"""When a proposal may be written without a person: never, unless a policy file says how far and nothing is against it.

The file (`AUTOTUNE_APPLY_POLICY` names it) has no defaults for what it allows:

    {"allow": true, "max_change_percent_per_night": 5, "max_change_percent_per_week": 10, "activate": false}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.profiles.schedule_blocks import read_schedule
from flows.proposal.consensus_limits import RULE_OF, beyond_limits, unknown
from flows.proposal.document import Colour, GlucoseLimit, Proposal
from flows.values.parts import Part
from flows.writeback.active_on_site import SiteProfiles
from flows.writeback.approval import Decision, SyncRequest
from flows.writeback.approval_checks import Approved
from flows.writeback.journal import Change, ChangeOutcome, Journal
from flows.writeback.kept_documents import intent_of
from flows.writeback.plan import ENTERED_BY, FIELDS, NAME, Plan

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
        raise forbidden("nothing in it is certain enough to act on")
    if unknown(proposal):
        raise forbidden("it is not known whether glucose is within the limits of the consensus")
    if beyond == (GlucoseLimit.HIGH,):
        raise forbidden(
            "glucose is beyond the high limit of the consensus, and what is to be done is for a person to say"
        )


def forbidden(detail: str) -> Refused:
    """The refusal, for a reason that holds no number of the person's therapy."""
    return Refused(Reason.POLICY_FORBIDS, detail=detail)


# --- what a policy is held against

WEEK_H = 168.0


def check_without_a_person(
    policy: Policy,
    approved: Approved,
    request: SyncRequest,
    planned: Plan,
    journal: Journal,
    state: SiteProfiles,
    now: datetime,
) -> None:
    """Refuse what the policy does not allow, or where it cannot be known what its limits count from.

    Raises:
        Refused: `POLICY_FORBIDS`.
    """
    changes = [c for c in journal.changes() if c.facts.get("kind") == "apply"]
    _check_journal_knows(changes, state)
    week_ago, hours = _history(changes, planned.source_name, now)
    check_policy(policy, approved.proposal, request, planned, week_ago, hours)


def _check_journal_knows(changes: list[Change], state: SiteProfiles) -> None:
    """With an emptied journal, or another one, the limits would count from nothing."""
    written = {str(c.facts.get("name")) for c in changes}
    unknown = [name for name in state.store if name.startswith(NAME) and name not in written]
    switched = any(s.get("enteredBy") == ENTERED_BY for s in state.switches)
    if unknown or (switched and not changes):
        raise forbidden("the site has what looks written by this program, and this journal does not know of it")


def _history(changes: list[Change], source_name: str, now: datetime) -> tuple[Record | None, list[float]]:
    """The tuned profile before our first change of the last week, and how many hours ago each without a person was."""
    week_ago: Record | None = None
    hours_since = []
    lineage: set[str] = set()
    for change in changes:
        hours = (now - datetime.fromisoformat(change.facts["at"])).total_seconds() / 3600
        if change.outcome is not ChangeOutcome.AFTER or hours > WEEK_H:
            continue
        if week_ago is None:
            before = intent_of(change).active_before
            if not before["body"] or before["name"] != change.facts.get("source"):
                raise forbidden("what was in use before the first change of the week is not the profile that was tuned")
            week_ago = before["body"]
        lineage |= {str(change.facts.get("source")), str(change.facts.get("name"))}
        if change.facts.get("how") == Decision.POLICY.value:
            hours_since.append(hours)
    if lineage and source_name not in lineage:
        raise forbidden("another profile was tuned in the last week")
    return week_ago, hours_since
