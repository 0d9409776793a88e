"""Trials give the bytes of runs: whatever is remembered, kept in memory or not put together changes no profile."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.oref0.engine import Comparison, EngineReport, Trial, TrialPart, TuneJob
from flows.oref0.node import NodeEngine, Runner
from flows.oref0.pool import RunnerPool
from flows.oref0.self_check import CheckedPart
from flows.values.local_days import LocalDay
from tests.parity.fuzz import Pair, fuzz_trials, make_pair, run_jobs
from tests.parity.test_faster import copy_of_runner, usual_pairs
from tests.people import ZONE

pytestmark = pytest.mark.oref0

FIRST_SEED, PAIRS = 1, 8


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> TuneJob:
    # A pair of days of which upstream makes something else when unannounced rises count as basal; and a third day.
    pair, work = make_pair(26), tmp_path_factory.mktemp("person") / "work"
    pump = pair.pump | {"curve": "rapid-acting", "dia": 6}
    replace(pair, pump=pump, profile=pump).write(work)
    first = LocalDay(date.fromisoformat(pair.dates[0]), pair.zone)
    days = (first, first.next(), first.next().next())
    for kind in ("entries", "treatments"):
        shutil.copy(work / "autotune" / f"ns-{kind}.{days[0]}.json", work / "autotune" / f"ns-{kind}.{days[2]}.json")
    return TuneJob(work, days, self_check=False)


def pump_of(work: Path) -> str:
    return (work / "autotune" / "profile.pump.json").read_text("utf-8")


def run_once(prepared: TuneJob, work: Path, days: Sequence[LocalDay], **changes: Any) -> bytes:
    """The last profile of a run with everything on disk."""
    shutil.copytree(prepared.work, work)
    job = replace(prepared, work=work, days=tuple(days), **changes)
    assert NodeEngine().run(job, lambda *_: None).stop is None
    return (work / "autotune" / "profile.json").read_bytes()


def test_random_days_tried_in_every_order_have_the_bytes_of_runs() -> None:
    found = fuzz_trials(range(FIRST_SEED, FIRST_SEED + PAIRS))
    print(f"seeds {FIRST_SEED} to {FIRST_SEED + PAIRS - 1}", *found.lines(), sep="\n")  # noqa: T201
    assert found.differing == {}
    assert found.pairs == PAIRS
    assert found.stopped > 0
    assert found.files > 2 * PAIRS


def test_trials_of_one_process_have_the_bytes_of_runs_of_their_own(prepared: TuneJob, tmp_path: Path) -> None:
    a, b, c = prepared.days
    pump = pump_of(prepared.work)
    draws = [(a, b, c), (b, c, a), (b, c, b), (a, b, c), (b, b, b), (a, c, a)]
    whole = run_once(prepared, tmp_path / "whole", draws[0])
    with Runner(ZONE) as runner:
        for n, days in enumerate(draws):
            trial = Trial(prepared.work, days, pump, pump, tmp_path / f"{n}.json", tmp_path / f"{n}.prep.json")
            kept = replace(trial, prepared=None)
            for one in (kept, kept, trial, kept):
                (tmp_path / f"{n}.json").unlink(missing_ok=True)
                report = runner.run(one, lambda *_: None)
                assert (report.finished, report.stop) == (True, None)
                made = (tmp_path / f"{n}.json").read_bytes()
                assert made == run_once(prepared, tmp_path / f"run {n}", days) if one is trial else made
            assert (tmp_path / f"{n}.prep.json").read_bytes() == (
                tmp_path / f"run {n}" / "autotune" / f"autotune.{days[-1]}.json"
            ).read_bytes()
    assert (tmp_path / "0.json").read_bytes() == whole == (tmp_path / "3.json").read_bytes()
    assert len(list((prepared.work / "autotune").iterdir())) == 8  # nothing is written there


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rises as basal": {"uam_as_basal": True},
    "curve": {"tune_insulin_curve": True},
}


def test_what_is_remembered_is_that_of_the_options_and_both_profiles(prepared: TuneJob, tmp_path: Path) -> None:
    days = prepared.days[:1]
    pump = pump_of(prepared.work)
    document = json.loads(pump)
    other = json.dumps(document | {"carb_ratio": document["carb_ratio"] * 1.1, "dia": 5})
    tried = {
        (name, where): (options, profiles)
        for name, options in OPTIONS.items()
        for where, profiles in {"pump": (pump, pump), "start": (pump, other), "caps": (other, pump)}.items()
        if name != "curve" or where == "pump"
    }
    with Runner(ZONE) as runner:
        for twice in range(2):
            for key, (options, (measure, start)) in tried.items():
                result = tmp_path / f"{' '.join(key)} {twice}.json"
                runner.run(Trial(prepared.work, days, measure, start, result, **options), lambda *_: None)
    for key, (options, (measure, start)) in tried.items():
        work = tmp_path / "work" / " ".join(key)
        shutil.copytree(prepared.work, work)
        (work / "autotune" / "profile.pump.json").write_text(measure)
        (work / "autotune" / "profile.json").write_text(start)
        NodeEngine().run(replace(prepared, work=work, days=days, **options), lambda *_: None)
        for twice in range(2):
            tried_bytes = (tmp_path / f"{' '.join(key)} {twice}.json").read_bytes()
            assert tried_bytes == (work / "autotune" / "profile.json").read_bytes(), key
    assert len({(tmp_path / f"{' '.join(key)} 0.json").read_bytes() for key in tried}) == len(tried)


def test_exact_trials_remember_nothing_and_are_the_same(prepared: TuneJob, tmp_path: Path) -> None:
    pump = pump_of(prepared.work)
    trial = Trial(prepared.work, prepared.days[:1] * 2, pump, pump, tmp_path / "faster.json")
    exact = replace(trial, result=tmp_path / "exact.json", exact=True)
    jobs = [one.document(str(prepared.work)) for one in (trial, exact, exact)]
    _, *ends = run_jobs(jobs, ZONE)
    assert [(e["event"], e["computed"]) for e in ends] == [("done", 2), ("done", 2), ("done", 2)]
    assert (tmp_path / "faster.json").read_bytes() == (tmp_path / "exact.json").read_bytes()
    _, *ends = run_jobs([jobs[0], jobs[0]], ZONE)
    assert [e["computed"] for e in ends] == [2, 0]


def test_a_trial_that_upstream_stops_says_where_and_leaves_no_result(prepared: TuneJob, tmp_path: Path) -> None:
    shutil.copytree(prepared.work, tmp_path / "work")
    (tmp_path / "work" / "autotune" / f"ns-entries.{prepared.days[1]}.json").write_text("[]")
    pump = pump_of(prepared.work)
    with Runner(ZONE) as runner:
        for days, stopped in ((prepared.days, True), (prepared.days[:1], False), (prepared.days[::-1], True)):
            result = tmp_path / "result.json"
            result.unlink(missing_ok=True)
            report = runner.run(Trial(tmp_path / "work", days, pump, pump, result), lambda *_: None)
            assert (report.stop is not None) is stopped
            assert result.exists() is not stopped
            if report.stop:
                assert (report.stop.date, report.stop.stage) == (str(prepared.days[1]), "prep")


def test_a_trial_in_a_wrong_zone_is_refused(prepared: TuneJob, tmp_path: Path) -> None:
    pump = pump_of(prepared.work)
    days = tuple(LocalDay(day.date, "Asia/Kolkata") for day in prepared.days)
    with Runner(ZONE) as runner, pytest.raises(Refused) as refusal:
        runner.run(Trial(prepared.work, days, pump, pump, tmp_path / "result.json"), lambda *_: None)
    assert refusal.value.reason is Reason.TIMEZONE_DIFFERS_IN_NODE


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("trials.js", "date, categorize_uam_as_basal, ", "date, "),
        ("trials.js", "pump, profile];", "pump];"),
        ("faster/insulin.js", "const name = `${n} ${clock}`", "const name = `${n}`"),
        ("faster/basal-lookup.js", "function ratesOf(schedule) {",
         "function ratesOf(schedule) { if (known[0]) return known[0].rates;"),
    ],
    ids=["options forgotten", "profile forgotten", "clock forgotten", "stale rates"],
)  # fmt: skip
def test_a_fault_of_the_trials_is_seen_by_their_check(
    file: str, old: str, new: str, prepared: TuneJob, tmp_path: Path
) -> None:
    runner = copy_of_runner(tmp_path, file, old, new)
    found = [checks(prepared, tmp_path, script) for script in (None, runner)]
    assert found[0].check is not None
    assert (found[0].check.same, found[0].check.compared) == (True, 6)
    assert found[1].check is not None
    assert found[1].check.same is False
    remembered = [what for what in found[1].check.differing if what.endswith("remembered")]
    assert bool(remembered) is (file == "trials.js")


def checks(prepared: TuneJob, tmp_path: Path, script: Path | None) -> EngineReport:
    pump = pump_of(prepared.work)
    result = tmp_path / "result.json"
    with Runner(ZONE, script=script) as runner:
        for uam in (False, True):
            for days in (prepared.days, prepared.days[::-1]):
                trial = Trial(prepared.work, days, pump, pump, result, uam_as_basal=uam)
                runner.run(trial, lambda *_: None)
        start = result.read_text("utf-8")
        parts = [CheckedPart(str(day), (n, n + 12)) for day in prepared.days for n in (2, 9)]
        given = tuple(TrialPart(part, pump, start, False) for part in parts)
        return runner.run(Comparison(prepared.work, prepared.days, given, again=20), lambda *_: None)


def test_every_process_of_a_pool_is_asked(prepared: TuneJob, tmp_path: Path) -> None:
    pump = pump_of(prepared.work)
    part = TrialPart(CheckedPart(str(prepared.days[0]), (2, 14)), pump, pump, False)
    with RunnerPool(2) as pool:
        jobs: list[Callable[[], Any]] = [
            lambda n=n: Trial(prepared.work, prepared.days, pump, pump, tmp_path / f"{n}.json")  # type: ignore[misc]
            for n in range(4)
        ]
        assert all(isinstance(report, EngineReport) for _, report in pool.run_all(jobs))
        asked: list[int] = []

        def comparison(n: int) -> Comparison:
            asked.append(n)
            return Comparison(prepared.work, prepared.days, (part,), again=1)

        reports = pool.run_on_each(comparison)
    assert asked == [0, 1]
    assert [report.check and report.check.same for report in reports if isinstance(report, EngineReport)] == [True] * 2


def test_records_that_upstream_writes_into_are_new_each_time(tmp_path: Path) -> None:
    # lib/iob/history.js writes `timestamp` into the records it is given, and lib/meal/history.js reads it.
    [pair] = usual_pairs(1)
    nested = [
        record | {"bolus": {"_type": "Bolus", "amount": record["insulin"], "timestamp": record["created_at"]}}
        if record.get("insulin")
        else record
        for record in pair.treatments[0]
    ]
    pair = replace(pair, treatments=(nested, pair.treatments[1]))
    assert tried(pair, tmp_path / "a", (0, 0, 1, 0)) == tried(pair, tmp_path / "b", (0, 0, 1, 0), exact=True)


def tried(pair: Pair, work: Path, order: Sequence[int], **more: Any) -> bytes:
    pair.write(work)
    pump, start = ((work / "autotune" / name).read_text("utf-8") for name in ("profile.pump.json", "profile.json"))
    job = {
        "job": "t",
        "trial": True,
        "work": str(work),
        "dates": [pair.dates[n] for n in order],
        **pair.options,
        **more,
    }
    job |= {"pump": pump, "start": start, "result": str(work / "result.json"), "prepared": None}
    run_jobs([job], pair.zone)
    return (work / "result.json").read_bytes()


def test_the_fuzz_of_trials_sees_a_fault(tmp_path: Path) -> None:
    runner = copy_of_runner(tmp_path, "trials.js", "pump, profile];", "pump];")
    usual = [seed for seed in range(1, 40) if not make_pair(seed).quirks][:4]
    assert fuzz_trials(usual, runner).differing
