"""Apply: write what was approved to its site, once; and settle what an earlier change left unfinished."""

from __future__ import annotations

import getpass
import os
import platform
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flows import __version__
from flows.environment import environment_now
from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.nightscout.authentication import Credentials
from flows.nightscout.circuit_breaker import CircuitBreaker
from flows.nightscout.documents import Record
from flows.nightscout.permissions import SWITCHING_PROFILES, WRITING_PROFILES
from flows.nightscout.rate_limit import RateLimit
from flows.nightscout.reach import Reach
from flows.nightscout.site_memory import SiteMemory
from flows.nightscout.writer import NightscoutWriter
from flows.values.run_directory import RunDirectory
from flows.values.units import HOUR_MS, SECOND_MS
from flows.writeback.active_on_site import SiteProfiles, differences, profile_content
from flows.writeback.applied import journal_named, leave_note
from flows.writeback.approval import MAX_AGE_H, Decision, SyncRequest, check_still_approved
from flows.writeback.approval_checks import (
    Approved,
    SealedRun,
    check_may_be_written,
    read_approved,
    read_sealed,
    report_only_app,
    source_document,
)
from flows.writeback.baseline import check_within_baseline, first_baseline, known_baseline
from flows.writeback.cool_down import check_not_too_soon, last_changes
from flows.writeback.journal import Change, ChangeOutcome, Journal
from flows.writeback.kept_documents import checked_intent, intent_of
from flows.writeback.markers import MarkedChange, newest_marked
from flows.writeback.plan import Plan, plan
from flows.writeback.policy import check_without_a_person, read_policy
from flows.writeback.reconcile import anything_to_settle, reconcile
from flows.writeback.seen import check_plan_as_seen, check_site_as_seen
from flows.writeback.session import Intent, SiteSession
from flows.writeback.site_documents import switch_treatment, with_start_date
from flows.writeback.transaction import carry_out


@dataclass(frozen=True)
class WritebackResult:
    """What became of a request: `outcome` is `applied`, `already-applied`, `rejected`, `rolled-back` or `settled`.

    `active`: whether the site counts the new profile as active; `notes`: what to know about a change that was let
    through. Holds no number of anybody's therapy.
    """

    outcome: str
    name: str | None = None
    active: bool = False
    change: str | None = None
    notes: tuple[str, ...] = ()


def _in_the_environment(permissions: str) -> str:
    return f"Give an access token with {permissions}, or the API secret."


@dataclass(frozen=True)
class Tools:
    """What reaches outside: time, the site's client, where journals lie. Tests bring their own."""

    clock: Callable[[], datetime]
    credentials: Credentials
    journals: Path | None = None
    sleep: Callable[[float], object] | None = None
    client: Callable[[str, Credentials], NightscoutWriter] | None = None
    journal: Callable[[str], Journal] | None = None
    who: str | None = None
    advice: Callable[[str], str] = _in_the_environment  # what to do without credentials, given the permissions needed
    told: Callable[[WritebackResult], object] | None = None  # of each change that was settled on the way
    reach: Reach = Reach.ANYWHERE  # which addresses the site's name may stand for

    def open_client(self, site: str) -> NightscoutWriter:
        """A client for the site; never asked before there is something to write with."""
        if self.client is not None:
            return self.client(site, self.credentials)
        memory = SiteMemory(site)
        limit, breaker = RateLimit(memory), CircuitBreaker(memory)
        return NightscoutWriter(site, self.credentials, rate_limit=limit, breaker=breaker, reach=self.reach)

    def open_journal(self, site: str) -> Journal:
        """The site's journal."""
        return self.journal(site) if self.journal else Journal(site, self.journals, self.clock)

    def site(self, client: NightscoutWriter) -> SiteSession:
        """The site as a change sees it."""
        return SiteSession(client, self.clock, self.sleep) if self.sleep else SiteSession(client, self.clock)


