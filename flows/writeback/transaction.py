"""One change of a site's profile, carried through its journal to an end: as planned, as before, or as others made it.

The same code ends a change that has just been sent and one that a lost process left behind: both begin by reading the
site, because neither an answer nor its absence says what the site stored. What is undone is written as a new document
with the old content; nothing on the site is ever deleted or overwritten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.nightscout.documents import Record
from flows.nightscout.writer import WriteAttempt, WriteStatus
from flows.oref0.several_values import NAMES
from flows.profiles.stored import document_sha256
from flows.proposal.step_document import Baseline
from flows.values.units import SECOND_MS
from flows.writeback.active_on_site import (
    SiteProfiles,
    differences,
    profile_content,
    switch_key,
    switch_ms,
)
from flows.writeback.baseline import known_baseline
from flows.writeback.journal import BACKUP, BASELINE, INTENT, UNDO, Change, ChangeOutcome, Journal, Step
from flows.writeback.kept_documents import undo_of, untrusted_parts
from flows.writeback.markers import with_marker
from flows.writeback.observe import (
    ObservedChange,
    keeps_active,
    named,
    other_switch_then,
    switch_differences,
    switch_in,
)
from flows.writeback.session import Intent, SiteSession, comparable, document_id, reissue_switch, switch_back
from flows.writeback.site_documents import with_start_date

PROFILE, SWITCH = "profile document", "Profile Switch"
SWITCH_ATTEMPTS = 3  # sent again, a Profile Switch replaces itself


def carry_out(
    site: SiteSession,
    journal: Journal,
    make: Callable[[SiteProfiles], Intent],
    *,
    last_look: Callable[[], None] = lambda: None,
    baseline: Callable[[Baseline | None], Baseline | None] = lambda known: known,
    **facts: Any,
) -> Change:
    """Back up, check again, write, read back, activate: one change from its beginning to its end.

    Args:
        site: with its lock held by the caller.
        journal: of this site.
        make: what to bring about, given what the site is; refuses where it must not be.
        last_look: refuses where nothing may be begun any more, right before the first write.
        baseline: that counts with this change, given the one that is known before it; it is carried on by itself.
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
        change.keep(BACKUP, state.document())
        change.note(Step.BACKED_UP, before_sha256=document_sha256(profile_content(state.newest)))
        again = site.read()
        if not again.same_records_as(state):
            raise Refused(Reason.SITE_PROFILE_CHANGED)
        intent = make(again)
        counts = baseline(known_baseline(again.documents, journal.changes()))
        if not intent.stands:
            intent = replace(intent, document=with_marker(intent.document, change, intent.before, counts))
        _check_planned(change, site, again, intent)
        change.keep(INTENT, intent.to_json())
        if counts is not None:
            change.keep(BASELINE, counts.model_dump(mode="json"))
        change.note(Step.CHECKED, after_sha256=document_sha256(profile_content(intent.document)))
        last_look()
    except Exception as error:
        change.end(ChangeOutcome.BEFORE, error.reason.code if isinstance(error, Refused) else type(error).__name__)
        raise
    change.note(Step.WRITTEN if intent.stands else Step.WRITING, **({"stands": True} if intent.stands else {}))
    try:
        Attempt(change, site).bring_to_an_end(None if intent.stands else site.client.post_profile(intent.document))
    except Refused as refusal:
        if refusal.reason is Reason.BACKUP_UNUSABLE:
            raise Refused(Reason.JOURNAL_CUT_OFF) from None
        raise
    return change


def _check_planned(change: Change, site: SiteSession, state: SiteProfiles, intent: Intent) -> None:
    """Refuse before anything is written what would make something else active than was planned.

    A document that a Profile Switch is to follow must end no other one either: the site may refuse the switch.

    Raises:
        Refused: `SWITCH_WOULD_END`, `SWITCH_AHEAD`.
    """
    now_ms = site.now_ms()
    if not intent.stands:
        planned = SiteProfiles((*state.documents, {**intent.document, "_id": "ours"}), state.switches)
        may_differ = intent.switch is not None or _may_change_content(change)
        if not keeps_active(state, planned, intent.document, now_ms, new_content=may_differ):
            raise Refused(Reason.SWITCH_WOULD_END)
    if intent.switch is not None:
        ours_ms = switch_ms(intent.switch)
        if any(s.at_ms >= ours_ms for s in state.read_switches):
            raise Refused(Reason.SWITCH_AHEAD)


