"""`/r/{run}/undo`: what is put back, said before it is; also where an earlier change has no end yet."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from flows.environment import speaking_as_set
from flows.errors import Refused
from flows.language.catalogue import phrase
from flows.proposal.sealed import read_proposal
from flows.values.run_directory import RunDirectory
from flows.web.cards import moment_text
from flows.web.changes import ChangeKind, applied_now, ended_at, page_of_change, start_change
from flows.web.not_here import not_here
from flows.web.pages.approve import no_worker, not_known, person_of
from flows.web.prefect_server import ServerAway
from flows.web.refusals_said import to_do
from flows.web.rendering import render
from flows.web.run_files import PROPOSAL, run_of
from flows.web.sent_form import Form, form_id
from flows.web.state import PageState, page_of
from flows.writeback.approval import APPROVAL_VALID, Decision, RollbackRequest
from flows.writeback.approval_checks import SealedRun, read_sealed
from flows.writeback.journal import Change, Journal

routes = APIRouter()


@dataclass
class ShownUndo:
    """What would be put back: the change that is undone, or why there is none."""

    sealed: SealedRun | None = None
    applied: Change | None = None
    refusal: Refused | None = None


@routes.get("/r/{name}/undo", response_class=HTMLResponse)
def undo(request: Request, name: str) -> Response:
    """What is put back."""
    page = page_of(request)
    run = run_of(page.settings.runs, name)
    if run is None:
        return not_here(request)
    with speaking_as_set():
        return _shown(request, run, _undo_of(page, run))


@routes.post("/r/{name}/undo", response_class=HTMLResponse)
def put_back(request: Request, name: str, sent: Form) -> Response:
    """Start what puts back, where what would be undone is what was shown."""
    page, now = page_of(request), datetime.now(UTC)
    run = run_of(page.settings.runs, name)
    if run is None:
        return not_here(request)
    with speaking_as_set():
        shown = _undo_of(page, run)
        if shown.sealed is None or shown.applied is None or sent.get("change") != shown.applied.name:
            said = phrase("Nothing was put back: the last change is not the one that was shown. Look at it again.")
            return _shown(request, run, shown, error=said, status=409)
        wanted = RollbackRequest(
            proposal_id=run.path.name,
            sha256=shown.sealed.sha256,
            decision=Decision.APPROVE,
            even_if_edited=bool(sent.get("even_if_edited")),
            approved_until=now + APPROVAL_VALID,
        )
        asked = wanted.model_dump(mode="json")
        said = f"{sent.get('form_id')} {shown.applied.name} {wanted.even_if_edited}"
        key = hashlib.sha256(said.encode()).hexdigest()
        try:
            until = now + APPROVAL_VALID
            change = start_change(page, ChangeKind.ROLLBACK, run.path.name, asked, key=key, until=until)
        except ServerAway as away:
            said = not_known(away) or phrase(
                "Nothing was put back: Prefect's server does not answer ({why}). Try again.", why=away.why
            )
            return _shown(request, run, shown, error=said, status=503, same_form=form_id(sent))
        if change is None:
            return _shown(request, run, shown, error=no_worker(), status=503)
    return RedirectResponse(f"{page.settings.prefix}/c/{change.hex}", status_code=303)


def _undo_of(page: PageState, run: RunDirectory) -> ShownUndo:
    shown = ShownUndo()
    try:
        shown.sealed = read_sealed(run, None)
        changes = Journal(shown.sealed.site, page.settings.journals).changes()
        shown.applied = applied_now(changes, shown.sealed.sha256) or _unfinished(changes, run.path.name)
    except Refused as refusal:
        shown.refusal = refusal
    return shown


def _unfinished(changes: list[Change], run: str) -> Change | None:
    """A change of this run without an end that is no application: a rollback, which is brought to its end."""
    return next((c for c in changes if not c.ended and c.facts.get("proposal_id") == run), None)


def _shown(
    request: Request,
    run: RunDirectory,
    shown: ShownUndo,
    *,
    error: str = "",
    status: int = 200,
    same_form: str = "",
) -> HTMLResponse:
    now, applied = datetime.now(UTC), shown.applied
    facts = applied.facts if applied is not None else {}
    began = datetime.fromisoformat(str(facts["at"])) if applied is not None else None
    zone = _zone(run)
    return render(
        request,
        "undo.html",
        status=status,
        run=run.path.name,
        person=person_of(page_of(request), run),
        shown=shown,
        change=applied.name if applied is not None else "",
        unfinished=applied is not None and not applied.ended,
        name=str(facts.get("name") or ""),
        source=str(facts.get("source") or ""),
        activated=facts.get("activate") is True,
        began=moment_text(began, zone, now) if began is not None else "",
        written=moment_text(ended_at(applied), zone, now) if applied is not None and applied.ended else "",
        back=page_of_change(applied) if applied is not None else "",
        why=shown.refusal.spoken_sentence if shown.refusal else "",
        remedy=to_do(shown.refusal) if shown.refusal else "",
        form_id=same_form or secrets.token_hex(16),
        errors={"": error} if error else {},
    )


def _zone(run: RunDirectory) -> str:
    try:
        return read_proposal(run.file(PROPOSAL)).timezone
    except Refused:
        return "UTC"
