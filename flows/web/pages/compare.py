"""`/compare/{run}/{run}`: two runs beside each other."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from flows.environment import speaking_as_set
from flows.errors import Refused
from flows.proposal.document import Proposal
from flows.proposal.sealed import read_proposal
from flows.web.cards import moment_text
from flows.web.comparison import compared
from flows.web.index import index_of
from flows.web.indexed_run import RunState, indexed_run
from flows.web.pages.report import units_of
from flows.web.people import Person
from flows.web.rendering import render
from flows.web.run_files import PROPOSAL, is_run_name, run_of
from flows.web.state import PageState, page_of

routes = APIRouter()


@routes.get("/compare")
def chosen(request: Request, a: str = "", b: str = "") -> Response:
    """On to the comparison of two runs that were chosen in a form."""
    both = "/".join(name if is_run_name(name) else "-" for name in (a, b))
    return RedirectResponse(f"{page_of(request).settings.prefix}/compare/{both}", status_code=303)


@routes.get("/compare/{first}/{second}")
def compare(request: Request, first: str, second: str) -> Response:
    """Both runs; the older one first."""
    page, now = page_of(request), datetime.now(UTC)
    with speaking_as_set():
        found = [_proposal(page, name) for name in (first, second)]
        both = [one for one in found if one is not None]
        if len(both) < 2 or first == second:
            return render(request, "compare_missing.html", status=404, same=first == second)
        both.sort(key=lambda one: datetime.fromisoformat(one[0].created_at))
        (a, of_a), (b, of_b) = both
        return render(
            request,
            "compare.html",
            units=units_of(of_b, b.units.value),
            people=[person.name if person else "" for person in (of_a, of_b)],
            person=of_a if of_a == of_b else None,
            names=[a.proposal_id, b.proposal_id],
            when=[moment_text(datetime.fromisoformat(p.created_at), p.timezone, now) for p in (a, b)],
            sections=compared(a, b),
        )


def _proposal(page: PageState, name: str) -> tuple[Proposal, Person | None] | None:
    run = run_of(page.settings.runs, name)
    if run is None or (found := indexed_run(run)).state is not RunState.PROPOSAL:
        return None
    try:
        proposal = read_proposal(run.file(PROPOSAL))
    except Refused:
        return None
    return proposal, index_of(page).person_of(found, page.people.all())
