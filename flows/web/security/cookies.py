"""The one cookie: a random value, of a session or of a browser that has none yet, and the form token made of it.

Its name begins with `__Host-`, which browsers keep only where it is `Secure`, of this host alone and of the path `/`:
no other host and no plain connection can plant one. So the path is `/` below a prefix too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

from flows.web.page_settings import PageSettings
from flows.web.security.addresses import is_secure

SECURE_NAME, PLAIN_NAME = "__Host-autotune", "autotune-plain"
VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
RANDOM_BYTES = 32
LONGEST_S = 30 * 24 * 3600


def new_value() -> str:
    """A value that nobody can guess."""
    return secrets.token_urlsafe(RANDOM_BYTES)


def form_token(value: str) -> str:
    """What a form of this browser brings along: made of the cookie, which no other page can read."""
    digest = hmac.digest(value.encode(), b"form token", hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_plain(settings: PageSettings, origin: str) -> bool:
    """Whether a cookie goes over a connection that others may read: only where the settings say so."""
    return settings.plain_http and not origin.startswith("https://")


def may_sign_in(settings: PageSettings, origin: str) -> bool:
    """Whether a password may be typed at an address: never over plain http with a name, unless the settings say so."""
    return is_secure(origin) or settings.plain_http


def value_of(request: Request, settings: PageSettings, origin: str) -> str | None:
    """What a request's cookie holds; `None` where there is none that we could have made."""
    found = request.cookies.get(PLAIN_NAME if is_plain(settings, origin) else SECURE_NAME, "")
    return found if VALUE.fullmatch(found) else None


def put_cookie(response: Response, settings: PageSettings, origin: str, value: str, *, keep: bool) -> None:
    """Give a browser its value.

    Args:
        response: that carries it.
        settings: of the page.
        origin: under which the page was asked for.
        value: of a session, or of a browser that has none.
        keep: whether it stays when the browser is closed; the session's own limits hold all the same.
    """
    plain = is_plain(settings, origin)
    response.set_cookie(
        PLAIN_NAME if plain else SECURE_NAME,
        value,
        max_age=LONGEST_S if keep else None,
        path="/",
        secure=not plain,
        httponly=True,
        samesite="lax",  # strict would ask whoever follows a notice's link to sign in
    )
