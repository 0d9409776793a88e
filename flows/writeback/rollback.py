"""Undo what was applied: a new document with the old content, and a switch back; and tidy away our old profiles."""

from __future__ import annotations

from flows.errors import Reason, Refused
from flows.profiles.switches import read_switches
from flows.values.run_directory import RunDirectory
from flows.writeback.active_on_site import SiteProfiles, differences, profile_content, switch_key
from flows.writeback.apply import (
    Tools,
    WritebackResult,
    audit,
    check_no_special_switch,
    rejected,
    remembered,
    settle,
    writing_client,
)
from flows.writeback.approval import Decision, RollbackRequest
from flows.writeback.approval_checks import SealedRun, read_approved, read_sealed
from flows.writeback.journal import Change, ChangeOutcome, Journal, Step
from flows.writeback.kept_documents import backup_of, check_kept, intent_of
from flows.writeback.session import Intent, SiteSession, reissue_switch, switch_back
from flows.writeback.site_documents import with_start_date
from flows.writeback.transaction import carry_out


def rollback(run: RunDirectory, request: RollbackRequest, tools: Tools, how: str) -> WritebackResult:
    """Put back what was there before this run's proposal was applied. History stays: a new document is written.

    Raises:
        Refused: `NOTHING_APPLIED`, `EDITED_SINCE`; else as `flows.writeback.apply.apply`.
    """
    approved = read_sealed(run, request.sha256)
    journal = tools.open_journal(approved.site)
    if request.decision is not Decision.APPROVE:
        return rejected(approved, journal, tools, how, "reject-rollback")
    applied = _applied(journal, approved)
    switches = bool(applied.facts.get("activate")) or request.even_if_edited
    with journal.locked(), writing_client(tools, approved.site, activate=switches) as client:
        site = tools.site(client)
        _check_kept(applied)
        settled = settle(journal, site, tools, lambda _: False)
        try:
            applied = _applied(journal, approved)
        except Refused:
            if applied.name in [s.change for s in settled if s.outcome == "settled-before"]:
                return WritebackResult("rolled-back", change=applied.name)  # it had no end, and was taken back just now
            raise
        if (later := _rolled_back(journal, applied, site)) is not None:
            return WritebackResult("already-rolled-back", change=later.name)

        def make(state: SiteProfiles) -> Intent:
            return _intent(site, state, applied, request)

        facts = {"kind": "rollback", "of": applied.name, "even_if_edited": request.even_if_edited}
        facts |= {"proposal_id": approved.proposal_id, "proposal_sha256": approved.sha256}
        with remembered(run, journal):
            change = carry_out(site, journal, make, **facts, **audit(tools, approved, how))
    return WritebackResult("rolled-back", change=change.name)


def tidy(run: RunDirectory, keep_last: int, tools: Tools, how: str) -> tuple[WritebackResult, list[str]]:
    """Take our older profiles out of the site's newest document: all that we wrote, nobody changed and nobody uses.

    Args:
        run: any run of the site.
        keep_last: how many of ours stay, the newest.
        tools: time, credentials.
        how: for the audit.

    Returns:
        What became of it, and the names taken out.

    Raises:
        Refused: as `flows.writeback.apply.apply`.
    """
    approved = read_approved(run, None)
    journal = tools.open_journal(approved.site)
    with journal.locked(), writing_client(tools, approved.site, activate=False) as client:
        site = tools.site(client)
        settle(journal, site, tools, lambda _: False)
        names = old_names(journal, site.read(), keep_last, site.now_ms())
        if not names:
            return WritebackResult("nothing-to-tidy"), []

        def make(state: SiteProfiles) -> Intent:
            now_ms = site.now_ms()
            if not set(names) <= set(old_names(journal, state, keep_last, now_ms)):
                raise Refused(Reason.SITE_PROFILE_CHANGED)
            start = site.start_for(state, state.newest)
            store = {k: v for k, v in state.newest["store"].items() if k not in names}
            document = with_start_date({**profile_content(state.newest), "store": store}, state.newest, start)
            return Intent.of(state, now_ms, document, None)

        change = carry_out(site, journal, make, kind="tidy", names=names, **audit(tools, approved, how))
    return WritebackResult("tidied", change=change.name), names


def old_names(journal: Journal, state: SiteProfiles, keep_last: int, now_ms: float) -> list[str]:
    """Our profiles in the newest document beyond the last `keep_last`, oldest first.

    Ours is what the journal says we wrote and what still is as we wrote it. One that is in use, or the document's
    default, stays.
    """
    store = state.newest.get("store")
    if not isinstance(store, dict):
        return []
    ours: dict[str, None] = {}
    for change in journal.changes():
        name = str(change.facts.get("name"))
        if change.facts.get("kind") != "apply" or change.outcome is not ChangeOutcome.AFTER or name not in store:
            continue
        check_kept(change)
        written = intent_of(change).document["store"]
        if not differences(written.get(name), store[name]):
            ours.pop(name, None)
            ours[name] = None
    in_use = {*state.names_ahead(now_ms), state.newest.get("defaultProfile")}
    older = list(ours)[: max(0, len(ours) - keep_last)]
    return [name for name in older if name not in in_use]


