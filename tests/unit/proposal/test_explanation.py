"""Why a number moved: upstream's words read without loss, summed without error, told in words that fit the facts."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.nightscout.authentication import Credentials
from flows.oref0.engine import TuneJob
from flows.oref0.log_parser import read_day
from flows.oref0.node import NodeEngine
from flows.oref0.profile import PumpSettings, settings_of
from flows.oref0.work_dir import copy_openaps_directory
from flows.pipeline.load import load
from flows.pipeline.prepare import prepare
from flows.proposal.evidence_document import Cap
from flows.proposal.explanation import Explanation, explain
from flows.proposal.explanation_facts import BasalFacts, CarbRatioFacts, IsfFacts, Moved
from flows.proposal.explanation_text import FIFTH, FOR_BASAL, FOR_CARB_RATIO, FOR_ISF, sentences
from flows.settings import AnalysisRequest
from flows.values.local_days import LocalDay
from flows.values.run_directory import RunDirectory
from tests.conftest import ROOT
from tests.people import DAY, ZONE, entries, openaps_directory, pump_profile, treatments, write

# ---- invented words, in upstream's form


def said(work: Path, day: str, zone: str = "UTC", **words: Any) -> None:
    """A day's files and logs: `deviations` {hour: mg/dL} one point each, `rises` hours whose point was a rise, …"""
    files, deviations = work / "autotune", words.get("deviations", {})
    before = words.get("before", pump_profile())
    isf, ratio = before["isfProfile"]["sensitivities"][0]["sensitivity"], before["carb_ratio"]
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    points = [(midnight.replace(hour=hour, minute=30), value) for hour, value in deviations.items()]
    prep = [
        f"0 mealCOB: 0.0 mealCarbs: 0 BGI: -0.1 IOB: 0.3 at {at:%H:%M:%S} dev: 2.0 avgDev: {value:.2f} avgDelta: 2.00 "
        f"{'uam' if at.hour in words.get('rises', ()) else 'basal'} 126 0"
        for at, value in points
    ]
    core = [words.get("meals", "CRTotalCarbs: 0 CRTotalInsulin: 0 totalCR: NaN")]
    for hour in range(24):
        core.append(f"Hour {hour} total deviations: {deviations.get(hour, 0)} mg/dL")
        core.append(f"Hour {hour} basal adjustment needed: {round(0.2 * deviations.get(hour, 0) / isf, 2)} U/hr")
    core += words.get("core", [])
    core.append(words.get("ratio", f"oldCR: {ratio} fullNewCR: NaN newCR: NaN"))
    full = words.get("full_isf", isf)
    core.append(
        f"p50deviation: 0 p50BGI -1 p50ratios: 1 Old ISF: {isf} fullNewISF: {full} adjustedISF: {full} newISF: {isf} "
        "newDIA: 6 newPeak: 75"
    )
    after = json.loads(json.dumps(before))
    for hour in words.get("smoothed", ()):
        after["basalprofile"][hour]["untuned"] = after["basalprofile"][hour].get("untuned", 0) + 1
    write(files / "profile.pump.json", pump_profile())
    write(files / f"log.{day}.prep.txt", "\n".join([*words.get("prep", []), *prep]))
    write(files / f"log.{day}.core.txt", "\n".join(core) + "\n")
    write(files / f"profile.{day}.json", before)
    write(files / f"newprofile.{day}.json", after)
    basal = [{"date": round(at.timestamp() * 1000), "deviation": f"{value:.2f}"} for at, value in points]
    isf_points = [{}] * words.get("isf_points", 20)
    prepared = {"basalGlucoseData": basal, "ISFGlucoseData": isf_points, "CSFGlucoseData": [], "CRData": []}
    write(files / f"autotune.{day}.json", {**prepared, **words.get("prepared", {})})


PUMP = settings_of(pump_profile())
DAYS = ["2026-05-13", "2026-05-14"]


