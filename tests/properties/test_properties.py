"""The same person, however the data is written: a seeded share of the bench, on the fixtures and on recorded data.

`python -m tests.properties DIR` runs all of it on any data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.conftest import ROOT
from tests.properties.bench import Bench, chosen
from tests.properties.compare import Status
from tests.properties.person import read_person
from tests.properties.running import Tuner, scratch
from tests.properties.transformation import TRANSFORMATIONS, Class, Transformation

SEED = int(os.environ.get("AUTOTUNE_TEST_SEED", "0"))
FIXTURES = ("aaps_closed_loop", "careportal_mdi", "loop_temp_basal")
RECORDED = ("aaps_recorded_test1", "aaps_recorded_test4", "nsexport_74077367", "patient_a")
DAYS = 3
DEALT, OF_EACH_RECORDED = 36, 8


@dataclass(frozen=True)
class Known:
    """Why a property does not hold today, and for whom (everybody, where nobody is named)."""

    reason: str
    people: tuple[str, ...] = ()

    def concerns(self, person: str) -> bool:
        """Whether the property is expected to be violated for a person."""
        return not self.people or person in self.people


_WHOLE = """
keys_of_entries_backwards keys_of_treatments_backwards entries_copied_with_new_id every_id_new no_ids fields_of_api_v3
null_fields null_fields_of_doses no_null_fields zero_instead_of_null unknown_fields unrelated_treatments valid_said
treatments_with_mills_alone treatments_with_date_alone treatments_with_timestamp_alone treatments_with_eventtime_alone
utc_offset_said reading_date_float reading_date_string_alone reading_mills_alone reading_date_string_offset
reading_date_string_wrong reading_without_date_string
"""
_COPIES = """
treatments_copied_with_new_id doses_copied_with_identifier_equal_to_id doses_copied_with_same_sync_id
doses_copied_by_another_uploader boluses_copied_by_the_careportal
"""
_MEALS = (*FIXTURES, "aaps_recorded_test1", "aaps_recorded_test4")
_STEPS = "readings of 2 and 3 minutes are taken every 6, those of 4 every 4: upstream takes both for 5"
_PUMP_USERS = ("aaps_closed_loop", "loop_temp_basal", *RECORDED)

# A fix removes its row, or narrows its people: a property that holds where this table says it does not fails the test.
KNOWN: dict[str, Known] = {
    **dict.fromkeys(_WHOLE.split(), Known("work/ has fields that upstream does not read, in the order they came in")),
    **dict.fromkeys(_COPIES.split(), Known("of two copies of a dose the one whose text sorts first goes on, whole")),
    "wizard_and_bolus": Known(
        "carbs by the wizard and with the bolus two seconds later, by one uploader, are two meals", _MEALS
    ),
    "treatments_copied": Known("a temporary basal that stands twice goes into work/ twice", _PUMP_USERS),
    "zone_alias": Known("the zone's name goes into pumpprofile.json as it is written"),
    **dict.fromkeys(
        ("created_at_plus_zero", "created_at_other_offset", "created_at_whole_seconds"),
        Known("a created_at that upstream can read is kept as it is spelled"),
    ),
    "reading_date_text": Known("a date as text loses its parts of a millisecond", ("loop_temp_basal", "patient_a")),
    **dict.fromkeys(
        ("device_backfill", "device_source_appended"), Known("sensors are told apart by their text, not by their curve")
    ),
    "extended_carbs_copied_plainly": Known("extended carbs are split before copies are removed"),
    "second_uploader_with_float_noise": Known("0.30000000000000004 U and 0.3 U are two doses"),
    "follower_twenty_seconds_later": Known(
        "of two devices with as many readings the first in the alphabet is taken", ("careportal_mdi",)
    ),
    **dict.fromkeys(
        ("cadence_2_min", "cadence_3_min"),
        Known(_STEPS, ("aaps_closed_loop", "careportal_mdi", "aaps_recorded_test1", "aaps_recorded_test4")),
    ),
    "ratio_half_where_nobody_eats": Known(
        "without carbs on any day used the mean over the day is given, and one below 3 g/U refused", ("patient_a",)
    ),
    "cadence_4_min": Known(_STEPS, (*FIXTURES, "aaps_recorded_test1", "patient_a")),
}


def dealt() -> Iterator[object]:
    """A share of the transformations, each on a person that the seed deals to it."""
    chance = Random(SEED)  # noqa: S311
    for one in chosen(count=DEALT, seed=SEED):
        person, marks = chance.choice(FIXTURES), []
        if one.kind is not Class.BYTES:
            marks.append(pytest.mark.oref0)
        if (known := KNOWN.get(one.name)) and known.concerns(person):
            marks.append(pytest.mark.xfail(reason=known.reason, strict=True))
        yield pytest.param(person, one, marks=marks, id=f"{one.name}-{person}")


@pytest.fixture(scope="module")
def benches() -> Iterator[dict[str, Bench]]:
    """A bench for each fixture's last days; what it came to as it is, is made once."""
    with Tuner() as tuner, scratch() as directory:
        people = [read_person(ROOT / "fixtures" / name, days=DAYS) for name in FIXTURES]
        yield {p.name: Bench(p, directory / p.name, tuner, seed=SEED) for p in people}


@pytest.mark.parametrize(("person", "one"), dealt())
def test_a_property_holds(person: str, one: Transformation, benches: dict[str, Bench]) -> None:
    outcome = benches[person].try_one(one).outcome
    if outcome.status is Status.NOTHING:
        pytest.skip("nothing to change")
    assert not outcome.violated, outcome.detail


@pytest.mark.oref0
@pytest.mark.parametrize("name", RECORDED)
def test_properties_hold_on_recorded_data(name: str, reference_data: Path) -> None:
    sample = chosen(count=OF_EACH_RECORDED, seed=SEED + RECORDED.index(name))
    with Tuner() as tuner, scratch() as directory:
        tried = list(Bench(read_person(reference_data / name), directory, tuner, seed=SEED).run(sample))
    violated = {t.one.name for t in tried if t.outcome.violated}
    changed = {t.one.name for t in tried if t.outcome.status is not Status.NOTHING}
    assert violated == {n for n in changed if (known := KNOWN.get(n)) and known.concerns(name)}, [
        f"{t.one.name}: {t.outcome.detail}" for t in tried if t.outcome.violated
    ]


def test_every_known_violation_is_of_a_transformation_and_of_people_that_are_tried() -> None:
    assert set(KNOWN) <= set(TRANSFORMATIONS)
    assert {p for known in KNOWN.values() for p in known.people} <= {*FIXTURES, *RECORDED}
