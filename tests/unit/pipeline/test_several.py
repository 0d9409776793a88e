"""A profile with several carb ratios or ISFs: what upstream is given for the days of a run, and what is said of it."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.several import TWINS, change_told, compared, night_schedule, random_schedule, read_twin
from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.oref0.several_values import OneValueFrom, one_value
from flows.pipeline.assess import assess
from flows.pipeline.judge import judge
from flows.pipeline.load import load
from flows.pipeline.prepare import Prepared, prepare
from flows.pipeline.several import FILE, meals_in_blocks, read_several, with_values
from flows.pipeline.trials import Trials, TuneVariant
from flows.pipeline.tune import tune
from flows.proposal.document import Proposal
from flows.proposal.sealed import read_proposal
from flows.report.html.report import report_html
from flows.report.spreadsheet import tables
from flows.report.text.terminal import summary
from flows.settings import AnalysisRequest, StartFrom
from flows.values.local_days import LocalDay
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory
from flows.values.schedule import Block, Schedule
from flows.values.timestamps import iso_utc
from tests.conftest import ROOT
from tests.people import DAY, ZONE, export_directory, profile_document, treatments, write

MINUTE, DAY_MS = 60_000, 86_400_000
MIDNIGHT_MS = LocalDay(DAY, ZONE).glucose.start_ms - 4 * 60 * MINUTE
RATIOS = [("00:00", 20), ("06:00", 8), ("14:00", 12), ("22:00", 20)]  # people.treatments: meals at 7, 12 and 19
GIVEN = round(175 / ((45 + 60) / 8 + 70 / 12), 3)  # in g/U, for its 175 g a day
ISFS = [("00:00", 60), ("09:00", 40)]


def person(path: Path, days: int, **schedules: Any) -> Path:
    document = profile_document()
    for field, blocks in schedules.items():
        document["store"]["Default"][field] = [{"time": time, "value": value} for time, value in blocks]
    return export_directory(path, days=days, profile=[document])


def prepared(source: Path, out: Path, **options: Any) -> tuple[AnalysisRequest, RunDirectory, Prepared]:
    now = datetime.now(UTC)
    request = AnalysisRequest(from_directory=source, **options)
    run = RunDirectory.create(out, now)
    load(request, run, Credentials(), now)
    return request, run, prepare(request, run, now)


def given(work: Path) -> tuple[float, float]:
    """The ISF and the carb ratio in the pump's profile."""
    pump = json.loads((work / "settings" / "pumpprofile.json").read_bytes())
    return pump["isfProfile"]["sensitivities"][0]["sensitivity"], pump["carb_ratio"]


def proposed(request: AnalysisRequest, run: RunDirectory) -> Proposal:
    tune(request, run, lambda *_: None)
    assess(request, run, lambda *_: None)
    judge(request, run, datetime.now(UTC))
    return read_proposal(run.file("proposal.json"))


# ---- what upstream is given


def test_the_one_carb_ratio_is_that_of_the_meals(tmp_path: Path) -> None:
    source = person(tmp_path / "data", 2, carbratio=RATIOS)
    records = json.loads((source / "treatments.json").read_text())
    eaten = next(r for r in records if r.get("carbs") == 60)
    write(source / "treatments.json", [*records, {**eaten, "_id": "f" * 24}])  # twice: uncorrected it is another run
    _, run, found = prepared(source, tmp_path / "run")
    assert given(run.work)[1] == given(run.uncorrected)[1] == GIVEN
    for name in ("settings/profile.json", "autotune/profile.json", "autotune/profile.pump.json"):
        assert (run.work / name).read_bytes() == (run.work / "settings" / "pumpprofile.json").read_bytes()
    assert any(f"autotune tunes one: {GIVEN:g} g per U" in note for note in found.warnings)
    assert "several_sha256" in found.profile