def test_an_hour_answers_for_the_three_hours_after_it(tmp_path: Path) -> None:
    said(tmp_path, DAYS[0], deviations={2: 25.0, 12: -30.0}, rises=[2], smoothed=[5, 6])
    said(tmp_path, DAYS[1], deviations={2: 20.5}, rises=[2])
    found = explain(tmp_path, DAYS, "UTC", PUMP, PUMP)
    assert [b.facts.hour for b in found.basal if b.facts and b.facts.days_up] == [0, 1, 23]
    assert [b.facts.hour for b in found.basal if b.facts and b.facts.days_down] == [9, 10, 11]
    assert [(b.facts.points, b.facts.total_deviation_mgdl) for b in found.basal if b.facts][2] == (2, 45.5)
    assert [b.facts.days_missing for b in found.basal if b.facts] == [int(h in (5, 6)) for h in range(24)]
    assert list(found.days_smoothed) == [int(h in (5, 6)) for h in range(24)]
    assert "between 00:00 and 03:00 rose" in found.basal[23].sentences[0]
    assert "Of the 2 data points between 00:00 and 03:00, 2 were in rises" in " ".join(found.basal[23].sentences)
    assert found.unannounced_share_percent == pytest.approx(66.7)


@pytest.mark.parametrize("fold", [0, 1])
def test_of_two_points_at_one_clock_each_keeps_its_kind(fold: int, tmp_path: Path) -> None:
    at = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Paris"), fold=fold)
    log = "0 mealCOB: 0.0 BGI: -0.1 at 02:30:00 dev: 2.0 avgDev: 1.0 avgDelta: 2.00 {} 126 0"
    basal = [{"date": at.timestamp() * 1000, "deviation": "1.0"}]
    said(tmp_path, "2026-10-24", prep=[log.format("basal"), log.format("uam")], prepared={"basalGlucoseData": basal})
    day = read_day(tmp_path, "2026-10-24", "Europe/Paris")
    assert day is not None
    assert [(h.points, h.unannounced) for h in day.hours if h.points] == [(1, fold)]


def test_days_missing_are_those_of_this_run_only(tmp_path: Path) -> None:
    before = pump_profile()
    before["basalprofile"][3]["untuned"] = 40
    said(tmp_path, DAYS[0], before=before, smoothed=[3])
    said(tmp_path, DAYS[1], before=before)
    assert explain(tmp_path, DAYS, "UTC", PUMP, PUMP).days_smoothed[3] == 1


def test_an_hour_that_stood_at_its_cap_is_not_called_without_data(tmp_path: Path) -> None:
    before = pump_profile()
    at_cap = before["basalprofile"][5]["rate"] = round(1.2 * PUMP.basal_u_per_h[5], 3)
    cap = f"Limiting hour 5 basal to {at_cap:.2f} (which is 1.2 * pump basal of {PUMP.basal_u_per_h[5]} )"
    said(tmp_path, DAYS[0], deviations={6: 40.0}, before=before, smoothed=[5], core=[cap])
    said(tmp_path, DAYS[1], before=before, smoothed=[5], core=[cap])
    new = replace(PUMP, basal_u_per_h=(*PUMP.basal_u_per_h[:5], at_cap, *PUMP.basal_u_per_h[6:]))
    facts = explain(tmp_path, DAYS, "UTC", PUMP, new).basal[5].facts
    assert facts is not None
    assert (facts.days_held_at_cap, facts.days_without_points, facts.at_cap) == (1, 1, Cap.HIGH)
    assert (facts.days_capped_high, facts.days_capped_low, facts.started_from_previous) == (2, 0, True)


