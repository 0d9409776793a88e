"""One change of a site's profile, carried through its journal to an end: as planned, as before, or as others made it.

The same code ends a change that has just been sent and one that a lost process left behind: both begin by reading the
site, because neither an answer nor its absence says what the site stored. What is undone is written as a new document
with the old content; nothing on the site is ever deleted or overwritten.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.nightscout.writer import WriteAttempt, WriteStatus
from flows.oref0.several_values import NAMES
from flows.profiles.stored import document_sha256
from flows.profiles.switches import read_switches
from flows.writeback.active_on_site import (
    SiteProfiles,
    differences,
    profile_content,
    same_active_from,
    store_of,
    switch_key,
)
from flows.writeback.journal import Change, ChangeOutcome, Journal, Step
from flows.writeback.kept_documents import backup_of, intent_of, undo_of, untrusted_parts
from flows.writeback.observe import (
    altered_on_the_way,
    document_id,
    keeps_active,
    named,
    other_switch_then,
    ours_in,
    switch_differences,
    switch_in,
    switches_in,
)
from flows.writeback.session import Intent, SiteSession, comparable, raw_switch, reissue_switch, switch_back
from flows.writeback.site_documents import with_start_date

PROFILE, SWITCH = "profile document", "Profile Switch"
SWITCH_ATTEMPTS = 3  # sent again, a Profile Switch replaces itself
LOOK_AGAIN_S = (0.5, 2.0, 5.0)  # for a write whose answer was lost: it may still be on its way


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
        ours_ms = read_switches([intent.switch], "UTC")[0].at_ms
        if any(s.at_ms >= ours_ms for s in state.read_switches):
            raise Refused(Reason.SWITCH_AHEAD)


def _may_change_content(change: Change) -> bool:
    """Whether a document may make other numbers active by itself: only a rollback over somebody's edit, told to."""
    return change.facts.get("even_if_edited") is True


