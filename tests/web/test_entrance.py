"""In by a one-time code and a password, out again, and everything that somebody who guesses or plants is refused."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from flows.cli.main import main
from flows.web.__main__ import say_code
from flows.web.pages.entrance import own_path
from flows.web.security.cookies import LONGEST_S, PLAIN_NAME, SECURE_NAME
from flows.web.security.guessing import HOUR_S, Guesses, guesses_of
from flows.web.security.passwords import PasswordCost, Passwords, against, passwords_of
from flows.web.security.sessions import IDLE_S, Sessions, SignedInBy, browser_name, sessions_of, still_signed_in
from flows.web.store import Store
from tests.web.conftest import Page, let_in, opened
from tests.web.looks import first_words, nothing_inline

PASSWORD, OTHER = "three grey herons stand", "four brown owls listen"
CHEAP = PasswordCost(memory_kib=8, passes=1)


@pytest.fixture
def locked(stranger: Page) -> Page:
    """A page with a password, kept at a low cost."""
    passwords_of(stranger.state).cost = CHEAP
    passwords_of(stranger.state).set_password(PASSWORD)
    return stranger


def sign_in(page: Page, password: str = PASSWORD, **form: str) -> int:
    return page.post("/signin", {"password": password, **form}, from_page="/signin").status_code


def cookie(page: Page, name: str = SECURE_NAME) -> str | None:
    return page.client.cookies.get(name)


# --- the first password


def code_printed(page: Page) -> str:
    printed = io.StringIO()
    with redirect_stderr(printed):
        say_code(passwords_of(page.state), page.state.settings.url)
    assert "http://127.0.0.1:4201/first" in printed.getvalue()
    return printed.getvalue().split()[-1]


def first(page: Page, code: str, password: str = PASSWORD, again: str = PASSWORD) -> tuple[int, str]:
    form: dict[str, object] = {"code": code, "password": password, "again": again}
    answer = page.post("/first", form, from_page="/first")
    return answer.status_code, answer.text


def test_the_code_that_was_printed_sets_the_password_once(stranger: Page) -> None:
    passwords_of(stranger.state).cost = CHEAP
    assert stranger.client.get("/signin", follow_redirects=False).headers["location"] == "/first"
    nothing_inline(stranger.get("/first").text)
    code = code_printed(stranger)
    assert first(stranger, code.upper().replace("-", " "))[0] == 303
    assert stranger.get("/").status_code == 200
    stranger.client.cookies.clear()
    assert stranger.client.get("/first", follow_redirects=False).headers["location"] == "/signin"
    assert not passwords_of(stranger.state).set_by_code(code, OTHER)
    assert sign_in(stranger) == 303


@pytest.mark.parametrize(
    ("code", "password", "again", "says"),
    [
        ("abcd-efgh-jkmn-pqrs", PASSWORD, PASSWORD, "This is not the code"),
        ("", PASSWORD, PASSWORD, "This is not the code"),
        (None, "short", "short", "too short"),
        (None, "x" * 201, "x" * 201, "too long"),
        (None, PASSWORD, OTHER, "The two are not the same"),
    ],
)
def test_what_is_wrong_is_said_and_the_code_stays(
    stranger: Page, code: str | None, password: str, again: str, says: str
) -> None:
    right = code_printed(stranger)
    status, text = first(stranger, right if code is None else code, password, again)
    assert (status, says in first_words(text)) == (422, True)
    assert PASSWORD not in text
    assert passwords_of(stranger.state).is_code(right)
    assert not passwords_of(stranger.state).is_set


def test_a_restart_makes_the_code_before_it_useless(stranger: Page) -> None:
    before, now = code_printed(stranger), code_printed(stranger)
    assert [passwords_of(stranger.state).is_code(code) for code in (before, now)] == [False, True]


def test_nothing_is_printed_once_there_is_a_password(locked: Page) -> None:
    printed = io.StringIO()
    with redirect_stderr(printed):
        say_code(passwords_of(locked.state), "http://127.0.0.1:4201")
    assert printed.getvalue() == ""


@pytest.mark.parametrize(
    ("password", "taken"),
    [
        (PASSWORD, True),
        ("correct horse battery staple", True),
        ("äöü ßéè ñçå", False),  # 11 characters
        ("aaaaaaaaaaaaaaaa", False),
        ("abababababababab", False),
        ("abcdefghijklmnop", False),
        ("qwertyuiopasdf", False),
        ("123456789012345", False),
        ("password12345", False),
        ("Autotune-2026!", True),
        ("nightscoutnightscout", False),
    ],
)
def test_what_everybody_guesses_is_no_password(password: str, taken: bool) -> None:
    assert (against(password) is None) == taken


def test_neither_password_nor_code_nor_session_is_kept_as_it_is(locked: Page) -> None:
    code = passwords_of(locked.state).new_code()
    assert sign_in(locked) == 303
    held = b"".join(path.read_bytes() for path in locked.state.store.path.parent.iterdir() if path.is_file())
    for secret in (PASSWORD, code, code.replace("-", ""), str(cookie(locked))):
        assert secret.encode() not in held
    assert b"$argon2id$v=19$m=8,t=1,p=1$" in held


def test_a_password_of_a_lower_cost_is_kept_anew(tmp_path: Path) -> None:
    passwords = Passwords(Store(tmp_path), CHEAP)
    passwords.set_password(PASSWORD)
    passwords.cost = PasswordCost(memory_kib=16, passes=2)
    assert not passwords.is_right(OTHER)
    assert passwords.is_right(PASSWORD)
    row = passwords._store.row("SELECT value FROM access WHERE name = 'password'")
    assert row["value"].startswith("$argon2id$v=19$m=16,t=2,p=1$")
    assert passwords.is_right(PASSWORD)


def test_the_cost_is_what_owasp_asks_for() -> None:
    assert PasswordCost().kept("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_letters_count_however_a_keyboard_composes_them(tmp_path: Path) -> None:
    passwords = Passwords(Store(tmp_path), CHEAP)
    passwords.set_password("drei grüne Äpfel")
    assert passwords.is_right("drei gru\u0308ne A\u0308pfel")


# --- in and out


def test_in_to_the_page_that_was_asked_for_and_out(locked: Page) -> None:
    asked = locked.client.get("/health?x=1", follow_redirects=False)
    assert asked.headers["location"] == "/signin?next=%2Fhealth"
    assert 'value="/health"' in locked.get(asked.headers["location"]).text
    answer = locked.post("/signin", {"password": PASSWORD, "next": "/health"}, from_page="/signin")
    assert answer.headers["location"] == "/health"
    set_cookie = answer.headers["set-cookie"]
    for part in ("__Host-autotune=", "HttpOnly", "Secure", "SameSite=lax", "Path=/", f"Max-Age={LONGEST_S}"):
        assert part in set_cookie
    assert "Domain" not in set_cookie
    assert locked.get("/").status_code == 200
    held = cookie(locked)
    assert locked.post("/signout").headers["location"] == "/signin"
    assert sessions_of(locked.state).of_value(str(held)) is None
    assert locked.client.get("/", follow_redirects=False).status_code == 303


def test_who_is_signed_in_is_not_asked_again(page: Page) -> None:
    passwords_of(page.state).cost = CHEAP
    passwords_of(page.state).set_password(PASSWORD)
    for path in ("/signin", "/first"):
        assert page.client.get(path, follow_redirects=False).headers["location"] == "/"


@pytest.mark.parametrize(
    "planted", ["A" * 43, "x", "", "'; DROP TABLE sessions; --", "../../etc", "é" * 43, "a session's"]
)
def test_a_planted_cookie_is_no_session_and_does_not_become_one(locked: Page, planted: str) -> None:
    headers = {"Cookie": f"{SECURE_NAME}={planted}".encode()}
    assert locked.client.get("/", headers=headers, follow_redirects=False).status_code == 303
    locked.client.cookies.set(SECURE_NAME, "A" * 43, domain="127.0.0.1", path="/")
    assert sign_in(locked) == 303
    assert cookie(locked) not in (planted, "A" * 43)
    assert sessions_of(locked.state).of_value("A" * 43) is None


def test_signing_in_ends_the_session_that_the_browser_had(locked: Page) -> None:
    let_in(locked)
    before = str(cookie(locked))
    token = locked.get("/").text.partition('name="form_token" value="')[2].partition('"')[0]
    answer = locked.client.post("/signin", data={"password": PASSWORD, "form_token": token}, follow_redirects=False)
    assert answer.status_code == 303
    assert sessions_of(locked.state).of_value(before) is None
    assert len(sessions_of(locked.state).all()) == 1


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%2F/evil.example",
        "/x//evil",
        "javascript:alert(1)",
        "/../evil",
        "/a/..",
        "/a b",
        "/a\r\nSet-Cookie: x=y",
        "/é",
        "/" + "a" * 400,
        "/signout",
        "/signin",
        "evil",
        "",
        " /health",
        "/health?next=//evil",
        "/@evil.example",
    ],
)
def test_after_signing_in_nobody_is_sent_elsewhere(locked: Page, path: str) -> None:
    assert own_path(path) == "/"
    answer = locked.post("/signin", {"password": PASSWORD, "next": path}, from_page="/signin")
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("path", ["/", "/health", "/p/abc234/new", "/r/20261128-043000-aaaaaa/files/report.html"])
def test_a_path_of_ours_is_gone_to(path: str) -> None:
    assert own_path(path) == path


# --- how long


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("after_s", "is_open"), [(IDLE_S - 1, True), (IDLE_S, False)])
def test_a_session_ends_when_it_is_not_used(tmp_path: Path, after_s: int, is_open: bool) -> None:
    clock = Clock()
    sessions = Sessions(Store(tmp_path), clock)
    value = sessions.begin(SignedInBy.PASSWORD)
    clock.now += after_s
    assert (sessions.of_value(value) is not None) == is_open
    assert (sessions.all() != []) == is_open


def test_a_session_in_use_ends_after_thirty_days(tmp_path: Path) -> None:
    clock = Clock()
    sessions = Sessions(Store(tmp_path), clock)
    value = sessions.begin(SignedInBy.PASSWORD)
    hours = 0
    while (session := sessions.of_value(value)) is not None:
        sessions.touch(session)
        clock.now += 3600
        hours += 1
    assert hours == 30 * 24


def test_a_stream_can_ask_whether_its_session_is_open(page: Page) -> None:
    (session,) = sessions_of(page.state).all()
    assert still_signed_in(page.state, session.id)
    page.post("/signout")
    assert not still_signed_in(page.state, session.id)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) Version/18 Safari/604.1", "Safari, iPhone"),
        ("curl/8", ""),
        ("<script>alert(1)</script>", ""),
    ],
)
def test_of_a_browser_only_its_short_name_is_kept(agent: str, name: str) -> None:
    assert browser_name(agent) == name


# --- guessing


def test_ten_guesses_an_hour_and_the_right_one_is_refused_too(locked: Page) -> None:
    assert [sign_in(locked, OTHER) for _ in range(10)] == [422] * 10
    answer = locked.post("/signin", {"password": PASSWORD}, from_page="/signin")
    assert answer.status_code == 422
    assert "Too many attempts" in answer.text
    assert cookie(locked) is not None
    assert locked.client.get("/", follow_redirects=False).status_code == 303


def test_who_is_signed_in_is_never_held_up(locked: Page) -> None:
    for _ in range(12):
        sign_in(locked, OTHER)
    let_in(locked)
    assert locked.get("/").status_code == 200


def test_right_passwords_do_not_count(locked: Page) -> None:
    for _ in range(15):
        assert sign_in(locked) == 303
        locked.client.cookies.clear()


def test_codes_are_guessed_as_seldom(stranger: Page) -> None:
    code = code_printed(stranger)
    for _ in range(10):
        first(stranger, "abcd-efgh-jkmn-pqrs")
    assert "Too many attempts" in first(stranger, code)[1]


@pytest.mark.parametrize(
    ("who", "taken"),
    [
        (["10.0.0.1"] * 11, [True] * 10 + [False]),
        ([f"10.0.0.{n}" for n in range(61)], [True] * 60 + [False]),
        ([f"2001:db8::{n}" for n in range(11)], [True] * 10 + [False]),  # one network is one guesser
        (["::ffff:10.0.0.1"] * 6 + ["10.0.0.1"] * 5, [True] * 10 + [False]),
    ],
)
def test_how_many_there_are(tmp_path: Path, who: list[str], taken: list[bool]) -> None:
    guesses = Guesses(Store(tmp_path), clock=Clock())
    assert [guesses.take(one) for one in who] == taken


def test_they_come_back_with_time_and_not_with_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    guesses = Guesses(Store(tmp_path), clock=clock)
    assert all(guesses.take("10.0.0.1") for _ in range(10))
    assert not Guesses(Store(tmp_path), clock=clock).take("10.0.0.1")
    clock.now += HOUR_S / 10 + 1
    assert guesses.take("10.0.0.1")
    assert not guesses.take("10.0.0.1")


def test_every_answer_takes_as_long(locked: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    guesses_of(locked.state).answer_s = 50
    monkeypatch.setattr("flows.web.pages.entrance.asyncio.sleep", wait)
    sign_in(locked, OTHER)
    sign_in(locked)
    locked.client.cookies.clear()
    for _ in range(11):
        sign_in(locked, OTHER)
    assert len(waited) == 13
    assert min(waited) > 40


def test_without_a_password_a_guess_costs_as_much(stranger: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, computed = passwords_of(stranger.state), []
    passwords.cost = CHEAP
    monkeypatch.setattr(PasswordCost, "kept", lambda _, password: computed.append(password) or "")
    assert not passwords.is_right(OTHER)
    assert computed == [OTHER]


# --- plain http


@pytest.mark.parametrize(
    ("url", "switch", "may", "name"),
    [
        ("http://nas.lan:4201", False, False, None),
        ("http://nas.lan:4201", True, True, PLAIN_NAME),
        ("https://autotune.example", False, True, SECURE_NAME),
        ("https://autotune.example", True, True, SECURE_NAME),
        ("http://127.0.0.1:4201", False, True, SECURE_NAME),
        ("http://localhost:4201", False, True, SECURE_NAME),
    ],
)
def test_over_plain_http_only_where_the_settings_say_so(
    tmp_path: Path, url: str, switch: bool, may: bool, name: str | None
) -> None:
    with opened(tmp_path, client_url=url, url=url, plain_http=switch) as page:
        passwords_of(page.state).cost = CHEAP
        passwords_of(page.state).set_password(PASSWORD)
        text = page.get("/signin").text
        assert ("AUTOTUNE_PAGE_PLAIN_HTTP" in text) == (not may)
        assert ('type="password"' in text) == may
        token = text.partition('name="form_token" value="')[2].partition('"')[0]
        answer = page.client.post("/signin", data={"password": PASSWORD, "form_token": token}, follow_redirects=False)
        assert answer.status_code == (303 if may else 403)
        set_cookie = answer.headers.get("set-cookie", "")
        assert set_cookie.startswith(f"{name}=") if name else set_cookie == ""
        assert ("Secure" in set_cookie) == (name == SECURE_NAME)


# --- a lost password


def test_whoever_lost_the_password_gets_in_again_while_the_page_runs(
    locked: Page, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    let_in(locked)
    monkeypatch.setenv("AUTOTUNE_PAGE", str(locked.state.settings.data))
    assert main(["page", "password"]) == 0
    printed = capsys.readouterr()
    assert "/first" in printed.err
    assert locked.client.get("/", follow_redirects=False).status_code == 303
    assert passwords_of(locked.state).is_right(PASSWORD) is False
    assert first(locked, printed.out.strip(), OTHER, OTHER)[0] == 303
    assert locked.get("/").status_code == 200
    locked.client.cookies.clear()
    assert sign_in(locked, OTHER) == 303
