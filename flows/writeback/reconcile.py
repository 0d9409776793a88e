"""Settle what earlier processes left: changes without an end, and documents that arrived after they were given up."""

from __future__ import annotations

from collections.abc import Callable

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.writeback.active_on_site import differences
from flows.writeback.journal import Change, ChangeOutcome, Journal, Step
from flows.writeback.kept_documents import check_kept, check_undo, intent_of, undone_without_hash
from flows.writeback.session import SiteSession, comparable
from flows.writeback.transaction import Attempt

MAX_LOST = 10  # of changes whose document did not arrive: the last so many are looked for


def reconcile(journal: Journal, site: SiteSession, may_activate: Callable[[Change], bool]) -> list[Change]:
    """Settle every change without an end, and those whose lost document arrived after all; with the lock held.

    Args:
        journal: of the site.
        site: as it is.
        may_activate: whether the person who started this asks for that change's activation too. One whose document
            arrived late, of which was said that it had not arrived, is never activated; one that was rejected since is
            taken back.

    Raises:
        Refused: `WRITE_UNKNOWN`, `CHANGE_UNSETTLED`: one cannot be settled now; `JOURNAL_ALTERED`, before anything.
    """
    settled = []
    changes = journal.changes()
    lost = _lost(changes)
    for change in (*lost, *(c for c in changes if not c.ended)):
        check_kept(change)
    if undoing := undone_without_hash(changes):
        state = site.read()
        for change in undoing:
            check_undo(change, state)
    if lost:
        documents = site.client.profiles()
        for change in lost:
            sent = comparable(intent_of(change).document)
            arrived = any(not differences(sent, comparable(d)) for d in documents)
            if arrived and not _sent_again(sent, changes[changes.index(change) + 1 :]):
                change.note(Step.WRITTEN, late=True)
    for change in changes:
        if change.ended:
            continue
        try:
            Attempt(change, site).bring_to_an_end(
                may_activate=may_activate(change) and not any(r.get("late") for r in change.records),
                rejected=_rejected_since(change, changes),
            )
        except Refused:
            if not change.ended:
                raise
        settled.append(change)
    return settled


def anything_to_settle(journal: Journal) -> bool:
    """Whether the site has to be asked: a change has no end, or a document that did not arrive may have by now.

    Raises:
        Refused: `JOURNAL_ALTERED`, `BACKUP_UNUSABLE`.
    """
    changes = journal.changes()
    return bool(_lost(changes)) or any(not c.ended for c in changes)


def _lost(changes: list[Change]) -> list[Change]:
    lost = [
        c for c in changes if c.outcome is ChangeOutcome.BEFORE and c.records[-1].get("why") == Reason.WRITE_LOST.code
    ]
    return [c for c in lost if not c.reached(Step.WRITTEN)][-MAX_LOST:]


def _sent_again(sent: Record, later: list[Change]) -> bool:
    """Whether a later change sent the very same document: then it is that change's, however often it is there."""
    return any(not differences(sent, comparable(intent_of(c).document)) for c in later if c.reached(Step.WRITING))


def _rejected_since(change: Change, changes: list[Change]) -> bool:
    later = changes[changes.index(change) + 1 :]
    sha256 = change.facts.get("proposal_sha256")
    return change.is_a("apply") and any(c.is_a("reject", proposal_sha256=sha256) for c in later)
