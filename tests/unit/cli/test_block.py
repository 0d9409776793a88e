"""`autotune apply` and `rollback` of a run made with a block, where no server has it: the environment's own rule."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
    temporary_settings,
)

from flows.cli.main import main
from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.settings import AnalysisRequest
from flows.writeback.approval_checks import read_approved
from tests.integration.standin import API_SECRET, READER, SWITCHER, StandIn, standing_in
from tests.proposals import profile_document
from tests.writing import Person, active_name, person

NOWHERE = "http://127.0.0.1:9/api"
OTHER = "https://other.site.example"


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with temporary_settings({PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: False}, restore_defaults={PREFECT_API_URL}):
        yield


@pytest.fixture
def site() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


@pytest.fixture
def someone(site: StandIn, memory: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(memory))
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(memory / "applied"))
    return made_with_a_block(memory, site)


def made_with_a_block(path: Path, site: StandIn, **options: Any) -> Person:
    source = site.database.add_profile(profile_document())
    request = AnalysisRequest(site=site.url, site_block="ada", **options)
    change = {"options": request.options()}
    return person(path, site.url, source, Credentials(api_secret=API_SECRET), change=lambda d: d.update(change))


def run(someone: Person, command: str, *more: str) -> int:
    return main([command, str(someone.run.path), "--yes", "--sha256", someone.made.sha256, *more])


def tokens_shown(site: StandIn) -> set[str]:
    return {path.rsplit("/", 1)[-1] for _, path in site.database.requests if "/authorization/request/" in path}


def test_the_environment_s_token_writes_and_rolls_back(
    someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN", SWITCHER)
    assert run(someone, "apply", "--activate") == 0
    assert active_name(someone.reading()).startswith("Autotune ")
    assert run(someone, "apply", "--resume") == 0
    assert run(someone, "rollback") == 0
    assert active_name(someone.reading()) == "Day"
    assert tokens_shown(site) == {SWITCHER}


@pytest.mark.parametrize("command", ["apply", "rollback"])
@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"AUTOTUNE_NIGHTSCOUT_TOKEN": READER},
        {"AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN": SWITCHER, "AUTOTUNE_NIGHTSCOUT_SITE": OTHER},
    ],
    ids=["nothing", "a token to read", "a token for another site"],
)
def test_without_a_token_for_the_site_it_says_what_to_do(
    command: str,
    environment: dict[str, str],
    someone: Person,
    site: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(someone, command) == 3
    said = capsys.readouterr().err
    assert "the block ada" in said
    assert f"set AUTOTUNE_NIGHTSCOUT_SITE to {site.url} and AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN" in said
    assert "docker compose exec worker autotune" in said
    assert site.database.requests == []


def test_a_server_that_does_not_answer_lends_no_block_another_sites_secrets(
    someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a server is named there may be many sites: the token's has to be named too."""
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN", SWITCHER)
    with temporary_settings({PREFECT_API_URL: NOWHERE, PREFECT_CLIENT_MAX_RETRIES: 0}):
        assert run(someone, "apply") == 3
        assert "cannot be asked" in capsys.readouterr().err
        assert site.database.requests == []
        monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_SITE", f"{site.url}/")
        assert run(someone, "apply") == 0
        assert "the environment's secrets are used" in capsys.readouterr().err
    assert tokens_shown(site) == {SWITCHER}


