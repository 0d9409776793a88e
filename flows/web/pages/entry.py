"""`/r/{run}/entry`: which app or pump is typed into; `/r/{run}/entry/{system}`: the sheet for it, to be printed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from flows.entry.apps import APPS
from flows.entry.pumps import PUMPS
from flows.entry.system import entry_system
from flows.environment import speaking_as_set
from flows.errors import Refused
from flows.language.translatable import in_spoken
from flows.pipeline.sheet_to_type import sheet_to_type
from flows.proposal.consensus_limits import age_group
from flows.proposal.document import Proposal
from flows.proposal.sealed import read_proposal
from flows.report.html.entry import sheet_values
from flows.values.run_directory import RunDirectory
from flows.web.indexed_run import RunState, indexed_run
from flows.web.rendering import render
from flows.web.run_files import PROPOSAL, run_of
from flows.web.state import page_of
from flows.web.way_in import why_not_written
from flows.writeback.approval import MAX_AGE_H, Scope
from flows.writeback.approval_checks import check_may_be_written

routes = APIRouter()


@routes.get("/r/{name}/entry")
def choose(request: Request, name: str, system: str = "", pump: str = "") -> Response:
    """The systems to choose from; with one chosen, on to its sheet."""
    with speaking_as_set():
        found = _proposal(request, name)
        if isinstance(found, Response):
            return found
        if system in APPS or system in PUMPS:
            with_pump = f"?pump={pump}" if system in APPS and pump in PUMPS else ""
            to = f"{page_of(request).settings.prefix}/r/{name}/entry/{system}{with_pump}"
            return RedirectResponse(to, status_code=303)
        return render(
            request,
            "entry_choice.html",
            name=name,
            apps=[(key, in_spoken(app.name)) for key, app in APPS.items()],
            pumps=[(key, in_spoken(one.name)) for key, one in PUMPS.items()],
        )


@routes.get("/r/{name}/entry/{system}")
def sheet(request: Request, name: str, system: str, pump: str = "") -> Response:
    """The sheet."""
    with speaking_as_set():
        found = _proposal(request, name)
        if isinstance(found, Response):
            return found
        if system not in APPS and system not in PUMPS:
            return RedirectResponse(f"{page_of(request).settings.prefix}/r/{name}/entry", status_code=303)
        run, proposal = found
        with_pump = pump if system in APPS and pump in PUMPS else None
        try:
            to_type = sheet_to_type(
                run,
                proposal,
                entry_system(system, proposal.units, age_group(proposal.options), with_pump),
                datetime.now(UTC),
                journals=page_of(request).settings.journals,
            )
        except Refused as refusal:
            return _refused(request, name, refusal)
        values: dict[str, Any] = sheet_values(to_type, proposal, Scope.STEP)
        return render(request, "entry_of_run.html", **values, name=name)


def _proposal(request: Request, name: str) -> tuple[RunDirectory, Proposal] | Response:
    """The run's proposal where it may be typed in; else the page that says why not."""
    run = run_of(page_of(request).settings.runs, name)
    if run is None or indexed_run(run).state is not RunState.PROPOSAL:
        return RedirectResponse(f"{page_of(request).settings.prefix}/r/{name}", status_code=303)
    proposal = read_proposal(run.file(PROPOSAL))
    try:
        check_may_be_written(proposal, datetime.now(UTC), MAX_AGE_H)
    except Refused as refusal:
        return _refused(request, name, refusal)
    return run, proposal


def _refused(request: Request, name: str, refusal: Refused) -> Response:
    return render(request, "entry_refused.html", status=409, name=name, why=why_not_written(refusal))
