"""A run that names a saved site: it is read with the block's secrets, and these are nowhere but in the block."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from flows.cli.exit_code import ExitCode
from flows.cli.main import main
from flows.errors import Reason, Refused
from flows.settings import AnalysisRequest
from tests.demo import READ_TOKEN, WRITE_TOKEN, demo_site
from tests.flows.test_autotune_analysis import everything_stored, flow_runs, run_flow

pytestmark = [pytest.mark.flow, pytest.mark.oref0]

QUICK = {"days": 1, "resamples": 0, "compare": False}


def test_a_run_reads_the_site_of_its_block(
    prefect_server: str, prefect_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.orchestration import site_reach
    from flows.orchestration.blocks import NightscoutSite

    monkeypatch.setattr(site_reach, "asked_through_server", lambda: True)  # this machine's own site is saved
    with demo_site(tmp_path) as site:
        NightscoutSite(url=site, read_token=READ_TOKEN, write_token=WRITE_TOKEN).save("mine")
        published = run_flow(AnalysisRequest(site_block="mine", **QUICK), tmp_path / "run")
    assert published.proposal_sha256
    (run,) = [r for r in flow_runs(prefect_server) if r["parameters"].get("run_path") == str(tmp_path / "run")][-1:]
    assert run["parameters"]["request"]["site_block"] == "mine"
    stored = everything_stored(prefect_server, prefect_home)
    kept = b"".join(file.read_bytes() for file in (tmp_path / "run").rglob("*") if file.is_file())
    for token in (READ_TOKEN, WRITE_TOKEN):
        assert token.encode() not in stored
        assert token.encode() not in kept


def test_a_block_without_a_token_is_not_lent_the_environment_s(
    prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.orchestration.blocks import NightscoutSite

    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_TOKEN", READ_TOKEN)
    with demo_site(tmp_path) as site:
        NightscoutSite(url=site).save("bare")
        with pytest.raises(Refused) as caught:
            run_flow(AnalysisRequest(site_block="bare", **QUICK), tmp_path / "run")
    assert caught.value.reason is Reason.SITE_UNAUTHORIZED


def test_a_block_that_is_not_there_is_named(prefect_server: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        run_flow(AnalysisRequest(site_block="nobody", **QUICK), tmp_path / "run")
    assert caught.value.reason is Reason.SITE_BLOCK
    assert "nobody" in caught.value.sentence
    assert "refused" in (tmp_path / "run" / "manifest.json").read_text()


def test_the_limit_of_a_site_exists_and_lets_one_in(prefect_server: str) -> None:
    from prefect import get_client
    from prefect.concurrency.sync import concurrency

    from flows.orchestration.concurrency import make_limit

    with get_client(sync_client=True) as client:
        name = make_limit(client, "https://my.site.example")
        assert make_limit(client, "https://my.site.example") == name
        limit = client.read_global_concurrency_limit_by_name(name)
    assert limit.limit == 1
    assert "my.site" not in name
    with concurrency(name, strict=True, lease_duration=60):
        with pytest.raises(TimeoutError), concurrency(name, strict=True, timeout_seconds=0.5):
            pytest.fail("two were let in")
        held = requests.get(f"{prefect_server}/v2/concurrency_limits/{name}", timeout=30).json()
        assert held["active_slots"] == 1


def test_a_backfill_reads_the_site_of_a_block(
    prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows.orchestration.blocks import NightscoutSite

    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    monkeypatch.setenv("AUTOTUNE_RUNS", str(tmp_path / "runs"))
    quick = ["--weeks", "1", "--days", "1", "--resamples", "0", "--no-compare", "--json"]
    with demo_site(tmp_path) as site:
        NightscoutSite(url=site, read_token=READ_TOKEN, options={"age_group": "child"}).save("gone-by", overwrite=True)
        assert main(["backfill", "--block", "gone-by", *quick]) == ExitCode.OK
    (week,) = json.loads(capsys.readouterr().out)["weeks"]
    options = json.loads((tmp_path / "runs" / week["run"] / "manifest.json").read_text())["options"]
    assert (week["status"], options["site_block"], options["site"]) == ("proposal", "gone-by", site)
    assert (options["age_group"], options["past"]) == ("child", True)
