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
from flows.settings import of_past
from flows.values.parts import Part
from flows.values.schedule import Schedule
from flows.values.units import HOUR_MS, HOURS_PER_DAY, SECOND_MS
from flows.writeback.active_on_site import SiteProfiles
from flows.writeback.approval import Decision, Scope, SyncRequest
from flows.writeback.approval_checks import Approved
from flows.writeback.journal import Change, ChangeOutcome, Journal
from flows.writeback.kept_documents import intent_of
from flows.writeback.plan import FIELDS, NAME, Line, Plan
from flows.writeback.site_documents import ENTERED_BY

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
    named = bool(request.only or request.hours)
    forbid(
        (request.scope is not Scope.STEP or named, "without a person only the step is written, whole"),
        (request.activate and not policy.activate, "it does not allow to activate"),
        (request.overwrite, "a profile is overwritten by a person only"),
        (bool(policy.only) and not set(plan.parts) <= set(policy.only), "it does not allow all of these parts"),
        # One in the future too: a clock was set back.
        (
            any(hours < LEAST_HOURS_BETWEEN for hours in hours_since),
            "the last change without a person is less than a night ago",
        ),
    )
    night, week = policy.max_change_percent_per_night, policy.max_change_percent_per_week
    worth = set(proposal.verdict.worth_changing)
    beyond_low = GlucoseLimit.LOW in beyond_limits(proposal)
    for line in plan.changed:
        what = f"the {line.part} of {line.start}"
        is_worth = line.key in worth or (line.part is Part.BASAL and "daily_basal" in worth)
        forbid(
            # A step has none of it; whoever made another one is stopped here.
            (beyond_low and line.more_insulin, f"glucose is beyond a low limit, and {what} would give more insulin"),
            (not is_worth, f"{what} is not worth changing: too small or not repeatable enough"),
            (not line.current, f"{what} is zero now, and has no change in percent"),
        )
    for line in plan.lines:
        _check_change(line, line.change_percent, night, "night")
    was = {} if week_ago is None else {p: read_schedule(week_ago.get(field), field, []) for p, field in FIELDS.items()}
    for line in plan.lines:
        _check_change(line, _change_since(was[line.part], line) if was else line.change_percent, week, "week")


def _change_since(was: Schedule, line: Line) -> float:
    """The change in percent of what it was."""
    start = int(line.start[:2]) * 60 + int(line.start[3:])
    before = was.mean(start, start + 60) if line.part is Part.BASAL else was.at(start)
    return 100 * (line.new / before - 1) if before else float("inf")


def _check_change(line: Line, change_percent: float, most_percent: float, span: str) -> None:
    too_much = f"the {line.part} of {line.start} would change by more than {most_percent:g} % in a {span}"
    forbid((abs(change_percent) > most_percent + ROUNDING, too_much))


def _check_verdict(proposal: Proposal) -> None:
    """Green, or amber for nothing but a low limit, where the step has only what gives less insulin.

    Glucose itself is looked at: a verdict sealed before the limits were a rule is green beyond them.
    """
    verdict, beyond = proposal.verdict, beyond_limits(proposal)
    others = [r for r in verdict.reasons if r.rule not in RULE_OF.values()]
    for_limits_alone = verdict.colour is Colour.AMBER and bool(beyond) and bool(verdict.reasons) and not others
    forbid(
        (of_past(proposal.options), "it is of a backfill: days gone by, and no reason to change anything now"),
        (verdict.colour is not Colour.GREEN and not for_limits_alone, f"its verdict is {verdict.colour}, not green"),
        (verdict.nothing_certain, "nothing in it is repeatable enough to act on"),
        (unknown(proposal), "it is not known whether glucose is within the limits of the consensus"),
        (
            beyond == (GlucoseLimit.HIGH,),
            "glucose is beyond the high limit of the consensus, and what is to be done is for a person to say",
        ),
    )


def forbid(*checks: tuple[bool, str]) -> None:
    """Refuse for the first reason that holds; none has a number of the person's therapy.

    Raises:
        Refused: `POLICY_FORBIDS`.
    """
    for holds, detail in checks:
        if holds:
            raise Refused(Reason.POLICY_FORBIDS, detail=detail)


# --- what a policy is held against

WEEK_H = 7.0 * HOURS_PER_DAY


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
    changes = [c for c in journal.changes() if c.is_a("apply")]
    _check_journal_knows(changes, state)
    week_ago, hours = _history(changes, planned.source_name, now)
    check_policy(policy, approved.proposal, request, planned, week_ago, hours)


def _check_journal_knows(changes: list[Change], state: SiteProfiles) -> None:
    """With an emptied journal, or another one, the limits would count from nothing."""
    written = {str(c.facts.get("name")) for c in changes}
    unknown = [name for name in state.store if name.startswith(NAME) and name not in written]
    switched = any(s.get("enteredBy") == ENTERED_BY for s in state.switches)
    forgotten = bool(unknown) or (switched and not changes)
    forbid((forgotten, "the site has what looks written by this program, and this journal does not know of it"))


def _history(changes: list[Change], source_name: str, now: datetime) -> tuple[Record | None, list[float]]:
    """The tuned profile before our first change of the last week, and how many hours ago each without a person was."""
    week_ago: Record | None = None
    hours_since = []
    lineage: set[str] = set()
    for change in changes:
        hours = (now - datetime.fromisoformat(change.facts["at"])).total_seconds() / (HOUR_MS / SECOND_MS)
        if change.outcome is not ChangeOutcome.AFTER or hours > WEEK_H:
            continue
        if week_ago is None:
            before = intent_of(change).active_before
            other = not before["body"] or before["name"] != change.facts.get("source")
            forbid((other, "what was in use before the first change of the week is not the profile that was tuned"))
            week_ago = before["body"]
        lineage |= {str(change.facts.get("source")), str(change.facts.get("name"))}
        if change.facts.get("how") == Decision.POLICY.value:
            hours_since.append(hours)
    forbid((bool(lineage) and source_name not in lineage, "another profile was tuned in the last week"))
    return week_ago, hours_since