class Attempt:
    """One try to bring a change to an end, here or after a process that is gone.

    Args:
        change: begun in its journal, without an end.
        site: with its lock held by the caller.
    """

    def __init__(self, change: Change, site: SiteSession) -> None:
        self.change = change
        self.site = site

    @functools.cached_property
    def intent(self) -> Intent:
        """What the change was to bring about, as its journal keeps it.

        Raises:
            Refused: `JOURNAL_ALTERED`, `BACKUP_UNUSABLE`.
        """
        return intent_of(self.change)

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
            lost = Refused(Reason.WRITE_LOST, what=PROFILE, detail=sent.detail if sent and sent.detail else "no answer")
            self.end(ChangeOutcome.BEFORE, lost)
        if state.newest is not mine:
            self.end_overtaken(state, "a newer document than ours is there")
        different = differences(comparable(self.intent.document), comparable(mine))
        if different and (sent is None or self.change.reached(Step.WRITTEN)):
            self.end_overtaken(state, "the new document was edited")
        other = self.newest_other_content(state, altered=bool(different))
        if differences(other, self.intent.before):
            edited = Refused(Reason.WRITE_OVERTAKEN, detail="the profile was edited while it was written")
            self.undo(state, other, edited, ChangeOutcome.THEIRS, altered=bool(different))
        if different:
            refusal = Refused(Reason.WRITE_DIFFERS, where=named(different))
            self.undo(state, self.intent.before, refusal, altered=True)
        if not self.change.reached(Step.WRITTEN):
            self.change.note(Step.WRITTEN, document_id=str(mine.get("_id")))
        if rejected:
            said_no = Refused(Reason.WRITE_UNDONE, detail="its proposal was rejected before it had an end")
            self.undo(state, self.intent.before, said_no)
        not_active = self.intent.switch is None or switch_in(state, self.intent.switch) is None
        if not_active and (parts := untrusted_parts(self.change, self.intent)):
            what = " and ".join(NAMES[part] for part in parts)
            self.undo(state, self.intent.before, Refused(Reason.PROPOSAL_SEVERAL, what=what))
        if self.intent.switch is not None and not may_activate and not_active:
            not_asked = Refused(
                Reason.WRITE_UNDONE, detail="it was left unfinished, and nobody asks to activate it now"
            )
            self.undo(state, self.intent.before, not_asked)
        if self.intent.switch is None:
            base = self.state_without_change(state)
            if not keeps_active(
                base, state, self.intent.document, self.site.now_ms(), new_content=_may_change_content(self.change)
            ):
                ended = Refused(
                    Reason.WRITE_OVERTAKEN, detail="a Profile Switch came that our document would have ended"
                )
                self.undo(state, other, ended, ChangeOutcome.THEIRS)
            self.change.end(ChangeOutcome.AFTER, "written and read back")
        else:
            self._activate(self.intent.switch, state)

    def _activate(self, switch: Record, state: SiteProfiles) -> None:
        if state.switches_not_in([*self.intent.known_switches, switch_key(switch)]) or other_switch_then(state, switch):
            overtaken = Refused(Reason.WRITE_OVERTAKEN, detail="a Profile Switch was made meanwhile")
            self.undo(state, self.intent.before, overtaken, ChangeOutcome.THEIRS)
        found = switch_in(state, switch)
        if found is None and self.site.now_ms() > self.intent.activate_until_ms:
            late = Refused(Reason.WRITE_UNDONE, detail="it had been left unfinished, and the approval has grown old")
            self.undo(state, self.intent.before, late)
        sent: WriteAttempt | None = None
        for _ in range(SWITCH_ATTEMPTS):
            if found is not None:
                break
            self.change.note(Step.ACTIVATING)
            sent = self.site.client.post_switch(switch)
            state = self.read_again(SWITCH)
            found = switch_in(state, switch)
            if sent.status is WriteStatus.REFUSED:
                break
        if not state.documents:
            self.end_overtaken(state, "every profile document was removed")
        if found is None:
            assert sent is not None
            if sent.status is WriteStatus.REFUSED:
                refusal = Refused(Reason.WRITE_REFUSED, what=SWITCH, status=sent.http_status)
                self.undo(state, self.newest_other_content(state), refusal, switch_refused=True)
            else:
                refusal = Refused(Reason.WRITE_LOST, what=SWITCH, detail=sent.detail or "it is not there")
            self.undo(state, self.intent.before, refusal)
        different = switch_differences(switch, found)
        if different:
            self.undo(state, self.intent.before, Refused(Reason.WRITE_DIFFERS, where=named(different)))
        newest_is_ours = not differences(comparable(self.intent.document), comparable(state.newest))
        if newest_is_ours and differences(other := self.newest_other_content(state), self.intent.before):
            edited = Refused(Reason.WRITE_OVERTAKEN, detail="the profile was edited while it was activated")
            self.undo(state, other, edited, ChangeOutcome.THEIRS)
        ours = read_switches([switch], "UTC")[0].at_ms
        deciding = state.deciding(max(self.site.now_ms(), ours))
        if not newest_is_ours or [s.at_ms for s in deciding] != [ours] or other_switch_then(state, switch):
            self.end_overtaken(state, "another profile became active meanwhile")
        self.change.end(ChangeOutcome.AFTER, "written, read back and active")

    def undo(
        self,
        state: SiteProfiles,
        target: Record,
        refusal: Refused,
        outcome: ChangeOutcome = ChangeOutcome.BEFORE,
        *,
        switch_refused: bool = False,
        altered: bool = False,
    ) -> NoReturn:
        """Write `target` back as a new document, so that every Profile Switch that counted counts again.

        `altered`: our document is there as the site changed it on the way, by the process that has just sent it.

        Raises:
            Refused: `refusal`; `CHANGE_UNSETTLED`, `WRITE_UNKNOWN`, `WRITE_NOT_RESTORED`: it is not as before yet.
        """
        ours = ours_in(state.documents, self.intent.document, self.intent.known_ids, altered=altered)
        if not any(state.newest is d for d in ours):
            self.end_overtaken(state, "a newer document than ours is there")
        own = self.own_switch(state, refused=switch_refused)
        base = self.state_without_change(state, own, altered=altered)
        reissued: Record | None = None
        try:
            start = None if own else self.site.start_for(base, state.newest, room_ms=0)
        except Refused as kept:
            if kept.reason is not Reason.SWITCH_WOULD_END:
                raise
            start = None
        if start is None:
            start = self.site.start_after(state.newest, read_switches([own], "UTC")[0].at_ms if own else 0.0)
            document = with_start_date(target, state.newest, start)
            at_ms = self.site.free_instant(state, document)
            raw = raw_switch(base, base.counting_switch(self.site.now_ms())) or self.intent.active_before["switch"]
            if raw is not None:
                reissued = reissue_switch(raw, at_ms)
            elif own is not None and (active := self._active_without(base, outcome))["body"]:
                # For AAPS, which may have taken our switch and knows nothing of Nightscout's documents.
                reissued = switch_back(active, at_ms, "taken back")
        kept_undo: Record = {
            "document": with_start_date(target, state.newest, start),
            "switch": reissued,
            "own": own,
            "known_ids": [str(d.get("_id")) for d in state.documents],
            "outcome": outcome.value,
            "why": refusal.reason.code,
        }
        self.change.keep("undo", kept_undo)
        self.change.note(Step.UNDOING, why=refusal.reason.code, altered=altered)
        self.finish_undo(self.site.client.post_profile(kept_undo["document"]))
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
            state = self.read_again(SWITCH)
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
            for _ in range(SWITCH_ATTEMPTS):
                if switch_in(state, switch) is not None:
                    break
                status = self.site.client.post_switch(switch).status
                state = self.read_again(SWITCH)
                if status is WriteStatus.REFUSED:
                    break
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
        own_ms = int(read_switches([own], "UTC")[0].at_ms) if own else 0
        counting = state.counting_switch(max(self.site.now_ms(), own_ms)) if state.documents else None
        if own is not None and counting is not None and counting.at_ms == own_ms:
            while self.site.now_ms() < own_ms + 1000:
                self.site.sleep(0.2)
            at_ms = self.site.now_ms() // 1000 * 1000
            in_force = self.state_without_change(state, own).active(at_ms)
            raw = raw_switch(state, in_force.switch)
            if raw is not None or in_force.body is not None:
                active = {"name": in_force.name, "body": in_force.body}
                back = reissue_switch(raw, at_ms) if raw else switch_back(active, at_ms, "another profile was saved")
                kept_undo = {"document": None, "switch": back, "own": own}
                self.change.keep(
                    "undo", {**kept_undo, "outcome": ChangeOutcome.THEIRS.value, "why": refusal.reason.code}
                )
                self.change.note(Step.UNDOING, why=refusal.reason.code, altered=False)
                self.finish_undo(None)
                raise refusal
        self.end(ChangeOutcome.THEIRS, refusal)

    def end(self, outcome: ChangeOutcome, refusal: Refused) -> NoReturn:
        """Write down how a change ended, and refuse."""
        self.change.end(outcome, refusal.reason.code)
        raise refusal

    def own_switch(self, state: SiteProfiles, *, refused: bool = False) -> Record | None:
        """Our Profile Switch, where the site has it or may still get it.

        Args:
            state: what the site is.
            refused: the site has just refused it, plainly; then it is ours only where it was sent before too.
        """
        if self.intent.switch is None or not self.change.reached(Step.ACTIVATING):
            return None
        sent = sum(record["step"] == Step.ACTIVATING for record in self.change.records)
        if refused and sent == 1 and switch_in(state, self.intent.switch) is None:
            return None
        return self.intent.switch

    def _active_without(self, base: SiteProfiles, outcome: ChangeOutcome) -> Record:
        """What is active by the default of the document that is written back: somebody may have chosen another one."""
        if outcome is not ChangeOutcome.THEIRS:
            return self.intent.active_before
        active = base.active(self.site.now_ms())
        return {"name": active.name, "body": active.body}

    def is_as_without(self, state: SiteProfiles, undone: Record) -> bool:
        """Whether the same is active, now and after each running switch, as if this change had never been."""
        base = self.state_without_change(state, undone.get("own"), undone["switch"])
        sent_ms = [s.at_ms for s in read_switches([undone["switch"]], "UTC")] if undone["switch"] else []
        return same_active_from(base, state, max([self.site.now_ms(), *sent_ms]))

    def newest_other_content(self, state: SiteProfiles, *, altered: bool = False) -> Record:
        """What the newest document says that is not ours, which is the newest; as before where there is no other."""
        others = state.without(*ours_in(state.documents, self.intent.document, self.intent.known_ids, altered=altered))
        return self.intent.before if self.intent.stands or not others.documents else profile_content(others.newest)

    def state_without_change(self, state: SiteProfiles, *own: Record | None, altered: bool = False) -> SiteProfiles:
        """The site as it were without what this change wrote: its documents, and `own`, Profile Switches it sent.

        As it was backed up, where somebody removed all other documents.
        """
        altered = altered or altered_on_the_way(self.change)
        ours = (
            []
            if self.intent.stands
            else ours_in(state.documents, self.intent.document, self.intent.known_ids, altered=altered)
        )
        if self.change.reached(Step.UNDOING) and (undone := undo_of(self.change))["document"] is not None:
            ours += ours_in(state.documents, undone["document"], undone["known_ids"])
        documents = state.without(*ours).documents
        if not documents:
            documents = (backup_of(self.change).newest,)
        sent = [s for switch in own if switch for s in switches_in(state, switch)]
        return SiteProfiles(documents, tuple(s for s in state.switches if not any(s is o for o in sent)))

    def find(
        self, what: str, document: Record, known_ids: tuple[str, ...], sent: WriteAttempt | None
    ) -> tuple[SiteProfiles, Record | None]:
        """The document we sent, as the site has it; looked for more than once where it may still be on its way.

        Where none says what it says, one that begins when it does: the site changed it on the way, or a person since.
        Only who has just sent it can take it for the first.
        """
        pauses = () if sent is not None and sent.status is WriteStatus.REFUSED else LOOK_AGAIN_S
        for pause_s in (*pauses, None):
            state = self.read_again(what)
            unknown = [d for d in state.newest_first if document_id(d) not in known_ids]
            ours = [d for d in unknown if not differences(comparable(document), comparable(d))]
            if not ours and sent is not None and sent.document_id is not None:
                answered = [d for d in unknown if d.get("_id") == sent.document_id]
                ours = [d for d in unknown if any(not differences(comparable(a), comparable(d)) for a in answered)]
            if not ours:
                names = set(store_of(document))
                alike = [d for d in unknown if d.get("startDate") == document["startDate"]]
                ours = alike if sent is None else [d for d in alike if set(store_of(d)) == names]
            if ours:
                return state, ours[0]
            if pause_s is not None:
                self.site.sleep(pause_s)
        return state, None

    def read_again(self, what: str) -> SiteProfiles:
        """The site after a write of `what`.

        Raises:
            Refused: `WRITE_UNKNOWN`.
        """
        try:
            return self.site.read()
        except Refused as refusal:
            raise Refused(Reason.WRITE_UNKNOWN, what=what, detail=refusal.reason.code) from None
