"""`/api/v1`: what a machine may ask, with a token of its own: the last verdict, the next run, and a new run.

No answer has a number of glucose or of therapy, and no call approves or writes anything.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

from flows import __version__
from flows.proposal.document import Colour
from flows.proposal.step_document import StepKind
from flows.web.cards import waits
from flows.web.index import index_of
from flows.web.indexed_run import RunState
from flows.web.people import Person
from flows.web.prefect_server import START, ServerAway
from flows.web.security.answers import API
from flows.web.security.tokens import MachineScope
from flows.web.seen_on_server import server_seen
from flows.web.state import page_of

OF_PEOPLE = f"{API}/people/{{person_id}}"
KEY = r"^[A-Za-z0-9._-]{8,100}$"


def may(scope: MachineScope) -> Any:
    """Let through only tokens that may do this; who asks without a token was refused by the gate."""

    def check(request: Request) -> None:
        if scope not in request.state.machine.scopes:
            raise HTTPException(403, f"this token may not {scope.value}")

    return Depends(check)


def known_person(request: Request, person_id: str) -> Person:
    """The person of an address."""
    person = page_of(request).people.by_id(person_id)
    if person is None:
        raise HTTPException(404, "nobody has this id")
    return person


KnownId = Annotated[Person, Depends(known_person)]
bearer = HTTPBearer(scheme_name="token", description="made on the page: Settings, Access", auto_error=False)
routes = APIRouter()  # the calls and their description
calls = APIRouter(dependencies=[Depends(bearer)])


class LastRun(BaseModel):
    """The newest run, however it ended."""

    run: str = Field(description="name of the run; its report is at /r/{run}")
    at: datetime = Field(description="when it was made")
    outcome: RunState
    reason: str | None = Field(description="code of why it has no proposal; docs/refusals.md lists them")


class LastVerdict(BaseModel):
    """The newest run with a proposal; no number of glucose or of therapy."""

    run: str = Field(description="name of the run; its report is at /r/{run}")
    at: datetime = Field(description="when it was made")
    age_s: int = Field(description="seconds since then")
    colour: Colour | None = Field(description="of the verdict")
    step: StepKind | None = Field(description="kind of step to take now")
    waits: bool = Field(description="whether it waits for a person: the step may be approved, or is to be taken back")


class VerdictAnswer(BaseModel):
    """Both are null where there is none."""

    verdict: LastVerdict | None
    last_run: LastRun | None


class NextRunAnswer(BaseModel):
    """When the next run is due."""

    next_run_at: datetime | None = Field(description="null where none is planned")
    server_away_since: datetime | None = Field(
        description="since when Prefect does not answer: the rest is the last known"
    )


class StartedRun(BaseModel):
    """A run that was started now, or before with the same key."""

    run: str = Field(description="name of the run; it can be watched at /r/{run}")


@calls.get(f"{OF_PEOPLE}/verdict", dependencies=[may(MachineScope.READ)])
def verdict(request: Request, person: KnownId) -> VerdictAnswer:
    """The last verdict of a person, and how the last run ended."""
    index, now = index_of(page_of(request)), datetime.now(UTC)
    last, result = index.last(person), index.last_with_result(person)
    return VerdictAnswer(
        verdict=LastVerdict(
            run=result.name,
            at=result.at,
            age_s=max(0, int((now - result.at).total_seconds())),
            colour=result.past.colour if result.past else None,
            step=result.card.kind if result.card else None,
            waits=waits(result, now),
        )
        if result
        else None,
        last_run=LastRun(run=last.name, at=last.at, outcome=last.state, reason=last.codes[0] if last.codes else None)
        if last
        else None,
    )


@calls.get(f"{OF_PEOPLE}/next-run", dependencies=[may(MachineScope.READ)])
def next_run(request: Request, person: KnownId) -> NextRunAnswer:
    """When the next run of a person is due."""
    seen = server_seen(page_of(request))
    if seen is None:
        raise HTTPException(503, "the server has not been looked at yet")
    return NextRunAnswer(next_run_at=seen.next_run_of(person), server_away_since=seen.away_since)


@calls.post(f"{OF_PEOPLE}/runs", status_code=202, dependencies=[may(MachineScope.START)])
def start_run(
    request: Request,
    person: KnownId,
    idempotency_key: Annotated[str, Header(pattern=KEY, description="the same key starts one run, however often")],
) -> StartedRun:
    """Start a run of a person's site with everything at its default; it proposes and writes nothing."""
    page = page_of(request)
    whose = person.request()
    if not whose:
        raise HTTPException(409, "this person has no site; a run of uploads is started on the page")
    asked = f"{request.state.machine.id} {person.id} {idempotency_key}"
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    try:
        run = page.server.start(
            START,
            whose,
            key=f"machine-{hashlib.sha256(asked.encode()).hexdigest()}",
            name=name,
            run_path=str(page.settings.runs / name),
        )
    except ServerAway as away:
        raise HTTPException(503, f"nothing was started: {away.why}") from None
    return StartedRun(run=run.name)


@routes.get(f"{API}/openapi.json")
def description(request: Request) -> JSONResponse:
    """What the three calls take and answer, as OpenAPI has it."""
    prefix = page_of(request).settings.prefix
    return JSONResponse(
        get_openapi(
            title="autotune-flows",
            version=__version__,
            summary="Last verdict, next run, start a run. Nothing is approved or written.",
            routes=calls.routes,
            servers=[{"url": prefix}] if prefix else None,
        )
    )


routes.include_router(calls)
