"""Sensors are told apart by their curves, and each gives one reading for five minutes."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.history.glucose import Readings, read_glucose
from flows.history.quality import facts_of
from flows.history.records import Context
from flows.history.sensor_curves import FEW_STEPS, sensors_by_curve
from flows.history.sensors import sensors_of
from flows.history.slots import _is_fast, _own_step_ms, _slots_missing, covered_share, one_per_slot, without_copies
from flows.values.ledger import Ledger
from flows.values.local_days import LocalDay

MINUTE, HOUR = 60_000, 3_600_000
DAY = LocalDay(date(2026, 5, 13), "UTC")
START = DAY.glucose.start_ms
CONTEXT = Context("UTC", None, START + 400 * 24 * HOUR)
Record = dict[str, Any]


def curve(ms: float) -> float:
    """A day of meals, in mg/dL."""
    h = (ms - START) / HOUR
    return 140 + 45 * math.sin(h * 1.3) + 20 * math.sin(h * 4.1)


def readings(every_min: float = 5, hours: float = 24, device: str = "one", value: Any = curve) -> list[Record]:
    count = int(hours * 60 / every_min)
    at = [START + int(n * every_min * MINUTE) for n in range(count)]
    return [{"type": "sgv", "sgv": round(value(ms)), "date": ms, "device": device} for ms in at]


def read(records: list[Record]) -> tuple[Readings, Ledger]:
    ledger = Ledger()
    shuffled = records[:]
    random.Random(1).shuffle(shuffled)
    return read_glucose(shuffled, CONTEXT, ledger), ledger


def taken(records: list[Record]) -> list[tuple[float, float]]:
    found, _ = read(records)
    return [(r["date"], r["sgv"]) for r in reversed(found.for_upstream)]


def sensors_on_the_day(records: list[Record]) -> int:
    return facts_of(DAY, read(records)[0].for_upstream, []).sensors


TEXTS: dict[str, Callable[[int], str]] = {
    "blocks of twenty minutes": lambda n: "xDrip G5 Native" + ("::Backfill" if n // 4 % 3 == 2 else ""),
    "every other reading": lambda n: "G6" + (" (backfill)" if n % 2 else ""),
    "capitals and spaces": lambda n: "Dexcom  G6" if n % 7 else "dexcom g6 ",
    "another text for each": lambda n: f"xDrip {n} %",
    "any of five": lambda n: f"xDrip {random.Random(n).randrange(5)}",
    "a change at noon": lambda n: "old name" if n < 100 else "new name",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_one_curve_under_changing_texts_is_one_sensor_and_all_of_it_is_kept(text: Callable[[int], str]) -> None:
    plain = readings()
    told = [{**r, "device": text(n)} for n, r in enumerate(plain)]
    found, ledger = read(told)
    assert [r["date"] for r in reversed(found.for_upstream)] == [r["date"] for r in plain]
    assert ledger.entries == []
    assert sensors_on_the_day(told) == 1


@pytest.mark.parametrize(("value", "count"), [(39, 12), (38.9, 0)])
def test_the_least_reading_that_upstream_gets_is_of_the_curve(value: float, count: int) -> None:
    made = readings(hours=1, value=lambda _: 39)
    told = [{**r, "sgv": value, "device": "G6" + (" (backfill)" if n % 2 else "")} for n, r in enumerate(made)]
    assert len(taken(told)) == count


def test_the_backfill_of_the_case_is_kept(reference_data: Path) -> None:
    source = reference_data.parent / "cases" / "xdrip_backfill_20min" / "entries.json"
    if not source.is_file():
        pytest.skip("the cases are not here")
    ledger = Ledger()
    found = read_glucose(json.loads(source.read_text()), CONTEXT, ledger)
    assert (len(found.for_upstream), ledger.entries) == (1080, [])


@pytest.mark.parametrize("shift_s", [0, 20, 60, 150, 200])
@pytest.mark.parametrize("other", [lambda v: v + 15, lambda v: v * 1.1, lambda v: v - 6], ids=["+15", "x1.1", "-6"])
def test_another_curve_at_the_same_time_is_another_sensor(other: Callable[[float], float], shift_s: int) -> None:
    first = readings()
    second = [
        {**r, "device": "two", "sgv": round(other(r["sgv"])), "date": r["date"] + shift_s * 1000} for r in first[:-9]
    ]
    assert taken([*first, *second]) == [(r["date"], r["sgv"]) for r in first]
    _, ledger = read([*first, *second])
    assert {e.rule for e in ledger.entries} == {"one_sensor"}
    assert len(ledger.entries) == len(second)


def test_a_second_sensor_fills_what_the_first_leaves_open_and_is_counted() -> None:
    first = [r for r in readings() if not START + 5 * HOUR <= r["date"] < START + 8 * HOUR]
    second = [{**r, "device": "two", "sgv": r["sgv"] + 25} for r in readings()[30:200]]
    found, _ = read([*first, *second])
    of_second = [r["date"] for r in found.for_upstream if r["device"] == "two"]
    assert len(of_second) == 34  # three hours without ten minutes at both ends
    assert sensors_on_the_day([*first, *second]) == 2


@pytest.mark.parametrize("seconds", [-1.0, -0.4, 0.0, 1.0, 20.0, 30.0])
@pytest.mark.parametrize("every_min", [1, 5])
def test_a_follower_is_a_copy_and_no_second_sensor(seconds: float, every_min: int) -> None:
    plain = readings(every_min, hours=12)
    copies = [{**r, "device": "follower", "date": r["date"] + int(seconds * 1000)} for r in plain[:-3]]
    assert [ms for ms, _ in taken([*plain, *copies])] == [ms for ms, _ in taken(plain)]
    assert sensors_on_the_day([*plain, *copies]) == 1
    _, ledger = read([*plain, *copies])
    assert sum(e.rule == "glucose_copy" for e in ledger.entries) == len(copies)


def test_a_follower_that_rounds_to_mmol_is_a_copy_too() -> None:
    plain = readings()
    copies = [
        {**r, "device": "a", "date": r["date"] + 20_000, "sgv": round(round(r["sgv"] / 18, 1) * 18)} for r in plain
    ]
    assert taken([*plain, *copies]) == [(r["date"], r["sgv"]) for r in plain]


# ---- thresholds of a curve


def two_texts(above: float, steps: int) -> dict[str, list[tuple[float, float]]]:
    """A flat curve of one text, and a reading of another one between two of it, so often."""
    one = [(n * 10.0 * MINUTE, 100.0) for n in range(60)]
    return {"one": one, "two": [((n * 20 + 25.0) * MINUTE, 100 + above) for n in range(steps)]}


@pytest.mark.parametrize(
    ("above", "steps", "is_one"),
    [(4.0, 20, True), (4.1, 20, False), (-4.1, 20, False), (10.0, 1, True), (10.1, 1, False)],
)
def test_two_texts_are_one_sensor_up_to_here(above: float, steps: int, is_one: bool) -> None:
    assert (len(set(sensors_by_curve(two_texts(above, steps)).values())) == 1) is is_one


def test_few_steps_are_judged_by_what_no_step_of_one_sensor_shows() -> None:
    # Each reading of the second text makes two steps: to it and from it.
    assert len(set(sensors_by_curve(two_texts(8, FEW_STEPS // 2 - 1)).values())) == 1
    assert len(set(sensors_by_curve(two_texts(8, FEW_STEPS // 2)).values())) == 2


@pytest.mark.parametrize(("gap_min", "is_one"), [(20, True), (20.1, False)])
def test_beyond_twenty_minutes_nobody_knows_the_curve(gap_min: float, is_one: bool) -> None:
    one = [(n * 5.0 * MINUTE, 100.0) for n in range(12)]
    two = [((55 + gap_min + n * 5.0) * MINUTE, 100.0) for n in range(12)]
    assert (len(set(sensors_by_curve({"one": one, "two": two}).values())) == 1) is is_one


# ---- five minutes


@pytest.mark.parametrize("phase_min", [0, 1.7])
@pytest.mark.parametrize("every_min", [1, 2, 3, 4])
def test_of_a_faster_sensor_four_readings_are_twenty_minutes(every_min: int, phase_min: float) -> None:
    shift = int(phase_min * MINUTE)
    fast = [{**r, "date": r["date"] + shift} for r in readings(every_min)]
    kept = [ms for ms, _ in taken(fast)]
    assert len(kept) in (288, 289)  # the last may stand for the five minutes that begin the next day
    slots = range(kept[0], kept[-1] + 1, 5 * MINUTE)
    off = [min(abs(r["date"] - slot) for r in fast) for slot in slots]
    assert [abs(ms - slot) for ms, slot in zip(kept, slots, strict=False)][:288] == off[:288]
    twenty = [b - a for a, b in zip(kept, kept[4:], strict=False)]
    assert max(abs(ms - 20 * MINUTE) for ms in twenty) <= 2 * MINUTE
    assert sum(twenty) / len(twenty) == pytest.approx(20 * MINUTE, rel=0.005)


@pytest.mark.parametrize("jitter_s", [0, 5, 60])
@pytest.mark.parametrize("every_min", [4.8, 5, 5.1, 7, 10, 15])
def test_a_sensor_of_five_minutes_or_more_is_left_as_it_is(every_min: float, jitter_s: int) -> None:
    chance = random.Random(3)
    plain = readings(every_min)
    told = [{**r, "date": r["date"] + chance.randrange(-jitter_s, jitter_s + 1) * 1000} for r in plain]
    assert [ms for ms, _ in taken(told)] == [r["date"] for r in told]


@pytest.mark.parametrize(("every_min", "is_thinned"), [(4.74, True), (4.76, False)])
def test_within_five_percent_of_five_minutes_nothing_is_thinned(every_min: float, is_thinned: bool) -> None:
    instants = [n * every_min * MINUTE for n in range(200)]
    assert (len(one_per_slot(instants)) < len(instants)) is is_thinned


@pytest.mark.parametrize("before_min", [0, 50, 140])  # the first, the last and one in the middle
@pytest.mark.parametrize("extra_min", [0.8, 2.4, 2.6, 4.2])
def test_a_scan_between_two_readings_is_left_out(extra_min: float, before_min: int) -> None:
    plain = [n * 5.0 * MINUTE for n in range(30)]
    found = one_per_slot(sorted([*plain, (before_min + extra_min) * MINUTE]))
    assert found == plain


@pytest.mark.parametrize(("extra_min", "taken_min"), [(54.4, 55.5), (54.5, 55.5), (54.6, 54.6)])
def test_of_two_readings_that_are_as_near_to_their_slot_the_later_is_taken(extra_min: float, taken_min: float) -> None:
    plain = [n * 5.0 for n in range(30) if n != 11]
    found = one_per_slot([m * MINUTE for m in sorted([*plain, extra_min, 55.5])])
    assert [round(ms / MINUTE, 1) for ms in found[10:13]] == [50, taken_min, 60]


@pytest.mark.parametrize(("after_min", "is_kept"), [(2.4, False), (2.5, True)])
def test_before_a_hole_a_reading_counts_half_a_slot_after_the_last(after_min: float, is_kept: bool) -> None:
    plain = [n * 5.0 * MINUTE for n in range(30) if not 11 <= n < 14]
    extra = (50 + after_min) * MINUTE
    assert (extra in one_per_slot(sorted([*plain, extra]))) is is_kept


@pytest.mark.parametrize(("step_min", "is_kept"), [(5.9, False), (6.0, True)])
def test_a_reading_is_an_extra_one_where_those_around_it_are_a_slot_apart(step_min: float, is_kept: bool) -> None:
    plain = [n * 5.0 * MINUTE for n in range(30)]
    late = [ms if ms <= 50 * MINUTE else ms + (step_min - 5) * MINUTE for ms in plain]
    assert ((53.0 * MINUTE) in one_per_slot(sorted([*late, 53.0 * MINUTE]))) is is_kept


@pytest.mark.parametrize(
    ("seconds", "count", "rule"), [(44.9, 1, "glucose_copy"), (45, 2, "glucose_cadence"), (46, 2, "glucose_cadence")]
)
def test_closer_than_a_minute_is_the_same_reading(seconds: float, count: int, rule: str) -> None:
    assert len(without_copies([0.0, seconds * 1000])) == count
    plain = readings(hours=1)
    _, ledger = read([*plain, {**plain[5], "date": plain[5]["date"] + seconds * 1000}])
    assert [entry.rule for entry in ledger.entries] == [rule]


@pytest.mark.parametrize(
    ("minutes", "is_fast"),
    [
        ((0, 4, 360), False),  # of two steps one is short
        ((0, 4, 360.1), True),  # of one
        ((0, 4.74), True),
        ((0, 4.75), False),
    ],
)
def test_a_cadence_is_that_of_six_hours_on_either_side(minutes: tuple[float, ...], is_fast: bool) -> None:
    assert _is_fast([m * MINUTE for m in minutes])[0] is is_fast
    assert _is_fast([-m * MINUTE for m in reversed(minutes)])[-1] is is_fast


def test_a_low_without_a_number_is_no_point_of_a_curve() -> None:
    one: list[Record] = [{"sgv": 100, "date": START + n * 10 * MINUTE, "device": "one"} for n in range(30)]
    two = [{**r, "sgv": "LOW" if n % 3 else 100, "date": r["date"] + 5 * MINUTE} for n, r in enumerate(one)]
    records = [("", r) for r in [*one, *({**r, "device": "two"} for r in two)]]
    assert sensors_of(records) == {"one": "one", "two": "one"}


# ---- coverage


def coverage(records: list[Record]) -> float:
    found, _ = read(records)
    return facts_of(DAY, found.for_upstream, [], shown_ms=found.shown_ms).coverage


@pytest.mark.parametrize("phase_s", [0, 2, 150, 299])
@pytest.mark.parametrize(
    ("every_min", "share"), [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (10, 1 / 2), (15, 1 / 3), (20, 1 / 4)]
)
def test_coverage_counts_five_minutes_whatever_the_cadence(every_min: float, share: float, phase_s: int) -> None:
    chance = random.Random(5)
    told = [{**r, "date": r["date"] + phase_s * 1000 + chance.randrange(900)} for r in readings(every_min)]
    assert coverage([r for r in told if DAY.glucose.holds(r["date"])]) == pytest.approx(share, abs=0.012)


@pytest.mark.parametrize("minutes", [10, 30, 120])
@pytest.mark.parametrize("every_min", [1, 2, 5])
def test_a_sensor_with_holes_does_not_cover_them(every_min: int, minutes: int) -> None:
    told = [r for r in readings(every_min) if (r["date"] - START) // (minutes * MINUTE) % 2 == 0]
    assert coverage(told) == pytest.approx(0.5, abs=0.01)


def test_a_second_sensor_s_readings_cover_only_what_they_fill() -> None:
    first = [r for r in readings() if r["date"] < START + 12 * HOUR]
    second = [{**r, "device": "two", "sgv": r["sgv"] + 25} for r in readings(5, 18)[24:]]
    assert coverage([*first, *second]) == pytest.approx(0.75, abs=0.01)


def test_a_span_without_readings_is_not_covered() -> None:
    assert covered_share([], 0, HOUR) == 0
    assert covered_share([0.0], 0, HOUR) == pytest.approx(1 / 12)


@pytest.mark.parametrize(
    ("steps", "n", "own"),
    [
        # Twelve on either side, a quarter of them longer: the next ones out would tip it, as would fewer.
        ([*[1] * 20, *[3] * 3, *[1] * 9, 4, *[1] * 9, *[3] * 3, *[1] * 20], 32, 3),
        ([*[3] * 20, *[1] * 3, *[1] * 7, 3, 3, 4, 3, 3, 3, *[1] * 9, *[3] * 20], 32, 1),
        ([4, 3, 1, 1], 0, 3),
        ([3, 4, 1, 1], 1, 3),
        ([1, 1, 3, 4], 3, 3),
        ([1, 1, 2, 3, 4], 4, 3),
        ([1, 1, 1, 2, 3, 4], 5, 2),
        ([10, 10, 4], 2, 5),  # five minutes at the most
        ([4], 0, 5),
        ([], 0, 5),
    ],
)
def test_a_sensor_s_own_step_is_the_third_quartile_of_those_around(steps: list[int], n: int, own: int) -> None:
    assert _own_step_ms([s * MINUTE for s in steps], n) == own * MINUTE


@pytest.mark.parametrize(
    ("step", "own", "missing"),
    [(0, 5, 0), (5, 5, 0), (7.4, 5, 0), (7.5, 5, 1), (12.4, 5, 1), (12.5, 5, 2), (7.4, 4, 1)],
)
def test_half_of_five_minutes_is_missing_as_a_whole(step: float, own: float, missing: int) -> None:
    assert _slots_missing(step * MINUTE, own * MINUTE) == missing


# ---- decimals in a low


def test_decimals_in_a_low_are_dropped_like_whole_numbers_and_both_count() -> None:
    fall = [80.4, 61.2, 48.7, 38.6, 37.2, 41.9, 55.3]
    found, ledger = read([{"type": "sgv", "sgv": v, "date": START + n * 5 * MINUTE} for n, v in enumerate(fall)])
    assert [r["sgv"] for r in reversed(found.for_upstream)] == [80.4, 61.2, 48.7, 41.9, 55.3]
    assert [low.mgdl for low in found.lows_left_out] == [38.6, 37.2]
    assert {e.rule for e in ledger.entries} == {"glucose_low"}


# ---- units in one field or in both


@pytest.mark.parametrize(
    "written",
    [
        lambda v: {"sgv": v},
        lambda v: {"glucose": v},
        lambda v: {"sgv": v, "glucose": v},
        lambda v: {"sgv": round(v / 18, 2)},
        lambda v: {"sgv": round(v / 18, 2), "glucose": round(v / 18, 2)},
        lambda v: {"sgv": round(v / 18, 2), "glucose": v},
        lambda v: {"sgv": v, "glucose": round(v / 18, 2)},
        lambda v: {"sgv": round(v / 18, 2), "units": "mmol"},
        lambda v: {"glucose": round(v / 18, 2), "units": "mmol/L"},
        lambda v: {"sgv": str(v)},
        lambda v: {"sgv": v, "glucose": min(2 * v, 390)},
    ],
)
def test_a_value_in_either_unit_and_field_is_one_value(written: Callable[[int], Record]) -> None:
    plain = readings(hours=6)
    found, _ = read([{**{k: v for k, v in r.items() if k != "sgv"}, **written(r["sgv"])} for r in plain])
    values = [r.get("glucose") or r.get("sgv") for r in reversed(found.for_upstream)]
    assert values == [r["sgv"] for r in plain]


@pytest.mark.parametrize("every_min", [2, 4])
def test_jitter_does_not_decide_which_of_two_equally_near_readings_is_taken(every_min: int) -> None:
    chance = random.Random(2)
    told = [{**r, "date": r["date"] + chance.randrange(7000)} for r in readings(every_min)]
    kept = [ms for ms, _ in taken(told)]
    twenty = [b - a for a, b in zip(kept, kept[4:-1], strict=False)]
    assert max(abs(ms - 20 * MINUTE) for ms in twenty) < 0.2 * MINUTE


@pytest.mark.parametrize(("seconds", "taken_ms"), [(14, 6.0), (15, 6.0), (16, 4.0)])
def test_as_near_is_within_fifteen_seconds(seconds: int, taken_ms: float) -> None:
    # At four minutes, and at six and a little more: the later, as long as it is as near.
    at = [0.0, 2.0, 4.0, 6.0 + seconds / 60, 8.0, 10.0]
    kept = one_per_slot([minute * MINUTE for minute in at])
    assert int(kept[1] / MINUTE) == taken_ms
