"""People live the same days whatever their settings, and leave behind what Nightscout would hold."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bodies.clinic import People
from benchmarks.bodies.documents import profile_document, write_directory
from benchmarks.bodies.living import Habits, InUse, Lived, Living, Scene, System, right_in_use
from benchmarks.bodies.model import Family
from benchmarks.bodies.outcome import outcome
from benchmarks.bodies.parameters import draw
from benchmarks.bodies.truth import Truth, carb_ratio, isf_correction, isf_difference
from flows.nightscout.credentials import credentials_for
from flows.pipeline.load import load
from flows.pipeline.prepare import prepare
from flows.settings import AnalysisRequest
from flows.values.run_directory import RunDirectory

ZONE = "Europe/Berlin"
FIRST = date(2026, 6, 1)


@pytest.fixture(scope="module")
def people() -> People:
    """Four people without a course of their own, so that rest says which basal is right."""
    bodies = draw(Family.OHSU, 7, 4)
    basal = np.repeat(bodies.at_rest(120.0)[1][:, None], 24, axis=1)
    truth = Truth(basal, isf_difference(bodies, 4), isf_correction(bodies, 4), carb_ratio(bodies, 4))
    return People(Family.OHSU, bodies, np.ones((4, 24)), truth)


def lives(people: People, lanes: list[int], using: list[InUse], days: int, **changed: object) -> list[Lived]:
    habits = changed.get("habits", [Habits(System.LOOP), Habits(System.PUMP)] * 2)
    living = Living(people, habits, lanes, int(str(changed.get("seed", 3))), FIRST, ZONE)
    return living.live(using, days)


def bytes_of(lived: Lived) -> bytes:
    arrays = b"".join(a.tobytes() for a in (lived.ms, lived.sensed_mgdl, lived.true_mgdl, lived.basal_u_per_h))
    return arrays + repr((lived.boluses, lived.meals, lived.rescues, lived.exercise)).encode()


def test_the_same_seed_gives_the_same_bytes_and_the_same_person_the_same_days(people: People) -> None:
    right, weak = right_in_use(people.truth, 0), right_in_use(people.truth, 0, 0.8, 1.25, 1.25)
    pump = right_in_use(people.truth, 1)
    lived, again = (lives(people, [0, 1, 0, 0], [right, pump, weak, right], 1) for _ in range(2))
    assert [bytes_of(one) for one in lived] == [bytes_of(one) for one in again]
    assert bytes_of(lived[0]) == bytes_of(lived[3])
    assert bytes_of(lives(people, [0], [right], 1, seed=4)[0]) != bytes_of(lived[0])
    # Another setting, the same meals and the same gaps; another glucose.
    assert lived[0].meals == lived[2].meals
    assert np.array_equal(np.isnan(lived[0].sensed_mgdl), np.isnan(lived[2].sensed_mgdl))
    assert lived[2].true_mgdl.mean() > lived[0].true_mgdl.mean() + 5
    # A plain pump delivers its schedule, by the hour of the local day.
    assert set(lived[1].basal_u_per_h) == set(pump.basal_u_per_h)


def test_a_life_goes_on_where_it_stopped(people: People) -> None:
    using = [right_in_use(people.truth, 0)]
    whole = lives(people, [0], using, 2)[0]
    living = Living(people, [Habits(System.LOOP), Habits(System.PUMP)] * 2, [0], 3, FIRST, ZONE)
    parts = [living.live(using, 1)[0] for _ in range(2)]
    assert np.array_equal(np.concatenate([one.true_mgdl for one in parts]), whole.true_mgdl)
    assert parts[0].boluses + parts[1].boluses == whole.boluses


def test_no_day_ends_after_now(people: People) -> None:
    habits = [Habits(System.LOOP)] * 4
    using = [right_in_use(people.truth, 0)]
    today = datetime.now(UTC).date()
    Living(people, habits, [0], 3, today - timedelta(days=1), "UTC").live(using, 1)
    with pytest.raises(ValueError, match="after now"):
        Living(people, habits, [0], 3, today, "UTC").live(using, 1)


def test_a_day_on_which_the_clocks_change_has_25_hours(people: People) -> None:
    living = Living(people, [Habits(System.LOOP)] * 4, [0], 3, date(2026, 10, 25), ZONE)
    assert len(living.live([right_in_use(people.truth, 0)], 1)[0].ms) == 25 * 12


def test_each_scene_keeps_its_secret(people: People) -> None:
    habits = [Habits(System.LOOP, scene) for scene in Scene]
    # Too strong, so that there are lows.
    using = [right_in_use(people.truth, n, 1.3, 0.8, 0.7) for n in range(4)]
    clean, unannounced, low_carbs, exercise = lives(people, [0, 1, 2, 3], using, 4, habits=habits)
    assert all(told for _, _, told in clean.meals)
    assert all(told for _, _, told in clean.rescues)
    assert 0 < sum(told is None for _, _, told in unannounced.meals) < len(unannounced.meals) / 2
    assert low_carbs.rescues
    assert not any(told for _, _, told in low_carbs.rescues)
    assert exercise.exercise
    assert not clean.exercise


def test_too_strong_settings_mean_more_lows_for_each_and_right_ones_few(people: People) -> None:
    lanes = [n for n in range(4) for _ in range(2)]
    strength = (1.0, 1.0, 1.0), (1.2, 0.8, 0.8)
    lived = lives(people, lanes, [right_in_use(people.truth, n, *s) for n in range(4) for s in strength], 4)
    right, strong = ([outcome(one.true_mgdl) for one in lived[n::2]] for n in range(2))
    assert all(hard.below_70 > soft.below_70 for soft, hard in zip(right, strong, strict=True))
    assert np.median([one.below_70 for one in right]) < 4
    assert 70 < np.median([one.in_range for one in right]) < 92
    assert np.median([one.variation for one in right]) < 36
    assert all(one.true_mgdl.min() > 30 for one in lived)


def test_what_is_written_is_what_the_product_reads(people: People, tmp_path: Path) -> None:
    lived = lives(people, [0, 1], [right_in_use(people.truth, n) for n in range(2)], 3)
    for one in lived:
        source = tmp_path / one.habits.system
        start = int(one.ms[0]) - 86_400_000
        write_directory(source, [one], ZONE, [profile_document(one.in_use, start, ZONE)])
        entries, treatments = (json.loads((source / f"{n}.json").read_text()) for n in ("entries", "treatments"))
        assert len(entries) == np.count_nonzero(~np.isnan(one.sensed_mgdl))
        temps = sum(t["rate"] * t["duration"] / 60 for t in treatments if t["eventType"] == "Temp Basal")
        assert (temps > 0) is (one.habits.system is System.LOOP)
        bolused = sum(t["insulin"] or 0 for t in treatments if t["eventType"] != "Temp Basal")
        assert bolused == pytest.approx(sum(units for _, units, _ in one.boluses))
        carbs = sum(t.get("carbs") or 0 for t in treatments)
        assert carbs == sum(g for _, _, g in one.meals if g) + sum(g for _, g, told in one.rescues if told)

        first, last = FIRST, FIRST + timedelta(days=1)
        request = AnalysisRequest(from_directory=source, start=first, end=last, resamples=0, compare=False)
        now = datetime.now(UTC)
        run = RunDirectory.create(tmp_path / f"runs-{one.habits.system}", now)
        load(request, run, credentials_for(request), now)
        prepared = prepare(request, run, now)
        assert prepared.dates == [str(first + timedelta(days=n)) for n in range(2)]
        assert not prepared.ledger.get("quarantined")
        assert not prepared.doubts