@contextlib.contextmanager
def answering(status: int, content: bytes) -> Iterator[str]:
    """Something that answers every request so, where Prefect's server should be."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()


NO_PREFECT, NONE = "the server's answer is no Prefect API", "there is none"


@pytest.mark.parametrize(
    ("status", "content", "sentence"),
    [
        (200, b"<html></html>", NO_PREFECT),
        (200, b"", NO_PREFECT),
        (200, b"{}", NO_PREFECT),
        (200, b"[]", NO_PREFECT),
        (200, b"null", NO_PREFECT),
        (404, b"<html></html>", NO_PREFECT),
        (404, b'{"detail": "Not Found"}', NO_PREFECT),
        (404, b'{"status": 404}', NO_PREFECT),
        (404, b'{"detail": "Block document not found"}', NONE),
        (401, b'{"exception_message": "Unauthorized"}', "PREFECT_API_AUTH_STRING"),
        (403, b"{}", "cannot be asked (PrefectHTTPStatusError)"),
        (500, b"", "cannot be asked (PrefectHTTPStatusError)"),
    ],
)
def test_why_a_block_cannot_be_read_is_said(
    status: int,
    content: bytes,
    sentence: str,
    someone: Person,
    site: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with (
        answering(status, content) as server,
        temporary_settings(
            {PREFECT_API_URL: server, PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_AUTH_STRING: "admin:a-password"}
        ),
    ):
        assert run(someone, "rollback") == 3
    said = capsys.readouterr().err
    assert [sentence in said, NO_PREFECT in said, NONE in said, "PREFECT_API_AUTH_STRING" in said] == [
        True,
        sentence == NO_PREFECT,
        sentence == NONE,
        status == 401,
    ]
    assert "a-password" not in said
    assert site.database.requests == []


NOT_PARSED = "http://user:hunter2@[bad/api"  # Prefect's own settings do not take it
NO_ADDRESSES = [NOT_PARSED, "user:hunter2", "ftp://hunter2/api", "http://hunter2:99999/api", "http://"]


@pytest.mark.parametrize(
    ("where", "address"),
    [*(("environment", a) for a in NO_ADDRESSES), *(("Prefect's settings", a) for a in NO_ADDRESSES[1:])],
)
def test_an_address_that_is_none_is_a_refusal_without_its_text(
    where: str,
    address: str,
    someone: Person,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if where == "environment":
        monkeypatch.setenv("PREFECT_API_URL", address)
        assert run(someone, "apply") == 3
        assert main(["propose", "--from", str(someone.root)]) == 3
    else:
        with temporary_settings({PREFECT_API_URL: address, PREFECT_CLIENT_MAX_RETRIES: 0}):
            assert run(someone, "apply") == 3
    said = capsys.readouterr().err
    assert "is no address of a Prefect server" in said
    assert ("PREFECT_API_URL" in said) == (where == "environment")
    assert "hunter2" not in said


def test_resuming_needs_a_secret_only_where_something_is_to_be_settled(
    someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def resume() -> int:
        return main(["apply", str(someone.run.path), "--resume"])

    assert resume() == 0
    assert main(["apply", str(someone.run.path), "--reject"]) == 0
    assert resume() == 0
    assert site.database.requests == []
    monkeypatch.setattr(site, "hold", True)
    with pytest.raises(Refused) as caught:
        someone.apply()
    assert caught.value.reason is Reason.WRITE_LOST
    capsys.readouterr()
    assert resume() == 3  # it may have arrived by now
    assert "AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN" in capsys.readouterr().err
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN", SWITCHER)
    assert resume() == 0
    assert "Nothing was left unfinished." in capsys.readouterr().out


def test_resuming_needs_no_secret_after_what_was_brought_to_its_end(someone: Person, site: StandIn) -> None:
    someone.apply()
    count = len(site.database.requests)
    assert main(["apply", str(someone.run.path), "--resume"]) == 0
    assert len(site.database.requests) == count


def test_showing_and_rejecting_need_no_secret(
    someone: Person, site: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["apply", str(someone.run.path), "--dry-run"]) == 0
    assert main(["apply", str(someone.run.path), "--reject"]) == 0
    assert site.database.requests == []


def test_the_demonstration_s_address_is_taken_as_it_was_allowed(memory: Path) -> None:
    demo = {"site": "http://demo-site:1337", "site_block": "demo", "allow_http": True}
    made = person(
        memory,
        demo["site"],
        profile_document(),
        Credentials(),
        change=lambda d: d.update(options=AnalysisRequest(**demo).options()),
    )
    request = read_approved(made.run, made.made.sha256).request()
    assert request.model_dump(include=set(demo)) == demo