def preview(run: RunDirectory, request: SyncRequest, sha256: str | None = None) -> tuple[Approved, Plan]:
    """What would be written, without asking the site.

    Raises:
        Refused: as `read_approved`, `source_document` and `plan`.
    """
    approved = read_approved(run, sha256)
    return approved, plan(approved.proposal, source_document(approved), request)


def apply(run: RunDirectory, request: SyncRequest, tools: Tools, how: str) -> WritebackResult:
    """Write a proposal that was approved.

    Reads the run directory and the site's journal; writes the site, the journal, and `applied.json` of the run.

    Args:
        run: the run directory the proposal lies in.
        request: what was approved, and the decision.
        tools: time, credentials.
        how: by which way it was approved, for the audit.

    Raises:
        Refused: nothing was written, or it was undone, and why; `WRITE_UNKNOWN`: see `resume`.
    """
    if request.decision is Decision.REJECT:
        approved = read_approved(run, request.sha256)
        return rejected(approved, tools.open_journal(approved.site), tools, how)
    policy = read_policy(environment_now().apply_policy) if request.decision is Decision.POLICY else None
    approved = read_approved(run, request.sha256)
    if policy is not None:  # nobody looks at it: an older one than usual is not for it
        request = request.model_copy(update={"max_age_h": min(request.max_age_h, MAX_AGE_H)})
    now = tools.clock()
    check_still_approved(request, now)
    check_may_be_written(
        approved.proposal, now, request.max_age_h, scope=request.scope, although_unsure=request.although_unsure
    )
    source = source_document(approved)
    if (app := report_only_app(source)) is not None:
        raise Refused(Reason.REPORT_ONLY, app=app)
    planned = plan(approved.proposal, source, request)
    check_plan_as_seen(request, planned)
    journal = tools.open_journal(approved.site)
    with journal.locked(), writing_client(tools, approved.site, activate=request.activate) as client:
        site = tools.site(client)

        approves = request.activate and request.decision is Decision.APPROVE
        settle(journal, site, tools, lambda c: approves and c.facts.get("proposal_sha256") == approved.sha256)
        state = site.read()
        if (done := _already(journal, planned, state, approved.sha256)) is not None:
            active = is_active(site, state, done)
            if active or not request.activate:
                return WritebackResult("already-applied", done.facts["name"], active, done.name)
        elif (elsewhere := _written_elsewhere(planned, state, approved.sha256)) is not None:
            active = _active_now(site, state, planned.name, state.store.get(planned.name))
            if request.activate and not active:
                what = to_translate("written, and not activated")
                raise Refused(Reason.APPLIED_ELSEWHERE, what=what, change=elsewhere.change, at=elsewhere.begun)
            return WritebackResult("already-applied", planned.name, active, elsewhere.change)
        if policy is not None:
            check_without_a_person(policy, approved, request, planned, journal, state, now)
        first = first_baseline(approved.proposal, source, now)
        notes: tuple[str, ...] = ()
        if done is None:
            notes = check_not_too_soon(request, last_changes(journal.changes(), state.documents), now)

        def make(state: SiteProfiles) -> Intent:
            # Of the state that is backed up and written over: one read before may be somebody else's by now.
            check_site_as_seen(request, state)
            done = _already(journal, planned, state, approved.sha256)
            edited = differences(profile_content(state.newest), profile_content(source))
            if (done is None and edited) or (done is not None and not request.activate):
                raise Refused(Reason.SITE_PROFILE_CHANGED)
            if done is None:
                check_not_too_soon(request, last_changes(journal.changes(), state.documents), now)
                baseline = known_baseline(state.documents, journal.changes()) or first
                check_within_baseline(baseline, planned, approved.proposal, source)
            return _intent(site, state, planned, approved, request, done)

        with remembered(run, journal):
            change = carry_out(
                site,
                journal,
                make,
                last_look=lambda: check_still_approved(request, tools.clock()),
                baseline=lambda known: known or first,
                kind="apply",
                proposal_id=approved.proposal_id,
                proposal_sha256=approved.sha256,
                **_written_facts(planned),
                source=planned.source_name,
                activate=request.activate,
                max_age_h=request.max_age_h,
                although_unsure=request.although_unsure,
                one_for_several=[one.part.value for one in approved.proposal.for_pump.one_for_several],
                **audit(tools, approved, how),
            )
    return WritebackResult("applied", planned.name, request.activate, change.name, notes)


