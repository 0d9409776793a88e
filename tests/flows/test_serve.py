"""The service of one machine, with nothing but Python in reach: a night of two people after kills, and its end."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from flows.demo.site import READ_TOKEN
from flows.orchestration.processes import with_setting
from tests.nights.__main__ import faults_of, pass_nights
from tests.nights.night import LOST, Fault, PersonNight
from tests.nights.service import NightService, Serve, until

pytestmark = [
    pytest.mark.flow,
    pytest.mark.oref0,
    pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="this system has no /proc"),
]


def test_two_people_have_a_night_after_kills_each_a_result_or_a_word_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTUNE_STATE", str(tmp_path / "state"))
    seen: list[Serve] = []

    def before_the_night(served: NightService) -> None:
        assert isinstance(served, Serve)
        seen.append(served)
        assert stat.S_IMODE(served.runs.stat().st_mode) == 0o700  # before a run made it
        second = subprocess.run(
            served.command, cwd=served.base, env=served.environment, capture_output=True, text=True, check=False
        )
        assert (second.returncode, "is running already" in second.stderr) == (3, True), second.stderr
        before = served.children()
        assert set(before) == {"server", "worker", "apply-worker", "page"}
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(set(served.children().values()) - set(before.values())) == len(before), 60, served.said)
        until(served.answers, 120, served.said)

    ended = pass_nights(("ada", "grace"), [Fault.TOKEN], 1, tmp_path, before=before_the_night)
    found = {one.fault: one for one in ended}
    assert set(found) == {Fault.TOKEN, Fault.NONE}
    assert found[Fault.NONE].ended == "proposal"
    refused = found[Fault.TOKEN]
    assert refused.told
    assert refused.ended.startswith(f"Autotune: no result for {refused.person} yet")
    assert "refused the token" in refused.ended
    (served,) = seen
    assert served.process is not None
    assert served.process.returncode == 0, served.said()
    assert with_setting("PREFECT_HOME", str(served.state / "prefect")) == set()
    assert READ_TOKEN not in served.log.read_text()


def test_every_fault_comes_before_one_comes_again() -> None:
    assert set(faults_of(1, len(Fault), database=True)) == set(Fault)
    assert set(faults_of(1, len(Fault) - 1, database=False)) == set(Fault) - {Fault.DATABASE}
    assert faults_of(1, 5, database=True) == faults_of(1, 5, database=True) != faults_of(2, 5, database=True)


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        ("proposal", True),
        ("Autotune: no result for ada yet. No result for ada yet (1 night missed): the site refused the token.", True),
        ("Autotune: no result for grace yet. No result for grace yet (1 night missed): it was stopped.", False),
        (LOST, False),
    ],
)
def test_a_word_names_the_person_and_says_why(ended: str, told: bool) -> None:
    assert PersonNight("ada", Fault.TOKEN, ended).told is told
