"""What bends the data is found at its threshold and not below, on its own days, and never in the fixtures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.history.days import DayData
from flows.history.doubts import DYNAMIC_ISF, INSULIN_CHANGED, Doubt
from flows.history.events import SUSPENDED, Event
from flows.history.found_days import leave_out_found
from flows.history.situations.illness import illness
from flows.history.situations.loop_stopped import loop_stopped
from flows.history.situations.meals import boluses_missing, untold_meals
from flows.history.situations.observed import Observed
from flows.history.situations.site_failure import site_failure
from flows.history.situations.table import SITUATIONS, find_situations
from flows.values.local_days import LocalDay, day_range
from tests.conftest import ROOT

ZONE = "UTC"
DAYS = day_range(date(2026, 5, 1), date(2026, 5, 8), ZONE)
MINUTE, HOUR = 60_000.0, 3_600_000.0
THIRD = DAYS[2]
Change = Callable[[float], float | None]


def at(hour: float, day: LocalDay = THIRD) -> float:
    """An instant by its hours after the day's 04:00."""
    return day.glucose.start_ms + hour * HOUR


def curve(change: Callable[[LocalDay, float], float] = lambda _day, _hour: 120.0) -> list[tuple[float, float]]:
    return [(at(n / 12, day), change(day, n / 12)) for day in DAYS for n in range(288)]


def on_third(change: Callable[[float], float]) -> list[tuple[float, float]]:
    return curve(lambda day, hour: change(hour) if day == THIRD else 120.0)


def given(hour: float, day: LocalDay = THIRD, **record: Any) -> tuple[float, dict[str, Any]]:
    return at(hour, day), record


def usual(leave: Callable[[LocalDay, float], bool] = lambda _day, _hour: False) -> list[tuple[float, dict[str, Any]]]:
    """Three meals a day, each with its bolus (which `leave` leaves out)."""
    return [
        given(hour, day, carbs=50, **({} if leave(day, hour) else {"insulin": 5.0}))
        for day in DAYS
        for hour in (3.0, 8.0, 15.0)
    ]


def person(**changes: Any) -> Observed:
    made: dict[str, Any] = {
        **{"days": DAYS, "curve": curve(), "treatments": usual(), "events": []},
        **{"isf_mgdl_per_u": 50.0, "carb_ratio_g_per_u": 10.0, "basal_at": lambda _ms: 1.0},
    }
    return Observed(**{**made, **changes})


def test_a_person_without_any_of_it_is_told_nothing() -> None:
    assert find_situations(person()) == [] == find_situations(person(days=[]))


# ---- a failed site


def failing(
    mgdl: float = 251.0,
    hours: float = 3.0,
    then: float = 151.0,
    boluses: tuple[float, ...] = (1.0, 1.0),
    also: tuple[tuple[float, dict[str, Any]], ...] = (),
) -> Observed:
    """From hour 10 on high for some hours, with a bolus each half hour; `then` for the rest of the day."""
    high = on_third(lambda hour: 120 if hour < 10 else mgdl if hour <= 10 + hours else then)
    doses = [given(10.5 + n / 2, insulin=units) for n, units in enumerate(boluses)]
    return person(curve=high, treatments=sorted([*usual(), *doses, *also], key=lambda t: t[0]))


def raised(rate: float) -> tuple[tuple[float, dict[str, Any]], ...]:
    """Temporary basals from hour 10 to 13, where 1 U/h is scheduled."""
    return tuple(given(10 + n / 2, eventType="Temp Basal", rate=rate, duration=30) for n in range(6))


@pytest.mark.parametrize(
    ("observed", "found"),
    [
        (failing(), True),
        (failing(mgdl=250.0), False),  # 250 is not above it
        (failing(hours=2.9), False),
        (failing(boluses=(2.0,)), False),  # a single one
        (failing(boluses=(1.0, 0.99)), False),  # by ISF 99.5 mg/dL
        (failing(then=152.0), False),  # a fall by 99
        (failing(then=200.0, also=(given(13.9, eventType="Site Change"),)), True),
        (failing(then=200.0, also=(given(14.1, eventType="Site Change"),)), False),
        (failing(also=(given(9.5, carbs=1),)), False),  # which the insulin was for
        (failing(also=(given(8.9, carbs=1),)), True),
        (failing(boluses=(), also=raised(2.0)), True),  # a loop's basal alone: 1 U/h more for two hours
        (failing(boluses=(), also=raised(1.99)), False),
        (failing(boluses=(1.0,), also=raised(1.5)), False),  # a single bolus and too little by itself
        (failing(boluses=(0.5, 0.5), also=raised(1.5)), True),
        (failing(boluses=(1.0, 1.0), also=raised(0.9)), False),  # less than scheduled
    ],
)
def test_a_failed_site_is_hours_of_highs_in_spite_of_boluses_that_end_at_once(observed: Observed, found: bool) -> None:
    assert site_failure(observed) == ({THIRD.date} if found else set())