def resume(run: RunDirectory, tools: Tools) -> list[WritebackResult]:
    """Settle what earlier changes of the run's site left unfinished; nothing new is begun.

    Raises:
        Refused: `WRITE_UNKNOWN`, `CHANGE_UNSETTLED`: it cannot be settled now.
    """
    approved = read_sealed(run, None)
    journal = tools.open_journal(approved.site)
    with journal.locked():
        if not anything_to_settle(journal):
            return []
        with writing_client(tools, approved.site, activate=False) as client, remembered(run, journal):
            return settle(journal, tools.site(client), tools, lambda _: True)


def settle(
    journal: Journal, site: SiteSession, tools: Tools, asked_for: Callable[[Change], bool]
) -> list[WritebackResult]:
    """Settle what was left unfinished, and tell `tools.told` of each; with the lock held.

    A rollback is finished by whoever comes next; an activation only where `asked_for`, else it is taken back.
    """
    settled = reconcile(journal, site, lambda c: c.is_a("rollback") or asked_for(c))
    state = site.read() if any(c.facts.get("activate") for c in settled) else None
    found = []
    for change in settled:
        active = change.outcome is ChangeOutcome.AFTER and state is not None and is_active(site, state, change)
        found.append(WritebackResult(f"settled-{change.outcome}", change.facts.get("name"), active, change.name))
        if tools.told is not None:
            tools.told(found[-1])
    return found


def audit(tools: Tools, approved: SealedRun, how: str) -> dict[str, Any]:
    """Who, by which way, about which site, with which versions."""
    return {
        "who": tools.who or _who(),
        "how": how,
        "site_sha256": approved.site_sha256,
        "versions": {"autotune_flows": __version__, "python": platform.python_version()},
    }


@contextmanager
def remembered(run: RunDirectory, journal: Journal) -> Iterator[None]:
    """Leave a copy of this run's lines of the journal in the run directory, however the block ends.

    One looks there first; the journal is what counts.
    """
    try:
        yield
    finally:
        with suppress(OSError, Refused):  # neither hides how the block ended
            leave_note(run, journal)


def other_journal(run: RunDirectory, journal: Journal) -> str | None:
    """Where the run's own note says that it was applied with another journal directory than this one."""
    named = journal_named(run.path)
    return str(named) if named is not None and named != journal.directory else None


def rejected(approved: SealedRun, journal: Journal, tools: Tools, how: str, kind: str = "reject") -> WritebackResult:
    """Write down that a person said no; nothing else happens. What is unfinished of it will be taken back."""
    with journal.locked():
        sealed = {"proposal_id": approved.proposal_id, "proposal_sha256": approved.sha256}
        change = journal.begin(kind=kind, **sealed, **audit(tools, approved, how))
        change.end(ChangeOutcome.BEFORE, "rejected")
    return WritebackResult("rejected", change=change.name)


@contextmanager
def writing_client(tools: Tools, site: str, *, activate: bool) -> Iterator[NightscoutWriter]:
    """A client whose permissions were asked for before anything is written."""
    wanted = (*WRITING_PROFILES, *(SWITCHING_PROFILES if activate else ()))
    named = ", ".join(wanted)
    if tools.credentials.anonymous:
        raise Refused(Reason.WRITE_NO_CREDENTIALS, remedy=tools.advice(named))
    with tools.open_client(site) as client:
        try:
            missing = client.missing_permissions(wanted)
        except Refused as refusal:
            if refusal.reason not in (Reason.SITE_UNAUTHORIZED, Reason.SITE_FORBIDDEN):
                raise
            missing = list(wanted)
        if missing:
            raise Refused(Reason.WRITE_NOT_PERMITTED, permissions=", ".join(missing))
        yield client