def test_only_the_days_that_are_used_count(tmp_path: Path) -> None:
    source = person(tmp_path / "data", 2, carbratio=RATIOS)
    records = json.loads((source / "treatments.json").read_text())
    for record in records:
        if record.get("carbs") == 45 and record["created_at"] > iso_utc(MIDNIGHT_MS + 24 * 60 * MINUTE):
            record["carbs"] = 450
    write(source / "treatments.json", records)
    _, whole, _ = prepared(source, tmp_path / "whole")
    _, first, _ = prepared(source, tmp_path / "first", exclude=[DAY + timedelta(days=1)])
    assert given(first.work)[1] == GIVEN
    assert given(whole.work)[1] < given(first.work)[1]


def test_one_value_or_blocks_that_repeat_it_change_nothing(tmp_path: Path) -> None:
    _, one, _ = prepared(person(tmp_path / "one", 1), tmp_path / "r1")
    _, same, found = prepared(person(tmp_path / "same", 1, carbratio=[("00:00", 10), ("06:00", 10)]), tmp_path / "r2")
    assert given(one.work) == given(same.work) == (50, 10)
    assert not same.file(FILE).exists()
    assert "several_sha256" not in found.profile
    assert read_several(same) == ()


def test_without_carbs_the_mean_over_the_day_is_given_and_said(tmp_path: Path) -> None:
    source = person(tmp_path / "data", 1, carbratio=[("00:00", 20), ("12:00", 10)])
    write(source / "treatments.json", [{k: v for k, v in t.items() if k != "carbs"} for t in treatments()])
    _, run, found = prepared(source, tmp_path / "run")
    assert given(run.work)[1] == 15
    assert any("no carbs are recorded" in note and "not tuned" in note for note in found.warnings)


def test_a_mean_over_the_day_that_upstream_would_misread_refuses_nobody(tmp_path: Path) -> None:
    # Below 3 g/U upstream is given nothing; the mean over the day is 2.5, and each meal is at 4.
    found = [("00:00", 2), ("06:00", 4), ("08:00", 2), ("11:30", 4), ("13:30", 2), ("18:30", 4), ("20:30", 2)]
    _, run, _ = prepared(person(tmp_path / "data", 1, carbratio=found), tmp_path / "run")
    assert given(run.work)[1] == 4
    below = [(time, 2.5 if value == 4 else 2) for time, value in found]
    with pytest.raises(Refused) as caught:
        prepared(person(tmp_path / "below", 1, carbratio=below), tmp_path / "refused")
    assert caught.value.reason is Reason.CARB_RATIO_RANGE


def carbs(*entries: tuple[float, float]) -> list[dict[str, Any]]:
    return [{"created_at": iso_utc(MIDNIGHT_MS + round(h * 60 * MINUTE)), "carbs": g} for h, g in entries]


@pytest.mark.parametrize(
    ("entries", "grams", "meals", "all_meals"),
    [
        ([(4, 10), (27.99, 20)], (20, 10, 0), (1, 1, 0), 2),  # 03:59 of the next morning is in the first block
        ([(3.99, 10), (28, 20)], (0, 0, 0), (0, 0, 0), 0),
        ([(8, 1)], (0, 1, 0), (0, 1, 0), 1),
        ([(8, 0.99)], (0, 0, 0), (0, 0, 0), 0),
        ([(8, 10), (9, 10), (10, 10)], (0, 30, 0), (0, 1, 0), 1),
        ([(8, 10), (9.01, 10)], (0, 20, 0), (0, 2, 0), 2),
        ([(11.5, 10), (12.4, 10)], (0, 10, 10), (0, 1, 1), 1),
        ([], (0, 0, 0), (0, 0, 0), 0),
    ],
)
def test_meals_are_counted_by_block_of_upstreams_day(
    entries: list[tuple[float, float]], grams: tuple[float, ...], meals: tuple[int, ...], all_meals: int, tmp_path: Path
) -> None:
    schedule = Schedule((Block(0, 20.0), Block(240, 10.0), Block(720, 15.0)))
    write(tmp_path / "autotune" / f"ns-treatments.{DAY}.json", carbs(*entries))
    found = meals_in_blocks(tmp_path, str(DAY), ZONE, schedule)
    assert (found.amounts, found.meals, found.all_meals) == (grams, meals, all_meals)


