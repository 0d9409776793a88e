"""`/r/{run}/approve`: exactly what would be written to whose site, and the name that is typed to write it."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from flows.environment import speaking_as_set
from flows.language.catalogue import phrase, translated
from flows.language.translatable import in_spoken
from flows.pipeline.look import LookKind
from flows.proposal.document import Units
from flows.report.planned_rows import HEADINGS, planned_parts, verdict_of, whole_day
from flows.report.svg.before_after import drawn
from flows.report.text.changes import WRITTEN
from flows.report.text.verdict import colour_word
from flows.report.wording import in_one_unit
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory
from flows.web.approval import PARTS, Choice, ShownApproval, request_of, shown_approval
from flows.web.cards import moment_text
from flows.web.changes import ChangeKind, applied_now, page_of_change, start_change
from flows.web.index import index_of
from flows.web.indexed_run import RunState, indexed_run
from flows.web.looks import PersonLook, looks_of
from flows.web.not_here import not_here
from flows.web.people import Person, PersonKind, plain_name
from flows.web.prefect_server import ServerAway
from flows.web.refusals_said import to_do
from flows.web.rendering import render
from flows.web.run_files import run_of
from flows.web.sent_form import Form, form_id
from flows.web.state import PageState, page_of
from flows.writeback.approval import APPROVAL_VALID, Decision, SyncRequest

routes = APIRouter()
ASKING = timedelta(seconds=5)  # how long the page says that it asks the site; then the run's own copy is gone by
RECENT = timedelta(seconds=60)  # an older look at the site is no "now"


@routes.get("/r/{name}/approve", response_class=HTMLResponse)
def approve(
    request: Request, name: str, what: str = "step", part: Annotated[list[str] | None, Query()] = None
) -> Response:
    """What would be written."""
    page = page_of(request)
    run = _with_proposal(page, name)
    if run is None:
        return not_here(request)
    choice, now = Choice.of(what, part or []), datetime.now(UTC)
    person = person_of(page, run)
    look = _newest_look(page, person)
    with speaking_as_set():
        shown = shown_approval(run, choice, page.settings.journals, now, look.seen if look else None)
        if person is not None and _wants_a_look(shown) and (look is None or (not look.under_way and look.age > RECENT)):
            look = looks_of(page).start(person, LookKind.SITE, again=True)
            if look.document is None and shown.site is not None and shown.site.by_look:
                shown = shown_approval(run, choice, page.settings.journals, now, None)
        asking = look is not None and look.under_way and look.age < ASKING
        return _shown(request, run, person, shown, look, asking=asking)


@routes.post("/r/{name}/approve", response_class=HTMLResponse)
def write_it(request: Request, name: str, sent: Form) -> Response:
    """Start what writes, where everything is as it was shown and the name is right; else show it anew."""
    page = page_of(request)
    run = _with_proposal(page, name)
    if run is None:
        return not_here(request)
    parts = [str(value) for value in sent.getlist("part")]
    choice, now = Choice.of(str(sent.get("what") or ""), parts), datetime.now(UTC)
    person = person_of(page, run)
    look = _newest_look(page, person)
    with speaking_as_set():
        shown = shown_approval(run, choice, page.settings.journals, now, look.seen if look else None)
        kept: dict[str, Any] = {
            "switch": bool(sent.get("switch")),
            "unsure": bool(sent.get("unsure")),
            "typed": str(sent.get("name") or ""),
        }
        changed = what_changed(shown, sent)
        if changed or person is None or not shown.may_be_written:
            said = changed or [phrase("Nothing was written: this may not be written now.")]
            return _shown(request, run, person, shown, look, errors={"": " ".join(said)}, status=409, **kept)
        errors = _wrong_in_form(shown, person, kept)
        if errors:
            return _shown(request, run, person, shown, look, errors=errors, status=422, **kept)
        wanted = approved_request(shown, kept, now)
        try:
            change = start_change(
                page,
                ChangeKind.APPLY,
                run.path.name,
                wanted.model_dump(mode="json"),
                key=_key(sent, wanted),
                until=now + APPROVAL_VALID,
            )
        except ServerAway as away:
            trouble = not_known(away) or phrase(
                "Nothing was written: Prefect's server does not answer ({why}). Try again.", why=away.why
            )
            kept["form_id"] = form_id(sent)
            return _shown(request, run, person, shown, look, errors={"": trouble}, status=503, **kept)
        if change is None:
            return _shown(request, run, person, shown, look, errors={"": no_worker()}, status=503, **kept)
    return RedirectResponse(f"{page.settings.prefix}/c/{change.hex}", status_code=303)


@routes.post("/r/{name}/reject", response_class=HTMLResponse)
def reject(request: Request, name: str, sent: Form) -> Response:
    """Write down that a person said no, by the same deployment."""
    page = page_of(request)
    run = _with_proposal(page, name)
    if run is None:
        return not_here(request)
    person, now = person_of(page, run), datetime.now(UTC)
    with speaking_as_set():
        shown = shown_approval(run, Choice(), page.settings.journals, now, None)
        if shown.approved is None or sent.get("proposal_sha256") != shown.approved.sha256:
            errors = {"": phrase("Nothing was written down: this is not the proposal that was shown.")}
            return _shown(request, run, person, shown, None, errors=errors, status=409)
        wanted = SyncRequest(
            proposal_id=shown.approved.proposal_id, sha256=shown.approved.sha256, decision=Decision.REJECT
        )
        asked = wanted.model_dump(mode="json")
        try:
            change = start_change(
                page, ChangeKind.REJECT, run.path.name, asked, key=_key(sent, wanted), until=now + APPROVAL_VALID
            )
        except ServerAway as away:
            said = not_known(away) or phrase(
                "Nothing was written down: Prefect's server does not answer ({why}).", why=away.why
            )
            return _shown(request, run, person, shown, None, errors={"": said}, status=503, form_id=form_id(sent))
        if change is None:
            return _shown(request, run, person, shown, None, errors={"": no_worker()}, status=503)
    return RedirectResponse(f"{page.settings.prefix}/c/{change.hex}", status_code=303)


# --- what is shown


def _shown(
    request: Request,
    run: RunDirectory,
    person: Person | None,
    shown: ShownApproval,
    look: PersonLook | None,
    *,
    asking: bool = False,
    errors: dict[str, str] | None = None,
    status: int = 200,
    **kept: Any,
) -> HTMLResponse:
    now = datetime.now(UTC)
    proposal = shown.approved.proposal if shown.approved else None
    mmol = proposal is not None and proposal.units is Units.MMOL_PER_L
    values: dict[str, Any] = {}
    if proposal is not None and shown.planned is not None:
        parts = planned_parts(shown.planned, proposal)
        values = {
            "parts": parts,
            "drawings": drawn(parts),
            "day": whole_day(shown.planned) if any(of.part is Part.BASAL for of in parts) else None,
            "not_written": [translated(HEADINGS[p]) for p in Part if p not in {of.part for of in parts}],
            "notes": [in_one_unit(in_spoken(note), mmol=mmol) for note in shown.planned.notes],
            "verdict": [
                (colour.value, colour_word(colour), in_one_unit(sentence, mmol=mmol))
                for colour, sentence in verdict_of(proposal, shown.planned.what)
            ],
            "about": translated(WRITTEN[shown.planned.what]),
        }
    zone = proposal.timezone if proposal else "UTC"
    holds = applied_now(shown.changes, shown.approved.sha256) if shown.approved else None
    return render(
        request,
        "approve.html",
        status=status,
        run=run.path.name,
        person=person,
        shown=shown,
        choice=shown.choice,
        every_part=[(part.value, translated(HEADINGS[part])) for part in Part],
        by_parts=shown.choice.what == PARTS,
        look=look,
        asking=asking,
        read_at=moment_text(shown.site.read_at, zone, now) if shown.site else "",
        written_at=moment_text(shown.written, zone, now) if shown.written else "",
        change_page=page_of_change(holds) if holds is not None else "",
        may_be_undone=holds is not None,
        note=in_spoken(shown.too_soon.note) if shown.too_soon and not shown.too_soon.forbids else "",
        why=shown.refusal.spoken_sentence if shown.refusal else "",
        remedy=to_do(shown.refusal) if shown.refusal else "",
        of_nobody=person is None,
        reason=shown.refusal.reason.name if shown.refusal else "",
        demo=person is not None and person.kind is PersonKind.DEMO,
        digests=shown.digests(),
        form_id=kept.pop("form_id", None) or secrets.token_hex(16),
        errors=errors or {},
        kept={"switch": False, "unsure": False, "typed": "", **kept},
        **values,
    )


def what_changed(shown: ShownApproval, sent: FormData) -> list[str]:
    """What is another than the form says that was shown; nothing where all is the same."""
    said = {
        "proposal_sha256": phrase("Nothing was written: the proposal is not the one that was shown. Look at it again."),
        "profile_sha256": phrase("Nothing was written: what would be written is not what was shown. Look at it again."),
        "site_sha256": phrase(
            "Nothing was written: the site's settings were read again since, and are not the ones that were shown."
        ),
    }
    now = shown.digests()
    if not now:
        return [] if shown.refusal is not None else [said["profile_sha256"]]
    return [sentence for name, sentence in said.items() if sent.get(name) != now[name]]


def approved_request(shown: ShownApproval, kept: dict[str, Any], now: datetime) -> SyncRequest:
    """The request of what was shown, which holds for ten minutes."""
    assert shown.approved is not None
    digests = shown.digests()
    return request_of(
        shown.approved,
        shown.choice,
        activate=kept["switch"],
        although_unsure=shown.unsure and kept["unsure"],
        approved_until=now + APPROVAL_VALID,
        seen_profile_sha256=digests["profile_sha256"],
        seen_site_sha256=digests["site_sha256"],
    )


def same_name(typed: str, name: str) -> bool:
    """Whether a typed name is a person's, however it is spaced, capitalised or composed."""
    return bool(typed.strip()) and plain_name(typed) == plain_name(name)


