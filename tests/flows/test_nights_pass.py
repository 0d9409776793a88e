"""Two people, one night, one fault, at a real service: who has no result is told why, and the other has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nights.__main__ import faults_of, pass_nights
from tests.nights.night import LOST, Fault, PersonNight

pytestmark = [
    pytest.mark.flow,
    pytest.mark.oref0,
    pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="this system has no /proc"),
]


def test_a_night_ends_in_a_result_or_a_word_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTUNE_STATE", str(tmp_path / "state"))
    found = {one.fault: one for one in pass_nights(("ada", "grace"), [Fault.TOKEN], 1, tmp_path)}
    assert set(found) == {Fault.TOKEN, Fault.NONE}
    assert found[Fault.NONE].ended == "proposal"
    refused = found[Fault.TOKEN]
    assert refused.told
    assert refused.ended.startswith(f"Autotune: no result for {refused.person} yet")
    assert "refused the token" in refused.ended


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