def test_meals_used_and_ignored_are_counted_apart(tmp_path: Path) -> None:
    meal = {"CRInitialIOB": 1.0, "CRInitialBG": 120, "CREndBG": 120, "CRInsulin": 4.0, "CRCarbs": 60}
    negative = {**meal, "CREndBG": -1000}
    prep = ["CRInitialIOB: 1 CRInitialBG: 120 CRInitialCarbTime: x"] * 4
    prep.append("Ignoring 5 m CR period.")  # and one that never closed
    words = {"prep": prep, "prepared": {"CRData": [meal, negative]}}
    said(
        tmp_path,
        DAYS[0],
        meals="CRTotalCarbs: 60 CRTotalInsulin: 5 totalCR: 12",
        ratio="oldCR: 10 fullNewCR: 12 newCR: 10.4",
        **words,
    )
    said(tmp_path, DAYS[1])
    found = explain(tmp_path, DAYS, "UTC", PUMP, replace(PUMP, carb_ratio_g_per_u=10.4)).carb_ratio
    assert (facts := found.facts) is not None
    assert (facts.periods_used, facts.periods_ignored, facts.carbs_g, facts.insulin_u) == (1, 3, 60.0, 5.0)
    assert (facts.days_up, facts.days_without_meals) == (1, 1)


def test_too_few_points_leave_the_sensitivity_alone(tmp_path: Path) -> None:
    said(tmp_path, DAYS[0], isf_points=9, full_isf=50)
    said(tmp_path, DAYS[1], full_isf=-20)
    found = explain(tmp_path, DAYS, "UTC", PUMP, PUMP).isf
    assert found.facts is not None
    assert (found.facts.points, found.facts.days_too_few_points) == (29, 1)
    assert found.sentences == (
        "On 1 of 2 days glucose rose while insulin worked: upstream did not change the setting.",
        "On 1 of 2 days there were fewer than 10 data points: upstream did not change the setting.",
        "No day had data that could change it.",
    )


@pytest.mark.parametrize("gone", ["log.{}.prep.txt", "log.{}.core.txt", "autotune.{}.json", "profile.{}.json"])
def test_nothing_is_said_where_a_days_words_are_missing(gone: str, tmp_path: Path) -> None:
    for day in DAYS:
        said(tmp_path, day, deviations={2: 25.0}, smoothed=[4])
    (tmp_path / "autotune" / gone.format(DAYS[1])).unlink()
    found = explain(tmp_path, DAYS, "UTC", PUMP, PUMP)
    assert_nothing_said(found)
    assert found.days_smoothed[4] == (1 if gone.startswith("profile") else 2)


def assert_nothing_said(found: Explanation) -> None:
    assert found.unannounced_share_percent is None
    assert {(e.facts, e.sentences) for e in (found.isf, found.carb_ratio, *found.basal)} == {(None, ())}


NAMES = ("log.{}.prep.txt", "log.{}.core.txt", "autotune.{}.json", "profile.{}.json", "newprofile.{}.json")


@settings(max_examples=60)
@given(name=st.sampled_from(NAMES), cut=st.integers(0, 4000), junk=st.binary(max_size=60))
def test_words_cut_off_or_garbled_never_crash(
    name: str, cut: int, junk: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    work = tmp_path_factory.mktemp("garbled")
    said(work, DAYS[0], deviations={2: 25.0})
    file = work / "autotune" / name.format(DAYS[0])
    whole = file.read_bytes()
    file.write_bytes(whole[:cut] + junk + whole[cut + len(junk) :])
    explain(work, DAYS[:1], "UTC", PUMP, PUMP)
    shutil.rmtree(work)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("autotune", {"basalGlucoseData": [{"date": "soon"}], "ISFGlucoseData": [], "CRData": []}),
        ("autotune", {"basalGlucoseData": [{"date": 1e300}], "ISFGlucoseData": [], "CRData": []}),
        ("autotune", {"basalGlucoseData": [None], "ISFGlucoseData": [], "CRData": []}),
        ("autotune", {"basalGlucoseData": [], "ISFGlucoseData": [], "CRData": [{"CREndBG": 5}]}),
        ("autotune", []),
        ("profile", {"basalprofile": [{"minutes": 60, "rate": 1}]}),
        ("profile", {"basalprofile": [{"minutes": 0, "rate": 1, "untuned": "x"}]}),
        ("newprofile", {"basalprofile": [{"minutes": 0, "untuned": math.inf}]}),
        ("newprofile", "undefined"),
    ],
)
def test_documents_of_another_shape_are_no_day(name: str, document: Any, tmp_path: Path) -> None:
    said(tmp_path, DAYS[0])
    assert read_day(tmp_path, DAYS[0], "UTC") is not None
    write(tmp_path / "autotune" / f"{name}.{DAYS[0]}.json", document)
    assert_nothing_said(explain(tmp_path, DAYS[:1], "UTC", PUMP, PUMP))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_deviation_that_is_no_number_is_no_day(number: str, tmp_path: Path) -> None:
    said(tmp_path, DAYS[0], deviations={2: 25.0})
    log = tmp_path / "autotune" / f"log.{DAYS[0]}.core.txt"
    log.write_text(log.read_text().replace("deviations: 25.0", f"deviations: {number}"))
    assert read_day(tmp_path, DAYS[0], "UTC") is None


