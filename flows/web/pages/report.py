"""`/r/{run}`: one address from a run's start to its end: under way, then its report, or why there is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from flows.environment import speaking_as_set
from flows.errors import Reason
from flows.language.catalogue import phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.proposal.sealed import read_proposal
from flows.report.html.report import report_values
from flows.values.run_directory import RunDirectory
from flows.web.cards import reason_of, why_none
from flows.web.index import index_of
from flows.web.indexed_run import IndexedRun, RunState, indexed_run
from flows.web.people import Person
from flows.web.rendering import render
from flows.web.run_files import GIVEN_OUT, PROPOSAL, not_as_sealed, run_of
from flows.web.running import running_page
from flows.web.state import PageState, page_of
from flows.web.way_in import way_in

routes = APIRouter()
# Where to go with a refusal: its page below the person's or the site's own, and the words of the way.
TO_SETTINGS = ("/settings", to_translate("Settings"))
TO_HEALTH = ("/health", to_translate("Health"))
NEW_RUN = ("new", to_translate("New run"))
OF_SITE = (
    *(Reason.SITE_UNAUTHORIZED, Reason.SITE_FORBIDDEN, Reason.SITE_BASIC_AUTH, Reason.SITE_BEHIND_LOGIN),
    *(Reason.SITE_NOT_FOUND, Reason.SITE_ONLY_V3, Reason.SITE_URL, Reason.SITE_NOT_ALLOWED, Reason.SITE_BLOCK),
    *(Reason.NO_TIMEZONE, Reason.UNKNOWN_TIMEZONE),
)
OF_MACHINE = (Reason.DISK_FULL, Reason.RUN_DAMAGED, Reason.PRIVATE_DIRECTORY)
WAYS_ON = {
    **dict.fromkeys(OF_SITE, TO_SETTINGS),
    **dict.fromkeys(OF_MACHINE, TO_HEALTH),
}


@routes.get("/r/{name}", response_class=HTMLResponse)
def report(request: Request, name: str) -> Response:
    """The run's page."""
    page = page_of(request)
    run = run_of(page.settings.runs, name)
    found = indexed_run(run) if run is not None else None
    if run is None or found is None or found.state is RunState.NO_RUN:
        return running_page(request, name)
    with speaking_as_set():
        index = index_of(page)
        indexed = index.with_what_was_applied(found)
        person = index.person_of(found, page.people.all())
        shown = {"run": found, "person": person, "heading": _heading(found, person)}
        if found.state is RunState.PROPOSAL:
            return _report(request, run, indexed, person, shown)
        return _no_report(request, found, person, shown)


def units_of(person: Person | None, proposals_unit: str) -> str:
    """The unit that a page begins with: the person's own, else the proposal's."""
    return (person.units if person else None) or proposals_unit


def _report(
    request: Request, run: RunDirectory, indexed: IndexedRun, person: Person | None, shown: dict[str, Any]
) -> HTMLResponse:
    page, proposal = page_of(request), read_proposal(run.file(PROPOSAL))
    values = report_values(proposal)
    altered = not_as_sealed(run)
    more = {
        "units": units_of(person, proposal.units.value),
        "actions": "report_actions.html",
        "way": way_in(run, indexed, proposal, datetime.now(UTC)),
        "altered": altered,
        "files": [name for name in GIVEN_OUT if name not in altered and run.file(name).is_file()],
        "before": _before(page, indexed, person),
    }
    return render(request, "report_of_run.html", **{**values, **shown, **more})


def _before(page: PageState, indexed: IndexedRun, person: Person | None) -> str:
    """The name of the person's run with a proposal before this one; empty where there is none."""
    if person is None:
        return ""
    earlier = index_of(page).last_with_result(person, before=indexed)
    return earlier.name if earlier else ""


def _no_report(request: Request, found: IndexedRun, person: Person | None, shown: dict[str, Any]) -> HTMLResponse:
    reason = reason_of(found.codes[0]) if found.codes else None
    path, words = WAYS_ON.get(reason, NEW_RUN) if reason else NEW_RUN
    if path == "new":
        path = f"/p/{person.id}/new" if person else ""
    remedy = translated(reason.value[1]) if reason is not None else ""
    why = why_none(found)
    return render(
        request,
        "run_without_report.html",
        **shown,
        headline=f"{why[:1].upper()}{why[1:]}.",
        sentence=in_spoken(found.past.why) if found.past and found.state is RunState.REFUSED else "",
        remedy="" if "{" in remedy else remedy,
        to=path,
        way_on=translated(words),
    )


def _heading(found: IndexedRun, person: Person | None) -> str:
    return person.name if person else phrase("Run {name}", name=found.name)
