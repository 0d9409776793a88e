"""What a policy is held against: what the journal and the site say of the changes before this one."""

from __future__ import annotations

from datetime import datetime

from flows.nightscout.documents import Record
from flows.writeback.active_on_site import SiteProfiles
from flows.writeback.approval import Decision, SyncRequest
from flows.writeback.approval_checks import Approved
from flows.writeback.journal import Change, ChangeOutcome, Journal
from flows.writeback.kept_documents import intent_of
from flows.writeback.plan import ENTERED_BY, NAME, Plan
from flows.writeback.policy import Policy, check_policy, forbidden

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