def _may_change_content(change: Change) -> bool:
    """Whether a document may make other numbers active by itself: only a rollback over somebody's edit, told to."""
    return change.facts.get("even_if_edited") is True


class Attempt(ObservedChange):
    """One try to bring a change to an end, here or after a process that is gone."""

    def bring_to_an_end(
        self, sent: WriteAttempt | None = None, *, may_activate: bool = True, rejected: bool = False
    ) -> None:
        """End a change that was begun here or by a process that is gone.

        Args:
            sent: what became of its document by the answer, where that was sent just now.
            may_activate: send a Profile Switch that was not sent; else the change is taken back.
            rejected: its proposal was rejected since: it is taken back however far it came.

        Raises:
            Refused: it did not end as planned: then the site is as before or as others made it, and the journal says
                so; or `WRITE_UNKNOWN`, `CHANGE_UNSETTLED`: it has no end yet.
        """
        if not (self.change.reached(Step.WRITING) or self.change.reached(Step.WRITTEN)):
            self.change.end(ChangeOutcome.BEFORE, "stopped before anything was written")
            return
        intent = self.intent  # read and compared with its hash before anything is sent, also for what is taken back
        if self.change.reached(Step.UNDOING):
            self.finish_undo(None)
            return
        state, mine = self.find(PROFILE, intent.document, intent.known_ids, sent)
        if mine is None:
            if self.change.reached(Step.WRITTEN):
                self.end_overtaken(state, "the new document was removed")
            if sent is not None and sent.status is WriteStatus.REFUSED:
                self.end(ChangeOutcome.BEFORE, Refused(Reason.WRITE_REFUSED, what=PROFILE, status=sent.http_status))
            detail = sent.detail if sent and sent.detail else "no answer"
            self.end(ChangeOutcome.BEFORE, Refused(Reason.WRITE_LOST, what=PROFILE, detail=detail))
        if state.newest is not mine:
            self.end_overtaken(state, "a newer document than ours is there")
        different = differences(comparable(intent.document), comparable(mine))
        if different and (sent is None or self.change.reached(Step.WRITTEN)):
            self.end_overtaken(state, "the new document was edited")
        other = self.newest_other_content(state, altered=bool(different))
        if differences(other, intent.before):
            self.undo_for_theirs(state, "the profile was edited while it was written", other, altered=bool(different))
        if different:
            self.undo(state, Refused(Reason.WRITE_DIFFERS, where=named(different)), altered=True)
        if not self.change.reached(Step.WRITTEN):
            self.change.note(Step.WRITTEN, document_id=str(mine.get("_id")))
        if rejected:
            self.undo(state, Refused(Reason.WRITE_UNDONE, detail="its proposal was rejected before it had an end"))
        if intent.switch is None or switch_in(state, intent.switch) is None:  # else the site has it already
            if parts := untrusted_parts(self.change, intent):
                several = " and ".join(NAMES[part] for part in parts)
                self.undo(state, Refused(Reason.PROPOSAL_SEVERAL, what=several))
            if intent.switch is not None and not may_activate:
                detail = to_translate("it was left unfinished, and nobody asks to activate it now")
                self.undo(state, Refused(Reason.WRITE_UNDONE, detail=detail))
        if intent.switch is not None:
            self._activate(intent.switch, state)
        else:
            base = self.state_without_change(state)
            may_differ = _may_change_content(self.change)
            if not keeps_active(base, state, intent.document, self.site.now_ms(), new_content=may_differ):
                self.undo_for_theirs(state, "a Profile Switch came that our document would have ended", other)
            self.change.end(ChangeOutcome.AFTER, "written and read back")

    def _activate(self, switch: Record, state: SiteProfiles) -> None:
        if state.switches_not_in([*self.intent.known_switches, switch_key(switch)]) or other_switch_then(state, switch):
            self.undo_for_theirs(state, "a Profile Switch was made meanwhile")
        if switch_in(state, switch) is None and self.site.now_ms() > self.intent.activate_until_ms:
            detail = to_translate("it had been left unfinished, and the approval has grown old")
            self.undo(state, Refused(Reason.WRITE_UNDONE, detail=detail))
        state, sent = self._send_switch(switch, state, Step.ACTIVATING)
        if not state.documents:
            self.end_overtaken(state, "every profile document was removed")
        found = switch_in(state, switch)
        if found is None:
            assert sent is not None
            if sent.status is WriteStatus.REFUSED:
                refusal = Refused(Reason.WRITE_REFUSED, what=SWITCH, status=sent.http_status)
                self.undo(state, refusal, self.newest_other_content(state), switch_refused=True)
            self.undo(state, Refused(Reason.WRITE_LOST, what=SWITCH, detail=sent.detail or "it is not there"))
        different = switch_differences(switch, found)
        if different:
            self.undo(state, Refused(Reason.WRITE_DIFFERS, where=named(different)))
        newest_is_ours = not differences(comparable(self.intent.document), comparable(state.newest))
        if newest_is_ours and differences(other := self.newest_other_content(state), self.intent.before):
            self.undo_for_theirs(state, "the profile was edited while it was activated", other)
        ours_ms = switch_ms(switch)
        deciding = state.deciding(max(self.site.now_ms(), ours_ms))
        if not newest_is_ours or [s.at_ms for s in deciding] != [ours_ms] or other_switch_then(state, switch):
            self.end_overtaken(state, "another profile became active meanwhile")
        self.change.end(ChangeOutcome.AFTER, "written, read back and active")

    def _send_switch(
        self, switch: Record, state: SiteProfiles, announced: Step | None = None
    ) -> tuple[SiteProfiles, WriteAttempt | None]:
        """Send a Profile Switch until the site has it or refuses it; what the site is then, and the last attempt."""
        sent: WriteAttempt | None = None
        for _ in range(SWITCH_ATTEMPTS):
            if switch_in(state, switch) is not None or (sent and sent.status is WriteStatus.REFUSED):
                break
            if announced is not None:
                self.change.note(announced)
            sent = self.site.client.post_switch(switch)
            state = self.read_documents(SWITCH)
        return state, sent

    def undo_for_theirs(
        self, state: SiteProfiles, detail: str, target: Record | None = None, *, altered: bool = False
    ) -> NoReturn:
        """`undo`, since somebody else changed something meanwhile."""
        overtaken = Refused(Reason.WRITE_OVERTAKEN, detail=detail)
        self.undo(state, overtaken, target, ChangeOutcome.THEIRS, altered=altered)

    def undo(
        self,
        state: SiteProfiles,
        refusal: Refused,
        target: Record | None = None,
        outcome: ChangeOutcome = ChangeOutcome.BEFORE,
        *,
        switch_refused: bool = False,
        altered: bool = False,
    ) -> NoReturn:
        """Write `target` back as a new document, so that every Profile Switch that counted counts again.

        `target`: what was there before, where nothing else is named. `altered`: our document is there as the site
        changed it on the way, by the process that has just sent it.

        Raises:
            Refused: `refusal`; `CHANGE_UNSETTLED`, `WRITE_UNKNOWN`, `WRITE_NOT_RESTORED`: it is not as before yet.
        """
        if not any(state.newest is d for d in self.ours(state, altered=altered)):
            self.end_overtaken(state, "a newer document than ours is there")
        own = self.own_switch(state, refused=switch_refused)
        base = self.state_without_change(state, own, altered=altered)
        content = self.intent.before if target is None else target
        reissued: Record | None = None
        try:
            start = None if own else self.site.start_for(base, state.newest, room_ms=0)
        except Refused as kept:
            if kept.reason is not Reason.SWITCH_WOULD_END:
                raise
            start = None
        if start is None:
            start = self.site.start_after(state.newest, switch_ms(own) if own else 0.0)
            at_ms = self.site.free_instant(state, with_start_date(content, state.newest, start))
            raw = base.raw_switch(base.counting_switch(self.site.now_ms())) or self.intent.active_before["switch"]
            if raw is not None:
                reissued = reissue_switch(raw, at_ms)
            elif own is not None and (active := self.active_without(base, outcome))["body"]:
                # For AAPS, which may have taken our switch and knows nothing of Nightscout's documents.
                reissued = switch_back(active, at_ms, "taken back")
        undone: Record = {
            "document": with_start_date(content, state.newest, start),
            "switch": reissued,
            "own": own,
            "known_ids": [document_id(d) for d in state.documents],
            "outcome": outcome.value,
        }
        self._begin_undo(undone, refusal, altered=altered)

    def _begin_undo(self, undone: Record, refusal: Refused, *, altered: bool = False) -> NoReturn:
        self.change.keep(UNDO, {**undone, "why": refusal.reason.code})
        self.change.note(Step.UNDOING, why=refusal.reason.code, altered=altered)
        document = undone["document"]
        self.finish_undo(None if document is None else self.site.client.post_profile(document))
        raise refusal

    def finish_undo(self, sent: WriteAttempt | None) -> None:
        """Bring an undo to its end, which is only where what is active is what would be without this change.

        Raises:
            Refused: `CHANGE_UNSETTLED`, `WRITE_UNKNOWN`, `WRITE_NOT_RESTORED`.
        """
        undone = undo_of(self.change)
        outcome, why = ChangeOutcome(undone["outcome"]), undone["why"]
        switch = undone["switch"]
        edited = False
        if undone["document"] is None:
            state = self.read_documents(SWITCH)
        else:
            document, known = undone["document"], tuple(undone["known_ids"])
            state, found = self.find(PROFILE, document, known, sent)
            if found is None:
                sent = self.site.client.post_profile(document)
                state, found = self.find(PROFILE, document, known, sent)
            if found is None:
                raise Refused(Reason.CHANGE_UNSETTLED, detail="what was there before could not be written back yet")
            different = differences(comparable(document), comparable(found))
            edited = bool(different) and sent is None
            if different and not edited:
                self.change.end(ChangeOutcome.THEIRS, Reason.WRITE_NOT_RESTORED.code)
                backup = self.change.journal.directory / self.change.name
                raise Refused(Reason.WRITE_NOT_RESTORED, where=named(different), backup=backup)
            if state.newest is not found:
                outcome, why, switch = ChangeOutcome.THEIRS, "a newer document than ours is there", None
        if switch is not None:
            state, _ = self._send_switch(switch, state)
        if edited:  # in its numbers it stands; what was active is active again, unless somebody has switched since
            self.end(ChangeOutcome.THEIRS, Refused(Reason.WRITE_OVERTAKEN, detail="what was written back was edited"))
        if not state.documents or not self.is_as_without(state, undone):
            raise Refused(
                Reason.CHANGE_UNSETTLED,
                detail="what is active now is NOT what was before, and the site did not take the Profile Switch back "
                "to it; switch to the profile you use by hand, at once",
            )
        self.change.end(outcome, why)

    def end_overtaken(self, state: SiteProfiles, detail: str) -> NoReturn:
        """End with somebody else's profile in force; where our switch still decides, one to theirs follows it."""
        refusal = Refused(Reason.WRITE_OVERTAKEN, detail=detail)
        own = self.own_switch(state)
        own_ms = int(switch_ms(own)) if own else 0
        counting = state.counting_switch(max(self.site.now_ms(), own_ms)) if state.documents else None
        if own is not None and counting is not None and counting.at_ms == own_ms:
            while self.site.now_ms() < own_ms + SECOND_MS:
                self.site.sleep(0.2)
            at_ms = self.site.now_ms() // SECOND_MS * SECOND_MS
            in_force = self.state_without_change(state, own).active(at_ms)
            raw = state.raw_switch(in_force.switch)
            if raw is not None or in_force.body is not None:
                active = {"name": in_force.name, "body": in_force.body}
                back = reissue_switch(raw, at_ms) if raw else switch_back(active, at_ms, "another profile was saved")
                undone = {"document": None, "switch": back, "own": own, "outcome": ChangeOutcome.THEIRS.value}
                self._begin_undo(undone, refusal)
        self.end(ChangeOutcome.THEIRS, refusal)

    def end(self, outcome: ChangeOutcome, refusal: Refused) -> NoReturn:
        """Write down how a change ended, and refuse."""
        self.change.end(outcome, refusal.reason.code)
        raise refusal
