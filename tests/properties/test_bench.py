"""The bench itself can fail: planted faults are found, limits are where they are said to be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.nightscout import documents
from flows.values import local_days, units
from tests import people
from tests.properties import bench, command, compare
from tests.properties.bench import Bench, chosen
from tests.properties.compare import Outcome, Status
from tests.properties.person import Person, read_person
from tests.properties.running import Tuner, make
from tests.properties.transformation import TRANSFORMATIONS, Class

LEAST_TRANSFORMATIONS = 45


def person(directory: Path, days: int = 1, **documents: Any) -> Person:
    return read_person(people.export_directory(directory, days=days, **documents))


def outcome(somebody: Person, name: str, directory: Path) -> Outcome:
    with Tuner() as tuner:
        return Bench(somebody, directory / "bench", tuner).try_one(TRANSFORMATIONS[name]).outcome


# --- the table


def test_there_are_many_transformations_of_every_class() -> None:
    assert len(TRANSFORMATIONS) >= LEAST_TRANSFORMATIONS
    assert {one.kind for one in TRANSFORMATIONS.values()} == set(Class)
    assert len({one.meaning for one in TRANSFORMATIONS.values()}) == len(TRANSFORMATIONS)


@pytest.mark.parametrize("seed", range(5))
def test_a_sample_has_every_class_and_is_the_same_for_the_same_seed(seed: int) -> None:
    sample = chosen(count=8, seed=seed)
    assert len(sample) == 8
    assert {one.kind for one in sample} == set(Class)
    assert sample == chosen(count=8, seed=seed)
    assert sample != chosen(count=8, seed=seed + 1)


def test_a_transformation_changes_nothing_in_place(tmp_path: Path) -> None:
    somebody = person(tmp_path / "data", days=3)
    before = somebody.files()
    for one in TRANSFORMATIONS.values():
        for change in (one.change, one.against):
            if change is not None:
                change(somebody, bench.Random(1))
        assert somebody.files() == before, one.name


def test_a_transformation_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    somebody = person(tmp_path / "data", days=2)
    for one in TRANSFORMATIONS.values():
        first, second = (one.change(somebody, bench.Random(7)) for _ in range(2))
        assert first.files() == second.files(), one.name


# --- planted faults


def test_a_reader_that_drops_a_record_of_one_form_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = person(tmp_path / "data")
    assert outcome(somebody, "ndjson", tmp_path / "before").status is Status.OK
    read = documents._json_lines
    monkeypatch.setattr(documents, "_json_lines", lambda text: (read(text) or [None])[:-1] or None)
    found = outcome(somebody, "ndjson", tmp_path / "after")
    assert found.status is Status.DIFFERS
    assert "work/autotune/ns-entries" in found.detail
    assert outcome(somebody, "byte_order_mark", tmp_path / "other").status is Status.OK


def test_a_refusal_of_one_form_is_caught_with_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = person(tmp_path / "data")

    def refuse(_: str) -> Any:
        raise Refused(Reason.NO_RECORDS, what="lines")

    monkeypatch.setattr(documents, "_json_lines", refuse)
    found = outcome(somebody, "ndjson", tmp_path)
    assert (found.status, found.code) == (Status.REFUSED, "no_records")


def test_a_crash_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = person(tmp_path / "data")
    monkeypatch.setattr(documents, "_json_lines", lambda _: 1 / 0)
    found = outcome(somebody, "ndjson", tmp_path)
    assert (found.status, found.code) == (Status.REFUSED, "crash: ZeroDivisionError")


def test_data_that_is_refused_must_be_refused_alike(tmp_path: Path) -> None:
    nobody = person(tmp_path / "data", treatments=[])
    found = outcome(nobody, "entries_shuffled", tmp_path)
    assert found.status is Status.OK
    assert found.code == "no_insulin"


@pytest.mark.oref0
def test_numbers_that_differ_are_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = person(tmp_path / "data", days=2)
    assert outcome(somebody, "sgv_mmol", tmp_path / "before").status is Status.OK
    monkeypatch.setattr("flows.history.glucose.MGDL_PER_MMOLL", units.MGDL_PER_MMOLL + 1)
    assert outcome(somebody, "sgv_mmol", tmp_path / "after").status is Status.DIFFERS


def test_a_low_that_is_lost_is_caught_though_upstream_never_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = people.entries()
    for entry in entries[100:104]:
        entry["sgv"] = 36
    somebody = person(tmp_path / "data", entries=entries)
    read = documents._json_lines

    def without_lows(text: str) -> Any:
        return [r for r in read(text) or [] if r.get("sgv") != 36]

    monkeypatch.setattr(documents, "_json_lines", without_lows)
    assert "lows_left_out.json" in outcome(somebody, "ndjson", tmp_path).detail


def test_a_day_that_is_always_24_hours_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = person(tmp_path / "data", days=3)
    assert outcome(somebody, "clock_put_forward", tmp_path / "before").status is Status.OK
    right = local_days.LocalDay.glucose
    assert isinstance(right, property) and right.fget is not None
    window = right.fget

    def fixed(day: local_days.LocalDay) -> local_days.Window:
        start = window(day).start_ms
        return local_days.Window(start, start + 24 * units.HOUR_MS)

    monkeypatch.setattr(local_days.LocalDay, "glucose", property(fixed))
    assert outcome(somebody, "clock_put_forward", tmp_path / "after").status is Status.DIFFERS


def test_a_day_left_out_that_changes_another_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = person(tmp_path / "data", days=3)
    assert outcome(somebody, "day_without_readings", tmp_path / "before").status is Status.OK
    from flows.history import days

    right = days.cut_days

    def one_less(wanted: Any, entries: Any, treatments: Any, selection: Any, *more: Any) -> Any:
        return right(wanted, entries[1:] if selection.excluded else entries, treatments, selection, *more)

    monkeypatch.setattr("flows.pipeline.prepare.cut_days", one_less)
    assert outcome(somebody, "day_without_readings", tmp_path / "after").status is Status.DIFFERS


def test_what_finds_nothing_to_change_is_not_called_right(tmp_path: Path) -> None:
    somebody = person(tmp_path / "data")
    assert outcome(somebody, "profile_documents_backwards", tmp_path).status is Status.NOTHING
    assert outcome(somebody, "zone_in_capitals", tmp_path).status is not Status.NOTHING


@pytest.mark.oref0
def test_what_the_data_is_compared_with_may_be_the_data_as_it_is(tmp_path: Path) -> None:
    somebody = person(tmp_path / "data")  # one carb ratio already
    assert outcome(somebody, "ratio_double_where_nobody_eats", tmp_path).status is not Status.NOTHING


# --- what is said of a difference


def test_bytes_that_upstream_does_not_read_are_told_from_those_it_does() -> None:
    name = "work/autotune/ns-treatments.2026-05-13.json"
    record = {
        "_id": "a",
        "eventType": "Meal Bolus",
        "created_at": "2026-05-13T10:00:00.000Z",
        "insulin": 2,
        "carbs": 20,
    }

    def as_read(*records: dict[str, Any]) -> Any:
        return compare._as_read({name: json.dumps(records).encode()})

    note = {"eventType": "Note", "created_at": "2026-05-13T11:00:00.000Z"}
    assert as_read(record) == as_read({**record, "_id": "b", "enteredBy": "x"}, note)
    assert as_read({**record, "carbs": 0}) == as_read({**record, "carbs": None, "timestamp": "2026-05-13T10:00:00Z"})
    for read in (
        {"timestamp": "2026"},
        {"insulin": 2.1},
        {"carbs": 21},
        {"created_at": "2026-05-13T10:00:00Z"},
        {"enteredBy": "xdrip"},
    ):
        assert as_read(record) != as_read({**record, **read}), read
    assert as_read(record) != as_read(record, record)


def test_the_first_difference_names_file_record_and_fields() -> None:
    name = "work/autotune/ns-entries.2026-05-13.json"
    one, other = [{"date": 1, "sgv": 100}, {"date": 2, "sgv": 101}], [{"date": 1, "sgv": 100}, {"date": 2, "sgv": 99}]
    said = compare.first_difference({name: json.dumps(one).encode()}, {name: json.dumps(other).encode()})
    assert said == f"{name}: record 1 (2): sgv 101 → 99"


@pytest.mark.parametrize(
    ("tolerance", "other", "near"), [(0.01, 101.0, True), (0.01, 101.01, False), (0.03, 97.0, True)]
)
def test_a_tolerance_is_a_share_of_the_number(tolerance: float, other: float, near: bool) -> None:
    assert compare._near(100.0, other, tolerance) is near


def test_upstream_s_last_decimal_is_no_difference_where_there_is_a_tolerance_and_one_where_there_is_none() -> None:
    assert compare._near(0.05, 0.051, 0.01)
    assert not compare._near(0.05, 0.052, 0.01)
    assert not compare._near(0.05, 0.051, 0.0)


# --- directories


def test_the_same_directory_packed_is_the_same_person(tmp_path: Path) -> None:
    somebody = person(tmp_path / "data")
    packed = replace(somebody, writer=amounts_packed)
    made = make(packed, tmp_path / "made")
    assert read_person(made.path.parent / "data").files() == somebody.files()


def amounts_packed(kind: str, records: list[Any]) -> tuple[str, bytes]:
    import gzip

    return f"{kind}.json.gz", gzip.compress(json.dumps(records).encode())


def test_the_last_days_are_taken_with_the_treatments_about_them(tmp_path: Path) -> None:
    directory = people.export_directory(tmp_path / "data", days=4)
    whole, short = read_person(directory), read_person(directory, days=2)
    assert len(short.entries) == len(whole.entries) // 2
    assert 0 < len(short.treatments) < len(whole.treatments)
    assert make(short, tmp_path / "made").dates == ["2026-05-15", "2026-05-16"]


def test_a_folder_of_directories_is_all_its_people_and_the_exit_status_says_whether_all_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        people.export_directory(tmp_path / "all" / name)
    told = tmp_path / "told.json"
    asked = [str(tmp_path / "all"), "--only", "ndjson,byte_order_mark", "--json", str(told)]
    assert command.main(asked) == 0
    assert [(t["person"], t["name"], t["status"]) for t in json.loads(told.read_text())] == [
        (who, what, "ok") for who in ("one", "two") for what in ("byte_order_mark", "ndjson")[::-1]
    ]
    assert "4 ok" in capsys.readouterr().out
    monkeypatch.setattr(documents, "_json_lines", lambda _: None)
    assert command.main(asked) == 1
    assert "refused: not refused → file_not_json" in capsys.readouterr().out
    assert command.main(["--only", "no_such", str(tmp_path / "all")]) == 2
    assert command.main([str(tmp_path)]) == 2
