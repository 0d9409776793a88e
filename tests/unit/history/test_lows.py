"""Lows are found as the consensus counts them, and those after which glucose rose without carbs are told apart."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.history.lows import THRESHOLDS, lows, untold_rise_mgdl
from flows.values.timestamps import iso_utc
from flows.values.units import MINUTE_MS
from tests.conftest import ROOT

START = int(datetime(2026, 5, 13, 2, tzinfo=UTC).timestamp() * 1000)
STEP = 5 * MINUTE_MS


def readings(values: list[float | None], start: int = START, device: str = "a") -> list[dict[str, Any]]:
    """One every five minutes, newest first; `None` is a reading lost."""
    made = [{"sgv": v, "date": start + n * STEP, "device": device} for n, v in enumerate(values) if v is not None]
    return made[::-1]


def carbs(minute: float, grams: Any = 15, **more: Any) -> dict[str, Any]:
    return {"eventType": "Carb Correction", "carbs": grams, "created_at": iso_utc(START + minute * MINUTE_MS), **more}


OK, LOST = 120.0, None


@pytest.mark.parametrize(
    ("values", "spans"),
    [
        ([OK, 69, 69, 69, OK, OK, OK], [(5, 20)]),
        ([OK, 69, 69, OK, OK, OK], []),  # ten minutes
        ([OK, 70, 70, 70, 70, OK], []),  # 70 is not below 70
        ([OK, 69, 69, 69], [(5, 20)]),  # the last reading stands for five minutes
        ([69, 69, 69, OK, OK, 69, OK, OK, OK], [(0, 30)]),  # ten minutes above end nothing
        ([69, 69, 69, OK, OK, OK, 69, 69, 69], [(0, 15), (30, 45)]),  # fifteen do
        ([69, 69, 69, OK, OK, OK, 69, OK], [(0, 15)]),
        ([69, 69, OK, 69, 69, OK], []),  # never fifteen minutes together
        ([69, 69, 69, LOST, LOST, LOST, 69, OK], [(0, 35)]),  # fifteen minutes lost are bridged
        ([69, 69, 69, *[LOST] * 4, 69, OK], [(0, 15)]),  # a gap ends it
        ([69, 69, 69, *[LOST] * 4, 69, 69, 69, OK], [(0, 15), (35, 50)]),
        ([69, 69, *[LOST] * 4, 69, 69, OK], []),
        ([69, 69, 69, OK, *[LOST] * 5, 69, OK], [(0, 15)]),  # nor is it taken up after one
        ([5, 5, 5, 5, OK], []),  # error codes
        ([], []),
    ],
)
def test_an_episode_is_what_the_consensus_says(values: list[float | None], spans: list[tuple[int, int]]) -> None:
    found = lows(readings(values), [], "UTC")
    assert [((e.start_ms - START) / MINUTE_MS, (e.end_ms - START) / MINUTE_MS) for e in found] == spans


@pytest.mark.parametrize("date", [iso_utc, str, bool, lambda _: None])
def test_an_instant_that_is_no_number_is_no_reading(date: Any) -> None:
    records = [{**r, "date": date(r["date"])} for r in readings([OK, 69, 69, 69, OK])]
    assert lows(records, [], "UTC") == []


def test_seconds_of_jitter_do_not_undo_an_episode() -> None:
    made = readings([OK, 69, 69, 69, OK])
    for n, reading in enumerate(made):
        reading["date"] += 1000 * n * 12  # newest first: the later, the earlier
    assert len(lows(made, [], "UTC")) == 1


def test_what_is_below_54_is_counted_within() -> None:
    values = [65, 53, 53, 53, 60, 60, 60, 50, 50, 50, 60, 80, 80, 80]
    (found,) = lows(readings(values), [], "UTC")
    assert (found.very_lows, found.nadir_mgdl) == (2, 50)
    (found,) = lows(readings([65, 53, 53, 60, 60]), [], "UTC")
    assert (found.very_lows, found.nadir_mgdl) == (0, 53)


@pytest.mark.parametrize(("value", "count"), [(53.9, 1), (54, 0)])
def test_54_is_not_very_low(value: float, count: int) -> None:
    (found,) = lows(readings([60, value, value, value, 60]), [], "UTC")
    assert found.very_lows == count


def test_the_hour_is_that_of_the_clock_on_the_wall() -> None:
    made = readings([60] * 4)
    assert [lows(made, [], z)[0].hour for z in ("UTC", "Europe/Paris", "Asia/Kolkata")] == [2, 4, 7]


RISE = [OK, 60, 60, 60, 75, 90, 99.9, OK, OK, 130, 130, 130, 130, 130, 130]


@pytest.mark.parametrize(
    ("treatment", "entered"),
    [
        (carbs(-55), True),  # an hour before the first low reading, at minute 5
        (carbs(-56), False),
        (carbs(10), True),
        (carbs(80), True),  # an hour after the end, at minute 20
        (carbs(81), False),
        (carbs(10, 0), False),
        (carbs(10, None), False),
        (carbs(10, "15"), True),
        (carbs(10, "many"), False),
        (carbs(10, created_at=None), False),
        (carbs(10, created_at="2026-05-13T04:10:00+02:00"), True),
        ({"eventType": "Meal Bolus", "insulin": 3, "created_at": iso_utc(START)}, False),
        (None, False),
    ],
)
def test_carbs_entered_around_a_low_explain_the_rise(treatment: Any, entered: bool) -> None:
    (found,) = lows(readings(RISE), [treatment], "Europe/Paris")
    assert (found.carbs_entered, found.rises_without_carbs) == (entered, not entered)
    assert found.rise_mgdl == 70


@pytest.mark.parametrize(
    ("after", "rise", "sign"),
    [
        ([75] * 12 + [200], 15, False),  # within the hour after the lowest reading
        ([89] * 12, 29, False),
        ([90] * 12, 30, True),
        ([], None, False),
        ([LOST] * 12 + [150], None, False),
    ],
)
def test_only_a_steep_rise_within_the_hour_is_a_sign(after: list[float | None], rise: float | None, sign: bool) -> None:
    (found,) = lows(readings([62, 61, 60, *after]), [], "UTC")
    assert (found.rise_mgdl, found.rises_without_carbs) == (rise, sign)


@pytest.mark.parametrize(
    ("isf", "ratio", "counts_from"),
    [(22, 11, 20), (22, 11.1, 20), (22.1, 11, 20.09), (29.9, 10, 29.9), (30, 10, 30), (30.1, 10, 30), (540, 20, 30)],
)
def test_the_rise_that_counts_is_that_of_ten_grams_from_20_to_30(isf: float, ratio: float, counts_from: float) -> None:
    assert untold_rise_mgdl(isf, ratio) == pytest.approx(counts_from, abs=0.001)


@pytest.mark.parametrize(("rise", "sign"), [(24, False), (25, True)])
def test_a_rise_counts_from_the_person_s_own_on(rise: float, sign: bool) -> None:
    (found,) = lows(readings([62, 61, 60, *[60 + rise] * 12]), [], "UTC", (), 25)
    assert found.rises_without_carbs is sign


@pytest.mark.parametrize(
    ("spans", "sign"),
    [([], True), ([(0, 15)], False), ([(14, 90)], False), ([(15, 90)], True), ([(-30, 0)], True), ([(-30, 1)], False)],
)
def test_a_low_that_looks_like_compression_is_no_sign_of_carbs(spans: list[tuple[int, int]], sign: bool) -> None:
    looks = [(START + a * MINUTE_MS, START + b * MINUTE_MS) for a, b in spans]
    (found,) = lows(readings([62, 61, 60, *[130] * 12]), [], "UTC", looks_compressed=looks)
    assert (found.rises_without_carbs, found.carbs_entered) == (sign, False)


def test_the_rise_is_from_the_last_of_the_lowest_readings() -> None:
    (found,) = lows(readings([60, 65, 60, *[75] * 10, 90, 105, 110]), [], "UTC")
    assert found.rise_mgdl == 45


def test_a_reading_that_stands_in_two_days_weighs_once_beside_another_uploaders() -> None:
    one, other = readings([68] * 6), readings([72] * 6, START + MINUTE_MS, "b")
    assert lows([*one, *other, *one], [], "UTC") == []  # on average 70


def test_a_gap_outlasts_what_could_join_two_episodes() -> None:
    of = {t.name: t.value for t in THRESHOLDS}
    assert of["gap"] >= of["step"] + of["least"]


def test_thresholds_have_names_of_their_own_and_reasons() -> None:
    assert len({t.name for t in THRESHOLDS}) == len(THRESHOLDS)
    assert all(len(t.why) > 10 for t in THRESHOLDS)


# ---- properties

VALUES = st.lists(
    st.one_of(st.none(), st.floats(40, 69), st.floats(70, 180), st.sampled_from([53.0, 69.0, 70.0])), max_size=150
)
RUNS = st.lists(st.tuples(st.sampled_from([None, 50.0, 65.0, 100.0]), st.integers(1, 9)), max_size=25).map(
    lambda runs: [value for value, times in runs for _ in range(times)]
)
MANY = st.one_of(VALUES, RUNS)


@given(values=MANY, days=st.integers(-400, 400), minute=st.integers(0, 700))
def test_lows_move_with_time_and_do_not_change(values: list[float | None], days: int, minute: int) -> None:
    shift = days * 86_400_000
    there = readings(values, START + shift)
    moved = lows(there, [carbs(minute + days * 1440)], "UTC")
    here = lows(readings(values), [carbs(minute)], "UTC")
    assert [(m.start_ms - shift, m.end_ms - shift, m.hour, m.carbs_entered, m.rise_mgdl) for m in moved] == [
        (h.start_ms, h.end_ms, h.hour, h.carbs_entered, h.rise_mgdl) for h in here
    ]


@given(values=MANY, cut=st.integers(0, 150), overlap=st.integers(0, 12), random=st.randoms(use_true_random=False))
def test_days_put_together_in_any_order_lose_and_double_nothing(
    values: list[float | None], cut: int, overlap: int, random: Any
) -> None:
    whole, treatments = readings(values), [carbs(90), carbs(300)]
    days = [whole[:cut], whole[max(0, cut - overlap) :]]  # upstream's days overlap where the clock changes
    shuffled = [*days[1], *days[0]]
    random.shuffle(shuffled)
    assert lows(shuffled, [*treatments, *treatments], "UTC") == lows(whole, treatments, "UTC")


@given(values=MANY, cut=st.integers(0, 150))
def test_a_day_alone_finds_every_episode_that_lies_in_it(values: list[float | None], cut: int) -> None:
    whole = readings(values)
    edge = START + cut * STEP
    late = [r for r in whole if r["date"] >= edge]
    clear = [e for e in lows(whole, [], "UTC") if e.start_ms >= edge + 8 * STEP]
    found = {(e.start_ms, e.end_ms) for e in lows(late, [], "UTC")}
    early_episode_goes_on = any(e.start_ms < edge < e.end_ms + 3 * STEP for e in lows(whole, [], "UTC"))
    assert early_episode_goes_on or {(e.start_ms, e.end_ms) for e in clear} <= found


@given(values=MANY, seconds=st.sampled_from([0, 1, 20, 119, 150, 180]))
def test_a_second_uploader_doubles_nothing(values: list[float | None], seconds: int) -> None:
    other = readings(values, START + seconds * 1000, "b")
    once, twice = (lows(made, [], "UTC") for made in (readings(values), [*readings(values), *other]))
    assert [(e.start_ms, e.nadir_mgdl, e.very_lows) for e in once] == [
        (pytest.approx(e.start_ms), pytest.approx(e.nadir_mgdl, abs=0.11), e.very_lows) for e in twice
    ]


@given(values=MANY)
def test_episodes_are_apart_and_truly_low(values: list[float | None]) -> None:
    found = lows(readings(values), [], "UTC")
    for one in found:
        assert one.end_ms - one.start_ms >= 14 * MINUTE_MS
        assert 39 <= one.nadir_mgdl < 70.05
        assert (one.very_lows > 0) <= (one.nadir_mgdl < 54.05)
    for before, after in pairwise(found):
        assert before.end_ms < after.start_ms


@given(
    entries=st.lists(
        st.dictionaries(
            st.sampled_from(["date", "sgv", "glucose", "type"]),
            st.one_of(st.none(), st.text(max_size=5), st.floats(), st.integers(), st.booleans(), st.lists(st.none())),
        )
        | st.none()
        | st.text(max_size=3)
    ),
    treatments=st.lists(
        st.dictionaries(
            st.sampled_from(["carbs", "created_at"]), st.one_of(st.none(), st.text(max_size=5), st.floats())
        )
        | st.none()
    ),
)
def test_whatever_the_records_are_nothing_crashes(entries: list[Any], treatments: list[Any]) -> None:
    lows(entries, treatments, "UTC")


def test_the_pen_persons_lows_are_counted_as_by_hand() -> None:
    records = json.loads((ROOT / "fixtures" / "careportal_mdi" / "entries.json").read_text())
    in_threes = below = 0
    for _, value in sorted((r["date"], r["sgv"]) for r in records):
        below = below + 1 if value < 70 else 0
        in_threes += below == 3
    assert len(lows(records, [], "Asia/Kolkata")) == in_threes == 1
