"""`autotune notices`: what would be told, and a test message that reaches real receivers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.cli import notices as command
from flows.cli.main import main
from flows.doctor.check import CheckContext, Level
from flows.doctor.notices import notices
from tests.unit.watch.receiver import CANARY, receiver
from tests.unit.watch.runs import leave_proposal


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NOTICES", "NOTICES_FILE", "WEBHOOK", "WEBHOOK_FILE"):
        monkeypatch.delenv(f"AUTOTUNE_{name}", raising=False)
    # Where tests of flows ran before in this process, their server is still in Prefect's settings.
    monkeypatch.setattr(command, "prefect_server", lambda: None)
    monkeypatch.setenv("AUTOTUNE_STATE", str(tmp_path / "state"))


def set_addresses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *lines: str) -> None:
    (tmp_path / "addresses").write_text("\n".join(lines))
    monkeypatch.setenv("AUTOTUNE_NOTICES_FILE", str(tmp_path / "addresses"))


def context(tmp_path: Path, api: str | None = None) -> CheckContext:
    return CheckContext(runs_root=tmp_path, now=datetime.now(UTC), prefect_api=api)


def test_a_test_goes_to_every_address_and_says_which_answered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiver() as good, receiver() as bad:
        bad.status = 500
        monkeypatch.setenv("AUTOTUNE_WEBHOOK", good.webhook)
        set_addresses(monkeypatch, tmp_path, good.ntfy)
        assert main(["notices", "test"]) == 0
        assert good.titles(good.webhook) == good.titles(good.ntfy) == ["a test"]
        set_addresses(monkeypatch, tmp_path, good.ntfy, bad.json)
        assert main(["notices", "test"]) == 3
        shown = capsys.readouterr()
        assert "3  JSON            FAIL" in shown.out
        assert main(["notices", "test", "--json"]) == 3
        asked = capsys.readouterr()
        sent = {one["kind"]: one["sent"] for one in json.loads(asked.out)["addresses"]}
        assert sent == {"webhook": True, "ntfy": True, "JSON": False}
    assert CANARY not in shown.out + shown.err + asked.out + asked.err


def test_a_line_that_is_no_address_or_none_at_all_is_no_success(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["notices", "test"]) == 3
    assert "No notice can reach anybody" in capsys.readouterr().err
    with receiver() as good:
        set_addresses(monkeypatch, tmp_path, good.ntfy, f"{CANARY}://x")
        assert main(["notices", "test"]) == 3
    shown = capsys.readouterr()
    assert "Line 2" in shown.err
    assert CANARY not in shown.out + shown.err


def test_the_list_says_how_nights_stand_and_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, now = tmp_path / "runs", datetime.now(UTC)
    runs.mkdir()
    asked = {"timezone": "UTC", "site_block": "ada"}
    for days in (3, 4):
        leave_proposal(runs, f"{days}", now - timedelta(days=days, hours=4), **asked)
    with receiver() as good:
        set_addresses(monkeypatch, tmp_path, good.ntfy)
        assert main(["notices", "--runs", str(runs)]) == 0
        shown = capsys.readouterr().out
        assert main(["notices", "list", "--json", "--runs", str(runs)]) == 0
        document = json.loads(capsys.readouterr().out)
        assert good.got == []
    assert "Addresses: ntfy" in shown
    assert "ada: last proposal" in shown
    assert "To tell: Autotune: no result for ada since" in shown
    (ada,) = document["people"]
    assert (ada["name"], len(ada["missed"])) == ("ada", 3)
    assert len(document["to_tell"]) == 1
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("lines", "api", "level"),
    [
        ((), None, Level.SKIPPED),
        ((), "http://127.0.0.1:9/api", Level.WARN),
        (("ntfy://topic",), "http://127.0.0.1:9/api", Level.OK),
        (("ntfy://topic", f"{CANARY}://x"), None, Level.FAIL),
    ],
)
def test_the_doctor_says_when_no_notice_can_reach_anybody(
    lines: tuple[str, ...], api: str | None, level: Level, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_addresses(monkeypatch, tmp_path, *lines)
    found = notices(context(tmp_path, api))
    assert found.level is level
    assert CANARY not in found.sentence + found.remedy
    assert bool(found.remedy) == (level in (Level.WARN, Level.FAIL))