def _written_facts(planned: Plan) -> dict[str, Any]:
    """What of the proposal is written, and as what: two changes that have the same wrote the same."""
    return {
        "what": planned.what.value,
        "parts": [p.value for p in planned.parts],
        "hours": list(planned.hours),
        "name": planned.name,
        "only_less": planned.only_less,
    }


def _already(journal: Journal, planned: Plan, state: SiteProfiles, sha256: str) -> Change | None:
    """The change that wrote this very proposal in this very way, where the site still has what it wrote."""
    same = {"proposal_sha256": sha256, **_written_facts(planned)}
    written = [c for c in journal.changes() if c.did("apply", **same)]
    return written[-1] if written and state.newest_says(checked_intent(written[-1]).document) else None


def is_active(site: SiteSession, state: SiteProfiles, done: Change) -> bool:
    """Whether the site counts as active what a change wrote, now and by either clock."""
    name = str(done.facts.get("name"))
    return _active_now(site, state, name, intent_of(done).document["store"].get(name))


def _active_now(site: SiteSession, state: SiteProfiles, name: str, body: Record | None) -> bool:
    actives = [state.active(at_ms) for at_ms in (site.now_ms(), site.late_ms())]
    return all(a.name == name and not differences(a.body, body) for a in actives)


def _written_elsewhere(planned: Plan, state: SiteProfiles, sha256: str) -> MarkedChange | None:
    """The change of another journal that wrote this very proposal in this very way, where the site still has it."""
    marked = newest_marked(state)
    if marked is None or (marked.kind, marked.proposal) != ("apply", sha256):
        return None
    same = not differences(profile_content(planned.document), profile_content(state.newest))
    return marked if same else None


def _intent(
    site: SiteSession, state: SiteProfiles, planned: Plan, approved: Approved, request: SyncRequest, done: Change | None
) -> Intent:
    """The document with its start, and the switch; refuses what would end a switch nobody spoke of."""
    now_ms = site.now_ms()
    if not request.activate and planned.name in state.names_ahead(now_ms):
        raise Refused(Reason.WRITE_NAME_IN_USE, name=planned.name)
    if request.activate:
        check_no_special_switch(site, state)
    if done is not None:
        document = {k: v for k, v in state.newest.items() if k == "startDate" or k in profile_content(state.newest)}
    else:
        document = with_start_date(planned.document, state.newest, site.start_for(state, state.newest))
    treatment = None
    if request.activate:
        notes = f"autotune-flows proposal {approved.sha256[:12]}"
        treatment = switch_treatment(planned.name, planned.profile_json, site.free_instant(state, document), notes)
    made_ms = datetime.fromisoformat(approved.proposal.created_at).timestamp() * SECOND_MS
    until = made_ms + request.max_age_h * HOUR_MS
    return Intent.of(state, now_ms, document, treatment, stands=done is not None, activate_until_ms=until)


def check_no_special_switch(site: SiteSession, state: SiteProfiles) -> None:
    """Refuse to switch while another switch is in force that ends by itself or scales, by either clock.

    Raises:
        Refused: `SWITCH_IN_FORCE`, `SWITCH_AHEAD`.
    """
    late_ms = site.late_ms()
    for switch in {id(s): s for at in (site.now_ms(), late_ms) for s in state.deciding(at)}.values():
        if switch.at_ms > late_ms:
            raise Refused(Reason.SWITCH_AHEAD)
        if switch.temporary or switch.percentage != 100 or switch.timeshift_h:
            detail = (
                to_translate("of limited duration")
                if switch.temporary
                else to_translate("with a percentage or a time shift")
            )
            raise Refused(Reason.SWITCH_IN_FORCE, detail=detail)


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
