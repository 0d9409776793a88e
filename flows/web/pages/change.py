"""`/c/{change}`: what became of a change that was approved: written, read back, active or not; or why not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from flows.environment import speaking_as_set
from flows.errors import Refused
from flows.language.catalogue import translated
from flows.proposal.document import Proposal
from flows.proposal.sealed import read_proposal
from flows.report.first_screen import first_screen
from flows.report.planned_rows import HEADINGS
from flows.values.parts import Part
from flows.web.cards import moment_text
from flows.web.changes import UNDER_WAY, ChangeKind, ChangeSeen, ChangeState, change_seen, ended_at
from flows.web.index import index_of
from flows.web.not_here import not_here
from flows.web.pages.approve import person_of
from flows.web.refusals_said import TO_DO, to_do
from flows.web.rendering import render
from flows.web.run_files import PROPOSAL, run_of
from flows.web.state import PageState, page_of

routes = APIRouter()


@routes.get("/c/{change_id}", response_class=HTMLResponse)
def change(request: Request, change_id: str) -> Response:
    """The change's page."""
    page, now = page_of(request), datetime.now(UTC)
    try:
        wanted = UUID(change_id)
    except ValueError:
        return not_here(request)
    with speaking_as_set():
        seen = change_seen(page, wanted, now)
        if seen is None:
            return not_here(request)
        if seen.state not in UNDER_WAY:
            index_of(page).request_renewal()
        return render(request, "change.html", **_values(page, seen, now))


def _values(page: PageState, seen: ChangeSeen, now: datetime) -> dict[str, Any]:
    run, proposal = run_of(page.settings.runs, seen.run), None
    if run is not None:
        try:
            proposal = read_proposal(run.file(PROPOSAL))
        except Refused:
            proposal = None
    zone = proposal.timezone if proposal else "UTC"
    person = person_of(page, run) if run is not None else None
    facts = seen.change.facts if seen.change is not None else {}
    screen = first_screen(proposal) if proposal is not None and facts.get("what") == "step" else None
    return {
        "seen": seen,
        "id": seen.id.hex,
        "person": person,
        "run": seen.run if run is not None else "",
        "state": seen.state.value,
        "kind": seen.kind.value,
        "under_way": seen.state in UNDER_WAY,
        "at": moment_text(seen.at, zone, now) if seen.at is not None else "",
        "name": str(facts.get("name") or ""),
        "source": str(facts.get("source") or ""),
        "activated": facts.get("activate") is True,
        "parts": [translated(HEADINGS[part]) for part in Part if part.value in (facts.get("parts") or ())],
        "watch": screen.watch if screen else "",
        "look_again": screen.look_again if screen else "",
        "undone_at": moment_text(ended_at(seen.later), zone, now) if seen.later is not None else "",
        "earlier_at": _written_before(seen, proposal, zone, now),
        "sentence": seen.sentence,
        "remedy": _remedy(seen),
        "journal_said": seen.journal_trouble.spoken_sentence if seen.journal_trouble else "",
        "journal_remedy": to_do(seen.journal_trouble) if seen.journal_trouble else "",
    }


def _written_before(seen: ChangeSeen, proposal: Proposal | None, zone: str, now: datetime) -> str:
    """When the change was made that left nothing to do for this one."""
    if seen.state is not ChangeState.ALREADY or proposal is None:
        return ""
    kind = "rollback" if seen.kind is ChangeKind.ROLLBACK else "apply"
    mine = [c for c in seen.changes if c.did(kind, proposal_sha256=proposal.sha256)]
    return moment_text(ended_at(mine[-1]), zone, now) if mine else ""


def _remedy(seen: ChangeSeen) -> str:
    if seen.remedy:
        return seen.remedy
    return translated(TO_DO[seen.reason]) if seen.reason in TO_DO else ""
