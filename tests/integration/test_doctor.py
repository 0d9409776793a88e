"""`autotune doctor` against a real Nightscout: what the credentials may do is asked, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from flows.cli.main import main
from tests.conftest import ROOT
from tests.integration.conftest import Nightscout

pytestmark = pytest.mark.nightscout

READ = ["api:entries:read", "api:treatments:read", "api:profile:read"]
WRITE = ["api:profile:create", "api:treatments:create"]

# name of the token, its permissions, read or write; then the check, its level, and words of what it says
ROLES = [
    ("reader", READ, "TOKEN", "site-reading", "ok", "can be read"),
    ("half", READ[::2], "TOKEN", "site-reading", "fail", "may not read treatments"),
    ("writer", READ + WRITE, "TOKEN", "site-reading", "warn", "may also write"),
    ("reader", READ, "WRITE_TOKEN", "site-writing", "fail", "lacks api:profile:create"),
    ("storer", [*READ, WRITE[0]], "WRITE_TOKEN", "site-writing", "warn", "lacks api:treatments:create"),
    ("writer", READ + WRITE, "WRITE_TOKEN", "site-writing", "ok", "written and switched to"),
]


def doctor(capsys: pytest.CaptureFixture[str], site: str) -> tuple[int, dict[str, dict[str, str]]]:
    status = main(["doctor", "--json", "--site", site])
    return status, {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}


@pytest.mark.parametrize(("name", "permissions", "variable", "check", "level", "words"), ROLES)
def test_the_rights_of_a_role_are_said(
    name: str,
    permissions: list[str],
    variable: str,
    check: str,
    level: str,
    words: str,
    nightscout: Nightscout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if variable == "WRITE_TOKEN":
        monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_TOKEN", nightscout.token("doctor-reads", READ))
    token = nightscout.token(f"doctor-{name}", permissions)
    monkeypatch.setenv(f"AUTOTUNE_NIGHTSCOUT_{variable}", token)
    before = profiles(nightscout)
    status, found = doctor(capsys, nightscout.url)
    assert (found[check]["level"], status) == (level, 3 if level == "fail" else 0), found[check]
    assert words in found[check]["sentence"]
    assert found["clock"]["level"] == "ok"
    assert token not in json.dumps(found)
    assert profiles(nightscout) == before


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("TOKEN", "reader-0123456789abcdef", "does not know the access token"),
        ("API_SECRET", "not-the-secret-of-it", "does not know the API secret"),
        (None, "", "no credentials"),
    ],
)
def test_who_is_not_let_in_is_told_why(
    variable: str | None,
    value: str,
    words: str,
    nightscout: Nightscout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if variable:
        monkeypatch.setenv(f"AUTOTUNE_NIGHTSCOUT_{variable}", value)
    status, found = doctor(capsys, nightscout.url)
    assert status == 3
    assert words in found["site-reading"]["sentence"]


def test_the_api_secret_says_the_version_and_is_more_than_reading_needs(
    nightscout: Nightscout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_API_SECRET", nightscout.api_secret)
    status, found = doctor(capsys, nightscout.url)
    assert status == 0
    assert found["site-version"]["sentence"].startswith("Nightscout ")
    assert found["site-reading"]["level"] == "warn"


def profiles(site: Nightscout) -> int:
    return len(requests.get(f"{site.url}/api/v1/profile.json?count=0", headers=site.headers, timeout=30).json())


def test_set_up_with_the_roles_it_says_to_make(
    nightscout: Nightscout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows.cli.setup_site import READING, WRITING

    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_TOKEN", nightscout.token("setup", READING.split(", ")))
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN", nightscout.token("setup-writer", WRITING.split(", ")))
    options = ["--site", nightscout.url, "--yes", "--no-nightly", "--timezone", "Europe/Berlin", "--serve"]
    person = json.loads((ROOT / "fixtures" / "aaps_closed_loop" / "profile.json").read_text("utf-8"))
    nightscout.post("v1/profile.json", {k: v for k, v in person[0].items() if k != "_id"})
    token_file = tmp_path / "autotune" / "token"
    before = profiles(nightscout)
    assert main(["setup", *options, "--directory", str(tmp_path), "--token-file", str(token_file)]) == 0
    assert profiles(nightscout) == before
    assert token_file.with_name("write-token").is_file()
    assert "Fetched a day to try" in capsys.readouterr().err
    assert f"AUTOTUNE_NIGHTSCOUT_SITE={nightscout.url}" in (tmp_path / ".env").read_text()
