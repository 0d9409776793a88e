"""Undo what was applied: a new document with the old content, and a switch back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

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
from flows.writeback.approval import Decision, RollbackRequest, check_still_approved
from flows.writeback.approval_checks import Approved, SealedRun, read_sealed
from flows.writeback.journal import Change, ChangeOutcome, Journal, Step
from flows.writeback.kept_documents import backup_of, check_kept, checked_intent, intent_of
from flows.writeback.recover import set_aside_before
from flows.writeback.rollback_from_site import applied_elsewhere, intent_from_site, rolled_back_elsewhere
from flows.writeback.session import Intent, SiteSession, document_id, reissue_switch, switch_back
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
    try:
        applied = _applied(journal, approved)
    except Refused as refusal:
        if refusal.reason is not Reason.NOTHING_APPLIED:  # a damaged journal: nothing is sent for it
            raise
        return _of_another_journal(request, tools, how, approved, refusal)
    check_still_approved(request, tools.clock())
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
            return WritebackResult("already-rolled-back", change=later)

        facts = {"of": applied.name, "even_if_edited": request.even_if_edited, **audit(tools, approved, how)}
        return _carried_out(approved, request, tools, journal, site, partial(_intent, site, applied, request), facts)


def _carried_out(
    approved: SealedRun,
    request: RollbackRequest,
    tools: Tools,
    journal: Journal,
    site: SiteSession,
    make: Callable[[SiteProfiles], Intent],
    facts: dict[str, Any],
) -> WritebackResult:
    with remembered(approved.run, journal):
        change = carry_out(
            site,
            journal,
            make,
            last_look=lambda: check_still_approved(request, tools.clock()),
            kind="rollback",
            proposal_id=approved.proposal_id,
            proposal_sha256=approved.sha256,
            **facts,
        )
    return WritebackResult("rolled-back", change=change.name)


def _applied(journal: Journal, approved: SealedRun) -> Change:
    """The last change that wrote this proposal.

    Raises:
        Refused: `NOTHING_APPLIED`.
    """
    mine = [
        change
        for change in journal.changes()
        if change.is_a("apply", proposal_sha256=approved.sha256)
        and change.facts.get("site_sha256") in (None, approved.site_sha256)
        and (change.outcome is ChangeOutcome.AFTER or not change.ended)
    ]
    if not mine:
        aside = ", ".join(map(str, set_aside_before(journal)))
        where = f"; an earlier journal was set aside, its backups are in {aside}" if aside else ""
        raise Refused(Reason.NOTHING_APPLIED, detail=f"the journal of this site knows of nothing{where}")
    return mine[-1]


def _check_kept(applied: Change) -> None:
    """Check what a rollback rests on, before anything is settled."""
    check_kept(applied)
    if applied.reached(Step.CHECKED) and intent_of(applied).stands and (earlier := _writer_of(applied)) is not None:
        check_kept(earlier)


def _of_another_journal(
    request: RollbackRequest, tools: Tools, how: str, approved: SealedRun, unknown: Refused
) -> WritebackResult:
    """What another journal applied: said what can be done, and done where `from_site` asks for it.

    Raises:
        Refused: `unknown` where the site has nothing of it either; `APPLIED_ELSEWHERE`; else as `rollback`.
    """
    journal = tools.open_journal(approved.site)
    # A manifest alone could name any site: to one of whose changes no journal knows nothing is sent for its sake.
    if not isinstance(approved, Approved) or tools.credentials.anonymous:
        raise unknown
    check_still_approved(request, tools.clock())
    with journal.locked(), writing_client(tools, approved.site, activate=request.from_site) as client:
        site = tools.site(client)
        settle(journal, site, tools, lambda _: False)
        state = site.read()
        if (later := rolled_back_elsewhere(state, None, approved.sha256)) is not None:
            return WritebackResult("already-rolled-back", change=later.change)
        if (found := applied_elsewhere(state, approved.sha256)) is None:
            raise unknown
        if not request.from_site:
            raise found.refusal()
        facts = {"of": found.marked.change, "from_site": True, **audit(tools, approved, how)}
        make = partial(intent_from_site, site, found, request)
        return _carried_out(approved, request, tools, journal, site, make, facts)


def _rolled_back(journal: Journal, applied: Change, site: SiteSession) -> str | None:
    """The change, of this journal or another, that rolled `applied` back, where the site still is as it left it.

    Raises:
        Refused: `NOTHING_APPLIED`: `applied` itself ended without anything written.
    """
    if applied.ended and applied.outcome is not ChangeOutcome.AFTER:
        raise Refused(Reason.NOTHING_APPLIED, detail="it was not written, or taken back at once")
    for change in reversed([c for c in journal.changes() if c.did("rollback", of=applied.name)]):
        written, state = checked_intent(change).document, site.read()
        if state.newest.get("startDate") == written["startDate"] and state.newest_says(written):
            return change.name
    elsewhere = rolled_back_elsewhere(site.read(), applied.name, str(applied.facts.get("proposal_sha256")))
    return elsewhere.change if elsewhere is not None else None


def _intent(site: SiteSession, applied: Change, request: RollbackRequest, state: SiteProfiles) -> Intent:
    was = intent_of(applied)
    # Where it stands the document was written by a change before this one, which is what is to be undone too.
    writer = (_writer_of(applied) if was.stands else None) or applied
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
    if was.switch is not None or foreign:
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
    was = {document_id(d): profile_content(d) for d in backup.documents}
    newest, start = {document_id(d) for d in backup.newest_alike}, backup.newest.get("startDate")
    anew = [d for d in state.documents if document_id(d) not in was and d.get("startDate") == start]
    beneath = [*anew, *(d for d in state.documents if document_id(d) in newest)]
    content = profile_content(backup.newest)
    return any(differences(was.get(document_id(d), content), profile_content(d)) for d in beneath)


def _writer_of(applied: Change) -> Change | None:
    """The change before this one that wrote the document it found there."""
    changes = applied.journal.changes()
    before = changes[: [c.name for c in changes].index(applied.name)]
    sha256 = applied.facts.get("proposal_sha256")
    wrote = [c for c in before if c.outcome is ChangeOutcome.AFTER and c.reached(Step.WRITING)]
    return next((c for c in reversed(wrote) if c.facts.get("proposal_sha256") == sha256), None)
