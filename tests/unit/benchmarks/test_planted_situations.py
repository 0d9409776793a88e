"""What is planted into a life is there, at its time and nowhere else; what is counted is what the rules said."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from benchmarks import planted_situations as planted
from benchmarks.bodies.living import STEP_MS, Habits, InUse, Lived, System
from benchmarks.planted_situations import HOURS, Counts, Plant, Tampered
from tests.conftest import ROOT

STEPS = planted.DAYS * planted.STEPS_A_DAY
MIDNIGHT = 1_780_272_000_000  # of 2026-06-01, UTC
HOUR = 12  # steps
USE = InUse((1.0,) * 24, 50.0, 10.0)


def life() -> Lived:
    """A bolus and a meal at 8:00 and 20:00 of each day."""
    ms = MIDNIGHT + STEP_MS * np.arange(STEPS)
    times = [int(ms[n]) for n in range(8 * HOUR, STEPS, 12 * HOUR)]
    level, basal = np.full(STEPS, 120.0), np.ones(STEPS)
    boluses, meals = [(at, 5.0, "meal") for at in times], [(at, 50.0, 50.0) for at in times]
    return Lived(0, Habits(System.PUMP), USE, ms, level, level, basal, boluses, list(meals))


def test_each_plant_is_in_its_own_lane_for_its_hours() -> None:
    starts = [dict.fromkeys(Plant, 100)]
    arriving, needs, stopped = planted._tampering([(0, plant) for plant in planted.LIVED], starts)
    one_day = slice(100, 100 + HOUR * HOURS[Plant.SITE])
    assert [int((arriving[:, lane] == 0).sum()) for lane in range(4)] == [0, HOUR * 12, 0, 0]
    assert not arriving[one_day, 1].any() and arriving[99, 1] == 1
    assert [int((needs[:, lane] > 1).sum()) for lane in range(4)] == [0, 0, HOUR * 72, 0]
    assert [int(stopped[:, lane].sum()) for lane in range(4)] == [0, 0, 0, HOUR * 10]


def test_the_start_is_drawn_once_for_a_person_and_lies_within_the_life() -> None:
    starts = [planted._start(plant, 5, person) for plant in Plant for person in range(40)]
    assert starts == [planted._start(plant, 5, person) for plant in Plant for person in range(40)]
    assert min(starts) >= 4 * 288 and max(starts) + HOUR * max(HOURS.values()) < STEPS
    assert len(set(starts)) > 40


class Bodies:
    """Writes down what arrives."""

    def __init__(self) -> None:
        self.arrived: list[Any] = []

    def inject(self, _state: Any, units: Any) -> None:
        self.arrived.append(units.tolist())

    def advance(self, state: Any, basal: Any, sensitivity: Any, *_: Any) -> Any:
        self.arrived.append((basal.tolist(), sensitivity.tolist()))
        return state


class Living:
    loops = np.array([True, False])


def test_bodies_get_what_arrives_and_loops_stop_for_their_time() -> None:
    bodies, living = Bodies(), Living()
    rows = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    stopped = np.array([[False, False], [True, True], [False, False]])
    made: Any = Tampered(bodies, living, rows, 2 - rows, stopped)  # type: ignore[arg-type]
    loops = []
    for _ in range(3):
        loops.append(living.loops.tolist())
        made.inject(None, np.array([4.0, 2.0]))
        made.advance(None, np.array([1.0, 0.5]), np.ones(2), 5, 5)
    assert loops == [[True, False], [False, False], [True, False]]
    assert bodies.arrived[2:4] == [[0.0, 2.0], ([0.0, 0.5], [0.5, 1.0])]
    assert bodies.arrived[4:] == bodies.arrived[:2] == [[4.0, 2.0], ([1.0, 0.5], [1.0, 1.0])]


def test_lost_records_are_those_of_one_day_from_four_to_four() -> None:
    whole, start = life(), 5 * 288 + 4 * HOUR
    without = planted._without_boluses(whole, start)
    assert len(whole.boluses) - len(without.boluses) == 2 and without.meals == whole.meals
    lost = planted._without_carbs(whole, start)
    assert [told for ms, _, told in lost.meals].count(None) == 2
    assert [kind for _, _, kind in lost.boluses].count("correction") == 2  # given, without their meal


def test_a_plant_is_found_on_one_of_its_days_and_a_clean_day_flagged_is_false(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = planted.observed(life(), tmp_path)
    assert [str(seen.days[0]), len(seen.days)] == ["2026-06-01", planted.DAYS - 1]
    days = {date(2026, 6, 6)}
    monkeypatch.setattr(planted, "_flagged", lambda *_: days)
    counts, start = Counts(), 5 * 288 + 4 * HOUR
    for at in (start, start - 288, start + 288):
        planted._count(counts, Plant.BOLUSES, seen, at)
    assert (counts.found, counts.planted) == (1, 3)
    found: Any = planted.defaultdict(Counts)
    planted._count_false(found, (planted.Family.OHSU, System.PUMP), life(), seen)
    assert {(one.false_days, one.clean_days) for (name, *_), one in found.items() if name in list(Plant)} == {(1, 13)}


def test_the_documentation_holds_the_table_of_the_command() -> None:
    text = (ROOT / "docs" / "data.md").read_text("utf-8")
    table = planted.written({}, 8, 5)
    head = next(line for line in table.splitlines() if line.startswith("| rule"))
    assert text.count(planted.BEGIN) == text.count(planted.END) == 1
    assert head in text.partition(planted.BEGIN)[2].partition(planted.END)[0]
    assert planted.put(f"a{planted.BEGIN}old{planted.END}b", "new").replace("\n", "").endswith(f"new{planted.END}b")
