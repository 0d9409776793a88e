"""`/p/{id}/new`: which settings, which days, whose insulin; and the run that is started of it, once."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from flows.environment import speaking_as_set
from flows.errors import Refused
from flows.language.catalogue import phrase
from flows.pipeline.look import LookKind
from flows.web import new_run_form
from flows.web.cards import moment_text
from flows.web.known_days import KnownDay, KnownPerson, hours_of, known_of, periods_of, rule_of
from flows.web.looks import PersonLook, looks_of
from flows.web.new_run_form import ALL, DATES, LOOKED_AT_DAYS, NewRunForm, checked, choices, counted, weeks, with_shown
from flows.web.not_here import not_here
from flows.web.people import Person, PersonKind
from flows.web.prefect_server import START, ServerAway
from flows.web.rendering import render
from flows.web.sent_form import Form
from flows.web.snapshot import snapshot_of
from flows.web.state import PageState, page_of
from flows.web.uploads import newest_upload
from flows.writeback.approval import run_name

routes = APIRouter()
FILES = "files"


@routes.get("/p/{person_id}/new", response_class=HTMLResponse)
def new_run(request: Request, person_id: str, again: str = "") -> Response:
    """The form; `again` names a run whose choices it begins with."""
    page = page_of(request)
    person = page.people.by_id(person_id)
    if person is None:
        return not_here(request)
    whose = _whose(page, person, request.query_params.get("from", ""))
    form = _begin(page, again, of_files="from_directory" in whose)
    return _page(request, person, form, whose)


@routes.post("/p/{person_id}/new", response_class=HTMLResponse)
def start_run(request: Request, person_id: str, sent: Form) -> Response:
    """Start the run, or show the form with other days, or with what is wrong."""
    page = page_of(request)
    person = page.people.by_id(person_id)
    if person is None:
        return not_here(request)
    whose = _whose(page, person, str(sent.get("from") or ""))
    form = NewRunForm.sent(sent)
    asked = sent.get("do")
    if asked != "start":
        return _page(request, person, form, whose, again=asked == "look", errors=form.problems())
    if not whose:
        return _page(request, person, form, whose, status=422)
    with speaking_as_set():
        if not form.shown:  # another range was chosen after the calendar was made
            form = with_shown(form, _calendar(_seen(page, person, form, whose)[1], form))
        wanted, errors = checked(form, whose)
    if errors:
        return _page(request, person, form, whose, errors=errors, status=422)
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    path = str(page.settings.runs / name)
    try:
        run = page.server.start(START, wanted, key=form.key(wanted), name=name, run_path=path)
    except ServerAway as away:
        with speaking_as_set():
            said = phrase("Nothing was started: Prefect's server does not answer ({why}). Try again.", why=away.why)
        return _page(request, person, form, whose, errors={"": said}, status=503)
    return RedirectResponse(f"{page.settings.prefix}/r/{run.name}", status_code=303)


@routes.get("/p/{person_id}/look")
def look_state(request: Request, person_id: str) -> JSONResponse:
    """For the script: whether the newest look at days is under way."""
    page = page_of(request)
    person = page.people.by_id(person_id)
    look = looks_of(page).newest(person, LookKind.DAYS) if person else None
    try:
        state = "none" if look is None else "under way" if looks_of(page).still_under_way(look) else "ended"
    except ServerAway:
        state = "away"
    return JSONResponse({"state": state, "id": look.id if look else ""})


def _whose(page: PageState, person: Person, source: str) -> dict[str, Any]:
    """The request's fields that say whose data; none where somebody has no upload yet."""
    if source == FILES or person.kind is PersonKind.UPLOADS:
        upload = newest_upload(page, person)
        return {"from_directory": str(upload)} if upload else {}
    return person.request()


def _begin(page: PageState, again: str, *, of_files: bool) -> NewRunForm:
    form = NewRunForm.empty()
    if again:
        try:
            earlier = page.server.run_named(run_name(again))
            form = NewRunForm.of_request(earlier.request) if earlier else form
        except (Refused, ServerAway):
            pass
    return replace(form, range=ALL) if of_files else form


def _seen(
    page: PageState,
    person: Person,
    form: NewRunForm,
    whose: dict[str, Any],
    *,
    start: bool = False,
    again: bool = False,
) -> tuple[PersonLook | None, KnownPerson]:
    """The look at the days that are wanted, begun where `start` says so, and what is known."""
    looks = looks_of(page)
    if not whose:
        return None, KnownPerson()
    request = {**whose, **({} if "from_directory" in whose else {"days": LOOKED_AT_DAYS})}
    usual = looks.newest(person, LookKind.DAYS, request)
    if form.range == DATES and not form.problems():
        known = known_of(page, person, usual)
        wanted = form.first_and_last(known, datetime.now(UTC))
        if wanted and not all(day in known.days for day in wanted):  # of days that the usual look does not have
            request = {**whose, "start": form.start, "end": form.end}
    look = (
        looks.start(person, LookKind.DAYS, request, again=again)
        if start
        else looks.newest(person, LookKind.DAYS, request)
    )
    return look, known_of(page, person, look if look and look.seen else usual)


def _calendar(known: KnownPerson, form: NewRunForm) -> list[KnownDay]:
    wanted = form.first_and_last(known, datetime.now(UTC))
    return known.between(*wanted) if wanted else []


def _page(
    request: Request,
    person: Person,
    form: NewRunForm,
    whose: dict[str, Any],
    *,
    again: bool = False,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    page, now = page_of(request), datetime.now(UTC)
    with speaking_as_set():
        look, known = _seen(page, person, form, whose, start=True, again=again)
        days = _calendar(known, form)
        profile = known.profile
        return render(
            request,
            "new_run.html",
            status=status,
            units=person.units or (profile or {}).get("units") or "mg/dL",
            person=person,
            form=with_shown(form, days),
            errors=errors or {},
            whose=whose,
            of_files="from_directory" in whose or not whose,
            look=look,
            unheard=look is not None and look.under_way and _no_worker(page),
            read_at=moment_text(known.read_at, known.zone, now) if known.read_at else "",
            known=known,
            profile=profile,
            rule=rule_of(profile) if profile else "",
            since=_since(profile, known, now),
            hours=hours_of(profile) if profile else [],
            others=[(other, periods_of(other, known.zone)) for other in known.others],
            profile_values=["active" if other["active_now"] else other["name"] for other in known.others],
            days=days,
            weeks=weeks(days),
            count=counted(form, days),
            choosable=[day for day in days if day.usable],
            events=choices(new_run_form.EVENT_WORDS),
            insulins=choices(new_run_form.INSULIN_WORDS),
            ages=choices(new_run_form.AGE_WORDS),
            inputs=choices(new_run_form.INPUT_WORDS),
            starts=choices(new_run_form.START_WORDS),
            weekdays=choices(new_run_form.WEEKDAY_WORDS),
        )


def _no_worker(page: PageState) -> bool:
    """Whether it is known that nobody listens for runs, so that a look waits."""
    snapshot = snapshot_of(page)
    deployment = snapshot.seen.deployments.get(START) if snapshot.seen else None
    return deployment is not None and snapshot.listens(str(deployment.get("work_pool_name"))) is False


def _since(profile: dict[str, Any] | None, known: KnownPerson, now: datetime) -> str:
    since = profile.get("since") if profile else None
    return moment_text(datetime.fromisoformat(since), known.zone, now) if since else ""
