"""One change of a site's profile, carried through its journal to an end: as planned, as before, or as others made it.

The same code ends a change that has just been sent and one that a lost process left behind: both begin by reading the
site, because neither an answer nor its absence says what the site stored. What is undone is written as a new document
with the old content; nothing on the site is ever deleted or overwritten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.nightscout.writer import WriteAttempt, WriteStatus
from flows.profiles.stored import document_sha256
from flows.profiles.switches import read_switches
from flows.proposal.several_values import NAMES
from flows.writeback.active_on_site import SiteProfiles, differences, profile_content, switch_key
from flows.writeback.journal import UNDO, Change, ChangeOutcome, Journal, Step
from flows.writeback.kept_documents import check_kept, check_undo, intent_of
from flows.writeback.observe import (
    end,
    find,
    keeps_active,
    named,
    newest_other_content,
    other_switch_then,
    read_again,
    state_without_change,
    switch_differences,
    switch_in,
)
from flows.writeback.session import Intent, SiteSession, comparable
from flows.writeback.undo import PROFILE, SWITCH, SWITCH_ATTEMPTS, finish_undo, theirs, undo
from flows.writeback.untrusted_settings import untrusted_parts

MOST_LOST = 10  # of changes whose document did not arrive: the last so many are looked for


def carry_out(site: SiteSession, journal: Journal, make: Callable[[SiteProfiles], Intent], **facts: Any) -> Change:
    """Back up, check again, write, read back, activate: one change from its beginning to its end.

    Args:
        site: with its lock held by the caller.
        journal: of this site.
        make: what to bring about, given what the site is; refuses where it must not be.
        facts: who, what and why, for the audit.

    Returns:
        The change, ended as planned.

    Raises:
        Refused: it ended otherwise (`WRITE_…`), has no end yet (`WRITE_UNKNOWN`, `CHANGE_UNSETTLED`,
            `JOURNAL_CUT_OFF`), or was refused before anything was written.
    """
    state = site.read()
    site.check_clock()
    change = journal.begin(**facts)
    try:
        change.keep("backup", state.document())
        change.note(Step.BACKED_UP, before_sha256=document_sha256(profile_content(state.newest)))
        again = site.read()
        if not again.says_what(state):
            raise Refused(Reason.SITE_PROFILE_CHANGED)
        intent = make(again)
        _check_planned(change, site, again, intent)
        change.keep("intent", intent.to_json())
        change.note(Step.CHECKED, after_sha256=document_sha256(profile_content(intent.document)))
    except Exception as error:
        change.end(ChangeOutcome.BEFORE, error.reason.code if isinstance(error, Refused) else type(error).__name__)
        raise
    change.note(Step.WRITTEN if intent.stands else Step.WRITING, **({"stands": True} if intent.stands else {}))
    try:
        bring_to_an_end(change, site, None if intent.stands else site.client.post_profile(intent.document))
    except Refused as refusal:
        if refusal.reason is Reason.BACKUP_UNUSABLE:
            raise Refused(Reason.JOURNAL_CUT_OFF) from None
        raise
    return change


def bring_to_an_end(
    change: Change,
    site: SiteSession,
    sent: WriteAttempt | None = None,
    *,
    may_activate: bool = True,
    rejected: bool = False,
) -> None:
    """End a change that was begun here or by a process that is gone.

    Args:
        change: one without an end.
        site: with its lock held by the caller.
        sent: what became of its document by the answer, where that was sent just now.
        may_activate: send a Profile Switch that was not sent; else the change is taken back.
        rejected: its proposal was rejected since: it is taken back however far it came.

    Raises:
        Refused: it did not end as planned: then the site is as before or as others made it, and the journal says so;
            or `WRITE_UNKNOWN`, `CHANGE_UNSETTLED`: it has no end yet.
    """
    if not (change.reached(Step.WRITING) or change.reached(Step.WRITTEN)):
        change.end(ChangeOutcome.BEFORE, "stopped before anything was written")
        return
    intent = intent_of(change)
    if change.reached(Step.UNDOING):
        finish_undo(change, site, None)
        return
    state, mine = find(site, PROFILE, intent.document, intent.known_ids, sent)
    if mine is None:
        if change.reached(Step.WRITTEN):
            theirs(change, site, intent, state, "the new document was removed")
        if sent is not None and sent.status is WriteStatus.REFUSED:
            end(change, ChangeOutcome.BEFORE, Refused(Reason.WRITE_REFUSED, what=PROFILE, status=sent.http_status))
        lost = Refused(Reason.WRITE_LOST, what=PROFILE, detail=sent.detail if sent and sent.detail else "no answer")
        end(change, ChangeOutcome.BEFORE, lost)
    if state.newest is not mine:
        theirs(change, site, intent, state, "a newer document than ours is there")
    different = differences(comparable(intent.document), comparable(mine))
    if different and (sent is None or change.reached(Step.WRITTEN)):
        theirs(change, site, intent, state, "the new document was edited")
    other = newest_other_content(state, intent, altered=bool(different))
    if differences(other, intent.before):
        edited = Refused(Reason.WRITE_OVERTAKEN, detail="the profile was edited while it was written")
        undo(change, site, intent, state, other, edited, ChangeOutcome.THEIRS, altered=bool(different))
    if different:
        refusal = Refused(Reason.WRITE_DIFFERS, where=named(different))
        undo(change, site, intent, state, intent.before, refusal, altered=True)
    if not change.reached(Step.WRITTEN):
        change.note(Step.WRITTEN, document_id=str(mine.get("_id")))
    if rejected:
        said_no = Refused(Reason.WRITE_UNDONE, detail="its proposal was rejected before it had an end")
        undo(change, site, intent, state, intent.before, said_no)
    not_active = intent.switch is None or switch_in(state, intent.switch) is None
    if not_active and (parts := untrusted_parts(change, intent)):
        what = " and ".join(NAMES[part] for part in parts)
        undo(change, site, intent, state, intent.before, Refused(Reason.PROPOSAL_SEVERAL, what=what))
    if intent.switch is not None and not may_activate and not_active:
        not_asked = Refused(Reason.WRITE_UNDONE, detail="it was left unfinished, and nobody asks to activate it now")
        undo(change, site, intent, state, intent.before, not_asked)
    if intent.switch is None:
        base = state_without_change(state, change)
        if not keeps_active(base, state, intent.document, site.now_ms(), new_content=_new_content(change)):
            ended = Refused(Reason.WRITE_OVERTAKEN, detail="a Profile Switch came that our document would have ended")
            undo(change, site, intent, state, other, ended, ChangeOutcome.THEIRS)
        change.end(ChangeOutcome.AFTER, "written and read back")
    else:
        _activate(change, site, intent, intent.switch, state)


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
    undoing = [c for c in changes if not c.ended and c.reached(Step.UNDOING) and c.kept_sha256(UNDO) is None]
    if undoing:  # of an earlier version
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
            bring_to_an_end(
                change,
                site,
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
    return [c for c in lost if not c.reached(Step.WRITTEN)][-MOST_LOST:]


def _sent_again(sent: Record, later: list[Change]) -> bool:
    """Whether a later change sent the very same document: then it is that change's, however often it is there."""
    reached = [c for c in later if c.reached(Step.WRITING)]
    return any(not differences(sent, comparable(intent_of(c).document)) for c in reached)


