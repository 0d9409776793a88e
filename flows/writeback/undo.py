"""Taking back what a change wrote: the old content as a new document; then it is looked whether all is as before."""

from __future__ import annotations

from typing import NoReturn

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.nightscout.writer import WriteAttempt, WriteStatus
from flows.profiles.switches import read_switches
from flows.writeback.active_on_site import SiteProfiles, differences, same_active_from
from flows.writeback.journal import Change, ChangeOutcome, Step
from flows.writeback.kept_documents import undo_of
from flows.writeback.observe import end, find, named, ours_in, read_again, state_without_change, switch_in
from flows.writeback.plan import with_start_date
from flows.writeback.session import Intent, SiteSession, comparable, raw_switch, reissue_switch, switch_back

SWITCH_ATTEMPTS = 3  # sent again, a Profile Switch replaces itself
PROFILE, SWITCH = "profile document", "Profile Switch"


def own_switch(change: Change, intent: Intent, state: SiteProfiles, *, refused: bool = False) -> Record | None:
    """Our Profile Switch, where the site has it or may still get it.

    Args:
        change: the change.
        intent: what it was to bring about.
        state: what the site is.
        refused: the site has just refused it, plainly; then it is ours only where it was sent before too.
    """
    if intent.switch is None or not change.reached(Step.ACTIVATING):
        return None
    sent = sum(record["step"] == Step.ACTIVATING for record in change.records)
    if refused and sent == 1 and switch_in(state, intent.switch) is None:
        return None
    return intent.switch


def undo(
    change: Change,
    site: SiteSession,
    intent: Intent,
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
    ours = ours_in(state.documents, intent.document, intent.known_ids, altered=altered)
    if not any(state.newest is d for d in ours):
        theirs(change, site, intent, state, "a newer document than ours is there")
    own = own_switch(change, intent, state, refused=switch_refused)
    base = state_without_change(state, change, own, altered=altered)
    reissued: Record | None = None
    try:
        start = None if own else site.start_for(base, state.newest, room_ms=0)
    except Refused as kept:
        if kept.reason is not Reason.SWITCH_WOULD_END:
            raise
        start = None
    if start is None:
        start = site.start_after(state.newest, read_switches([own], "UTC")[0].at_ms if own else 0.0)
        document = with_start_date(target, state.newest, start)
        at_ms = site.free_instant(state, document)
        raw = raw_switch(base, base.counting_switch(site.now_ms())) or intent.active_before["switch"]
        if raw is not None:
            reissued = reissue_switch(raw, at_ms)
        elif own is not None and (active := _active_without(base, site, intent, outcome))["body"]:
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
    change.keep("undo", kept_undo)
    change.note(Step.UNDOING, why=refusal.reason.code, altered=altered)
    finish_undo(change, site, site.client.post_profile(kept_undo["document"]))
    raise refusal


def _active_without(base: SiteProfiles, site: SiteSession, intent: Intent, outcome: ChangeOutcome) -> Record:
    """What is active by the default of the document that is written back: somebody may have chosen another one."""
    if outcome is not ChangeOutcome.THEIRS:
        return intent.active_before
    active = base.active(site.now_ms())
    return {"name": active.name, "body": active.body}


def theirs(change: Change, site: SiteSession, intent: Intent, state: SiteProfiles, detail: str) -> NoReturn:
    """End with somebody else's profile in force; our switch, where it still decides, is followed by one to theirs."""
    refusal = Refused(Reason.WRITE_OVERTAKEN, detail=detail)
    own = own_switch(change, intent, state)
    own_ms = int(read_switches([own], "UTC")[0].at_ms) if own else 0
    counting = state.counting_switch(max(site.now_ms(), own_ms)) if state.documents else None
    if own is not None and counting is not None and counting.at_ms == own_ms:
        while site.now_ms() < own_ms + 1000:
            site.sleep(0.2)
        at_ms = site.now_ms() // 1000 * 1000
        in_force = state_without_change(state, change, own).active(at_ms)
        raw = raw_switch(state, in_force.switch)
        if raw is not None or in_force.body is not None:
            active = {"name": in_force.name, "body": in_force.body}
            back = reissue_switch(raw, at_ms) if raw else switch_back(active, at_ms, "another profile was saved")
            kept_undo = {"document": None, "switch": back, "own": own}
            change.keep("undo", {**kept_undo, "outcome": ChangeOutcome.THEIRS.value, "why": refusal.reason.code})
            change.note(Step.UNDOING, why=refusal.reason.code, altered=False)
            finish_undo(change, site, None)
            raise refusal
    end(change, ChangeOutcome.THEIRS, refusal)


def finish_undo(change: Change, site: SiteSession, sent: WriteAttempt | None) -> None:
    """Bring an undo to its end, which is only where what is active is what would be without this change.

    Raises:
        Refused: `CHANGE_UNSETTLED`, `WRITE_UNKNOWN`, `WRITE_NOT_RESTORED`.
    """
    undone = undo_of(change)
    outcome, why = ChangeOutcome(undone["outcome"]), undone["why"]
    switch = undone["switch"]
    edited = False
    if undone["document"] is None:
        state = read_again(site, SWITCH)
    else:
        document, known = undone["document"], tuple(undone["known_ids"])
        state, found = find(site, PROFILE, document, known, sent)
        if found is None:
            sent = site.client.post_profile(document)
            state, found = find(site, PROFILE, document, known, sent)
        if found is None:
            raise Refused(Reason.CHANGE_UNSETTLED, detail="what was there before could not be written back yet")
        different = differences(comparable(document), comparable(found))
        edited = bool(different) and sent is None
        if different and not edited:
            change.end(ChangeOutcome.THEIRS, Reason.WRITE_NOT_RESTORED.code)
            backup = change.journal.directory / change.name
            raise Refused(Reason.WRITE_NOT_RESTORED, where=named(different), backup=backup)
        if state.newest is not found:
            outcome, why, switch = ChangeOutcome.THEIRS, "a newer document than ours is there", None
    if switch is not None:
        for _ in range(SWITCH_ATTEMPTS):
            if switch_in(state, switch) is not None:
                break
            status = site.client.post_switch(switch).status
            state = read_again(site, SWITCH)
            if status is WriteStatus.REFUSED:
                break
    if edited:  # in its numbers it stands; what was active is active again, unless somebody has switched since
        end(change, ChangeOutcome.THEIRS, Refused(Reason.WRITE_OVERTAKEN, detail="what was written back was edited"))
    if not state.documents or not as_without(change, site, state, undone):
        raise Refused(
            Reason.CHANGE_UNSETTLED,
            detail="what is active now is NOT what was before, and the site did not take the Profile Switch back to "
            "it; switch to the profile you use by hand, at once",
        )
    change.end(outcome, why)


def as_without(change: Change, site: SiteSession, state: SiteProfiles, undone: Record) -> bool:
    """Whether the same is active, now and after each running switch, as if this change had never been."""
    base = state_without_change(state, change, undone.get("own"), undone["switch"])
    sent_ms = [s.at_ms for s in read_switches([undone["switch"]], "UTC")] if undone["switch"] else []
    return same_active_from(base, state, max([site.now_ms(), *sent_ms]))
