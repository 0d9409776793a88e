"""`autotune apply` and `rollback` in a terminal that reaches Prefect's server, of runs made with a block."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from flows.cli.main import main
from flows.settings import AnalysisRequest
from tests.demo import READ_TOKEN, WRITE_TOKEN, demo_site
from tests.integration.standin import READER, SWITCHER, StandIn, standing_in
from tests.proposals import proposal, run_with
from tests.unit.cli.test_block import made_with_a_block, run, tokens_shown
from tests.writing import Person, active_name

pytestmark = pytest.mark.flow


@pytest.fixture
def site() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


@pytest.fixture
def someone(prefect_server: str, site: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(tmp_path))
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(tmp_path / "applied"))
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN", "writer-of-another-site-0123456789")
    return made_with_a_block(tmp_path, site)


def save(site: str, **fields: object) -> None:
    from flows.orchestration.blocks import NightscoutSite

    NightscoutSite(url=site, **fields).save("ada", overwrite=True)


def tokens_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **sites: str) -> None:
    file = tmp_path / "write-tokens.json"
    file.write_text(json.dumps({address: {"token": token} for address, token in sites.items()}))
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_TOKENS_FILE", str(file))


def test_the_block_s_token_writes_and_rolls_back_with_a_warning(
    someone: Person, site: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    save(site.url, read_token=READER, write_token=SWITCHER)
    assert run(someone, "apply", "--activate") == 0
    warned = capsys.readouterr().err
    assert "the block ada holds what may write to its site" in warned
    assert SWITCHER not in warned
    assert active_name(someone.reading()).startswith("Autotune ")
    assert run(someone, "rollback") == 0
    assert active_name(someone.reading()) == "Day"
    assert tokens_shown(site) == {SWITCHER}


def test_a_block_that_may_only_read_is_told_where_the_other_token_belongs(
    someone: Person, site: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    save(site.url, read_token=READER)
    assert run(someone, "apply") == 3
    said = capsys.readouterr().err
    assert f"beside {site.url} into the applying worker's file of AUTOTUNE_NIGHTSCOUT_WRITE_TOKENS_FILE" in said
    assert "AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN " not in said
    assert site.database.requests == []


def test_the_applying_worker_s_file_writes_for_a_block_that_may_only_read(
    someone: Person, site: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.profile_sync import profile_sync

    save(site.url, read_token=READER)
    tokens_file(
        tmp_path, monkeypatch, **{"https://other.example": "another-0123456789abcdef", site.url + "/": SWITCHER}
    )
    assert profile_sync(someone.request(activate=True)).active
    assert run(someone, "rollback") == 0
    assert tokens_shown(site) == {SWITCHER}


def test_a_flow_that_writes_by_a_block_says_so_in_its_log(prefect_server: str, someone: Person, site: StandIn) -> None:
    from flows.profile_sync import profile_sync

    save(site.url, read_token=READER, write_token=SWITCHER)
    assert profile_sync(someone.request()).outcome == "applied"
    until_s = time.monotonic() + 20  # the log reaches the server a little later
    while True:
        logs = requests.post(f"{prefect_server}/logs/filter", json={}, timeout=30).json()
        said = [log["message"] for log in logs if "the block ada holds what may write" in log["message"]]
        if said or time.monotonic() > until_s:
            break
        time.sleep(0.2)
    assert said
    assert SWITCHER not in str(logs)


def test_a_block_of_another_address_by_now_sends_nothing(
    someone: Person, site: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    save("https://moved.site.example", write_token=SWITCHER)
    assert run(someone, "apply") == 3
    assert "the block of another address" in capsys.readouterr().err
    assert site.database.requests == []


def test_the_demonstration_is_applied_and_rolled_back(
    prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.orchestration.blocks import NightscoutSite

    monkeypatch.setenv("AUTOTUNE_APPLIED", str(tmp_path / "applied"))
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_SITE", "https://own.site.example")
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN", "writer-of-another-site-0123456789")
    with demo_site(tmp_path) as site:
        NightscoutSite(url=site, allow_http=True, read_token=READ_TOKEN, write_token=WRITE_TOKEN).save("demo")
        asked = f"{site}/api/v1/profile.json?token={READ_TOKEN}"
        (source,) = requests.get(asked, timeout=30).json()
        request = AnalysisRequest(site=site, site_block="demo", allow_http=True)
        made = proposal(
            source, site=site, created_at=datetime.now(UTC), change=lambda d: d.update(options=request.options())
        )
        directory = run_with(tmp_path, made, [source]).path
        approval = ["--yes", "--sha256", made.sha256]
        assert main(["apply", str(directory), "--activate", *approval]) == 0
        assert len(requests.get(asked, timeout=30).json()) == 2
        assert main(["rollback", str(directory), *approval]) == 0
        stored = requests.get(asked, timeout=30).json()
    assert stored[0]["store"] == source["store"]
    assert json.loads((directory / "applied.json").read_text())["changes"]
