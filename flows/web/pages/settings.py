"""`/settings`: people, each with a name, a unit and a night; the language; and where the rest is set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from flows.doctor.check import ExaminedCheck
from flows.environment import speaking_as_set
from flows.language.catalogue import Language, phrase, spoken
from flows.settings import AgeGroup, Insulin
from flows.web.new_person import NewPerson, lets_in, name_errors
from flows.web.people import Person, PersonKind
from flows.web.person_night import AT, errors_of, set_night
from flows.web.prefect_server import ServerAway
from flows.web.preferences import ROOM, Preferences
from flows.web.rendering import render
from flows.web.snapshot import NightlySchedule, snapshot_of
from flows.web.state import PageState, page_of

routes = APIRouter()
UNITS = ("mg/dL", "mmol/L")


@dataclass(frozen=True)
class PersonSettings:
    """One person's part of the page."""

    person: Person
    night: NightlySchedule | None
    at: str
    zone: str
    plain: bool  # the night is at a time of every day, which is all that can be changed here


@routes.get("/settings", response_class=HTMLResponse)
def settings(request: Request) -> HTMLResponse:
    """All of it."""
    return _shown(request, {})


@routes.get("/settings/people/new", response_class=HTMLResponse)
def new_person(request: Request) -> HTMLResponse:
    """The form for one more person."""
    return _new(request, NewPerson("", "", "", False, "", ""), {}, [])


@routes.post("/settings/people/new", response_class=HTMLResponse)
def add_person(
    request: Request,
    name: Annotated[str, Form()] = "",
    site: Annotated[str, Form()] = "",
    token: Annotated[str, Form()] = "",
    allow_http: Annotated[bool, Form()] = False,
    age_group: Annotated[str, Form()] = "",
    insulin: Annotated[str, Form()] = "",
) -> Response:
    """Try the site, and save it where a run would come through."""
    page = page_of(request)
    asked = NewPerson(name, site.strip(), token, allow_http, age_group, insulin)
    with speaking_as_set():
        if errors := asked.errors(page.people.all()):
            return _new(request, asked, errors, [])
        rows = asked.look(page.settings.runs)
        if not lets_in(rows):
            said = phrase("The site does not let a run in. Nothing was saved.")
            return _new(request, asked, {"site": said}, rows)
        try:
            asked.save(page)
        except ServerAway as away:
            said = phrase("Nothing was saved: Prefect's server did not take it ({why}).", why=away.why)
            return _new(request, asked, {"": said}, rows)
    snapshot_of(page).soon()
    return _back(page)


@routes.post("/settings/people/{person_id}", response_class=HTMLResponse)
def change_person(
    request: Request,
    person_id: str,
    name: Annotated[str, Form()] = "",
    units: Annotated[str, Form()] = "",
) -> Response:
    """Give a person another name or unit."""
    page = page_of(request)
    person = page.people.by_id(person_id)
    if person is None:
        return _back(page)
    with speaking_as_set():
        errors = name_errors(name, page.people.all(), but=person_id)
    if errors:
        return _shown(request, {f"{field}-{person_id}": said for field, said in errors.items()}, status=422)
    page.people.change(person_id, name=name.strip(), units=units if units in UNITS else None)
    return _back(page)


@routes.post("/settings/people/{person_id}/night", response_class=HTMLResponse)
def change_night(
    request: Request,
    person_id: str,
    at: Annotated[str, Form()] = AT,
    zone: Annotated[str, Form()] = "UTC",
    active: Annotated[bool, Form()] = False,
) -> Response:
    """Switch a person's night on or off, or give it another time."""
    page = page_of(request)
    person = page.people.by_id(person_id)
    if person is None or person.kind is PersonKind.UPLOADS:
        return _back(page)
    with speaking_as_set():
        errors = errors_of(at.strip(), zone.strip())
        if not errors:
            try:
                known = snapshot_of(page).schedule_of(person)
                set_night(page.server, person, known, active=active, at=at.strip(), timezone=zone.strip())
            except ServerAway as away:
                errors = {
                    "at": phrase("The night stays as it was: Prefect's server did not take it ({why}).", why=away.why)
                }
    if errors:
        return _shown(request, {f"{field}-{person_id}": said for field, said in errors.items()}, status=422)
    snapshot_of(page).look()  # so that the page that comes now says what the server has
    return _back(page)


@routes.post("/settings/people/{person_id}/remove", response_class=HTMLResponse)
def remove_person(request: Request, person_id: str) -> Response:
    """Show a person no more; the runs, the saved site and the night stay."""
    page = page_of(request)
    person = page.people.by_id(person_id)
    if person is not None and person.kind is PersonKind.DEMO:  # whose site and data go too
        return RedirectResponse(f"{page.settings.prefix}/try", status_code=303)
    page.people.remove(person_id)
    return _back(page)


@routes.post("/settings/language", response_class=HTMLResponse)
def change_language(request: Request, language: Annotated[str, Form()] = "") -> Response:
    """Speak another language."""
    page = page_of(request)
    chosen = next((one for one in Language if one.value == language), None)
    if chosen is not None:
        _preferences(page).language = chosen
    return _back(page)


def _shown(request: Request, errors: dict[str, str], status: int = 200) -> HTMLResponse:
    page = page_of(request)
    snapshot = snapshot_of(page)
    people = [_of(person, snapshot.schedule_of(person)) for person in page.people.all()]
    with speaking_as_set():
        return render(
            request,
            "settings.html",
            status=status,
            people=people,
            errors=errors,
            server_known=snapshot.seen is not None,
            languages=[("en", "English"), ("de", "Deutsch")],
            spoken=spoken().value,
            unit_names=UNITS,
            prefect_page=page.settings.prefect_page,
        )


def _of(person: Person, night: NightlySchedule | None) -> PersonSettings:
    at = night.at if night is not None else AT
    return PersonSettings(person, night, at or AT, night.timezone if night else person.zone or "UTC", at is not None)


def _new(request: Request, asked: NewPerson, errors: dict[str, str], rows: list[ExaminedCheck]) -> HTMLResponse:
    return render(
        request,
        "new_person.html",
        status=422 if errors else 200,
        asked=asked,
        errors=errors,
        rows=rows,
        age_groups=[one.value for one in AgeGroup],
        insulins=[one.value for one in Insulin],
        zones=sorted(available_timezones()),
    )


def _preferences(page: PageState) -> Preferences:
    found: Any = page.rooms[ROOM]
    assert isinstance(found, Preferences)
    return found


def _back(page: PageState) -> RedirectResponse:
    return RedirectResponse(f"{page.settings.prefix}/settings", status_code=303)
