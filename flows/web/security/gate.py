"""The gate before every page: who asks by which name, how much is sent, who is signed in, whose form it is.

Nothing is open unless it is named in `OPEN`. Every answer, that of an error too, gets its headers here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.web.page_settings import PageSettings
from flows.web.security import forms
from flows.web.security.addresses import own_origins, path_below
from flows.web.security.answers import (
    API,
    error_answer,
    foreign_form,
    forged_sign_on,
    is_api,
    old_form,
    unknown_host,
)
from flows.web.security.cookies import form_token, may_sign_in, new_value, put_cookie, value_of
from flows.web.security.headers import put_headers
from flows.web.security.limits import most_bytes
from flows.web.security.proxies import ProxyWord, asked_hosts, proxy_word
from flows.web.security.request_log import LOG, log_error, log_request
from flows.web.security.sessions import Session, Sessions, SignedInBy
from flows.web.security.tokens import MachineTokens

SIGN_IN, FIRST = "/signin", "/first"
ENTRANCES = (SIGN_IN, FIRST)  # forms of a browser that has no session yet
OPEN = (*ENTRANCES, "/live")
DESCRIPTION = f"{API}/openapi.json"  # people who are signed in may read it too
PATH, ORIGIN = "autotune.path", "autotune.origin"  # in the scope: the path below the prefix, and our own origin


class Gate:
    """Middleware around the whole application.

    Args:
        app: behind it.
        settings: of the page.
        sessions: who is signed in.
        tokens: of machines.
    """

    def __init__(self, app: ASGIApp, settings: PageSettings, sessions: Sessions, tokens: MachineTokens) -> None:
        self._app, self._settings, self._sessions, self._tokens = app, settings, sessions, tokens
        self._origins = own_origins(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        path = path_below(self._settings.prefix, scope["path"])
        scope[PATH], scope["path"] = path, self._settings.prefix + path
        scope["root_path"] = self._settings.prefix
        scope.setdefault("state", {})
        answer = _Answer(send, path)
        try:
            await self._answer(Request(scope), path, receive, answer)
        except Exception as error:  # noqa: BLE001 - whatever it is, its text is shown to nobody
            log_error(error)
            if not answer.status:
                await error_answer(Request(scope), 500, path)(scope, receive, answer.send)
        finally:
            log_request(scope, answer.status, time.perf_counter() - began)

    async def _answer(self, request: Request, path: str, receive: Receive, answer: _Answer) -> None:
        proxy = self._settings.proxy
        hosts = asked_hosts(request.scope, proxy)
        origin = self._origins.get(hosts[0].lower()) if len(hosts) == 1 else None
        if origin is None:
            refusal = unknown_host(request, path, hosts[0] if len(hosts) == 1 else "")
            await refusal(request.scope, receive, answer.send)
            return
        request.scope[ORIGIN] = origin
        word = proxy_word(request.scope, proxy)
        if word is ProxyWord.FORGED:
            LOG.warning("refused: %s from elsewhere than the proxy, or without its secret", proxy.sign_on_header)
            await forged_sign_on(request, path)(request.scope, receive, answer.send)
            return
        most = most_bytes(path)
        length = request.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > most:
            await error_answer(request, 413, path)(request.scope, receive, answer.send)
            return
        asked = _Asked(request, path, origin, answer, word)
        limited = RequestBodyLimitMiddleware(asked_app(self, asked), most)
        await limited(request.scope, receive, answer.send)

    async def checked(self, asked: _Asked, receive: Receive, send: Send) -> None:
        """What a request of a known name and size has to pass."""
        request, path = asked.request, asked.path
        if path.startswith("/s/") or path == "/live":
            await self._app(request.scope, receive, send)
            return
        changes = request.method not in forms.SAFE_METHODS
        if is_api(path):
            if await self._machine(request):
                await self._app(request.scope, receive, send)
                return
            if path != DESCRIPTION or changes:
                await _token_needed(request, path)(request.scope, receive, send)
                return
        if changes and not forms.comes_from_us(request.headers, self._origins.values()):
            await foreign_form(request, path)(request.scope, receive, send)
            return
        token = await self._know(asked)
        if request.state.session is None and path not in OPEN:
            await _to_sign_in(request, path, self._settings.prefix)(request.scope, receive, send)
            return
        if changes:
            try:
                given, receive = await forms.sent_tokens(request.headers, receive)
            except HTTPException as error:  # of the body's limit, where the length was not said beforehand
                await error_answer(request, error.status_code, path)(request.scope, receive, send)
                return
            if not forms.is_token(given, token):
                await old_form(request, path)(request.scope, receive, send)
                return
        await self._app(request.scope, receive, send)

    async def _machine(self, request: Request) -> bool:
        """Whether a machine asks that has a token; a session opens no call, so that no page's form can reach one."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        token = self._tokens.of_secret(secret.strip()) if scheme.lower() == "bearer" else None
        if token is not None and self._tokens.is_stale(token):
            await run_in_threadpool(self._tokens.touch, token)
        request.state.machine = token
        return token is not None

    async def _know(self, asked: _Asked) -> str:
        """Find the session of a request and put it into its state, with the token of its forms."""
        request = asked.request
        value = value_of(request, self._settings, asked.origin)
        session: Session | None = self._sessions.of_value(value) if value else None
        known = asked.word is ProxyWord.KNOWN and may_sign_in(self._settings, asked.origin)
        if session is not None and session.signed_in_by is SignedInBy.PROXY and not known:
            session = None  # it lasts as long as the proxy says so, whatever the browser has kept
        if session is not None and self._sessions.is_stale(session):
            await run_in_threadpool(self._sessions.touch, session)
        if session is None and request.method == "GET" and known:
            agent = request.headers.get("User-Agent", "")
            value = await run_in_threadpool(self._sessions.begin, SignedInBy.PROXY, agent)
            session = self._sessions.of_value(value)
            self._give(asked, value, keep=False)
        elif value is None and request.method == "GET" and asked.path in ENTRANCES:
            # A browser without a session needs a value as well: the token of the form that signs in is made of it.
            value = new_value()
            self._give(asked, value, keep=False)
        token = form_token(value) if value else ""
        request.state.session, request.state.form_token = session, token
        return token

    def _give(self, asked: _Asked, value: str, *, keep: bool) -> None:
        asked.answer.cookie = Response()
        put_cookie(asked.answer.cookie, self._settings, asked.origin, value, keep=keep)


