"""One change of a site's profile, carried through its journal to an end: as planned, as before, or as others made it.

The same code ends a change that has just been sent and one that a lost process left behind: both begin by reading the
site, because neither an answer nor its absence says what the site stored. What is undone is written as a new document
with the old content; nothing on the site is ever deleted or overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.nightscout.writer import Fate, Sent
from flows.profiles.on_site import SiteProfiles, content, differences, store_of, switch_key
from flows.profiles.stored import document_sha256
from flows.profiles.switches import read_switches
from flows.proposal.journal import Change, Journal, Outcome, Step
from flows.proposal.write_back import dated
from flows.steps.site import Intent, Site, comparable, once_more, raw_switch, switch_back

LOOK_AGAIN_S = (0.5, 2.0, 5.0)  # for a write whose answer was lost: it may still be on its way
SWITCH_ATTEMPTS = 3  # sent again, a Profile Switch replaces itself
PROFILE, SWITCH = "profile document", "Profile Switch"


def carry_out(site: Site, journal: Journal, make: Callable[[SiteProfiles], Intent], **facts: Any) -> Change:
    """Back up, check again, write, read back, activate: one change from its beginning to its end.

    Args:
        site: with its lock held by the caller.
        journal: of this site.
        make: what to bring about, given what the site is; refuses where it must not be.
        facts: who, what and why, for the audit.

    Returns:
        The change, ended as planned.

    Raises:
        Refused: it ended otherwise (`WRITE_…`), or was refused before anything was written.
    """
    state = site.read()
    site.check_clock()
    change = journal.begin(**facts)
    try:
        change.keep("backup", state.document())
        change.note(Step.BACKED_UP, before_sha256=document_sha256(content(state.newest)))
        again = site.read()
        if differences(again.document(), state.document()):
            raise Refused(Reason.SITE_PROFILE_CHANGED)
        intent = make(again)
        change.keep("intent", intent.to_json())
        change.note(Step.CHECKED, after_sha256=document_sha256(content(intent.document)))
    except Exception as error:
        change.end(Outcome.BEFORE, error.reason.code if isinstance(error, Refused) else type(error).__name__)
        raise
    sent = None
    if intent.stands:
        change.note(Step.WRITTEN, stands=True)
    else:
        change.note(Step.WRITING)
        sent = site.client.post_profile(intent.document)
    bring_to_an_end(change, site, sent)
    return change


def bring_to_an_end(change: Change, site: Site, sent: Sent | None = None) -> None:
    """End a change that was begun here or by a process that is gone.

    Raises:
        Refused: it did not end as planned: then the site is as before or as others made it, and the journal says so;
            or `WRITE_UNKNOWN`, `CHANGE_UNSETTLED`: it has no end yet.
    """
    if not (change.reached(Step.WRITING) or change.reached(Step.WRITTEN)):
        change.end(Outcome.BEFORE, "stopped before anything was written")
        return
    intent = Intent.from_json(change.read("intent"))
    if change.reached(Step.UNDOING):
        _finish_undo(change, site, None)
        return
    state, mine = _find(site, PROFILE, intent.document, intent.known_ids, sent)
    if mine is None:
        if change.reached(Step.WRITTEN):
            _theirs(change, site, intent, state, "the new document was removed")
        if sent is not None and sent.fate is Fate.REFUSED:
            _end(change, Outcome.BEFORE, Refused(Reason.WRITE_REFUSED, what=PROFILE, status=sent.status))
        lost = Refused(Reason.WRITE_LOST, what=PROFILE, detail=sent.detail if sent and sent.detail else "no answer")
        _end(change, Outcome.BEFORE, lost)
    if state.newest is not mine:
        _theirs(change, site, intent, state, "a newer document than ours is there")
    if differences(other := _beside_ours(state, intent), intent.before):
        edited = Refused(Reason.WRITE_OVERTAKEN, detail="the profile was edited while it was written")
        _undo(change, site, intent, state, other, edited, Outcome.THEIRS)
    different = differences(comparable(intent.document), comparable(mine))
    if different:
        refusal = Refused(Reason.WRITE_DIFFERS, where=_named(different))
        _undo(change, site, intent, state, intent.before, refusal)
    if not change.reached(Step.WRITTEN):
        change.note(Step.WRITTEN, document_id=str(mine.get("_id")))
    if intent.switch is None:
        change.end(Outcome.AFTER, "written and read back")
    else:
        _activate(change, site, intent, intent.switch, state)


def reconcile(journal: Journal, site: Site) -> list[Change]:
    """Settle every change without an end, and those whose lost document arrived after all; with the lock held.

    Raises:
        Refused: `WRITE_UNKNOWN`, `CHANGE_UNSETTLED`: one cannot be settled now.
    """
    settled = []
    changes = journal.changes()
    lost = [c for c in changes if c.outcome is Outcome.BEFORE and c.records[-1].get("why") == Reason.WRITE_LOST.code]
    lost = [c for c in lost if not c.reached(Step.WRITTEN)]
    if lost:
        documents = site.client.profiles()
        for change in lost[-10:]:
            sent = Intent.from_json(change.read("intent")).document
            if any(not differences(comparable(sent), comparable(d)) for d in documents):
                change.note(Step.WRITTEN, late=True)
    for change in changes:
        if change.ended:
            continue
        try:
            bring_to_an_end(change, site)
        except Refused:
            if not change.ended:
                raise
        settled.append(change)
    return settled


# --- activating


def _activate(change: Change, site: Site, intent: Intent, switch: Record, state: SiteProfiles) -> None:
    if state.switches_not_in([*intent.known_switches, switch_key(switch)]):
        overtaken = Refused(Reason.WRITE_OVERTAKEN, detail="a Profile Switch was made meanwhile")
        _undo(change, site, intent, state, intent.before, overtaken, Outcome.THEIRS)
    found = _switch_in(state, switch)
    if found is None and site.now_ms() > intent.activate_until_ms:
        late = Refused(Reason.WRITE_UNDONE, detail="it had been left unfinished, and the approval has grown old")
        _undo(change, site, intent, state, intent.before, late)
    sent: Sent | None = None
    for _ in range(SWITCH_ATTEMPTS):
        if found is not None:
            break
        change.note(Step.ACTIVATING)
        sent = site.client.post_switch(switch)
        state = _read(site, SWITCH)
        found = _switch_in(state, switch)
        if sent.fate is Fate.REFUSED:
            break
    if not state.documents:
        _theirs(change, site, intent, state, "every profile document was removed")
    if found is None:
        assert sent is not None
        if sent.fate is Fate.REFUSED:
            refusal = Refused(Reason.WRITE_REFUSED, what=SWITCH, status=sent.status)
        else:
            refusal = Refused(Reason.WRITE_LOST, what=SWITCH, detail=sent.detail or "it is not there")
        _undo(change, site, intent, state, intent.before, refusal)
        return
    different = _switch_differences(switch, found)
    if different:
        _undo(change, site, intent, state, intent.before, Refused(Reason.WRITE_DIFFERS, where=_named(different)))
    newest_is_ours = not differences(comparable(intent.document), comparable(state.newest))
    if newest_is_ours and differences(other := _beside_ours(state, intent), intent.before):
        edited = Refused(Reason.WRITE_OVERTAKEN, detail="the profile was edited while it was activated")
        _undo(change, site, intent, state, other, edited, Outcome.THEIRS)
    ours = read_switches([switch], "UTC")[0].at_ms
    by = state.counting_switch(max(site.now_ms(), ours))
    if not newest_is_ours or by is None or by.at_ms != ours:
        _theirs(change, site, intent, state, "another profile became active meanwhile")
    change.end(Outcome.AFTER, "written, read back and active")


def _beside_ours(state: SiteProfiles, intent: Intent) -> Record:
    """What the newest document says that is not ours, which is the newest; as before where there is no other."""
    others = state.without(state.newest)
    return intent.before if intent.stands or not others.documents else content(others.newest)


def _switch_in(state: SiteProfiles, switch: Record) -> Record | None:
    at = read_switches([switch], "UTC")[0].at_ms
    return next((s for s in state.switches if any(r.at_ms == at for r in read_switches([s], "UTC"))), None)


def _switch_differences(sent: Record, stored: Record) -> list[str]:
    """What of a switch matters and is not as it was sent; times and numbers as Nightscout writes them."""
    found: list[str] = [k for k in ("eventType", "profile", "percentage") if k in sent and sent[k] != stored.get(k)]
    if float(stored.get("duration") or 0) != float(sent.get("duration") or 0):
        found.append("duration")
    if not sent.get("profileJson"):
        return found
    try:
        carried = json.loads(stored.get("profileJson") or "")
    except (TypeError, ValueError):
        return [*found, "profileJson"]
    return found + differences(json.loads(sent["profileJson"]), carried, "profileJson")


# --- taking back


def _undo(
    change: Change,
    site: Site,
    intent: Intent,
    state: SiteProfiles,
    target: Record,
    refusal: Refused,
    outcome: Outcome = Outcome.BEFORE,
) -> None:
    """Write `target` back as a new document, with the switch that counted before where it would be ended by that."""
    if state.newest.get("startDate") != intent.document["startDate"]:
        _theirs(change, site, intent, state, "a newer document than ours is there")
    own = intent.switch if change.reached(Step.ACTIVATING) else None
    own_ms = read_switches([own], "UTC")[0].at_ms if own else 0.0
    without_ours = _without(state, own)
    counting = without_ours.counting_switch(site.now_ms())
    keep = site.switch_to_keep(without_ours) if own is None else None
    start = site.start_after(state.newest, keep, own_ms) if keep else None
    reissued: Record | None = None
    if keep is None and own is None and intent.active_before["switch"] is None:
        start = site.start_after(state.newest, None)
    if start is None:
        start = site.start_after(state.newest, None, own_ms)
        assert start is not None
        before = intent.active_before["switch"]
        raw = raw_switch(without_ours, counting) if counting else before
        if raw is not None:
            reissued = once_more(raw, start)
        elif own is not None and intent.active_before["body"]:
            # For AAPS, which may have taken our switch and knows nothing of Nightscout's documents.
            reissued = switch_back(intent.active_before, start, "taken back")
    document = dated(target, state.newest, start)
    change.keep(
        "undo",
        {
            "document": document,
            "switch": reissued,
            "known_ids": [str(d.get("_id")) for d in state.documents],
            "outcome": outcome.value,
            "why": refusal.reason.code,
        },
    )
    change.note(Step.UNDOING, why=refusal.reason.code)
    _finish_undo(change, site, site.client.post_profile(document))
    raise refusal


def _theirs(change: Change, site: Site, intent: Intent, state: SiteProfiles, detail: str) -> NoReturn:
    """End with somebody else's profile in force; our switch, where it still decides, is followed by one to theirs."""
    refusal = Refused(Reason.WRITE_OVERTAKEN, detail=detail)
    own = intent.switch if change.reached(Step.ACTIVATING) else None
    own_ms = int(read_switches([own], "UTC")[0].at_ms) if own else 0
    counting = state.counting_switch(max(site.now_ms(), own_ms)) if state.documents else None
    if own is not None and counting is not None and counting.at_ms == own_ms:
        while site.now_ms() < own_ms + 1000:
            site.sleep(0.2)
        at_ms = site.now_ms() // 1000 * 1000
        theirs = _without(state, own).active(at_ms)
        raw = raw_switch(state, theirs.switch)
        if raw is not None or theirs.body is not None:
            active = {"name": theirs.name, "body": theirs.body}
            back = once_more(raw, at_ms) if raw else switch_back(active, at_ms, "another profile was saved")
            undo = {"document": None, "switch": back, "outcome": Outcome.THEIRS.value, "why": refusal.reason.code}
            change.keep("undo", undo)
            change.note(Step.UNDOING, why=refusal.reason.code)
            _finish_undo(change, site, None)
            raise refusal
    _end(change, Outcome.THEIRS, refusal)


