"""Several ISFs or carb ratios of an OpenAPS profile are seen however it writes them, or said not to be readable."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.pipeline.profile_to_tune import as_it_is, profile_to_tune
from flows.profiles.openaps import FIELDS, read_openaps_schedule
from flows.settings import AnalysisRequest
from flows.values.parts import Part
from tests.people import pump_profile

ISF, CR = Part.ISF, Part.CARB_RATIO
NAMES = {ISF: "insulin sensitivities", CR: "carb ratios"}
TWO = [{"offset": 0, "x": 10}, {"offset": 720, "x": 8}]
STARTS = [{"start": "00:00:00", "x": 10}, {"start": "12:00:00", "x": 8}]
IN_TWO = [(0, 10.0), (720, 8.0)]
ONE = [(0, 9.0)]  # `carb_ratio`, which is all upstream tunes
UNREAD, READ = True, False

# What is listed (`x` is an entry's value), what it is read as, and whether it counts as several that cannot be read.
ENTRIES: list[tuple[str, Any, list[tuple[int, float]], bool]] = [
    ("two blocks", TWO, IN_TWO, READ),
    ("out of order", TWO[::-1], IN_TWO, READ),
    ("as text", [{k: str(v) for k, v in b.items()} for b in TWO], IN_TWO, READ),
    ("starts alone", STARTS, IN_TWO, READ),
    ("starts without seconds", [{"start": b["start"][:5], "x": b["x"]} for b in STARTS], IN_TWO, READ),
    ("offsets that are null", [{"offset": None, **b} for b in STARTS], IN_TWO, READ),
    ("a start for one, an offset for the other", [TWO[0], STARTS[1]], IN_TWO, READ),
    ("both alike", [TWO[0], {**TWO[1], "start": "12:00:00"}], IN_TWO, READ),
    ("both different: upstream goes by the offset", [TWO[0], {**TWO[1], "start": "13:00:00"}], IN_TWO, READ),
    ("the same twice", [*TWO, TWO[1]], IN_TWO, READ),
    ("at an odd minute", [TWO[0], {"offset": 721, "x": 8}], [(0, 10.0), (721, 8.0)], READ),
    ("one block", TWO[:1], [(0, 10.0)], READ),
    ("one block that cannot be read", [{"offset": 60, "x": 10}], ONE, READ),
    ("none", [], ONE, READ),
    ("not from 00:00", [{"offset": 60, "x": 10}, TWO[1]], ONE, UNREAD),
    ("starts not from 00:00", [{"start": "01:00:00", "x": 10}, STARTS[1]], ONE, UNREAD),
    ("no times", [{"x": 10}, {"x": 8}], ONE, UNREAD),
    ("a start that is no time", [STARTS[0], {"start": "noon", "x": 8}], ONE, UNREAD),
    ("a start within a minute", [STARTS[0], {"start": "12:00:30", "x": 8}], ONE, UNREAD),
    ("an offset within a minute", [TWO[0], {"offset": 0.5, "x": 8}], ONE, UNREAD),
    ("two values at one time", [TWO[0], {"offset": 0, "x": 8}], ONE, UNREAD),
    ("beyond the day", [TWO[0], {"offset": 1440, "x": 8}], ONE, UNREAD),
    ("before the day", [TWO[0], {"offset": -60, "x": 8}], ONE, UNREAD),
    ("a block without a value", [TWO[0], {"offset": 720}], ONE, UNREAD),
    ("a value of zero", [TWO[0], {"offset": 720, "x": 0}], ONE, UNREAD),
    ("a value that is no number", [TWO[0], {"offset": 720, "x": "NaN"}], ONE, UNREAD),
    ("a value that is NaN", [TWO[0], {"offset": 720, "x": float("nan")}], ONE, UNREAD),
    ("a value without end", [TWO[0], {"offset": 720, "x": 1e999}], ONE, UNREAD),
    ("a time without end", [TWO[0], {"offset": 1e999, "x": 8}], ONE, UNREAD),
    ("a null among the blocks", [*TWO, None], ONE, UNREAD),
]


def profile(part: Part, entries: Any) -> dict[str, Any]:
    """A profile whose schedule of `part` has these entries."""
    field, listed, key = FIELDS[part]
    named = [{key if k == "x" else k: v for k, v in e.items()} if isinstance(e, dict) else e for e in entries]
    return pump_profile(**{"carb_ratio": 9, field: {listed: named}})


@pytest.mark.parametrize("part", [ISF, CR])
@pytest.mark.parametrize(("what", "entries", "expected", "unread"), ENTRIES, ids=[e[0] for e in ENTRIES])
def test_a_schedule_is_read_or_said_to_be_unreadable(
    what: str, entries: Any, expected: list[tuple[int, float]], unread: bool, part: Part
) -> None:
    found = read_openaps_schedule(profile(part, entries), part)
    blocks = [(b.minutes, b.value) for b in found.schedule.blocks] if found.schedule else ONE
    assert (blocks, found.unread) == (expected, unread)


@pytest.mark.parametrize(("what", "entries", "expected", "unread"), ENTRIES, ids=[e[0] for e in ENTRIES])
def test_the_run_is_given_both_and_says_so(
    what: str, entries: Any, expected: list[tuple[int, float]], unread: bool
) -> None:
    pump = json.dumps(profile(CR, entries)).encode()
    tuned = as_it_is(pump, None)
    schedules = tuned.schedules()
    assert tuned.pump == pump
    assert [(b["minutes"], b["value"]) for b in schedules["carb_ratio_g_per_u"]] == expected
    assert schedules["unread"] == ["cr"] * unread
    noted = [note for note in tuned.notes if note.startswith("The profile has several carb ratios")]
    assert len(noted) == (unread or len(expected) > 1)
    assert all(note.endswith("autotune tunes one.") for note in noted)  # what becomes of the others is the verdict's
    assert any("12:00" in note for note in tuned.notes if "differ" in note) == ("both different" in what)


@pytest.mark.parametrize(
    ("held", "expected", "unread"),
    [
        (None, None, READ),
        ({"units": "grams"}, None, READ),
        ({"schedule": None}, None, READ),
        (9, None, READ),
        (TWO, IN_TWO, READ),
        ({"schedule": {"0": TWO[0], "1": TWO[1]}}, IN_TWO, READ),
        ({"schedule": TWO[0]}, IN_TWO[:1], READ),
        ({"schedule": {"0": TWO[0], "1": 8}}, None, UNREAD),
    ],
)
def test_whatever_holds_the_entries(held: Any, expected: Any, unread: bool) -> None:
    held = json.loads(json.dumps(held).replace('"x"', '"ratio"'))
    found = read_openaps_schedule(pump_profile(carb_ratios=held), CR)
    blocks = [(b.minutes, b.value) for b in found.schedule.blocks] if found.schedule else None
    assert (blocks, found.unread) == (expected, unread)


ANYTHING = st.one_of(st.none(), st.booleans(), st.floats(), st.integers(-10, 2000), st.sampled_from(["12:00", "", "8"]))
ENTRY = st.dictionaries(st.sampled_from(["offset", "start", "ratio"]), ANYTHING) | ANYTHING


@given(st.lists(ENTRY, min_size=2, max_size=4))
def test_several_entries_are_a_schedule_or_unread_never_silently_one(entries: list[Any]) -> None:
    found = read_openaps_schedule(pump_profile(carb_ratios={"schedule": entries}), CR)
    assert found.unread == (found.schedule is None)


@pytest.mark.parametrize(("sens", "is_told"), [(None, False), (50, False), ("50", False), (49.8, False), (49, True)])
def test_a_sens_that_is_not_the_first_of_the_isf_profile_is_told(sens: Any, is_told: bool) -> None:
    # oref0@0.7.1 bin/oref0-autotune-core.js reads isfProfile; Loop and others write `sens` beside it.
    pump = pump_profile() | ({} if sens is None else {"sens": sens})
    pump["isfProfile"] = {"sensitivities": [{"offset": 0, "sensitivity": 50}]}
    notes = as_it_is(json.dumps(pump).encode(), None).notes
    assert any("isfProfile" in note for note in notes) is is_told


@pytest.mark.parametrize(("curve", "doubts"), [("rapid-acting", ["other_insulin"]), ("ultra-rapid", [])])
def test_an_openaps_profile_s_curve_is_held_to_the_insulin_of_the_doses(curve: str, doubts: list[str]) -> None:
    class Raw:
        def bytes_of(self, kind: str) -> bytes | None:
            return json.dumps(pump_profile() | {"curve": curve}).encode() if kind == "pumpprofile" else None

    dose = {"eventType": "Correction Bolus", "insulin": 2, "insulinType": "Fiasp", "created_at": "2026-05-14T08:00:00Z"}
    tuned = profile_to_tune(AnalysisRequest(site="https://a.example"), cast(Any, Raw()), [dose], "UTC", (0.0, 1.0))
    assert [doubt.name for doubt in tuned.doubts] == doubts
