"""`/p/{id}/uploads`: exports instead of a site, as a zip or as files; and a person who has nothing but these."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from flows.environment import speaking_as_set
from flows.errors import is_full_disk
from flows.language.catalogue import phrase, to_translate
from flows.web.cards import moment_text
from flows.web.new_person import name_errors
from flows.web.not_here import not_here
from flows.web.people import PersonKind
from flows.web.rendering import render
from flows.web.sent_form import Form
from flows.web.state import page_of
from flows.web.uploaded_records import EMPTY, NotTaken
from flows.web.uploads import DISK_FULL, KEPT, UPLOAD_ID, remove, take, uploads_of

routes = APIRouter()
MOST_FILES = 20
TOO_MANY = to_translate("These are more than {most} files. Choose only the exports, or put them into a zip.")


async def files_sent(request: Request) -> FormData | NotTaken:
    """The form with its files, or why it could not be taken; what is too large altogether is answered by the gate."""
    try:
        return await request.form(max_files=MOST_FILES, max_fields=10)
    except HTTPException as error:
        if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise
        return NotTaken(TOO_MANY, most=MOST_FILES) if "Too many files" in str(error.detail) else NotTaken(EMPTY)
    except OSError as error:  # where it lies until it is read
        if not is_full_disk(error):
            raise
        return NotTaken(DISK_FULL)


Files = Annotated[FormData | NotTaken, Depends(files_sent)]


@routes.get("/uploads", response_class=HTMLResponse)
def new_person(request: Request) -> Response:
    """The form that names somebody whose data are uploads."""
    return render(request, "upload_person.html", errors={}, name="")


@routes.post("/uploads", response_class=HTMLResponse)
def add_person(request: Request, sent: Form) -> Response:
    """Somebody new, whose data are to be uploaded."""
    page = page_of(request)
    name = " ".join(str(sent.get("name") or "").split())
    with speaking_as_set():
        if errors := name_errors(name, page.people.all()):
            return render(request, "upload_person.html", status=422, errors=errors, name=name)
    person = page.people.add(name, PersonKind.UPLOADS)
    return RedirectResponse(f"{page.settings.prefix}/p/{person.id}/uploads", status_code=303)


@routes.get("/p/{person_id}/uploads", response_class=HTMLResponse)
def uploads(request: Request, person_id: str) -> Response:
    """What is uploaded, and the form for more."""
    return _page(request, person_id)


@routes.post("/p/{person_id}/uploads", response_class=HTMLResponse)
def upload(request: Request, person_id: str, sent: Files) -> Response:
    """Keep what was sent, all of it or nothing."""
    page = page_of(request)
    person = page.people.by_id(person_id)
    if person is None:
        return not_here(request)
    with speaking_as_set():
        try:
            if isinstance(sent, NotTaken):
                raise sent
            found = sent.getlist("files")
            files: list[IO[bytes]] = [file.file for file in found if isinstance(file, UploadFile) and file.size]
            if not files:
                raise NotTaken(EMPTY)
            take(page, person, files, datetime.now(UTC))
        except NotTaken as why:
            return _page(request, person_id, {"files": phrase(why.words, **why.facts)}, status=422)
    return RedirectResponse(f"{page.settings.prefix}/p/{person.id}/new?from=files", status_code=303)


@routes.post("/p/{person_id}/uploads/remove", response_class=HTMLResponse)
def remove_upload(request: Request, person_id: str, sent: Form) -> Response:
    """Remove one upload; runs have their own copy of what they read."""
    page = page_of(request)
    person = page.people.by_id(person_id)
    upload_id = str(sent.get("upload") or "")
    if person is None or not UPLOAD_ID.fullmatch(upload_id):
        return not_here(request)
    remove(page, person, upload_id)
    return RedirectResponse(f"{page.settings.prefix}/p/{person.id}/uploads", status_code=303)


def _page(request: Request, person_id: str, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    page, now = page_of(request), datetime.now(UTC)
    person = page.people.by_id(person_id)
    if person is None:
        return not_here(request)
    with speaking_as_set():
        kept = [
            (path.name, moment_text(_uploaded(path.name), person.zone or "UTC", now))
            for path in uploads_of(page, person)
        ]
        return render(
            request,
            "uploads.html",
            status=status,
            person=person,
            kept=kept,
            days_kept=KEPT.days,
            errors=errors or {},
            only=person.kind is PersonKind.UPLOADS,
        )


def _uploaded(upload_id: str) -> datetime:
    return datetime.strptime(upload_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