@dataclass
class _Asked:
    """A request, its path below the prefix, our own origin that it came to, its answer, and a proxy's word on it."""

    request: Request
    path: str
    origin: str
    answer: _Answer
    word: ProxyWord


def asked_app(gate: Gate, asked: _Asked) -> ASGIApp:
    """The rest of the gate as an application, behind the limit of the body."""

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await gate.checked(asked, receive, send)

    return app


class _Answer:
    """Sends an answer with the headers that every one has, and remembers its status."""

    def __init__(self, send: Send, path: str) -> None:
        self._send, self._path = send, path
        self.status = 0
        self.cookie: Response | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            put_headers(headers, self._path, self.status)
            if self.cookie is not None and "set-cookie" not in headers:
                headers.append("set-cookie", self.cookie.headers["set-cookie"])
        await self._send(message)


def _to_sign_in(request: Request, path: str, prefix: str) -> Response:
    """Where a browser without a session goes: to the form, and from there to the page that it asked for."""
    if is_api(path):
        return _token_needed(request, path)
    if forms.HEADER in request.headers or "text/event-stream" in request.headers.get("Accept", ""):
        return JSONResponse({"error": "not signed in"}, status_code=401)
    back = "?" + urlencode({"next": path}) if request.method == "GET" and path != "/" else ""
    return RedirectResponse(f"{prefix}{SIGN_IN}{back}", status_code=303)


def _token_needed(request: Request, path: str) -> Response:
    answer = error_answer(request, 401, path)
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer
