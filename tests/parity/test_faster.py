"""The accelerations change no byte, stand aside from what they were not proved for, and say which way was gone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.oref0.runtime import ensure_upstream, runner_script
from flows.pipeline.parity import compare
from tests.parity.fuzz import HOUR, ZONES, Pair, compare_pairs, fuzz, iso, make_pair, run_jobs

pytestmark = pytest.mark.oref0

FIRST_SEED = 1
PAIRS = 32
NAMES = ["instants", "basal-lookup", "contributions", "insulin", "current-iob", "history-window"]
GUARDED = [
    "lib/autotune-prep/index.js",
    "lib/autotune-prep/categorize.js",
    "lib/autotune-prep/dosed.js",
    "lib/iob/index.js",
    "lib/iob/history.js",
    "lib/iob/total.js",
    "lib/iob/calculate.js",
    "lib/meal/history.js",
    "lib/profile/basal.js",
    "lib/profile/isf.js",
]


def usual_pairs(count: int, zone: str = "Europe/Paris", tune: bool = False) -> list[Pair]:
    """Pairs without anything unusual, all in one zone."""
    found: list[Pair] = []
    step, first, seed = len(ZONES), list(ZONES).index(zone), 0
    while len(found) < count:
        pair = make_pair(first + step * seed)
        seed += 1
        if not pair.quirks and pair.options["tune_insulin_curve"] is tune and pair.dates[0] < "2030":
            found.append(pair)
    return found


def job(pair: Pair, work: Path, **more: Any) -> dict[str, Any]:
    pair.write(work)
    return {"job": work.name, "work": str(work), "dates": list(pair.dates), **pair.options, **more}


def ways(events: list[dict[str, Any]], name: str | None = None) -> list[tuple[str, str | None]]:
    days = [e for e in events if e["event"] in ("day", "stopped") and name in (None, e["job"])]
    return [(e["way"], e.get("fallback")) for e in days]


def copy_of_upstream(path: Path) -> Path:
    """oref0 as files of its own, beside the packages it needs."""
    installed = ensure_upstream().package
    modules = path / "node_modules"
    modules.mkdir(parents=True)
    for package in installed.parent.iterdir():
        if package.name not in ("oref0", ".bin"):
            (modules / package.name).symlink_to(package)
    (modules / "oref0").mkdir()
    for name in ("lib", "bin"):
        shutil.copytree(installed / name, modules / "oref0" / name)
    shutil.copy(installed / "package.json", modules / "oref0" / "package.json")
    return modules / "oref0"


def copy_of_runner(path: Path, file: str, old: str, new: str) -> Path:
    """The runner with one piece of text changed."""
    shutil.copytree(runner_script().parent, path / "runner")
    changed = path / "runner" / file
    text = changed.read_text("utf-8")
    assert text.count(old) == 1
    changed.write_text(text.replace(old, new), "utf-8")
    return path / "runner" / "run.js"


def test_random_days_have_the_same_bytes_both_ways() -> None:
    found = fuzz(range(FIRST_SEED, FIRST_SEED + PAIRS))
    print(f"seeds {FIRST_SEED} to {FIRST_SEED + PAIRS - 1}", *found.lines(), sep="\n")  # noqa: T201
    assert found.differing == {}
    assert found.pairs == PAIRS
    assert found.stopped > 0
    # A comparison of the untouched way with itself would prove nothing.
    assert found.days["faster"] > 0.6 * found.days.total()
    assert len(found.fallbacks) >= 8


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("faster/contributions.js", "Math.round((time", "Math.floor((time"),
        ("faster/contributions.js", "settings.dia === dia && ", ""),
        ("faster/history-window.js", "6 * 60 * 60", "5 * 60 * 60"),
        ("faster/basal-lookup.js", "start <= minute", "start < minute"),
        ("faster/insulin.js", "[end, day.history[n]]", "[day.history[n]]"),
        ("faster/insulin.js", "const name = `${n} ${clock}`", "const name = `${n}`"),
        ("faster/current-iob.js", "true, insulin", "true, true ? [] : insulin"),
    ],
    ids=["rounding", "dia", "window", "minute", "cut short", "clock", "nothing"],
)
def test_a_broken_acceleration_is_seen(file: str, old: str, new: str, tmp_path: Path) -> None:
    copy = copy_of_runner(tmp_path, file, old, new)
    pairs = usual_pairs(1, tune=True) if "dia" in old else usual_pairs(2)
    found = compare_pairs(pairs, tmp_path, copy)
    assert found.differing


@pytest.mark.parametrize("file", GUARDED)
def test_a_changed_byte_of_upstream_refuses_every_acceleration(file: str, tmp_path: Path) -> None:
    oref0 = copy_of_upstream(tmp_path)
    unchanged, *_ = run_jobs([], "UTC", oref0=oref0)
    assert unchanged["faster"] == {"active": NAMES, "refused": {}}
    with (oref0 / file).open("a") as upstream:
        upstream.write("\n")
    changed, *_ = run_jobs([], "UTC", oref0=oref0)
    assert changed["faster"] == {"active": [], "refused": dict.fromkeys(NAMES, f"changed:{file}")}


def test_a_day_of_a_changed_upstream_is_computed_untouched(tmp_path: Path) -> None:
    oref0 = copy_of_upstream(tmp_path)
    # As if its authors had mended a constant: the runner must give what this upstream gives.
    total = oref0 / "lib" / "iob" / "total.js"
    total.write_text(total.read_text("utf-8").replace("activity * 10000) / 10000", "activity * 1000) / 1000"), "utf-8")
    [pair] = usual_pairs(1)
    events = run_jobs(
        [job(pair, tmp_path / "default"), job(pair, tmp_path / "exact", exact=True)], pair.zone, oref0=oref0
    )
    assert ways(events, "default") == [("untouched", "changed:lib/iob/total.js")] * 2
    assert compare(tmp_path / "exact", tmp_path / "default")[1] == []
    run_jobs([job(pair, tmp_path / "proved")], pair.zone)
    assert compare(tmp_path / "proved", tmp_path / "default")[1] != []


def test_a_package_upstream_relies_on_is_guarded_too(tmp_path: Path) -> None:
    oref0 = copy_of_upstream(tmp_path)
    moment = tmp_path / "node_modules" / "moment"
    installed = moment.resolve()
    moment.unlink()
    shutil.copytree(installed, moment)
    (moment / "moment.js").write_text((installed / "moment.js").read_text("utf-8") + "\n", "utf-8")
    start, *_ = run_jobs([], "UTC", oref0=oref0)
    assert start["faster"] == {"active": [], "refused": dict.fromkeys(NAMES, "changed:moment/moment.js")}


def test_an_unknown_version_of_upstream_refuses_every_acceleration(tmp_path: Path) -> None:
    oref0 = copy_of_upstream(tmp_path)
    package = json.loads((oref0 / "package.json").read_text("utf-8"))
    (oref0 / "package.json").write_text(json.dumps(package | {"version": "0.7.2"}), "utf-8")
    [pair] = usual_pairs(1)
    start, *events = run_jobs([job(pair, tmp_path / "work")], pair.zone, oref0=oref0)
    assert start["oref0"] == "0.7.2"
    assert start["faster"] == {"active": [], "refused": dict.fromkeys(NAMES, "version")}
    assert ways(events) == [("untouched", "version")] * 2


def test_exact_is_asked_for_the_process_or_a_job(tmp_path: Path) -> None:
    [pair] = usual_pairs(1)
    start, *events = run_jobs([job(pair, tmp_path / "a")], pair.zone, arguments=["--exact"])
    assert start["faster"] == {"active": [], "refused": dict.fromkeys(NAMES, "asked")}
    assert ways(events) == [("untouched", "asked")] * 2
    both = [job(pair, tmp_path / "b", exact=True), job(pair, tmp_path / "c")]
    start, *events = run_jobs(both, pair.zone)
    assert start["faster"] == {"active": NAMES, "refused": {}}
    assert ways(events, "b") == [("untouched", "asked")] * 2
    assert ways(events, "c") == [("faster", None)] * 2


def test_an_unusual_record_leaves_its_own_day_alone_untouched(tmp_path: Path) -> None:
    [pair] = usual_pairs(1)
    at = pair.treatments[0][0]["created_at"]
    suspend = {"_type": "PumpSuspend", "created_at": at, "timestamp": at}
    odd = replace(pair, treatments=([suspend, *pair.treatments[0]], pair.treatments[1]))
    jobs = [job(odd, tmp_path / "default"), job(odd, tmp_path / "exact", exact=True)]
    events = run_jobs(jobs, odd.zone)
    assert ways(events, "default") == [("untouched", "pump-record"), ("faster", None)]
    assert compare(tmp_path / "exact", tmp_path / "default")[1] == []


def test_nothing_of_a_job_reaches_the_next(tmp_path: Path) -> None:
    a, b = usual_pairs(2)
    b = replace(b, dates=a.dates, entries=a.entries)  # the same readings with other insulin and another profile
    odd = json.loads(json.dumps(a.treatments[1]))
    odd[0]["created_at"] = "in the morning"
    c = replace(a, treatments=(a.treatments[0], odd))  # moment says it of a first such text in a process only
    order = {"a1": a, "b1": b, "c1": c, "a2": a, "c2": c, "b2": b, "a3": a}
    run_jobs([job(pair, tmp_path / name) for name, pair in order.items()], a.zone)
    for name, pair in {"a": a, "b": b, "c": c}.items():
        run_jobs([job(pair, tmp_path / name)], pair.zone)
        run_jobs([job(pair, tmp_path / f"{name}.exact", exact=True)], pair.zone)
    for name in order:
        files, differing = compare(tmp_path / name[0], tmp_path / name)
        assert (files, differing) == (12, []), name
        assert compare(tmp_path / f"{name[0]}.exact", tmp_path / name)[1] == [], name


@pytest.mark.parametrize("hours", [0, 6])
def test_records_at_the_very_ends_of_the_six_hours_are_upstreams_to_choose(hours: int, tmp_path: Path) -> None:
    [pair] = usual_pairs(1)
    readings = sorted(reading["date"] for reading in pair.entries[0])
    boluses = [
        {"eventType": "Correction Bolus", "insulin": 1 + n / 10, "created_at": iso(at - hours * HOUR + shift)}
        for n, at in enumerate(readings[::3])
        for shift in ((0, 0) if n % 2 else (-1, 0, 1))
    ]
    temps = [r for r in pair.treatments[0] if r["eventType"] == "Temp Basal"]
    at_the_ends = [{**r, "created_at": iso(at - hours * HOUR)} for r, at in zip(temps, readings[1::5], strict=False)]
    found = compare_pairs([replace(pair, treatments=(boluses + at_the_ends, pair.treatments[1]))], tmp_path)
    assert found.differing == {}
    assert found.days == {"faster": 2}


def test_tuning_the_curve_goes_the_faster_way(tmp_path: Path) -> None:
    [pair] = usual_pairs(1, tune=True)
    curve = {"curve": "ultra-rapid", "useCustomPeakTime": True, "insulinPeakTime": 55, "dia": 6}
    found = compare_pairs([replace(pair, pump=pair.pump | curve, profile=pair.profile | curve)], tmp_path)
    assert found.differing == {}
    assert found.days == {"faster": 2}
    tuned = json.loads((tmp_path / f"{pair.seed}.default" / "autotune" / f"autotune.{pair.dates[0]}.json").read_text())
    assert len(tuned["diaDeviations"]) == len(tuned["peakDeviations"]) == 5
