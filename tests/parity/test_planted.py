"""Every fault can still be planted, some of them are caught on a small person, and what is counted is right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flows.oref0.profile import PumpSettings
from tests.parity.planted import MOST_DAYS, ONLY_TELL, Person, person_of, planted_in, ranges, runs
from tests.parity.planted_counts import (
    BEGIN,
    END,
    Counted,
    Planted,
    largest_change,
    put_into,
    residual,
    rows,
    written,
)
from tests.parity.planted_faults import CURRENT, FAULTS, Change, Fault, planted
from tests.people import export_directory

BY_NAME = {fault.name: fault for fault in FAULTS}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_can_be_planted_in_the_runner(fault: Fault, tmp_path: Path) -> None:
    script = planted(tmp_path / "runner", [*fault.changes, ONLY_TELL], day=17, hour=23)
    assert script.name == "run.js"
    for change in fault.changes:
        text = (script.parent / change.file).read_text("utf-8")
        assert change.new.replace("$DAY", "17").replace("$HOUR", "23") in text
        assert "$DAY" not in text and "$HOUR" not in text


def test_the_faults_are_as_many_as_were_asked_for_and_each_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(FAULTS) >= 12
    assert all(fault.sentence.endswith(".") for fault in FAULTS)


@pytest.mark.parametrize("old", ["nobody wrote this", "insulin"], ids=["not there", "there twice"])
def test_a_change_that_does_not_apply_once_is_refused(old: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=CURRENT):
        planted(tmp_path / "runner", [Change(CURRENT, old, "")])


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    base = tmp_path_factory.mktemp("person")
    return person_of("small", export_directory(base / "export", days=2), base / "run")


@pytest.mark.oref0
def test_faults_are_caught_on_a_small_person(person: Person) -> None:
    harmless = Fault("harmless", "Nothing is wrong.", (Change(CURRENT, "'use strict';", "'use strict'; // changed"),))
    faults = [BY_NAME[name] for name in ("stale rates", "activity", "one date")]
    *found, nothing = planted_in(person, person.days, [*faults, harmless])
    assert [(one.fault, one.caught) for one in found] == [(fault.name, True) for fault in faults]
    assert all(one.change > 0 for one in found)
    assert nothing == Planted("harmless", "small", f"{person.days[0]} to {person.days[-1]}", 0.0, caught=False)


@pytest.mark.oref0
def test_a_fault_of_trials_is_caught_on_a_small_person(person: Person) -> None:
    [found] = planted_in(person, person.days, [BY_NAME["remembered without the profile"]])
    assert found.caught
    assert found.change > 0


# ---- which runs


@pytest.mark.parametrize(
    ("days", "count", "drawn"),
    [(1, 10, 1), (6, 10, 1), (7, 10, 1), (8, 10, 3), (14, 10, 10), (14, 99, 36), (15, 99, 44)],
)
def test_runs_are_different_days_in_a_row(days: int, count: int, drawn: int) -> None:
    found = ranges(days, count, 1)
    assert len(found) == len(set(found)) == drawn
    assert min(first for first, _ in found) >= 0
    assert all(end <= days and min(7, days) <= end - first <= MOST_DAYS for first, end in found)
    assert found == ranges(days, count, 1)


def test_another_seed_draws_other_runs() -> None:
    assert ranges(14, 10, 1) != ranges(14, 10, 2)


def test_everybody_s_first_run_comes_before_anybody_s_second(person: Person) -> None:
    many = Person("many", person.work, person.days * 5)
    found = [(one.name, with_trials) for one, _, with_trials in runs([many, person], 3, 1, seed=1)]
    assert found == [("many", True), ("small", True), ("many", False), ("many", False)]


# ---- counting

RIGHT = PumpSettings(
    isf_mgdl_per_u=50.0, carb_ratio_g_per_u=10.0, basal_u_per_h=(1.0,) * 23 + (0.0,), dia_h=6.0, insulin_peak_min=75.0
)
WRONG = [
    ("nothing", {}, 0.0),
    ("ISF", {"isf_mgdl_per_u": 49.0}, 0.02),
    ("carb ratio", {"carb_ratio_g_per_u": 10.1}, 0.01),
    ("the largest of two", {"carb_ratio_g_per_u": 10.1, "isf_mgdl_per_u": 45.0}, 0.1),
    ("an hour", {"basal_u_per_h": (1.0,) * 22 + (1.25, 0.0)}, 0.25),
    ("an hour without basal", {"basal_u_per_h": (1.0,) * 23 + (0.1,)}, 1.0),
]


@pytest.mark.parametrize(("what", "changes", "change"), WRONG, ids=[row[0] for row in WRONG])
def test_the_largest_change_of_any_number_counts(what: str, changes: dict[str, object], change: float) -> None:
    wrong = replace(RIGHT, **changes)  # type: ignore[arg-type]
    assert largest_change({"run": RIGHT}, {"run": wrong}) == pytest.approx(change)
    assert largest_change({"a": RIGHT, "b": RIGHT}, {"a": wrong, "b": RIGHT}) == pytest.approx(change)


def test_a_result_on_one_side_only_is_a_change_without_end() -> None:
    assert largest_change({"run": RIGHT}, {"run": None}) == float("inf")
    assert largest_change({"run": None}, {"run": RIGHT}) == float("inf")
    assert largest_change({"run": None}, {"run": None}) == 0


def found(fault: str, *results: tuple[float, bool]) -> list[Planted]:
    return [Planted(fault, "p", str(n), change, caught) for n, (change, caught) in enumerate(results)]


ROWS = found("a", (0.0, False), (0.0, True), (0.01, False), (0.0101, True), (0.5, True), (0.02, False))
A, B = Fault("a", "A.", ()), Fault("b", "B.", (), of_trials=True)


def test_caught_is_counted_among_runs_whose_numbers_changed() -> None:
    counted = Counted.of(ROWS)
    assert counted == Counted(runs=6, changed=4, changed_caught=2, mattering=3, mattering_caught=2)
    assert counted.cells() == ["6", "4", "2 (50 %)", "3", "2 (67 %)"]
    assert Counted.of([]).cells() == ["0", "0", "–", "0", "–"]


def test_faults_of_runs_and_of_trials_have_their_own_sums() -> None:
    _, *made = rows([*ROWS, *found("b", (1.0, True))], [A, B])
    assert [(row[0], row[2], row[-1]) for row in made] == [
        ("a", "6", "2 (67 %)"), ("**all of runs**", "6", "2 (67 %)"),
        ("b", "1", "1 (100 %)"), ("**all of trials**", "1", "1 (100 %)"),
    ]  # fmt: skip


def test_what_is_left_is_of_runs_alone_and_says_the_worst_that_passed() -> None:
    text = residual([*ROWS, *found("b", (3.0, False))], [A, B])
    assert "Of 3 runs" in text and "1 passed their self-check, at worst by 2 % (a): 33.3 %" in text
    assert "nothing is known" in residual(found("a", (0.005, False)), [A])
    none_missed = residual(found("a", (0.5, True)), [A])
    assert "0 passed their self-check: 0.0 %, and between 0.0 and 79.3 %" in none_missed


def test_the_table_stands_between_the_marks() -> None:
    text = written(ROWS, [A])
    assert text.startswith("1 people, up to 6 runs with each fault.")
    once = put_into(f"before\n{BEGIN}\nold\n{END}\nafter\n", text)
    assert once == f"before\n{BEGIN}\n\n{text}\n\n{END}\nafter\n"
    assert put_into(once, text) == once
    with pytest.raises(ValueError):
        put_into("no marks", text)
