"""What a sheet has for one person: rounding, what is refused, what is only said, in whose order."""

from __future__ import annotations

import pytest

from flows.entry.rows import SheetMark
from flows.entry.sheet import EntrySheet, SettingsToEnter, entry_sheet
from flows.proposal.document import Units
from flows.values.parts import Part
from flows.values.schedule import Block, Schedule
from tests.unit.entry.cases import adult, schedule, settings


def values(sheet: EntrySheet, part: Part) -> list[tuple[str, float, str]]:
    screen = next(screen for screen in sheet.screens if screen.screen.part is part)
    return [(row.start_text, row.value, row.mark.value) for row in screen.rows]


def codes(sheet: EntrySheet) -> list[str]:
    return [note.code for note in sheet.notes if note.code != "remark"]


def refused(sheet: EntrySheet) -> list[str]:
    assert not sheet.screens
    return [note.code for note in sheet.refusals]


def ratio(now: float, new: float, name: str) -> EntrySheet:
    """Of a person whose carb ratio alone changes."""
    return entry_sheet(settings(schedule(1.0), ratio=schedule(now), new_ratio=schedule(new)), adult(name))


ORDER = {
    "aaps": [None, Part.CARB_RATIO, Part.ISF, Part.BASAL, None],
    "trio": [None, None, Part.BASAL, Part.CARB_RATIO, Part.ISF],
    "iaps": [None, Part.BASAL, Part.ISF, Part.CARB_RATIO, None],
    "loop": [None, None, None, Part.CARB_RATIO, Part.BASAL, None, None, Part.ISF],
    "tandem": [Part.BASAL, Part.CARB_RATIO, Part.ISF],
}


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("aaps", "It can take the profile from Nightscout instead (`autotune apply`). From a file it takes no single"),
        ("trio", "while the app is set up for the first time only, and one from a file never"),
        ("loop", "while the app is set up for the first time only, and one from a file never"),
        ("iaps", "From a file it takes no profile. It can import the one named `default` from Nightscout: do not"),
    ],
)
def test_the_sheet_says_which_other_way_in_there_is_and_which_not(name: str, way: str) -> None:
    sheet = entry_sheet(settings(schedule(1.0), schedule(1.1)), adult(name))
    assert sum(way in str(note.text) for note in sheet.notes) == 1


@pytest.mark.parametrize("name", ORDER)
def test_the_screens_are_in_the_order_of_the_system(name: str) -> None:
    sheet = entry_sheet(settings(schedule(1.0), schedule(1.1)), adult(name))
    assert [screen.screen.part for screen in sheet.screens] == ORDER[name]
    assert [screen.to_type for screen in sheet.screens] == [part is Part.BASAL for part in ORDER[name]]


def test_what_the_step_changes_is_marked_and_neighbours_with_one_rate_are_one_row() -> None:
    sheet = entry_sheet(settings(schedule(0.8, 0.85, 0.9), schedule(0.85, 0.85, 0.9)), adult("trio", "omnipod"))
    assert values(sheet, Part.BASAL) == [("00:00", 0.85, "changed"), ("02:00", 0.9, "as-now")]
    row = next(screen for screen in sheet.screens if screen.screen.part is Part.BASAL).rows[0]
    assert (row.now, row.end_text) == ((0.8, 0.85), "02:00")
    assert (sheet.daily_basal_now_u, sheet.daily_basal_wanted_u, sheet.daily_basal_u) == (
        pytest.approx(21.45),
        pytest.approx(21.5),
        pytest.approx(21.5),
    )
    assert codes(sheet) == []


CARB_RATIOS = [
    # now, wanted, on what, entered: a lower one is never beyond what is wanted, nor more insulin than by half a step
    (10.0, 9.5, "trio", 9.5),
    (9.875, 9.5, "iaps", 9.5),
    (10.0, 9.4, "medtronic-older", 10.0),
    (10.0, 9.0, "medtronic-older", 9.0),
    (10.0, 10.5, "medtronic-older", 10.0),
    (10.0, 10.51, "medtronic-older", 11.0),
    (9.6, 9.3, "medtronic-older", 10.0),
    (9.4, 9.8, "medtronic-older", 10.0),
    (12.0, 11.6, "tandem", 12.0),
    (9.5, 9.3, "tandem", 9.3),
]


@pytest.mark.parametrize(("now", "wanted", "name", "entered"), CARB_RATIOS)
def test_a_carb_ratio_is_on_the_steps_of_the_system(now: float, wanted: float, name: str, entered: float) -> None:
    assert values(ratio(now, wanted, name), Part.CARB_RATIO)[0][1] == entered


def test_a_change_of_less_than_a_step_is_said_and_nothing_is_to_type() -> None:
    sheet = ratio(10.0, 9.4, "medtronic-older")
    assert sheet.nothing_to_type
    assert codes(sheet) == ["cr_less_than_step"]
    other = ratio(9.6, 9.4, "medtronic-older")
    assert values(other, Part.CARB_RATIO) == [("00:00", 10.0, "rounded")]
    assert codes(other) == ["cr_off_step", "cr_less_than_step"]