def _applied(journal: Journal, approved: SealedRun) -> Change:
    """The last change that wrote this proposal.

    Raises:
        Refused: `NOTHING_APPLIED`.
    """
    for change in reversed(journal.changes()):
        facts = change.facts
        mine = facts.get("kind") == "apply" and facts.get("proposal_sha256") == approved.sha256
        mine = mine and facts.get("site_sha256") in (None, approved.site_sha256)
        if mine and (change.outcome is ChangeOutcome.AFTER or not change.ended):
            return change
    raise Refused(Reason.NOTHING_APPLIED, detail="the journal of this site knows of nothing")


def _check_kept(applied: Change) -> None:
    """Check what a rollback rests on, before anything is settled."""
    check_kept(applied)
    if applied.reached(Step.CHECKED) and intent_of(applied).stands and (earlier := _writer_of(applied)) is not None:
        check_kept(earlier)


def _rolled_back(journal: Journal, applied: Change, site: SiteSession) -> Change | None:
    """The change that rolled `applied` back already, where the site still is as it left it.

    Raises:
        Refused: `NOTHING_APPLIED`: `applied` itself ended without anything written.
    """
    if applied.ended and applied.outcome is not ChangeOutcome.AFTER:
        raise Refused(Reason.NOTHING_APPLIED, detail="it was not written, or taken back at once")
    for change in reversed(journal.changes()):
        mine = change.facts.get("kind") == "rollback" and change.facts.get("of") == applied.name
        if mine and change.outcome is ChangeOutcome.AFTER:
            check_kept(change)
            written = intent_of(change).document
            state = site.read()
            if state.newest.get("startDate") == written["startDate"] and state.newest_says(written):
                return change
    return None


def _intent(site: SiteSession, state: SiteProfiles, applied: Change, request: RollbackRequest) -> Intent:
    was = intent_of(applied)
    writer = applied
    activated = was.switch is not None
    if was.stands:  # the document was written by a change before this one, which is what is to be undone too
        writer = _writer_of(applied) or applied
    before = intent_of(writer).before
    own = [switch_key(was.switch)] if was.switch is not None else []
    foreign = state.switches_not_in([*was.known_switches, *own])
    if not request.even_if_edited:
        if not state.newest_says(was.document):
            raise Refused(Reason.EDITED_SINCE, detail="there is another profile document")
        if foreign:
            raise Refused(Reason.EDITED_SINCE, detail="there was another Profile Switch")
        if _edited_beneath(state, backup_of(writer)):
            raise Refused(Reason.EDITED_SINCE, detail="the profile document from before it was edited")
    now_ms = site.now_ms()
    document = with_start_date(before, state.newest, site.start_for(state, state.newest))
    switch = None
    if activated or foreign:
        check_no_special_switch(site, state)
        raw = was.active_before["switch"]
        if raw is not None and read_switches([raw], "UTC")[0].temporary:
            raise Refused(Reason.ROLLBACK_BY_HAND, detail="it was a Profile Switch of limited duration")
        if raw is None and not was.active_before["body"]:
            raise Refused(Reason.ROLLBACK_BY_HAND, detail="the site had no profile of the name that was its default")
        at_ms = site.free_instant(state, document)
        switch = reissue_switch(raw, at_ms) if raw else switch_back(was.active_before, at_ms, "rolled back")
    return Intent.of(state, now_ms, document, switch)


def _edited_beneath(state: SiteProfiles, backup: SiteProfiles) -> bool:
    """Whether the document that was used before says something else now: edited in place, or stored anew for it."""
    was = {str(d.get("_id")): profile_content(d) for d in backup.documents}
    newest, start = {str(d.get("_id")) for d in backup.newest_alike}, backup.newest.get("startDate")
    for document in state.documents:
        name = str(document.get("_id"))
        it = name in newest or (name not in was and document.get("startDate") == start)
        if it and differences(was.get(name, profile_content(backup.newest)), profile_content(document)):
            return True
    return False


def _writer_of(applied: Change) -> Change | None:
    changes = applied.journal.changes()
    names = [c.name for c in changes]
    for change in reversed(changes[: names.index(applied.name)]):
        same = change.facts.get("proposal_sha256") == applied.facts.get("proposal_sha256")
        if same and change.outcome is ChangeOutcome.AFTER and change.reached(Step.WRITING):
            return change
    return None
