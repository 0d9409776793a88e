"""`autotune setup` writes what the service needs, the tokens apart from it, and nothing before the site lets it in."""

from __future__ import annotations

import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.cli.exit_code import UsageError
from flows.cli.main import main
from flows.cli.questions import Questions, read_yes
from flows.cli.setting_files import NewFile, settings_in, with_settings, write_together
from flows.language.catalogue import Language, speaking
from flows.nightscout.permissions import READING, SWITCHING_PROFILES, WRITING_PROFILES
from tests.demo import READ_TOKEN, WRITE_TOKEN, demo_site

TOKEN = "AUTOTUNE_NIGHTSCOUT_TOKEN"
TO_WRITE = "AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    with demo_site(tmp_path / "data") as address:
        yield address


@pytest.fixture
def named(site: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same site under a name, as one of another machine of the network."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *more: Any, **further: Any) -> list[Any]:
        return real("127.0.0.1" if host == "nas.example" else host, *more, **further)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return site.replace("127.0.0.1", "nas.example")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory with a docker-compose.yml, and none of the rest."""
    directory = tmp_path / "home"
    directory.mkdir()
    (directory / "docker-compose.yml").write_text("services: {}\n")
    return directory


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str], list[str]], list[str]]:
    """A person at a terminal, with answers to the questions and to those for secrets; what they were asked."""

    def sit_down(answers: list[str], secrets: list[str]) -> list[str]:
        questions: list[str] = []

        def answer(given: list[str]) -> Callable[[str], str]:
            def said(question: str) -> str:
                questions.append(question)
                if not given:
                    raise EOFError
                return given.pop(0)

            return said

        monkeypatch.setattr("builtins.input", answer(answers))
        monkeypatch.setattr("getpass.getpass", answer(secrets))
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        return questions

    return sit_down


def options(home: Path, *more: str) -> list[str]:
    return ["setup", "--directory", str(home), "--token-file", str(home / "autotune" / "token"), *more]


def written(home: Path) -> list[str]:
    """Every file below the directory but docker-compose.yml."""
    return sorted(str(p.relative_to(home)) for p in home.rglob("*") if p.is_file() and p.name != "docker-compose.yml")


def test_a_script_sets_the_service_up(
    home: Path, named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(TOKEN, READ_TOKEN)
    (home / ".env").write_text("# mine\nAUTOTUNE_PORT=4300\nAUTOTUNE_NIGHTLY=false\n")
    assert main(options(home, "--site", named, "--allow-http", "--yes", "--nightly", "--no-inside")) == 0
    token_file = home / "autotune" / "token"
    assert (home / ".env").read_text().splitlines() == [
        "# mine",
        "AUTOTUNE_PORT=4300",
        "AUTOTUNE_NIGHTLY=true",
        f"AUTOTUNE_NIGHTSCOUT_SITE={named}",
        "AUTOTUNE_ALLOW_HTTP=true",
        "AUTOTUNE_TIMEZONE=Europe/Berlin",
        f"AUTOTUNE_NIGHTSCOUT_TOKEN_FILE={token_file}",
    ]
    assert mode(home / ".env") == 0o600
    assert token_file.read_text() == READ_TOKEN + "\n"
    assert (mode(token_file.parent), mode(token_file)) == (0o700, 0o644)
    shown = capsys.readouterr()
    for name, value in settings_in(home / ".env").items():
        assert (f"  {name}={value}\n" in shown.out) is (name != "AUTOTUNE_PORT")
    for said in (f"Written: {home / '.env'}", f"Written: {token_file}", "docker compose up", "this machine only"):
        assert said in shown.out
    assert "AUTOTUNE_ALLOWED_SITES" in shown.err, "what a private network means was not said"
    assert READ_TOKEN not in shown.out + shown.err


def test_a_person_is_asked_again_where_an_answer_is_none(
    home: Path, named: str, asked: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = ["ftp://x", named, "y", "Europe/Pairs", "europe/paris", "grown-up", "Teenager", "", "perhaps", "n"]
    secrets = ["demo-reader-of-nobody", READ_TOKEN]
    asked(answers, secrets)
    assert main(options(home, "--docker", "--no-inside")) == 0
    assert (answers, secrets) == ([], [])
    shown = capsys.readouterr()
    assert ", ".join(READING) in shown.out
    assert "does not know the access token" in shown.err
    assert READ_TOKEN not in shown.out + shown.err
    text = (home / ".env").read_text()
    assert "AUTOTUNE_TIMEZONE=Europe/Paris\nAUTOTUNE_AGE_GROUP=teenager\nAUTOTUNE_NIGHTLY=false\n" in text
    assert "COMPOSE_PROFILES=docker\nAUTOTUNE_POOL=autotune-docker\nAUTOTUNE_DOCKER_GID=" in text


def test_what_is_set_up_is_the_default_of_the_next_time(
    home: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, READ_TOKEN)
    (home / ".env").write_text("COMPOSE_PROFILES=demo\n")
    first = ("--site", named, "--allow-http", "--no-nightly", "--age-group", "pregnant", "--insulin", "ultra-rapid")
    assert main(options(home, *first, "--timezone", "Asia/Tokyo", "--docker", "--yes", "--no-inside")) == 0
    before = (home / ".env").read_text()
    assert "COMPOSE_PROFILES=demo,docker\n" in before
    monkeypatch.delenv(TOKEN)
    assert main(options(home, "--yes", "--no-inside")) == 0
    assert (home / ".env").read_text() == before
    assert main(options(home, "--yes", "--no-inside", "--no-docker", "--insulin", "rapid-acting")) == 0
    changed = (
        before.replace("demo,docker", "demo")
        .replace("autotune-docker", "autotune")
        .replace("ultra-rapid", "rapid-acting")
    )
    assert (home / ".env").read_text() == changed


def test_a_token_for_writing_is_tested_and_kept_apart(
    tmp_path: Path, site: str, asked: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = asked([site, "yes", "", "", "", "", "half past five", "5:30"], [READ_TOKEN, READ_TOKEN, WRITE_TOKEN])
    assert main(options(tmp_path, "--serve")) == 0
    shown = capsys.readouterr()
    assert [q for q in questions if "written to the site" in q]
    assert ", ".join([*WRITING_PROFILES, *SWITCHING_PROFILES]) in shown.out
    assert "lacks api:profile:create" in shown.err
    file = tmp_path / "autotune" / "write-token"
    assert (file.read_text(), mode(file)) == (WRITE_TOKEN + "\n", 0o644)
    assert settings_in(tmp_path / ".env")["AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN_FILE"] == str(file)
    assert not list((tmp_path / "data").rglob("*profile*")), "the test wrote to the site"
    assert WRITE_TOKEN not in shown.out + shown.err
    assert settings_in(tmp_path / ".env")["AUTOTUNE_NIGHTLY_AT"] == "05:30"
    assert "autotune serve" in shown.out


def test_a_token_for_writing_goes_over_no_plain_http(
    home: Path, named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(TOKEN, READ_TOKEN)
    monkeypatch.setenv(TO_WRITE, WRITE_TOKEN)
    assert main(options(home, "--site", named, "--allow-http", "--yes", "--no-inside")) == 0
    assert "not sent over plain http" in capsys.readouterr().err
    assert written(home) == [".env", "autotune/token"]


@pytest.mark.parametrize(
    ("name", "token", "said"),
    [
        (TOKEN, "demo-reader-of-nobody", "does not know the access token"),
        (TO_WRITE, READ_TOKEN, "lacks api:profile:create"),
    ],
)
def test_nothing_is_written_where_the_site_says_no(
    name: str, token: str, said: str, tmp_path: Path, site: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv(TOKEN, READ_TOKEN)
    monkeypatch.setenv(name, token)
    assert main(options(tmp_path, "--site", site, "--yes", "--serve")) == 3
    assert said in capsys.readouterr().err
    assert not (tmp_path / ".env").exists()
    assert not (tmp_path / "autotune").exists()


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ([], 2, "give --site"),
        (["--site", "https://me:secret@my.site.example"], 3, "user name or password"),
        (["--site", "http://my.site.example"], 3, "plain http"),
        (["--site", "http://localhost:1337"], 2, "inside a container it is the container"),
        (["--site", "http://127.0.0.1:1337"], 2, ":1337 (plain http needs --allow-http)"),
        (["--serve", "--docker"], 2, "--docker needs containers"),
        (["--site", "https://my.site.example", "--at", "24:00"], 2, "is no time of a day such as 04:30"),
    ],
)
def test_what_cannot_be_is_said_at_once(
    given: list[str], status: int, said: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options(home, "--yes", *given)) == status
    shown = capsys.readouterr().err
    assert said in shown
    assert "secret@" not in shown
    assert written(home) == []


def test_a_directory_that_no_service_reads_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(options(tmp_path, "--yes", "--site", "https://my.site.example")) == 2
    assert f"there is no docker-compose.yml in {tmp_path}" in capsys.readouterr().err
    assert main(options(tmp_path / "none", "--yes", "--serve")) == 2


@pytest.mark.parametrize("last", ["a", "b", "c"])
def test_files_are_written_together_or_not_at_all(tmp_path: Path, last: str) -> None:
    names = ["a", "b", "c"]
    new = [NewFile(tmp_path / "new" / name / name, f"new {name}".encode(), 0o600) for name in names]
    (tmp_path / "new" / "b").mkdir(parents=True)
    (tmp_path / "new" / "b" / "b").write_text("old")
    (tmp_path / "new" / "b" / "b").chmod(0o644)
    blocked = tmp_path / "new" / last / last
    blocked.unlink(missing_ok=True)
    (blocked / "in the way").mkdir(parents=True)
    before = {p: p.read_text() if p.is_file() else None for p in tmp_path.rglob("*")}
    with pytest.raises(UsageError, match="nothing was"):
        write_together(new)
    assert {p: p.read_text() if p.is_file() else None for p in tmp_path.rglob("*")} == before
    if last != "b":
        assert mode(tmp_path / "new" / "b" / "b") == 0o644
    (blocked / "in the way").rmdir()
    blocked.rmdir()
    write_together(new)
    assert [file.path.read_bytes() for file in new] == [b"new a", b"new b", b"new c"]
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 3


@pytest.mark.parametrize(("text", "is_yes"), [("y", 1), ("Yes", 1), ("TRUE", 1), ("n", 0), ("No", 0), ("false", 0)])
def test_yes_and_no_are_understood(text: str, is_yes: int) -> None:
    assert read_yes(text) is bool(is_yes)


@given(st.text().filter(lambda text: text.casefold() not in {"y", "yes", "true", "n", "no", "false"}))
def test_what_is_neither_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="neither yes nor no"):
        read_yes(text)


def test_an_answer_counts_in_english_and_in_the_language_that_is_spoken() -> None:
    with speaking(Language.GERMAN):
        assert [read_yes(text) for text in ("ja", "J", "yes", "nein", "N", "no")] == [True] * 3 + [False] * 3
        with pytest.raises(ValueError, match="neither"):
            read_yes("jo")
    with pytest.raises(ValueError, match="'ja' is neither yes nor no"):
        read_yes("ja")


def test_a_question_with_nobody_there_names_its_option(asked: Any) -> None:
    with pytest.raises(UsageError, match="give --site"):
        Questions("autotune setup", silent=True).ask("Address", None, "--site", str)
    asked([], [])
    with pytest.raises(UsageError, match="give --site"):
        Questions("autotune setup", silent=False).ask("Address", "x", "--site", str)


def test_other_lines_of_the_file_stay() -> None:
    before = "# a comment\nexport A=1\nB=2\n"
    assert with_settings(before, {"A": "x", "C": "a b"}) == "# a comment\nA=x\nB=2\nC='a b'\n"
    with pytest.raises(ValueError, match="quotation mark"):
        with_settings("", {"A": "it's"})