# ---- meals and boluses


def rising(
    hours: tuple[float, ...], by: float = 100.0, base: float = 100.0, minutes: float = 60.0
) -> list[tuple[float, float]]:
    def mgdl(hour: float) -> float:
        for start in hours:
            if 0 <= hour - start <= 3:
                up = min(1.0, 60 * (hour - start) / minutes)
                return base + by * (up if hour - start <= 2 else 3 - (hour - start))
        return base

    return on_third(mgdl)


@pytest.mark.parametrize(
    ("seen", "more", "found"),
    [
        (rising((10.5, 19.0)), {}, True),
        (rising((10.5,)), {}, False),  # one
        (rising((10.5, 19.0), by=99), {}, False),  # 30 g would raise by 150: at most 100 are asked for
        (rising((10.5, 19.0), by=60), {"isf_mgdl_per_u": 10.0}, True),  # by 30: at least 60 are
        (rising((10.5, 19.0), by=59), {"isf_mgdl_per_u": 10.0}, False),
        (rising((10.5, 19.0), by=75), {"isf_mgdl_per_u": 25.0}, True),  # the person's own
        (rising((10.5, 19.0), by=74), {"isf_mgdl_per_u": 25.0}, False),
        (rising((10.5, 19.0), minutes=90), {}, True),
        (rising((10.5, 19.0), minutes=96), {}, False),  # slower
        (rising((10.5, 19.0), base=79.9), {}, False),  # from a low
        (rising((8.0, 15.0)), {}, False),  # at the meals
        (rising((9.5, 16.5)), {}, False),  # up to 90 minutes after them
        (rising((9.6, 16.6)), {}, True),
        (rising((7.1, 14.1)), {}, False),  # an hour before they are entered
        (rising((6.9, 13.9)), {}, True),
    ],
)
def test_untold_meals_are_rises_without_carbs(seen: Any, more: dict[str, Any], found: bool) -> None:
    assert untold_meals(person(curve=seen, **more)) == ({THIRD.date} if found else set())


def half_a_day(last_h: float = 8.0, **more: Any) -> Observed:
    """On the third day no bolus after `last_h`."""
    kept = [t for t in usual(lambda day, hour: day == THIRD and hour >= 8) if True]
    return person(treatments=sorted([*kept, given(last_h, insulin=5.0)], key=lambda t: t[0]), **more)


@pytest.mark.parametrize(
    ("observed", "found"),
    [
        (half_a_day(6.9), True),  # 17.1 h, and 9 h are usual; meals at 8 and 15
        (half_a_day(7.1), False),  # the meal at 8 is within the hour of the bolus: one is left
        (half_a_day(6.9, days=DAYS[:3]), True),
        (person(treatments=usual(lambda day, _hour: day == THIRD)), True),  # no bolus at all
        (person(treatments=usual(lambda day, hour: hour != 3)), False),  # who boluses once a day
        (person(treatments=[t for t in usual() if t[0] < at(0) or t[0] >= at(24)]), False),  # nothing was eaten
        (
            person(treatments=[t for t in usual() if t[0] < at(0) or t[0] >= at(24)], curve=rising((6.0, 14.0))),
            True,  # or it was not entered
        ),
    ],
)
def test_boluses_are_missing_where_meals_go_on_without_them(observed: Observed, found: bool) -> None:
    assert boluses_missing(observed) == ({THIRD.date} if found else set())


@pytest.mark.parametrize(("without", "found"), [(1, True), (2, False)])
def test_it_is_said_of_who_boluses_on_four_days_of_five(without: int, found: bool) -> None:
    days = DAYS[2 : 2 + without]
    assert bool(boluses_missing(person(treatments=usual(lambda day, _hour: day in days)))) is found


# ---- illness


def ill(days: list[LocalDay], mgdl: float = 150.0, units: float = 13.0) -> Observed:
    """24 U of basal and 15 U of boluses; on some days more glucose and more boluses."""
    more = [given(18, day, insulin=units) for day in days]
    seen = curve(lambda day, _hour: mgdl if day in days else 120.0)
    return person(curve=seen, treatments=sorted([*usual(), *more], key=lambda t: t[0]))


@pytest.mark.parametrize(
    ("days", "mgdl", "units", "found"),
    [
        (DAYS[2:4], 150, 5.86, True),
        (DAYS[2:4], 149.9, 5.86, False),  # 30 more
        (DAYS[2:4], 150, 5.84, False),  # 1.15 times 39 U
        (DAYS[2:3], 200, 20, False),  # a single day
        ([DAYS[2], DAYS[4]], 200, 20, False),  # not in a row
        (DAYS[2:5], 200, 20, False),  # three of eight: more than a third
    ],
)
def test_illness_is_days_in_a_row_with_more_glucose_and_more_insulin(
    days: list[LocalDay], mgdl: float, units: float, found: bool
) -> None:
    assert illness(ill(days, mgdl, units)) == ({d.date for d in days} if found else set())