def test_a_tuned_profile_is_given_other_values_in_all_its_fields() -> None:
    tuned = {"isfProfile": {"sensitivities": [{"sensitivity": 50}]}, "sens": 50, "carb_ratio": 10, "dia": 6}
    content = json.dumps(tuned).encode()
    assert with_values(content, {}) is content
    found = json.loads(with_values(content, {Part.ISF: 40.5, Part.CARB_RATIO: 9.5}))
    assert found == {
        "isfProfile": {"sensitivities": [{"sensitivity": 40.5}]},
        "sens": 40.5,
        "carb_ratio": 9.5,
        "dia": 6,
    }
    assert json.loads(with_values(content, {Part.CARB_RATIO: 9.5})) == {**tuned, "carb_ratio": 9.5}


# ---- with upstream


@pytest.mark.oref0
def test_a_run_tells_the_factor_and_what_it_makes_of_the_schedule(tmp_path: Path) -> None:
    source = person(tmp_path / "data", 5, carbratio=RATIOS, sens=ISFS)
    request, run, _ = prepared(source, tmp_path / "run", resamples=2, compare=False)
    assert given(run.work)[0] == 47.5, "until its points are counted it is the mean over the day"
    found = proposed(request, run)
    isf = one_value(read_several(run), Part.ISF)
    assert isf is not None
    assert isf.made_from is OneValueFrom.ISF_POINTS
    assert given(run.work)[0] == isf.value == found.current.isf_mgdl_per_u
    assert min(isf.total(0), isf.total(1)) > 0
    assert 40 < isf.value < 60
    assert not (run.path / "isf_points").exists()
    assert FILE in found.rests_on

    pump = found.for_pump
    assert [one.part for one in pump.one_for_several] == [Part.ISF, Part.CARB_RATIO]
    assert pump.untrusted == ()
    assert pump.unused(Part.CARB_RATIO) == ("00:00", "22:00")
    factor = found.recommended.carb_ratio_g_per_u / found.current.carb_ratio_g_per_u
    one = pump.one_of(Part.CARB_RATIO)
    assert one is not None
    assert (one.factor, one.meals) == (round(factor, 4), 15)
    for block in pump.carb_ratio:
        moved = 1.0 if block.start in ("00:00", "22:00") else factor
        assert block.recommended_g_per_u == pytest.approx(block.current_g_per_u * moved, abs=0.051)
    interval = found.evidence.carb_ratio
    assert interval.interval_low_g_per_u is not None
    assert 0.6 < interval.interval_low_g_per_u / found.current.carb_ratio_g_per_u < 1.3

    text = summary(run, found)
    assert f"×{factor:.3f}" in text
    assert "for your schedule:" in text
    assert "From 22:00: no meals, it stays." in text
    page = report_html(found).decode()
    assert "no meals, it stays" in page
    assert "× schedule" in page
    assert "factor for each block in use: recommended over now" in str(tables(found))


@pytest.mark.oref0
def test_each_repetition_is_given_the_one_of_its_own_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = person(tmp_path / "data", 4, carbratio=RATIOS)
    records = json.loads((source / "treatments.json").read_text())
    for record in records:  # the breakfasts of one day are far larger
        if record.get("carbs") == 45 and iso_utc(MIDNIGHT_MS) < record["created_at"] < iso_utc(MIDNIGHT_MS + DAY_MS):
            record |= {"carbs": 200, "insulin": 25}
    write(source / "treatments.json", records)
    request, run, found = prepared(source, tmp_path / "run", resamples=4, compare=False)
    tune(request, run, lambda *_: None)
    seen: dict[str, float] = {}
    make = Trials._job

    def job(self: Any, number: int, variant: TuneVariant, prepared: bool) -> Any:
        made = make(self, number, variant, prepared)
        assert made.start == made.pump or variant.start
        if variant.name.startswith("repetition"):
            seen[",".join(variant.dates)] = json.loads(made.pump)["carb_ratio"]
        return made

    monkeypatch.setattr(Trials, "_job", job)
    assess(request, run, lambda *_: None)
    ratios = one_value(read_several(run), Part.CARB_RATIO)
    assert ratios is not None
    assert seen == {days: ratios.on(days.split(",")).value for days in seen}
    assert len(set(seen.values())) > 1
    assert ratios.on(found.dates).value == given(run.work)[1]