def _without(state: SiteProfiles, switch: Record | None) -> SiteProfiles:
    own = _switch_in(state, switch) if switch else None
    return SiteProfiles(state.documents, tuple(s for s in state.switches if s is not own))


def _finish_undo(change: Change, site: Site, sent: Sent | None) -> None:
    undo = change.read("undo")
    if undo["document"] is None:
        state = _read(site, SWITCH)
    else:
        document, known = undo["document"], tuple(undo["known_ids"])
        state, found = _find(site, PROFILE, document, known, sent)
        if found is None:
            sent = site.client.post_profile(document)
            state, found = _find(site, PROFILE, document, known, sent)
        if found is None:
            raise Refused(Reason.CHANGE_UNSETTLED, detail="what was there before could not be written back yet")
        if different := differences(comparable(document), comparable(found)):
            change.end(Outcome.THEIRS, Reason.WRITE_NOT_RESTORED.code)
            backup = change.journal.directory / change.name
            raise Refused(Reason.WRITE_NOT_RESTORED, where=_named(different), backup=backup)
        if state.newest is not found:
            change.end(Outcome.THEIRS, "a newer document than ours is there")
            return
    if (switch := undo["switch"]) is not None:
        for _ in range(SWITCH_ATTEMPTS):
            if _switch_in(state, switch) is not None:
                break
            fate = site.client.post_switch(switch).fate
            state = _read(site, SWITCH)
            if fate is Fate.REFUSED:
                break
    change.end(Outcome(undo["outcome"]), undo["why"])


