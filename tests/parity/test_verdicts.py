"""A person whose settings are right is told to change nothing; chance never gets a green verdict."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.pipeline.judge import judge
from flows.pipeline.run_locally import run_locally
from flows.proposal.document import Colour, Proposal
from flows.proposal.sealed import read_proposal
from flows.settings import AnalysisRequest
from flows.values.local_days import LocalDay
from flows.values.run_directory import RunDirectory
from tests.people import DAY, ZONE, export_directory
from tests.tuned_people import pure_noise, smooth_chance, well_tuned

pytestmark = pytest.mark.oref0
DAYS = 8
MORNING_AFTER = datetime.fromtimestamp(LocalDay(DAY + timedelta(days=DAYS - 1), ZONE).glucose.end_ms / 1000, UTC)


def proposal_of(path: Path, person: dict[str, Any], resamples: int = 0) -> Proposal:
    directory = export_directory(path / "data", days=DAYS, **person)
    request = AnalysisRequest(from_directory=directory, resamples=resamples, compare=False)
    run = RunDirectory.create(path / "run", datetime.now(UTC))
    run_locally(request, run)
    judge(request, run, MORNING_AFTER)  # as it would have been then: old data are a reason of their own
    return read_proposal(run.file("proposal.json"))


def test_a_well_tuned_person_is_told_to_change_nothing(tmp_path: Path) -> None:
    found = proposal_of(tmp_path, well_tuned(DAYS), resamples=10)
    assert found.verdict.nothing_to_change, found.verdict
    assert found.verdict.headline.startswith("Nothing to change")
    assert found.recommended.isf_mgdl_per_u == found.current.isf_mgdl_per_u
    assert abs(found.for_pump.daily_basal_u / found.current.daily_basal_u - 1) < 0.02


@pytest.mark.parametrize(
    ("ratios", "isfs", "made"),
    [((10, 10), (50, 50, 50), []), ((10, 12), (50, 40, 50), [("cr", "time"), ("isf", "time")])],
)
def test_a_profile_with_several_of_a_setting_says_what_upstream_was_given(
    ratios: tuple[float, ...], isfs: tuple[float, ...], made: list[tuple[str, str]], tmp_path: Path
) -> None:
    person = well_tuned(DAYS)
    body = person["profile"][0]["store"]["Default"]
    for field, values in (("carbratio", ratios), ("sens", isfs)):
        body[field] = [{"time": f"{n * 6:02d}:00", "value": value} for n, value in enumerate(values)]
    found = proposal_of(tmp_path, person)
    assert not [r for r in found.verdict.reasons if r.colour is Colour.RED]
    assert sorted((one.part.value, one.made_from.value) for one in found.for_pump.one_for_several) == made
    assert found.for_pump.untrusted == ()


@pytest.mark.parametrize("seed", [6, 7])
@pytest.mark.parametrize("person", [pure_noise, smooth_chance])
def test_chance_is_never_green(person: Callable[[int, int], dict[str, Any]], seed: int, tmp_path: Path) -> None:
    found = proposal_of(tmp_path, person(DAYS, seed))
    assert found.verdict.colour is not Colour.GREEN
    assert "insulin_unseen" in {r.rule for r in found.verdict.reasons}, found.verdict