def test_a_number_the_picker_does_not_have_is_never_handed_to_it() -> None:
    # As iAPS imports it: its picker would show 0.1 g/U.
    same = settings(schedule(1.0), schedule(1.05), ratio=schedule(9.875), isf=schedule(48.6))
    sheet = entry_sheet(same, adult("iaps", "omnipod"))
    assert values(sheet, Part.CARB_RATIO) == [("00:00", 9.9, "rounded")]
    assert values(sheet, Part.ISF) == [("00:00", 49.0, "rounded")]
    assert codes(sheet) == ["cr_off_step", "isf_off_step"]
    assert any("FIRST" in note.text for note in sheet.notes)


RANGES = [
    ("trio", Part.CARB_RATIO, 50.0, True),
    ("trio", Part.CARB_RATIO, 51.0, False),
    ("trio", Part.CARB_RATIO, 0.9, False),
    ("loop", Part.CARB_RATIO, 1.9, False),
    ("aaps", Part.CARB_RATIO, 1.9, False),
    ("trio", Part.ISF, 540.0, True),
    ("trio", Part.ISF, 541.0, False),
    ("loop", Part.ISF, 501.0, False),
    ("omnipod-5", Part.ISF, 401.0, False),
    ("aaps", Part.ISF, 541.0, True),
]


@pytest.mark.parametrize(("name", "part", "value", "takes"), RANGES)
def test_what_is_out_of_range_is_refused_where_it_changes_and_said_where_it_does_not(
    name: str, part: Part, value: float, takes: bool
) -> None:
    before = schedule(value + (0.3 if part is Part.CARB_RATIO else 4.0))
    changing = {part: schedule(value)}
    now = settings(schedule(1.0)).now | {part: before}
    stays = now | {part: schedule(value)}
    changes = entry_sheet(SettingsToEnter(Units.MG_PER_DL, now, now | changing, 6.0), adult(name))
    left = entry_sheet(SettingsToEnter(Units.MG_PER_DL, stays, stays | {Part.BASAL: schedule(1.1)}, 6.0), adult(name))
    if takes:
        assert not changes.refusals
        return
    assert refused(changes) == [f"{part}_range"]
    assert codes(left) == [f"{part}_range"]
    assert values(left, part) == []


BASALS = [
    # flat all day, on what: the rates in turn, or why not
    ("ypsopump", 1.04, {1.04}),
    ("combo", 2.525, {2.5, 2.55}),  # each hour is a field there anyway
    ("medtronic", 2.525, {2.5}),  # 1 % of the day is let go for one row
    ("medtronic", 2.475, {2.45, 2.5}),  # a little more is not
    ("omnipod", 0.075, {0.05, 0.1}),
    ("omnipod", 0.67, {0.65}),  # 0.02 is less than half a step: no hour may have 0.7, and the day misses 3 %
    ("omnipod", 0.6186, "basal_day"),
    ("omnipod", 0.02, "basal_range"),
    ("omnipod", 30.0, {30.0}),
    ("omnipod", 30.05, "basal_range"),
    ("tandem", 0.1, {0.1}),
    ("tandem", 0.09, "basal_range"),
    ("tandem", 0.8251, {0.825}),
    ("dana", 0.04, {0.04}),
    ("dana", 0.03, "basal_range"),
]


@pytest.mark.parametrize(("name", "rate", "found"), BASALS)
def test_a_flat_basal_keeps_its_day_or_is_refused(name: str, rate: float, found: set[float] | str) -> None:
    sheet = entry_sheet(settings(schedule(rate + 0.1), schedule(rate)), adult(name))
    if isinstance(found, str):
        assert refused(sheet) == [found]
        return
    rows = values(sheet, Part.BASAL)
    assert {value for _, value, _ in rows} == found
    if len(found) > 1:
        assert sheet.daily_basal_u == pytest.approx(24 * rate)
        assert {value for _, value, _ in rows[:2]} == found  # in turn, not one half of the day each


def test_what_the_day_misses_is_said() -> None:
    sheet = entry_sheet(settings(schedule(2.0), schedule(2.525)), adult("medtronic"))
    assert codes(sheet) == ["basal_total"]
    assert "0.60 U (1.0%) less" in sheet.notes[-1].text


def test_a_rate_just_under_the_least_is_entered_and_one_further_below_is_not() -> None:
    day = (1.0,) * 23
    near = entry_sheet(settings(schedule(0.05, *day), schedule(0.03, *day)), adult("omnipod"))
    assert values(near, Part.BASAL)[0] == ("00:00", 0.05, "as-now")
    far = entry_sheet(settings(schedule(0.05, *day), schedule(0.02, *day)), adult("omnipod"))
    assert refused(far) == ["basal_range"]