def _rejected_since(change: Change, changes: list[Change]) -> bool:
    later = changes[changes.index(change) + 1 :]
    sha256 = change.facts.get("proposal_sha256")
    if change.facts.get("kind") != "apply":
        return False
    return any(c.facts.get("kind") == "reject" and c.facts.get("proposal_sha256") == sha256 for c in later)


def _check_planned(change: Change, site: SiteSession, state: SiteProfiles, intent: Intent) -> None:
    """Refuse before anything is written what would make something else active than was planned.

    A document that a Profile Switch is to follow must end no other one either: the site may refuse the switch.

    Raises:
        Refused: `SWITCH_WOULD_END`, `SWITCH_AHEAD`.
    """
    now_ms = site.now_ms()
    if not intent.stands:
        planned = SiteProfiles((*state.documents, {**intent.document, "_id": "ours"}), state.switches)
        may_differ = intent.switch is not None or _new_content(change)
        if not keeps_active(state, planned, intent.document, now_ms, new_content=may_differ):
            raise Refused(Reason.SWITCH_WOULD_END)
    if intent.switch is not None:
        ours_ms = read_switches([intent.switch], "UTC")[0].at_ms
        if any(s.at_ms >= ours_ms for s in state.read_switches):
            raise Refused(Reason.SWITCH_AHEAD)


def _new_content(change: Change) -> bool:
    """Whether a document may make other numbers active by itself: only a rollback over somebody's edit, told to."""
    return change.facts.get("even_if_edited") is True


# --- activating


def _activate(change: Change, site: SiteSession, intent: Intent, switch: Record, state: SiteProfiles) -> None:
    if state.switches_not_in([*intent.known_switches, switch_key(switch)]) or other_switch_then(state, switch):
        overtaken = Refused(Reason.WRITE_OVERTAKEN, detail="a Profile Switch was made meanwhile")
        undo(change, site, intent, state, intent.before, overtaken, ChangeOutcome.THEIRS)
    found = switch_in(state, switch)
    if found is None and site.now_ms() > intent.activate_until_ms:
        late = Refused(Reason.WRITE_UNDONE, detail="it had been left unfinished, and the approval has grown old")
        undo(change, site, intent, state, intent.before, late)
    sent: WriteAttempt | None = None
    for _ in range(SWITCH_ATTEMPTS):
        if found is not None:
            break
        change.note(Step.ACTIVATING)
        sent = site.client.post_switch(switch)
        state = read_again(site, SWITCH)
        found = switch_in(state, switch)
        if sent.status is WriteStatus.REFUSED:
            break
    if not state.documents:
        theirs(change, site, intent, state, "every profile document was removed")
    if found is None:
        assert sent is not None
        if sent.status is WriteStatus.REFUSED:
            refusal = Refused(Reason.WRITE_REFUSED, what=SWITCH, status=sent.http_status)
            undo(change, site, intent, state, newest_other_content(state, intent), refusal, switch_refused=True)
        else:
            refusal = Refused(Reason.WRITE_LOST, what=SWITCH, detail=sent.detail or "it is not there")
        undo(change, site, intent, state, intent.before, refusal)
    different = switch_differences(switch, found)
    if different:
        undo(change, site, intent, state, intent.before, Refused(Reason.WRITE_DIFFERS, where=named(different)))
    newest_is_ours = not differences(comparable(intent.document), comparable(state.newest))
    if newest_is_ours and differences(other := newest_other_content(state, intent), intent.before):
        edited = Refused(Reason.WRITE_OVERTAKEN, detail="the profile was edited while it was activated")
        undo(change, site, intent, state, other, edited, ChangeOutcome.THEIRS)
    ours = read_switches([switch], "UTC")[0].at_ms
    deciding = state.deciding(max(site.now_ms(), ours))
    if not newest_is_ours or [s.at_ms for s in deciding] != [ours] or other_switch_then(state, switch):
        theirs(change, site, intent, state, "another profile became active meanwhile")
    change.end(ChangeOutcome.AFTER, "written, read back and active")