# --- looking


def _find(
    site: Site, what: str, document: Record, known_ids: tuple[str, ...], sent: Sent | None
) -> tuple[SiteProfiles, Record | None]:
    """The document we sent, as the site has it; looked for more than once where it may still be on its way."""
    pauses = () if sent is not None and sent.fate is Fate.REFUSED else LOOK_AGAIN_S
    for pause_s in (*pauses, None):
        state = _read(site, what)
        unknown = [d for d in state.newest_first if str(d.get("_id")) not in known_ids]
        ours = [d for d in unknown if not differences(comparable(document), comparable(d))]
        if not ours and sent is not None and sent.document_id is not None:
            ours = [d for d in unknown if d.get("_id") == sent.document_id]
        if not ours:  # one that the site changed on the way
            names = set(store_of(document))
            alike = [d for d in unknown if d.get("startDate") == document["startDate"]]
            ours = [d for d in alike if set(store_of(d)) == names]
        if ours:
            return state, ours[0]
        if pause_s is not None:
            site.sleep(pause_s)
    return state, None


def _read(site: Site, what: str) -> SiteProfiles:
    try:
        return site.read()
    except Refused as refusal:
        raise Refused(Reason.WRITE_UNKNOWN, what=what, detail=refusal.reason.code) from None


def _named(paths: list[str]) -> str:
    """Field names for a sentence: the last part of each path, which holds no number and no name of a profile."""
    return ", ".join(dict.fromkeys(p.rsplit(".", 1)[-1].partition("[")[0][:40] for p in paths[:5]))


def _end(change: Change, outcome: Outcome, refusal: Refused) -> NoReturn:
    change.end(outcome, refusal.reason.code)
    raise refusal