def test_rates_within_an_hour_become_one_on_an_hourly_system_and_stay_on_another() -> None:
    half_hours = Schedule((Block(0, 1.0), Block(30, 1.2), Block(60, 1.0)))
    hourly = entry_sheet(settings(half_hours, schedule(1.2, 1.0)), adult("aaps", "omnipod"))
    assert values(hourly, Part.BASAL) == [("00:00", 1.2, "changed"), ("01:00", 1.0, "as-now")]
    assert codes(hourly) == ["basal_times"]
    same = settings(half_hours, Schedule((Block(0, 1.0), Block(30, 1.2), Block(60, 1.05))))
    assert [start for start, _, _ in values(entry_sheet(same, adult("trio", "omnipod")), Part.BASAL)] == [
        "00:00",
        "00:30",
        "01:00",
    ]


@pytest.mark.parametrize(
    ("name", "minutes", "takes"),
    [("aaps", 360, True), ("aaps", 390, False), ("trio", 390, True), ("trio", 400, False), ("tandem", 400, True)],
)
def test_a_block_begins_where_the_system_lets_it(name: str, minutes: int, takes: bool) -> None:
    now = Schedule((Block(0, 10.0), Block(minutes, 12.0)))
    after = Schedule((Block(0, 10.0), Block(minutes, 11.5)))
    sheet = entry_sheet(settings(schedule(1.0), ratio=now, new_ratio=after), adult(name))
    if takes:
        assert [start for start, _, _ in values(sheet, Part.CARB_RATIO)][1] == f"{minutes // 60:02d}:{minutes % 60:02d}"
    else:
        assert refused(sheet) == ["cr_times"]


@pytest.mark.parametrize(("count", "takes"), [(8, True), (9, False)])
@pytest.mark.parametrize("name", ["omnipod-5", "medtronic", "medtronic-older"])
def test_a_bolus_calculator_has_eight_blocks(name: str, count: int, takes: bool) -> None:
    now = schedule(*(float(10 + n) for n in range(count)))
    after = schedule(*(float(11 + n) for n in range(count)))
    sheet = entry_sheet(settings(schedule(1.0), ratio=now, new_ratio=after), adult(name))
    assert (not sheet.refusals) is takes
    if not takes:
        assert refused(sheet) == ["cr_blocks"]


def test_an_hourly_pump_has_a_row_for_each_hour() -> None:
    assert len(values(entry_sheet(settings(schedule(1.0), schedule(1.1)), adult("dana")), Part.BASAL)) == 24


@pytest.mark.parametrize(("different", "joined"), [(14, False), (15, False), (16, True)])
def test_sixteen_segments_hold_basal_and_carb_ratio_together(different: int, joined: bool) -> None:
    # The carb ratio begins a segment of its own at 20:00, besides the rates.
    rates = [1.0 + 0.05 * hour for hour in range(different)]
    now = Schedule((Block(0, 10.0), Block(1200, 12.0)))
    sheet = entry_sheet(
        settings(schedule(*rates), schedule(*(rate + 0.05 for rate in rates)), ratio=now), adult("tandem")
    )
    starts = [{start for start, _, _ in values(sheet, part)} for part in Part]
    assert starts[0] == starts[1] == starts[2]
    assert len(starts[0]) == min(16, different + 1)
    assert ("basal_blocks_joined" in codes(sheet)) is joined
    assert sheet.daily_basal_u == pytest.approx(sheet.daily_basal_wanted_u - 0.05 * joined)


@pytest.mark.parametrize(("higher", "joins"), [(1.16, True), (1.17, False)])
def test_neighbours_are_joined_only_where_none_falls_by_more_than_a_step_may(higher: float, joins: bool) -> None:
    rates = [1.0 if hour % 2 else higher for hour in range(18)]
    sheet = entry_sheet(settings(schedule(*rates), schedule(*(r * 1.01 for r in rates))), adult("tandem"))
    assert bool(sheet.refusals) is not joins


DURATIONS = [
    ("trio", 6.0, False),
    ("trio", 6.2, True),
    ("trio", 4.5, True),
    ("aaps", 6.2, False),
    ("aaps", 9.1, True),
    ("loop", 6.2, False),
    ("iaps", 6.25, False),
]


@pytest.mark.parametrize(("name", "dia_h", "said"), DURATIONS)
def test_a_duration_that_it_does_not_take_is_said(name: str, dia_h: float, said: bool) -> None:
    sheet = entry_sheet(settings(schedule(1.0), schedule(1.1), dia_h=dia_h), adult(name))
    assert ("duration" in codes(sheet)) is said


def test_a_person_in_mmol_has_sensitivities_in_tenths() -> None:
    person = settings(schedule(1.0), schedule(1.1), isf=schedule(2.84), units=Units.MMOL_PER_L)
    sheet = entry_sheet(person, adult("trio", units=Units.MMOL_PER_L))
    assert values(sheet, Part.ISF) == [("00:00", 2.8, SheetMark.ROUNDED.value)]
    assert next(screen.unit for screen in sheet.screens if screen.screen.part is Part.ISF) == "mmol/L/U"
