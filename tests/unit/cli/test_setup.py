"""`autotune setup` writes what the service needs, the token apart from it, and nothing before the site lets it in."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from flows.cli.main import main
from flows.cli.setup import with_settings
from tests.demo import READ_TOKEN, demo_site

TOKEN = "AUTOTUNE_NIGHTSCOUT_TOKEN"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_script_sets_the_service_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, READ_TOKEN)
    (tmp_path / ".env").write_text("# mine\nAUTOTUNE_PORT=4300\nAUTOTUNE_NIGHTLY=false\n")
    token_file = tmp_path / "autotune" / "token"
    with demo_site(tmp_path) as site:
        options = ["--site", site, "--yes", "--nightly", "--directory", str(tmp_path), "--token-file", str(token_file)]
        assert main(["setup", *options]) == 0
    assert (tmp_path / ".env").read_text().splitlines() == [
        "# mine",
        "AUTOTUNE_PORT=4300",
        "AUTOTUNE_NIGHTLY=true",
        f"AUTOTUNE_NIGHTSCOUT_SITE={site}",
        "AUTOTUNE_TIMEZONE=Europe/Berlin",
        f"AUTOTUNE_NIGHTSCOUT_TOKEN_FILE={token_file}",
    ]
    assert mode(tmp_path / ".env") == 0o600
    assert token_file.read_text() == READ_TOKEN + "\n"
    assert (mode(token_file.parent), mode(token_file)) == (0o700, 0o644)


def test_a_person_is_asked_and_told_which_role_to_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    token_file = tmp_path / "autotune" / "token"
    with demo_site(tmp_path) as site:
        answers = iter([site, "europe/paris", "teenager", "", "no"])
        monkeypatch.setattr("builtins.input", lambda _: next(answers))
        monkeypatch.setattr("getpass.getpass", lambda _: READ_TOKEN)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        assert main(["setup", "--directory", str(tmp_path), "--token-file", str(token_file), "--docker"]) == 0
    shown = capsys.readouterr()
    assert "api:entries:read, api:treatments:read, api:profile:read" in shown.out
    assert "readings" in shown.err
    assert READ_TOKEN not in shown.out + shown.err
    written = (tmp_path / ".env").read_text()
    assert "AUTOTUNE_TIMEZONE=Europe/Paris\nAUTOTUNE_AGE_GROUP=teenager\nAUTOTUNE_NIGHTLY=false\n" in written
    assert "COMPOSE_PROFILES=docker\nAUTOTUNE_POOL=autotune-docker\nAUTOTUNE_DOCKER_GID=" in written
    assert READ_TOKEN not in written


def test_nothing_is_written_where_the_site_says_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(TOKEN, "demo-reader-of-nobody")
    with demo_site(tmp_path) as site:
        options = ["--site", site, "--yes", "--directory", str(tmp_path), "--token-file", str(tmp_path / "a" / "token")]
        assert main(["setup", *options]) == 3
    assert "does not know the access token" in capsys.readouterr().err
    assert not (tmp_path / ".env").exists()
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        ([], 2, "give --site"),
        (["--site", "https://me:secret@my.site.example"], 3, "user name or password"),
        (["--site", "http://my.site.example"], 3, "plain http"),
    ],
)
def test_what_cannot_be_is_said_at_once(
    options: list[str], status: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["setup", "--yes", "--directory", str(tmp_path), *options]) == status
    shown = capsys.readouterr().err
    assert said in shown
    assert "secret@" not in shown


def test_other_lines_of_the_file_stay() -> None:
    before = "# a comment\nexport A=1\nB=2\n"
    assert with_settings(before, {"A": "x", "C": "a b"}) == "# a comment\nA=x\nB=2\nC='a b'\n"
    with pytest.raises(ValueError, match="quotation mark"):
        with_settings("", {"A": "it's"})
