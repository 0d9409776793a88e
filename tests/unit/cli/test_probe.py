"""A site that cannot be read is a refusal of the command, in a few lines, before Prefect is started."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.circuit_breaker import DEAD_RUNS, CircuitBreaker
from flows.nightscout.site_memory import SiteMemory
from flows.pipeline.probe import probe
from flows.settings import AnalysisRequest
from tests.unit.nightscout.test_client import Site, json_answer, send

# The command itself, which waits no longer than a test may.
COMMAND = """
import sys
import flows.nightscout.retry as retry
import flows.nightscout.rate_limit as rate_limit
retry.FIRST_WAIT_S, retry.WAKE_WAIT_S, rate_limit.GAP_S = 0.001, 0.1, 0.0
import flows.nightscout.client as client
client.WAKE_S = 1.0
from flows.cli.main import main
sys.exit(main())
"""


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    """The status and the lines on standard error of `autotune propose`; nothing of Prefect's may have been made."""

    def command(*arguments: str) -> tuple[int, list[str]]:
        own = {k: v for k, v in os.environ.items() if not k.startswith(("AUTOTUNE_", "PREFECT_"))}
        own |= {"PREFECT_HOME": str(tmp_path / "prefect"), "AUTOTUNE_STATE": str(tmp_path / "state")}
        given = [sys.executable, "-c", COMMAND, "propose", "--prefect", "--out", str(tmp_path / "run"), *arguments]
        done = subprocess.run(given, capture_output=True, text=True, env=own, timeout=60, check=False)
        assert not (tmp_path / "prefect").exists()
        assert "Traceback" not in done.stderr and "Prefect" not in done.stderr
        manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
        assert manifest["status"] == "refused"
        assert done.stdout == ""
        return done.returncode, done.stderr.splitlines()

    return command


def test_a_name_that_is_not_known_is_three_lines(run: Callable[..., tuple[int, list[str]]]) -> None:
    status, lines = run("--site", "https://no.such.site.invalid", "--days", "1")
    assert (status, len(lines)) == (3, 3), lines
    assert "its name is not known" in lines[1]
    assert "Check the address" in lines[2]


def test_a_site_that_refuses_connections_is_said_to_be_waited_for(run: Callable[..., tuple[int, list[str]]]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        status, lines = run("--site", f"http://127.0.0.1:{unused.getsockname()[1]}", "--days", "1")
    assert (status, len(lines)) == (3, 4), lines
    assert "may be asleep. Waiting up to" in lines[1]
    assert "no connection" in lines[2]


def test_a_login_in_front_is_three_lines(run: Callable[..., tuple[int, list[str]]], site: Site) -> None:
    site.respond = lambda handler, _: send(handler, 302, b"", Location="https://auth.example/?rd=x")
    status, lines = run("--site", site.url, "--days", "1")
    assert (status, len(lines)) == (3, 3), lines
    assert "it redirects to a login at auth.example" in lines[1]
    assert len(site.asked) == 1


def test_an_address_without_a_scheme_says_what_was_assumed(
    run: Callable[..., tuple[int, list[str]]], site: Site
) -> None:
    status, lines = run("--site", site.url.removeprefix("http://"), "--days", "1")
    assert status == 3
    assert f"taken as https{site.url.removeprefix('http')}." in lines[1]


def request(site: Site, **more: object) -> AnalysisRequest:
    return AnalysisRequest(site=site.url, days=1, **more)


def test_the_circuit_breaker_counts_a_failure_as_a_run_s_and_an_answer_not(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTUNE_STATE", str(tmp_path))
    breaker = CircuitBreaker(SiteMemory(site.url))
    breaker.run_ended(Reason.SITE_FAILS)
    probe(request(site), Credentials())  # an answer ends no row of failures: the run is still to come
    site.respond = json_answer(None)
    for _ in range(DEAD_RUNS - 1):
        with pytest.raises(Refused) as caught:
            probe(request(site), Credentials())
        assert caught.value.reason is Reason.SITE_NOT_DATA
    asked = len(site.asked)
    with pytest.raises(Refused) as caught:
        probe(request(site), Credentials())
    assert (caught.value.reason, len(site.asked)) == (Reason.SITE_PAUSED, asked)
    site.respond = json_answer([])
    probe(request(site, ask_now=True), Credentials())


def test_the_probe_takes_no_run_s_place_after_a_pause(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTUNE_STATE", str(tmp_path))
    for _ in range(DEAD_RUNS):  # long ago: the pause is over
        CircuitBreaker(SiteMemory(site.url), clock=lambda: 1.0).run_ended(Reason.SITE_FAILS)
    for _ in range(2):
        probe(request(site), Credentials())
    CircuitBreaker(SiteMemory(site.url)).check()
    with pytest.raises(Refused):  # the run's own question is the one that counts
        probe(request(site), Credentials())
