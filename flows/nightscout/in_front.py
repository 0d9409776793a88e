"""Servers in front of a site: their logins, challenges and redirects, told from what Nightscout itself answers.

Nightscout refuses with JSON (0.12.8 also with one line of text), names no way to authenticate, and never answers 403
below /api/v1. A web page, a `WWW-Authenticate` header or a redirect to another host is of a server in front of it.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable

# Name, what its host ends with, what its path holds.
LOGINS = (
    ("Cloudflare Access", ".cloudflareaccess.com", "/cdn-cgi/access/"),
    ("oauth2-proxy", "", "/oauth2/"),
    ("authentik", "", "/outpost.goauthentik.io/"),
    ("Microsoft", "login.microsoftonline.com", "/.auth/login"),
    ("Google", "accounts.google.com", ""),
)
LOGIN_HOST = re.compile(r"^(auth|authelia|authentik|login|sso|id|idp|accounts?|keycloak)\.", re.IGNORECASE)
LOGIN_PATH = re.compile(r"/(log-?in|sign-?_?in|sso|saml2?|oauth2?|openid-connect|authorize)\b", re.IGNORECASE)
LOGIN_QUERY = frozenset({"rd", "redirect_uri", "redirect_url", "return_to", "returnurl", "samlrequest"})
CHALLENGE = to_translate("Cloudflare asks for a check that only a browser can pass")
PASSWORD_FIELD = re.compile(rb"""<input[^>]{0,200}type=["']?password|/cdn-cgi/challenge-platform/""", re.IGNORECASE)
HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
LOOKED_AT_BYTES = 200_000


def refusal_in_front(response: requests.Response, body: bytes, what: str) -> Refused | None:
    """Why a server in front of Nightscout did not let a request through; `None` where the answer is not of such a one.

    Args:
        response: an answer that is no redirect.
        body: its bytes.
        what: was asked, for the refusal; without a secret.
    """
    asks = response.headers.get("WWW-Authenticate", "")
    if response.status_code == 407 or (response.status_code == 401 and re.search(r"(?i)(^|,)\s*basic\b", asks)):
        return Refused(Reason.SITE_BASIC_AUTH, what=what)
    detail = _detail(response, body, asks)
    return Refused(Reason.SITE_BEHIND_LOGIN, what=what, detail=detail) if detail else None


def redirect_refusal(site: str, tail: str, location: str) -> Refused:
    """Why a redirect is not followed: a login, or another address. It names the host and nothing else of it.

    Args:
        site: the address asked.
        tail: the path asked for below it.
        location: where the site says it is.
    """
    try:
        there = urlsplit(urljoin(f"{site}{tail}", location))
        host, port = there.hostname or "", there.port
    except ValueError:
        return _moved(to_translate("another address"))
    place = f"{there.scheme}://{host}" + (f":{port}" if port else "")
    if there.scheme not in ("http", "https") or not HOST.fullmatch(host):
        return _moved(to_translate("another address"))
    name = next((n for n, end, path in LOGINS if (end and host.endswith(end)) or (path and path in there.path)), None)
    queries = {key.lower() for key in parse_qs(there.query, keep_blank_values=True)}
    if name or LOGIN_HOST.match(host) or LOGIN_PATH.search(there.path) or queries & LOGIN_QUERY:
        place = f"{host} ({name})" if name else host
        detail = translatable("it redirects to a login at {place}", place=place)
        return Refused(Reason.SITE_BEHIND_LOGIN, what="the request", detail=detail)
    return _moved(place)


def _moved(place: str) -> Refused:
    return Refused(
        Reason.SITE_NOT_DATA,
        what="the request",
        detail=translatable("it redirects to {place}, which is not followed", place=place),
    )


def _detail(response: requests.Response, body: bytes, asks: str) -> str | None:
    status, start = response.status_code, body[:LOOKED_AT_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    page = start.startswith(b"<")
    if response.headers.get("cf-mitigated"):
        return CHALLENGE
    if status in (401, 403) and response.headers.get("X-Goog-IAP-Generated-Response"):
        return to_translate("Google's Identity-Aware Proxy asks for a login")
    if status == 401 and (scheme := re.match(r"\s*([A-Za-z][A-Za-z0-9-]{0,30})", asks)):
        return translatable("it asks for a login by {scheme}", scheme=scheme[1])
    if status in (401, 403) and page:
        if "cloudflare" in response.headers.get("Server", "").lower():
            return translatable("Cloudflare's web page with status {status}", status=status)
        return translatable("a web page with status {status}", status=status)
    if status == 403 and not start.startswith(b"{"):
        return to_translate("status 403, which Nightscout never answers here")
    if status == 200 and page and PASSWORD_FIELD.search(start) and b"nightscout" not in start.lower():
        return to_translate("a login page")
    return None