def not_known(away: ServerAway) -> str:
    """That nobody knows whether something was asked for; empty where it was not."""
    if not away.may_be_done:
        return ""
    return phrase(
        "Whether it was asked for is not known: Prefect's server did not answer to the end ({why}). Send this form "
        "again: what was asked for is done once. After ten minutes nothing of it is begun.",
        why=away.why,
    )


def no_worker() -> str:
    """That nothing is queued where nobody would do it now."""
    return phrase(
        "Nothing was written: nothing is there that writes now (the worker of the pool {pool} does not listen), and an "
        "approval is not queued. Health says what to do.",
        pool="autotune-apply",
    )


def person_of(page: PageState, run: RunDirectory) -> Person | None:
    """Whose a run is."""
    return index_of(page).person_of(indexed_run(run), page.people.all())


def _wrong_in_form(shown: ShownApproval, person: Person, kept: dict[str, Any]) -> dict[str, str]:
    errors = {}
    if shown.unsure and not kept["unsure"]:
        errors["unsure"] = phrase("Say that it is to be written although nothing in it is repeatable enough.")
    if not same_name(kept["typed"], person.name):
        errors["name"] = phrase("Nothing was written: type the name as it stands here, {name}.", name=person.name)
    return errors


def _with_proposal(page: PageState, name: str) -> RunDirectory | None:
    run = run_of(page.settings.runs, name)
    return run if run is not None and indexed_run(run).state is RunState.PROPOSAL else None


def _newest_look(page: PageState, person: Person | None) -> PersonLook | None:
    if person is None or not person.request():
        return None
    return looks_of(page).newest(person, LookKind.SITE, person.request())


def _wants_a_look(shown: ShownApproval) -> bool:
    """Whether what the site has now decides anything."""
    against = shown.refusal.reason.name if shown.refusal else ""
    return shown.written is None and shown.site is not None and against in ("", "SITE_PROFILE_CHANGED")


def _key(sent: FormData, wanted: SyncRequest) -> str:
    """The same for a form that is sent twice, another where it is sent with other choices."""
    document = wanted.model_dump(mode="json", exclude={"approved_until"})
    return hashlib.sha256(json.dumps([str(sent.get("form_id")), document], sort_keys=True).encode()).hexdigest()