# ---- every kind of sentence

MOVED: dict[str, Any] = asdict(
    Moved(
        days=14, current=1.0, recommended=1.1, at_cap=None, past_cap=False, cap_low_percent=30, cap_high_percent=20,
        days_capped_low=0, days_capped_high=0, days_up=0, days_down=0, started_from_previous=False,
    )
)  # fmt: skip
BASAL = BasalFacts(
    **MOVED, hour=22, points=5, total_deviation_mgdl=3.0, days_missing=0, days_without_points=0, days_held_at_cap=0,
    points_after=7, unannounced_after=0,
)  # fmt: skip
ISF = IsfFacts(
    **MOVED, points=50, days_too_few_points=0, days_rising_under_insulin=0, days_borrowed_rises=0,
    days_borrowed_meals=0, data_counts_percent=100,
)  # fmt: skip
RATIO = CarbRatioFacts(
    **MOVED, periods_used=0, periods_ignored=0, carbs_g=0.0, insulin_u=0.0, days_without_meals=0,
)  # fmt: skip
STAYED = {"recommended": 1.0}
KINDS: dict[type[Moved], Any] = {BasalFacts: FOR_BASAL, IsfFacts: FOR_ISF, CarbRatioFacts: FOR_CARB_RATIO}

CASES: list[tuple[Moved, str, dict[str, Any], str]] = [
    (
        BASAL,
        "started from previous",
        {"started_from_previous": True},
        "This run started from an earlier recommendation",
    ),
    (BASAL, "glucose rose", {"days_up": 11}, "On 11 of 14 days glucose between 23:00 and 02:00 rose more"),
    (BASAL, "glucose fell", {"days_down": 14}, "On all 14 days glucose between 23:00 and 02:00 fell more"),
    (BASAL, "glucose fell", {"days_up": 9, "days_down": 2}, "On 2 of 14 days it fell more"),
    (BASAL, "glucose fell", {"days": 2, "days_down": 2}, "On both days glucose"),
    (BASAL, "glucose fell", {"days": 1, "days_down": 1}, "On the only day glucose"),
    (BASAL, "unannounced rises counted", {"unannounced_after": 3}, "Of the 7 data points between 23:00 and 02:00, 3"),
    (BASAL, "no data", {"days_missing": 6, "days_without_points": 6}, "On 6 of 14 days there was no data of its own"),
    (BASAL, "held at the cap", {"days_missing": 2, "days_held_at_cap": 2}, "On 2 of 14 days it was at its cap"),
    (BASAL, "nothing asked", {"days_missing": 4, "days_held_at_cap": 1}, "On 3 of 14 days glucose between 23:00"),
    (BASAL, "rises and falls nearly cancelled", {}, "Rises and falls between 23:00 and 02:00 nearly cancelled"),
    (BASAL, "at the cap", {"at_cap": Cap.HIGH}, "at most 20 % above the pump's setting"),
    (BASAL, "at the cap", {"at_cap": Cap.LOW}, "at most 30 % below the pump's setting"),
    (BASAL, "at the cap", {"at_cap": Cap.HIGH, "past_cap": True}, "past upstream's own cap: at most 20 %"),
    (BASAL, "wanted beyond the upper cap", {"days_capped_high": 3}, "On 3 of 14 days upstream wanted to go further"),
    (BASAL, "wanted beyond the lower cap", {"days_capped_low": 1}, "than its cap: at most 30 % below the pump's"),
    (BASAL, "a part each day", {}, "only 20 % of the difference each day"),
    (BASAL, "why it did not move", {**STAYED, "points_after": 0}, "hours did not move it either"),
    (BASAL, "why it did not move", {**STAYED, "days_up": 1, "days_down": 1}, "cancelled out"),
    (BASAL, "why it did not move", STAYED, "changed as insulin and carbs explain: no change"),
    (ISF, "insulin worked more", {"days_up": 13}, "On 13 of 14 days one unit of insulin lowered glucose more"),
    (ISF, "insulin worked less", {"days_down": 1}, "On 1 of 14 days one unit of insulin lowered glucose less"),
    (ISF, "glucose rose under insulin", {"days_rising_under_insulin": 2}, "On 2 of 14 days glucose rose while"),
    (ISF, "too few points", {"days_too_few_points": 3}, "On 3 of 14 days there were fewer than 10 data points"),
    (ISF, "rises borrowed", {"days_borrowed_rises": 2}, "On 2 of 14 days it had few data points of its own"),
    (ISF, "meals borrowed", {"days_borrowed_meals": 2}, "the hours after meals were used too"),
    (ISF, "the pump counts too", {"data_counts_percent": 50}, "weights the data at 50 %"),
    (ISF, "why it did not move", {**STAYED, "days_up": 3}, "cancelled out"),
    (ISF, "why it did not move", {**STAYED, "days_too_few_points": 14}, "No day had data that could change it"),
    (ISF, "why it did not move", STAYED, "lowered glucose as the setting says"),
    (RATIO, "meals used", {"periods_used": 1, "carbs_g": 60, "insulin_u": 5}, "1 meal with 60 g of carbs needed 5.0 U"),
    (RATIO, "meals ignored", {"periods_ignored": 1}, "1 meal was left out"),
    (RATIO, "meals ignored", {"periods_ignored": 2}, "2 meals were left out"),
    (RATIO, "meals took more", {"days_down": 5}, "On 5 of 14 days meals needed more insulin"),
    (RATIO, "meals took less", {"days_up": 5}, "On 5 of 14 days meals needed less insulin"),
    (RATIO, "no meals", {"days_without_meals": 5}, "On 5 of 14 days there was no meal with usable data"),
    (RATIO, "why it did not move", {**STAYED, "days_without_meals": 14}, "No day had data that could change it"),
    (RATIO, "why it did not move", {**STAYED, "days_down": 14}, "cancelled out"),
    (RATIO, "why it did not move", STAYED, "Meals needed the insulin the ratio gives"),
]