@pytest.mark.oref0
def test_a_nightly_run_goes_on_from_the_factor_not_from_the_number(tmp_path: Path) -> None:
    source = person(tmp_path / "data", 3, carbratio=RATIOS, sens=ISFS)
    options: dict[str, Any] = {"compare": False, "resamples": 0, "start_from": StartFrom.PREVIOUS}
    request, first, _ = prepared(source, tmp_path / "runs" / "1", **options)
    before = proposed(request, first)
    (first.path / "manifest.json").write_text(json.dumps({"options": request.options()}))
    assert before.verdict.colour.value != "red"
    records = json.loads((source / "treatments.json").read_text())
    for record in records:
        if record.get("carbs") == 45:
            record["carbs"] = 90  # so that the one of the next night is another
    write(source / "treatments.json", records)
    request, second, found = prepared(source, tmp_path / "runs" / "2", **options)
    assert any("goes on from the run 1" in note for note in found.warnings), found.warnings
    after = proposed(request, second)
    assert after.current.carb_ratio_g_per_u < before.current.carb_ratio_g_per_u
    start = json.loads((second.work / "autotune" / f"profile.{found.dates[0]}.json").read_bytes())
    ratio = before.recommended.carb_ratio_g_per_u / before.current.carb_ratio_g_per_u
    assert start["carb_ratio"] == pytest.approx(after.current.carb_ratio_g_per_u * ratio, abs=0.001)
    isf = before.recommended.isf_mgdl_per_u / before.current.isf_mgdl_per_u
    assert start["isfProfile"]["sensitivities"][0]["sensitivity"] == pytest.approx(
        after.current.isf_mgdl_per_u * isf, abs=0.001
    )
    write(source / "profile.json", [_swapped(json.loads((source / "profile.json").read_text())[0])])
    _, _, third = prepared(source, tmp_path / "runs" / "3", **options)
    assert any("has changed" in note for note in third.warnings), "the mean over the day is the same"


def _swapped(document: dict[str, Any]) -> dict[str, Any]:
    """Two blocks of one length with each other's ratios."""
    blocks = document["store"]["Default"]["carbratio"]
    blocks[1]["value"], blocks[2]["value"] = blocks[2]["value"], blocks[1]["value"]
    return document


# ---- right schedules against their single-ratio twins; the long run: python -m benchmarks.several


@pytest.mark.oref0
@pytest.mark.parametrize("fixture", ["careportal_mdi"])
def test_right_schedules_are_told_what_their_single_ratio_twin_is_told(fixture: str, tmp_path: Path) -> None:
    assert set(TWINS) >= {fixture}
    twin_of = read_twin(ROOT / "fixtures" / fixture)
    twin = change_told(twin_of, tmp_path / "twin", days=8)
    assert 0.75 < twin < 1.15, "no cap decides"
    night = night_schedule(twin_of)
    told = compared(fixture, twin_of, "night", night, (), twin, tmp_path / "night", days=8)
    assert told.schedule == twin, "where nobody eats it does not matter what the ratio is"
    assert told.apart_by_mean is not None
    assert told.apart_by_mean < -0.05, "as the mean over the day made of it"
    chance = random.Random(14)  # noqa: S311
    for n in range(2):
        schedule, factors = random_schedule(twin_of, chance)
        told = compared(fixture, twin_of, "random", schedule, factors, twin, tmp_path / f"{n}", mean=False, days=8)
        assert abs(told.apart) < 0.03, told