@pytest.mark.parametrize(("count", "found"), [(6, True), (5, False)])
def test_illness_needs_six_days_to_compare(count: int, found: bool) -> None:
    assert bool(illness(replace(ill(DAYS[2:4], 200, 20), days=DAYS[:count]))) is found


# ---- pump or loop stopped


def looping(rate: Callable[[LocalDay, float], float | None], **more: Any) -> Observed:
    temps = [
        given(n / 2, day, eventType="Temp Basal", rate=units, duration=30)
        for day in DAYS
        for n in range(48)
        if (units := rate(day, n / 2)) is not None
    ]
    return person(treatments=sorted([*usual(), *temps], key=lambda t: t[0]), **more)


def zero(hours: float, mgdl: float) -> Observed:
    return looping(lambda d, h: 0.0 if d == THIRD and 10 <= h < 10 + hours else 1.0, curve=on_third(lambda _h: mgdl))


def silent(hours: float) -> Observed:
    return looping(lambda d, h: None if d == THIRD and 10 <= h < 10 + hours else 1.0)


@pytest.mark.parametrize(
    ("observed", "found"),
    [
        (person(events=[Event(SUSPENDED, at(10), 120)]), True),
        (person(events=[Event(SUSPENDED, at(10), 119)]), False),
        (person(events=[Event(SUSPENDED, at(10), 60), Event(SUSPENDED, at(15), 60)]), True),
        (zero(4, 181), True),
        (zero(4, 180), False),
        (zero(3.5, 181), False),
        (silent(5.5), True),  # six hours between two temporary basals
        (silent(5.0), False),
        (looping(lambda _d, h: 1.0 if h < 11.5 else None), False),  # on every day
    ],
)
def test_a_loop_stood_still_by_its_events_a_zero_basal_or_its_silence(observed: Observed, found: bool) -> None:
    assert loop_stopped(observed) == ({THIRD.date} if found else set())


# ---- what is said, and leaving days out


def test_a_doubt_names_its_days_and_the_option() -> None:
    (doubt,) = find_situations(zero(4, 181))
    assert (doubt.name, doubt.dates) == ("loop_stopped", ("2026-05-03",))
    assert "On 1 of 8 days (2026-05-03)" in doubt.sentence and "--exclude-found" in doubt.sentence
    assert len({row.name for row in SITUATIONS}) == len(SITUATIONS)


def day_data(day: LocalDay, skipped: str | None = None) -> DayData:
    return DayData(day, [], [], None, "green", [], skipped)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dates", "skipped", "left", "stay"),
    [
        ([["2026-05-03"]], [], 7, []),
        ([["2026-05-03", "2026-05-04"]], [], 8, ["0"]),  # six would be left
        ([["2026-05-03", "2026-05-04"], ["2026-05-04"]], [], 7, ["0"]),  # the fewest days first
        ([["2026-05-03"], ["2026-05-03"]], [], 7, []),
        ([["2026-05-03"]], ["2026-05-05"], 7, ["0"]),  # what is left out already is no day
        ([[]], [], 8, ["0"]),
    ],
)
def test_days_are_left_out_as_long_as_a_week_is_left(
    dates: list[list[str]], skipped: list[str], left: int, stay: list[str]
) -> None:
    cut = [day_data(day, "red" if str(day) in skipped else None) for day in DAYS]
    doubts = [Doubt(str(n), "amber", "Said.", tuple(days)) for n, days in enumerate(dates)]
    days, kept, notes = leave_out_found(cut, doubts)
    assert (sum(not d.skipped for d in days), [d.name for d in kept]) == (left, stay)
    assert len(notes) == sum(bool(d.dates) for d in kept)
    assert all("found by" in str(d.skipped) for d in days if d.skipped and str(d.day) not in skipped)


FOUND = {"patient_a": ["untold_meals"]}  # one day, one carb entry, and rises all day


NOT_A_SITUATION = {INSULIN_CHANGED: "are of the one before", DYNAMIC_ISF: "it looks like dynamic ISF"}


def names_found(source: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, *options: str) -> list[str]:
    run = tmp_path / source.name
    assert main(["inspect", "--from", str(source), "--json", *options]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert not run.exists()
    said = {**{row.name: row.seen for row in SITUATIONS}, **NOT_A_SITUATION}
    return [name for name, words in said.items() if any(words in warning for warning in warnings)]


@pytest.mark.parametrize("name", ["aaps_closed_loop", "careportal_mdi", "loop_temp_basal"])
def test_in_the_fixtures_nothing_is_found(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert names_found(ROOT / "fixtures" / name, capsys, tmp_path) == []


@pytest.mark.parametrize("name", ["nsexport_74077367", "patient_a"])
def test_in_real_exports_only_what_is_there_is_found(
    name: str, reference_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert names_found(reference_data / name, capsys, tmp_path) == FOUND.get(name, [])