@pytest.mark.parametrize(("facts", "name", "changes", "words"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_each_kind_says_what_its_facts_are(facts: Moved, name: str, changes: dict[str, Any], words: str) -> None:
    (kind,) = (k for k in KINDS[type(facts)] if k.name == name)
    changed = replace(facts, **changes)
    assert kind.when(changed)
    assert words in str(kind.says(changed))


def test_every_kind_of_sentence_has_a_case() -> None:
    beyond = {"wanted beyond the upper cap", "wanted beyond the lower cap"}
    shared = {"started from previous", "at the cap", "a part each day"} | beyond  # one function for all
    for facts, kinds in KINDS.items():
        of_these = {name for one, name, *_ in CASES if isinstance(one, facts)}
        assert {kind.name for kind in kinds} - of_these <= shared


COUNTS = st.integers(0, 14)


@given(st.data())
def test_whatever_the_facts_something_is_said_and_its_numbers_are_theirs(data: st.DataObject) -> None:
    for facts in (BASAL, ISF, RATIO):
        changes: dict[str, Any] = {
            name: data.draw(COUNTS) for name in asdict(facts) if name.startswith(("days_", "p", "unann"))
        }
        cap = data.draw(st.sampled_from([None, *Cap]))
        changes |= {"recommended": data.draw(st.sampled_from([0.7, 1.0, 1.2])), "at_cap": cap, "past_cap": False}
        drawn = replace(facts, **changes)
        told = tuple(map(str, sentences(KINDS[type(facts)], drawn)))
        assert told
        assert_numbers_are_of(drawn, told)
        assert any("cap" in one for one in told) or cap is None


def assert_numbers_are_of(facts: Moved, told: tuple[str, ...]) -> None:
    values = [v for v in asdict(facts).values() if isinstance(v, int | float)]
    known = {f"{v:.0f}" for v in values} | {f"{v:.1f}" for v in values} | {"10"}
    if isinstance(facts, BasalFacts):
        known.add(str(facts.days_missing - facts.days_without_points - facts.days_held_at_cap))
    for sentence in told:
        without_clocks = re.sub(r"\d\d:00|moved 20 % towards", "", sentence.replace(FIFTH, ""))
        assert set(re.findall(r"\d+(?:\.\d+)?", without_clocks)) <= known, sentence
        assert "mg/dL" not in sentence


# ---- with upstream


def tuned(work: Path, days: list[LocalDay], **options: bool) -> list[str]:
    report = NodeEngine().run(TuneJob(work, tuple(days), self_check=False, **options), lambda *_: None)
    assert report.stop is None
    return [str(day) for day in days]


def assert_true_to_upstream(work: Path, dates: list[str], zone: str) -> Explanation:
    """Upstream's sums against its own points, its fields against its own log, its numbers against the sentences."""
    files = work / "autotune"
    pump: PumpSettings = settings_of(json.loads((files / "profile.pump.json").read_text()))
    new = settings_of(json.loads((files / "profile.json").read_text()))
    found = explain(work, dates, zone, pump, new)
    deviations, points, smoothed = Counter[int](), Counter[int](), Counter[str]()
    carbs, meals, opened, isf_points = 0.0, 0, 0, 0
    for day in dates:
        prepared = json.loads((files / f"autotune.{day}.json").read_text())
        for point in prepared["basalGlucoseData"]:
            hour = datetime.fromtimestamp(point["date"] / 1000, ZoneInfo(zone)).hour
            deviations[hour] += float(point["deviation"])
            points[hour] += 1
        isf_points += len(prepared["ISFGlucoseData"])
        carbs += sum(period["CRCarbs"] for period in prepared["CRData"])
        meals += len(prepared["CRData"])
        prep = (files / f"log.{day}.prep.txt").read_text()
        opened += prep.count("CRInitialIOB:")
        if "all UAM data as basal" in prep or "categorizing UAM data as basal" in prep:
            words = read_day(work, day, zone)
            assert words is not None
            assert sum(hour.unannounced for hour in words.hours) == len(re.findall(r" uam \S+ \S+$", prep, re.M))
        smoothed.update(re.findall(r"Adjusting hour (\d+) ", (files / f"log.{day}.core.txt").read_text()))
    basal = [b.facts for b in found.basal if b.facts]
    assert [b.total_deviation_mgdl for b in basal] == pytest.approx([deviations[h] for h in range(24)], abs=0.02)
    assert [b.points for b in basal] == [points[h] for h in range(24)]
    assert [b.days_missing for b in basal] == [smoothed[str(h)] for h in range(24)] == list(found.days_smoothed)
    assert found.isf.facts is not None
    assert found.isf.facts.points == isf_points
    ratio = found.carb_ratio.facts
    assert ratio is not None
    assert ratio.periods_used + ratio.periods_ignored == opened
    if ratio.periods_used == meals:
        assert ratio.carbs_g == pytest.approx(carbs)
    for one in (found.isf, found.carb_ratio, *found.basal):
        assert one.facts is not None
        assert one.sentences
        assert_numbers_are_of(one.facts, one.sentences)
        assert (one.facts.at_cap is not None) == any("its cap: at most" in s or "own cap" in s for s in one.sentences
                                                     if "wanted" not in s)  # fmt: skip
    return found


@pytest.mark.oref0
@pytest.mark.parametrize("person", ["aaps_closed_loop", "loop_temp_basal", "careportal_mdi"])
def test_every_number_of_a_fixture_is_explained(person: str, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    request = AnalysisRequest(from_directory=ROOT / "fixtures" / person, compare=False)
    run = RunDirectory.create(tmp_path / "run", now)
    load(request, run, Credentials(), now)
    prepared = prepare(request, run, now)
    days = [LocalDay(date.fromisoformat(d), prepared.zone) for d in prepared.dates]
    found = assert_true_to_upstream(run.work, tuned(run.work, days), prepared.zone)
    assert found.carb_ratio.facts is not None
    assert found.unannounced_share_percent is not None
    assert 0 <= found.unannounced_share_percent < 20
    at_caps = [b for b in found.basal if b.facts and b.facts.at_cap]
    assert at_caps
    (run.work / "autotune" / f"log.{prepared.dates[3]}.core.txt").unlink()
    assert_nothing_said(explain(run.work, prepared.dates, prepared.zone, PUMP, PUMP))


SPRING, AUTUMN = date(2026, 3, 28), date(2026, 10, 24)  # the days whose nights the clock changes in


@pytest.mark.oref0
@pytest.mark.parametrize(
    ("day", "zone", "options"),
    [
        (DAY, ZONE, {}),
        (DAY, "Asia/Kolkata", {"uam_as_basal": True}),
        (date(2026, 4, 4), "Australia/Lord_Howe", {}),  # half an hour back
        (SPRING, ZONE, {}),
        (AUTUMN, ZONE, {}),
        (DAY, ZONE, {"tune_insulin_curve": True}),
    ],
)
def test_a_run_of_one_day_is_explained_wherever_and_however(
    day: date, zone: str, options: dict[str, bool], tmp_path: Path
) -> None:
    source = openaps_directory(tmp_path / "openaps", days=0)
    write(source / "settings" / "pumpprofile.json", pump_profile(timezone=zone))
    write(source / "autotune" / f"ns-entries.{day}.json", entries(day, zone))
    write(source / "autotune" / f"ns-treatments.{day}.json", treatments(day, zone))
    copy_openaps_directory(source, tmp_path / "work")
    found = assert_true_to_upstream(tmp_path / "work", tuned(tmp_path / "work", [LocalDay(day, zone)], **options), zone)
    assert found.isf.facts is not None
    assert found.isf.facts.days == 1


@pytest.mark.oref0
@pytest.mark.parametrize(
    ("name", "day"), [("aaps_recorded_test1", "2022-05-21"), ("aaps_recorded_test4", "2022-05-30")]
)
def test_recorded_runs_are_explained(name: str, day: str, reference_data: Path, tmp_path: Path) -> None:
    source, openaps = reference_data / name, tmp_path / "openaps"
    for part, file in (("settings/pumpprofile", "oref0_pumpprofile"), ("settings/autotune", "oref0_profile_in")):
        write(openaps / f"{part}.json", (source / f"{file}.json").read_text())
    records = json.loads((source / "treatments.json").read_text())
    whole = [{**r, "absolute": r["rate"]} if r.get("eventType") == "Temp Basal" and "rate" in r else r for r in records]
    write(openaps / "autotune" / f"ns-treatments.{day}.json", whole)
    write(openaps / "autotune" / f"ns-entries.{day}.json", (source / "entries.json").read_text())
    copy_openaps_directory(openaps, tmp_path / "work")
    tuned(tmp_path / "work", [LocalDay(date.fromisoformat(day), "Europe/Paris")])
    made = json.loads((tmp_path / "work" / "autotune" / f"newprofile.{day}.json").read_text())
    assert made == json.loads((source / "recorded" / "newprofile.json").read_text())
    assert_true_to_upstream(tmp_path / "work", [day], "Europe/Paris")
