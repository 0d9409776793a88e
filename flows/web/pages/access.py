"""`/settings/access`: the password, who is signed in where, and the tokens of machines."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from flows.environment import speaking_as_set
from flows.language.catalogue import date_text, phrase
from flows.web.pages.entrance import new_password_errors
from flows.web.rendering import render
from flows.web.security.cookies import put_cookie
from flows.web.security.gate import ORIGIN, SIGN_IN
from flows.web.security.guessing import guesses_of
from flows.web.security.passwords import passwords_of
from flows.web.security.sessions import SignedInBy, sessions_of
from flows.web.security.tokens import MachineScope, tokens_of
from flows.web.state import page_of

routes = APIRouter()
HERE = "/settings/access"
LONGEST_NAME, MOST_TOKENS = 60, 50


@routes.get(HERE, response_class=HTMLResponse)
def access(request: Request) -> Response:
    """The page."""
    return _page(request, {})


@routes.post(f"{HERE}/password", response_class=HTMLResponse)
def change_password(
    request: Request,
    old: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Another password; every other session ends, and this one gets a new value."""
    page, session = page_of(request), request.state.session
    passwords, guesses, sessions = passwords_of(page), guesses_of(page), sessions_of(page)
    with speaking_as_set():
        if not guesses.take_of_session(session.id):
            return _page(request, {"old": phrase("Too many attempts. Wait some minutes, then try again.")})
        if not passwords.is_right(old):
            return _page(request, {"old": phrase("This is not the password of now.")})
        guesses.give_back_of_session(session.id)
        if errors := new_password_errors(password, again):
            return _page(request, errors)
    passwords.set_password(password)
    sessions.end_all()
    answer = _back(request, HERE)
    value = sessions.begin(session.signed_in_by, request.headers.get("User-Agent", ""))
    put_cookie(answer, page.settings, request.scope[ORIGIN], value, keep=session.signed_in_by is SignedInBy.PASSWORD)
    return answer


@routes.post(f"{HERE}/sessions/end")
def end_session(request: Request, session: Annotated[str, Form()] = "") -> Response:
    """End one session, of this browser or another."""
    sessions_of(page_of(request)).end(session)
    return _back(request, SIGN_IN if session == request.state.session.id else HERE)


@routes.post(f"{HERE}/sessions/end-all")
def end_all(request: Request) -> Response:
    """Sign out everywhere, here too."""
    sessions_of(page_of(request)).end_all()
    return _back(request, SIGN_IN)


@routes.post(f"{HERE}/tokens", response_class=HTMLResponse)
def make_token(
    request: Request, name: Annotated[str, Form()] = "", scope: Annotated[list[str] | None, Form()] = None
) -> Response:
    """A new token, shown on the next page only."""
    page = page_of(request)
    tokens, given = tokens_of(page), " ".join(name.split())
    scopes = frozenset(one for one in MachineScope if one.value in (scope or ()))
    errors: dict[str, str] = {}
    with speaking_as_set():
        if not given or len(given) > LONGEST_NAME:
            errors["name"] = phrase("Give the token a name of 1 to {most} characters.", most=LONGEST_NAME)
        if not scopes:
            errors["scope"] = phrase("Say what the token may do.")
        if len(tokens.all()) >= MOST_TOKENS:
            errors[""] = phrase("There are {most} tokens already. Revoke one first.", most=MOST_TOKENS)
    if errors:
        return _page(request, errors, name=name, scopes=scopes)
    tokens.show_once(request.state.session.id, tokens.make(given, scopes))
    return _back(request, f"{HERE}#tokens")


@routes.post(f"{HERE}/tokens/revoke")
def revoke_token(request: Request, token: Annotated[str, Form()] = "") -> Response:
    """Take a token back."""
    tokens_of(page_of(request)).revoke(token)
    return _back(request, f"{HERE}#tokens")


def _page(
    request: Request,
    errors: dict[str, str],
    *,
    name: str = "",
    scopes: frozenset[MachineScope] = frozenset((MachineScope.READ,)),
) -> HTMLResponse:
    page = page_of(request)
    tokens = tokens_of(page)
    with speaking_as_set():
        return render(
            request,
            "access.html",
            status=422 if errors else 200,
            errors=errors,
            has_password=passwords_of(page).is_set,
            sessions=[(session, _moment(session.made), _moment(session.used)) for session in sessions_of(page).all()],
            this_session=request.state.session.id,
            tokens=[
                (token, _scopes(token.scopes), _moment(token.made), _moment(token.used) if token.used else None)
                for token in tokens.all()
            ],
            shown=tokens.shown(request.state.session.id),
            name=name,
            scopes=[scope.value for scope in scopes],
            longest_name=LONGEST_NAME,
        )


def _scopes(scopes: frozenset[MachineScope]) -> str:
    said = {MachineScope.READ: phrase("may ask"), MachineScope.START: phrase("may start runs")}
    return ", ".join(said[scope] for scope in sorted(scopes))


def _moment(at: float) -> str:
    """By this machine's clock: whoever signs in is at home here, whatever a person's time zone is."""
    local = datetime.fromtimestamp(at).astimezone()
    if time.time() - at < 60:
        return phrase("just now")
    return f"{date_text(local.date())} {local:%H:%M}"


def _back(request: Request, path: str) -> RedirectResponse:
    return RedirectResponse(f"{page_of(request).settings.prefix}{path}", status_code=303)
