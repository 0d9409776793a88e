"""Servers in front of a site are told from Nightscout's own refusals, and a sleeping site is waited for."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.client import NightscoutClient
from flows.nightscout.permissions import permissions_of
from flows.nightscout.retry import ATTEMPTS, WAKE_S
from flows.nightscout.writer import NightscoutWriter, WriteStatus
from flows.values.progress import listening
from tests.unit.nightscout.test_client import NOW_S, SECRET, WAKING, Respond, Site, client, json_answer, send

PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"
PASSWORD = b'<html><form><input name="password" type="password"></form></html>'


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def answer(status: int, body: bytes = b"", **headers: str) -> Respond:
    return lambda handler, _: send(handler, status, body, **headers)


def refusal_of(site: Site, respond: Respond) -> Refused:
    site.respond = respond
    with pytest.raises(Refused) as caught:
        client(site, api_secret=SECRET).records("entries/sgv.json", "count=5")
    return caught.value


HTML = {"Content_Type": "text/html"}
OURS = b'{"status": 401, "message": "Unauthorized", "description": "Invalid/Missing"}'
LOOK_ALIKES: list[tuple[str, Respond, Reason, str]] = [
    ("Nightscout", answer(401, OURS), Reason.SITE_UNAUTHORIZED, ""),
    ("0.12.8's text", answer(401, b"Unauthorized - Invalid/Missing", **HTML), Reason.SITE_UNAUTHORIZED, ""),
    ("a 401 without a word", answer(401), Reason.SITE_UNAUTHORIZED, ""),
    ("API v3's 403", answer(403, b'{"status": 403}'), Reason.SITE_FORBIDDEN, ""),
    ("a 404 as a page", answer(404, b"<!DOCTYPE html><pre>Cannot GET</pre>", **HTML), Reason.SITE_NOT_FOUND, ""),
    ("Nightscout's page", answer(200, PASSWORD + b"<title>Nightscout</title>", **HTML), Reason.SITE_NOT_DATA, ""),
    ("another page", answer(200, PAGE, **HTML), Reason.SITE_NOT_DATA, ""),
    ("Basic", answer(401, PAGE, WWW_Authenticate='basic realm="x"'), Reason.SITE_BASIC_AUTH, ""),
    ("Basic too", answer(401, b"", WWW_Authenticate='Bearer, Basic realm="x"'), Reason.SITE_BASIC_AUTH, ""),
    ("a proxy", answer(407, b""), Reason.SITE_BASIC_AUTH, ""),
    ("Bearer", answer(401, b"{}", WWW_Authenticate='Bearer realm="x"'), Reason.SITE_BEHIND_LOGIN, "by Bearer"),
    ("Negotiate", answer(401, b"", WWW_Authenticate="Negotiate"), Reason.SITE_BEHIND_LOGIN, "by Negotiate"),
    ("a page with 401", answer(401, b"\xef\xbb\xbf\n" + PAGE, **HTML), Reason.SITE_BEHIND_LOGIN, "status 401"),
    ("oauth2-proxy's page", answer(403, PAGE, **HTML), Reason.SITE_BEHIND_LOGIN, "a web page with status 403"),
    ("Cloudflare's page", answer(403, PAGE, Server="cloudflare"), Reason.SITE_BEHIND_LOGIN, "Cloudflare's web page"),
    ("error code: 1020", answer(403, b"error code: 1020"), Reason.SITE_BEHIND_LOGIN, "403, which Nightscout never"),
    ("a challenge", answer(403, PAGE, cf_mitigated="challenge"), Reason.SITE_BEHIND_LOGIN, "only a browser"),
    ("a challenge as 503", answer(503, PAGE, cf_mitigated="challenge"), Reason.SITE_BEHIND_LOGIN, "only a browser"),
    ("IAP", answer(401, b"x", X_Goog_IAP_Generated_Response="true"), Reason.SITE_BEHIND_LOGIN, "Identity-Aware"),
    ("a login page", answer(200, PASSWORD, **HTML), Reason.SITE_BEHIND_LOGIN, "a login page"),
]
SECRET_QUERY = "rd=https%3A%2F%2Fmy.example%2Fapi%3Ftoken%3Dabc"  # noqa: S105
REDIRECTS: list[tuple[str, Reason, str]] = [
    (f"https://auth.my.example/?{SECRET_QUERY}&rm=GET", Reason.SITE_BEHIND_LOGIN, "a login at auth.my.example"),
    ("https://team.cloudflareaccess.com/cdn-cgi/access/login/x", Reason.SITE_BEHIND_LOGIN, "(Cloudflare Access)"),
    (f"/oauth2/start?{SECRET_QUERY}", Reason.SITE_BEHIND_LOGIN, "(oauth2-proxy)"),
    ("/outpost.goauthentik.io/start?x=1", Reason.SITE_BEHIND_LOGIN, "(authentik)"),
    ("https://login.microsoftonline.com/t/oauth2/authorize", Reason.SITE_BEHIND_LOGIN, "login.microsoftonline.com"),
    ("https://accounts.google.com/o/x", Reason.SITE_BEHIND_LOGIN, "(Google)"),
    ("/login?next=/", Reason.SITE_BEHIND_LOGIN, "a login at 127.0.0.1"),
    ("https://new.example:8443/api/v1/x?token=abc", Reason.SITE_NOT_DATA, "https://new.example:8443,"),
    ("https://blogin.example/catalogins", Reason.SITE_NOT_DATA, "https://blogin.example,"),
    ("https://authority.example/", Reason.SITE_NOT_DATA, "https://authority.example,"),
    ("https://me:pass-abc@new.example/", Reason.SITE_NOT_DATA, "https://new.example,"),
    ("ftp://new.example/", Reason.SITE_NOT_DATA, "another address"),
    ("https://<b>.example/", Reason.SITE_NOT_DATA, "another address"),
]


@pytest.mark.parametrize(("respond", "reason", "said"), [c[1:] for c in LOOK_ALIKES], ids=[c[0] for c in LOOK_ALIKES])
def test_who_refused_is_told(site: Site, respond: Respond, reason: Reason, said: str) -> None:
    refusal = refusal_of(site, respond)
    assert refusal.reason is reason
    assert said in refusal.sentence
    assert [path for path, _ in site.asked if path != "/api/v3/version"] == ["/api/v1/entries/sgv.json?count=5"]


@pytest.mark.parametrize(("location", "reason", "said"), REDIRECTS, ids=[r[0][:40] for r in REDIRECTS])
def test_a_redirect_names_the_host_and_nothing_else(site: Site, location: str, reason: Reason, said: str) -> None:
    refusal = refusal_of(site, answer(302, b"", Location=location))
    assert refusal.reason is reason
    assert said in refusal.sentence
    assert "abc" not in str(refusal)
    assert len(site.asked) == 1
    with pytest.raises(Refused) as caught:
        permissions_of(site.url, Credentials(api_secret=SECRET))
    assert (caught.value.reason, said in caught.value.sentence) == (reason, True)


def test_the_check_of_permissions_tells_a_login_too(site: Site) -> None:
    site.respond = answer(403, PAGE)
    with pytest.raises(Refused) as caught:
        permissions_of(site.url, Credentials(api_secret=SECRET))
    assert caught.value.reason is Reason.SITE_BEHIND_LOGIN


def waking(site: Site, awake_at: int, status: int = 503) -> tuple[list[float], list[tuple[str, Any]], NightscoutClient]:
    """A client of a site that answers from its `awake_at`-th request on; its waits, and what is told."""
    waits: list[float] = []
    site.respond = lambda h, n: (json_answer([]) if n >= awake_at else json_answer({}, status))(h, n)
    return waits, [], client(site, waits)


@pytest.mark.parametrize("status", [502, 503, 504, 521, 522, 523, 530])
def test_a_sleeping_site_is_waited_for_about_a_minute_and_said_once(site: Site, status: int) -> None:
    waits, told, reader = waking(site, WAKING, status)
    with listening(lambda event, facts: told.append((event, facts))):
        assert reader.records("entries/sgv.json").document == []
    assert sum(waits) == WAKE_S
    assert [event for event, _ in told] == ["waking"]
    assert told[0][1] == {"seconds": 59}  # 1.5 s had passed


def test_a_site_that_sleeps_on_is_refused_after_it(site: Site) -> None:
    waits, _, reader = waking(site, WAKING + 1)
    with pytest.raises(Refused) as caught:
        reader.records("entries/sgv.json")
    assert caught.value.reason is Reason.SITE_FAILS
    assert (len(site.asked), sum(waits)) == (WAKING, WAKE_S)


def test_time_that_requests_take_counts(site: Site) -> None:
    site.respond = json_answer({}, 503)
    ticking = iter(range(0, 10**9, 10))
    reader = NightscoutClient(
        site.url, Credentials(), sleep=lambda _: None, jitter=lambda: 0, clock=lambda: NOW_S + next(ticking)
    )
    with pytest.raises(Refused):
        reader.records("entries/sgv.json")
    assert ATTEMPTS <= len(site.asked) < WAKING


@pytest.mark.parametrize("status", [500, 520, 524, 525, 408])
def test_another_failure_is_not_taken_for_sleep(site: Site, status: int) -> None:
    waits, told, reader = waking(site, 99, status)
    with listening(lambda event, facts: told.append(event)), pytest.raises(Refused):
        reader.records("entries/sgv.json")
    assert (len(site.asked), sum(waits), told) == (ATTEMPTS, 7.5, [])


def test_a_site_that_has_answered_is_not_asleep(site: Site) -> None:
    waits: list[float] = []
    site.respond = lambda h, n: (json_answer([]) if n == 1 else json_answer({}, 503))(h, n)
    reader = client(site, waits)
    reader.records("entries/sgv.json")
    with pytest.raises(Refused):
        reader.records("treatments.json")
    assert (len(site.asked), sum(waits)) == (1 + ATTEMPTS, 7.5)


def test_a_refused_connection_is_waited_for_and_a_name_that_is_not_known_is_not() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{unused.getsockname()[1]}"  # bound, and nobody listens
        for url, total_s, said in ((refused, WAKE_S, "no connection"), ("http://no.invalid", 7.5, "name is not known")):
            waits: list[float] = []
            reader = NightscoutClient(url, Credentials(), sleep=waits.append, jitter=lambda: 0.0, clock=lambda: NOW_S)
            with pytest.raises(Refused, match=said):
                reader.records("entries/sgv.json")
            assert sum(waits) == total_s


def test_a_write_is_never_repeated_for_a_site_that_sleeps(site: Site) -> None:
    posted: list[str] = []

    def post(handler: Any) -> None:
        posted.append(handler.path)
        send(handler, 503, b"{}")

    site.server.RequestHandlerClass.do_POST = post  # type: ignore[attr-defined]
    writer = NightscoutWriter(site.url, Credentials(), sleep=lambda _: None)
    assert writer.post_profile({"store": {"Day": {}}}).status is WriteStatus.UNKNOWN
    assert len(posted) == 1
