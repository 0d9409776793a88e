"""`/first`, `/signin`, `/signout`: the first password by a one-time code, in with the password, and out again.

Handlers that look at a password are asynchronous: the wait that makes every answer equally slow must hold no thread.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from flows.environment import speaking_as_set
from flows.language.catalogue import phrase
from flows.web.page_settings import PageSettings
from flows.web.rendering import render
from flows.web.security.cookies import may_sign_in, put_cookie, value_of
from flows.web.security.gate import FIRST, ORIGIN, SIGN_IN
from flows.web.security.guessing import guesses_of
from flows.web.security.passwords import against, passwords_of
from flows.web.security.proxies import client_address
from flows.web.security.sessions import SignedInBy, sessions_of
from flows.web.state import page_of

routes = APIRouter()
# A path of our own, below the prefix: no host, no other scheme, nothing that a browser reads as one.
OWN_PATH = re.compile(r"/(?:[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*)?")
LONGEST_PATH = 300


@routes.get(SIGN_IN, response_class=HTMLResponse)
def sign_in(request: Request, next: str = "") -> Response:  # noqa: A002 - the name in the address
    """The form that asks for the password."""
    page = page_of(request)
    if request.state.session is not None:
        return _go(page.settings, own_path(next))
    if not passwords_of(page).is_set:
        return _go(page.settings, FIRST)
    return _form(request, "signin.html", {}, back=own_path(next))


@routes.post(SIGN_IN, response_class=HTMLResponse)
async def signed_in(
    request: Request,
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",  # noqa: A002 - the name in the form
) -> Response:
    """Begin a session, if it is the password."""
    page = page_of(request)
    if not _may_be_typed(request):
        return _form(request, "signin.html", {}, back="/", status=403)

    def look() -> bool:
        return passwords_of(page).is_right(password)

    right, errors = await _attempt(request, look)
    if right:
        return await run_in_threadpool(_begin, request, own_path(next))
    with speaking_as_set():
        errors = errors or {"password": phrase("This is not the password.")}
    return _form(request, "signin.html", errors, back=own_path(next))


@routes.get(FIRST, response_class=HTMLResponse)
def first(request: Request) -> Response:
    """The form that sets the first password."""
    page = page_of(request)
    if passwords_of(page).is_set:
        return _go(page.settings, SIGN_IN if request.state.session is None else "/")
    return _form(request, "first.html", {}, code="")


@routes.post(FIRST, response_class=HTMLResponse)
async def first_set(
    request: Request,
    code: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Set the password by the code that the page printed, and begin a session."""
    page = page_of(request)
    passwords = passwords_of(page)
    if not _may_be_typed(request):
        return _form(request, "first.html", {}, code="", status=403)
    right, errors = await _attempt(request, lambda: not passwords.is_set and passwords.is_code(code))
    with speaking_as_set():
        if not right:
            errors = errors or {"code": phrase("This is not the code that was printed last, or it was used already.")}
            return _form(request, "first.html", errors, code=code)
        if errors := new_password_errors(password, again):
            return _form(request, "first.html", errors, code=code)
        if not await run_in_threadpool(passwords.set_by_code, code, password):
            errors = {"code": phrase("Somebody else was faster: this code was used just now.")}
            return _form(request, "first.html", errors, code="")
    await run_in_threadpool(sessions_of(page).end_all)
    return await run_in_threadpool(_begin, request, "/")


@routes.post("/signout")
def sign_out(request: Request) -> Response:
    """End this browser's session."""
    page = page_of(request)
    sessions_of(page).end(request.state.session.id)
    return _go(page.settings, SIGN_IN)


def own_path(path: str) -> str:
    """Where to go after signing in: a path of ours, else the first page."""
    known = len(path) <= LONGEST_PATH and OWN_PATH.fullmatch(path) and ".." not in path
    return path if known and path not in (SIGN_IN, FIRST, "/signout") else "/"


def new_password_errors(password: str, again: str) -> dict[str, str]:
    """What is against a new password, by the field of its form."""
    if (why := against(password)) is not None:
        return {"password": why}
    return {} if password == again else {"again": phrase("The two are not the same.")}


async def _attempt(request: Request, look: Callable[[], bool]) -> tuple[bool, dict[str, str]]:
    """One attempt, answered no sooner than any other; whether it was right, and why it was not looked at."""
    page, began = page_of(request), time.monotonic()
    guesses, who = guesses_of(page), client_address(request.scope, page.settings.proxy)
    errors: dict[str, str] = {}
    right = False
    if not await run_in_threadpool(guesses.take, who):
        with speaking_as_set():
            errors[""] = phrase(
                "Too many attempts. Wait some minutes, then try again; whoever is signed in already is not held up."
            )
    elif right := await run_in_threadpool(look):
        await run_in_threadpool(guesses.give_back, who)
    await asyncio.sleep(max(0.0, began + guesses.answer_s - time.monotonic()))
    return right, errors


def _begin(request: Request, path: str) -> Response:
    """A new session for this browser; the one that it had ends."""
    page, origin = page_of(request), request.scope[ORIGIN]
    sessions = sessions_of(page)
    before = value_of(request, page.settings, origin)
    if before and (old := sessions.of_value(before)) is not None:
        sessions.end(old.id)
    answer = _go(page.settings, path)
    value = sessions.begin(SignedInBy.PASSWORD, request.headers.get("User-Agent", ""))
    put_cookie(answer, page.settings, origin, value, keep=True)
    return answer


def _may_be_typed(request: Request) -> bool:
    return may_sign_in(page_of(request).settings, request.scope[ORIGIN])


def _form(request: Request, template: str, errors: dict[str, str], *, status: int = 200, **values: Any) -> HTMLResponse:
    return render(
        request,
        template,
        status=422 if errors else status,
        errors=errors,
        may_be_typed=_may_be_typed(request),
        **values,
    )


def _go(settings: PageSettings, path: str) -> RedirectResponse:
    return RedirectResponse(f"{settings.prefix}{path}", status_code=303)
