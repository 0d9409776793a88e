"""What was really delivered or eaten: combo and extended boluses, priming, pens, extended carbs, two uploaders."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flows.history.long_acting import is_long_acting
from flows.history.records import Context, bolus_u, extended_insulin_u, totals
from flows.history.treatments import normalise_treatments
from flows.history.uploaders import uploader
from flows.values.ledger import Ledger
from flows.values.schedule import Schedule
from flows.values.timestamps import instant_ms, iso_utc

CONTEXT = Context("Europe/Paris", Schedule.constant(1.0), 1_800_000_000_000)
AT = "2026-05-13T09:00:00.000Z"
SECOND = "2026-05-13T09:00:01.000Z"
MINUTE = "2026-05-13T09:01:00.000Z"


def normalised(*records: dict[str, Any]) -> tuple[list[dict[str, Any]], Ledger]:
    ledger = Ledger()
    return normalise_treatments(list(records), CONTEXT, ledger), ledger


DELIVERED: list[tuple[str, dict[str, Any], float, float]] = [
    # what, record, insulin that was delivered, carbs that were eaten
    ("tconnectsync's combo of one part", {"eventType": "Combo Bolus", "insulin": 4.2, "carbs": 50}, 4.2, 50),
    (
        "careportal combo",
        {
            "eventType": "Combo Bolus",
            "enteredinsulin": "6",
            "insulin": 3.6,
            "splitNow": "60",
            "splitExt": "40",
            "relative": 1.2,
            "duration": 120,
            "carbs": 70,
        },
        6.0,
        70,
    ),
    (
        "combo without relative",
        {"eventType": "Combo Bolus", "enteredinsulin": 6, "insulin": 3.6, "splitExt": 40, "duration": 90},
        6.0,
        0,
    ),
    (
        "combo without insulin",
        {"eventType": "Combo Bolus", "enteredinsulin": 6, "splitNow": 60, "splitExt": 40, "duration": 90},
        6.0,
        0,
    ),
    (
        "AAPS extended bolus",
        {
            "eventType": "Combo Bolus",
            "enteredinsulin": 2,
            "splitNow": 0,
            "splitExt": 100,
            "relative": 1,
            "duration": 120,
        },
        2.0,
        0,
    ),
    (
        "AAPS extended bolus that is a temp basal",
        {"eventType": "Combo Bolus", "enteredinsulin": 2, "relative": 1, "duration": 120, "isEmulatingTempBasal": True},
        0.0,
        0,
    ),
    (
        "API v3 extended bolus",
        {"eventType": "Combo Bolus", "relative": 3, "duration": 7_200_000, "identifier": "x", "srvModified": 1},
        6.0,
        0,
    ),
    ("combo of one entered amount", {"eventType": "Combo Bolus", "enteredinsulin": 5}, 5.0, 0),
    ("a filled tube", {"eventType": "Prime", "insulin": 10}, 0.0, 0),
    (
        "a Loop meal that took a while",
        {"eventType": "Meal Bolus", "insulin": 6, "carbs": 40, "duration": 45, "enteredBy": "loop"},
        6.0,
        40,
    ),
    ("priming", {"eventType": "Correction Bolus", "insulin": 7, "type": "PRIMING"}, 0.0, 0),
    ("a pen's basal insulin", {"eventType": "Correction Bolus", "insulin": 18, "isBasalInsulin": True}, 0.0, 0),
    (
        "xDrip+ with two pens",
        {
            "eventType": "<none>",
            "enteredBy": "xdrip",
            "insulin": 23,
            "insulinInjections": '[{"insulin":"Novorapid","units":5},{"insulin":"Lantus","units":18}]',
        },
        5.0,
        0,
    ),
    (
        "xDrip+ with a long-acting pen and carbs",
        {"eventType": "", "insulin": 18, "carbs": 20, "insulinInjections": '[{"insulin":"Tresiba","units":18}]'},
        0.0,
        20,
    ),
    ("xDrip+ with one pen", {"eventType": "Meal Bolus", "insulin": 5, "insulinInjections": "[]"}, 5.0, 0),
    ("Trio SMB", {"eventType": "SMB", "insulin": 0.35, "enteredBy": "Trio", "automatic": True}, 0.35, 0),
    ("iAPS bolus", {"eventType": "Bolus", "insulin": 2.5, "enteredBy": "freeaps-x"}, 2.5, 0),
    ("external insulin", {"eventType": "External Insulin", "insulin": 4, "enteredBy": "Trio"}, 4.0, 0),
    ("Trio fat and protein", {"eventType": "Carb Correction", "carbs": 10, "isFPU": True}, 0.0, 10),
    ("AAPS extended carbs", {"eventType": "Carb Correction", "carbs": 47, "duration": 180}, 0.0, 47),
    ("AAPS extended carbs in ms", {"eventType": "Carb Correction", "carbs": 47, "duration": 10_800_000}, 0.0, 47),
    (
        "a meal of both with a duration",
        {"eventType": "Meal Bolus", "insulin": 4, "carbs": 40.5, "duration": 120},
        4.0,
        40.5,
    ),
    ("a Loop bolus that took a while", {"eventType": "Correction Bolus", "insulin": 3, "duration": 2.4}, 3.0, 0),
]


@pytest.mark.parametrize(("what", "record", "insulin", "carbs"), DELIVERED, ids=[d[0] for d in DELIVERED])
def test_what_was_delivered_and_eaten_is_counted(
    what: str, record: dict[str, Any], insulin: float, carbs: float
) -> None:
    result, ledger = normalised({"_id": "x", "created_at": AT, **record})
    assert not ledger.quarantined
    found = totals(result)
    assert (found.insulin_u, found.carbs_g) == (pytest.approx(insulin), pytest.approx(carbs))
    assert all(extended_insulin_u(r) == 0 for r in result), "nothing is left that upstream would not count"
    for part in result:
        if part.get("insulin"):
            assert part["eventType"] in ("Meal Bolus", "Correction Bolus") or part.get("enteredBy") == "xdrip"


def test_an_extended_part_is_spread_over_its_duration() -> None:
    record = {"eventType": "Combo Bolus", "enteredinsulin": 2, "splitExt": 100, "relative": 1, "duration": 120}
    result, _ = normalised({"created_at": AT, **record})
    start = 1_778_662_800_000
    instants = [found[0] for r in result if (found := instant_ms(r["created_at"], "UTC"))]
    assert len(result) == 24
    assert start < min(instants) <= start + 5 * 60_000
    assert start + 115 * 60_000 <= max(instants) < start + 120 * 60_000


def test_extended_carbs_are_whole_grams_a_quarter_of_an_hour_apart() -> None:
    result, _ = normalised({"created_at": AT, "eventType": "Carb Correction", "carbs": 25, "duration": 60})
    assert sorted(r["carbs"] for r in result) == [6, 6, 6, 7]
    assert result[0]["created_at"] == "2026-05-13T09:45:00.000Z"


BOLUS = {"eventType": "Correction Bolus", "insulin": 4.0}
MEAL = {"eventType": "Meal Bolus", "insulin": 4.0, "carbs": 40}
CARBS = {"eventType": "Carb Correction", "carbs": 40}
TWICE: list[tuple[str, list[dict[str, Any]], float, float]] = [
    ("the same record twice", [{**MEAL, "created_at": AT}, {**MEAL, "created_at": AT}], 4, 40),
    (
        "with an offset and a Z",
        [{**MEAL, "created_at": AT}, {**MEAL, "created_at": "2026-05-13T11:00:00+02:00", "enteredBy": "xdrip"}],
        4,
        40,
    ),
    (
        "null against 0",
        [
            {**BOLUS, "carbs": None, "created_at": AT},
            {**BOLUS, "eventType": "Meal Bolus", "carbs": 0, "created_at": SECOND, "enteredBy": "Trio"},
        ],
        4,
        0,
    ),
    (
        "a meal from the phone, its insulin from the pump",
        [{**MEAL, "created_at": AT, "enteredBy": "phone"}, {**BOLUS, "created_at": SECOND, "medtronic": "mm://"}],
        4,
        40,
    ),
    (
        "a meal from the phone, both parts from the pump",
        [
            {**MEAL, "created_at": SECOND, "enteredBy": "phone"},
            {**BOLUS, "created_at": AT, "isSMB": False},
            {**CARBS, "created_at": AT, "pumpType": "X"},
        ],
        4,
        40,
    ),
    (
        "two records of one meal by one uploader",
        [{**BOLUS, "created_at": AT, "isSMB": False}, {**CARBS, "created_at": AT, "pumpType": "X"}],
        4,
        40,
    ),
    ("a minute apart", [{**BOLUS, "created_at": AT}, {**BOLUS, "created_at": MINUTE}], 8, 0),
    (
        "other amounts at the same time",
        [{**BOLUS, "created_at": AT}, {**BOLUS, "insulin": 0.4, "created_at": AT, "enteredBy": "Trio"}],
        4.4,
        0,
    ),
]


@pytest.mark.parametrize(("what", "records", "insulin", "carbs"), TWICE, ids=[t[0] for t in TWICE])
@pytest.mark.parametrize("turned", [False, True])
def test_an_event_counts_once_whoever_wrote_it(
    what: str, records: list[dict[str, Any]], insulin: float, carbs: float, turned: bool
) -> None:
    result, _ = normalised(*(reversed(records) if turned else records))
    found = totals(result)
    assert (found.insulin_u, found.carbs_g) == (pytest.approx(insulin), pytest.approx(carbs))


UPLOADERS: list[tuple[dict[str, Any], str]] = [
    ({"enteredBy": "openaps://AndroidAPS"}, "AndroidAPS"),
    ({"app": "AAPS"}, "AndroidAPS"),
    ({"isSMB": True, "pumpType": "OMNIPOD_DASH"}, "AndroidAPS"),
    ({"enteredBy": "loop://iPhone"}, "Loop"),
    ({"enteredBy": "Trio"}, "Trio"),
    ({"enteredBy": "freeaps-x"}, "iAPS"),
    ({"enteredBy": "iAPS"}, "iAPS"),
    ({"enteredBy": "xdrip"}, "xDrip+"),
    ({"enteredBy": "Pump (tconnectsync)"}, "tconnectsync"),
    ({"enteredBy": "openaps://medtronic/722"}, "OpenAPS"),
    ({"enteredBy": "rig", "medtronic": "mm://openaps/mm-format-ns-treatments/Bolus"}, "OpenAPS"),
    ({"enteredBy": "Mum"}, "careportal: Mum"),
    ({"enteredBy": ["odd"]}, "unknown"),
    ({}, "unknown"),
]


@pytest.mark.parametrize(("record", "name"), UPLOADERS, ids=[json.dumps(u[0]) for u in UPLOADERS])
def test_an_uploader_is_known_by_what_it_writes(record: dict[str, Any], name: str) -> None:
    assert uploader(record) == name


@pytest.mark.parametrize(
    ("name", "long_acting"),
    [
        ("Lantus", True),
        ("Tresiba 200", True),
        ("Humulin N", True),
        ("NPH", True),
        ("Awiqli", True),
        ("Fiasp along", False),
        ("Novorapid", False),
        ("Humalog", False),
    ],
)
def test_long_acting_insulins_are_known_by_name(name: str, long_acting: bool) -> None:
    assert is_long_acting(name) is long_acting


@pytest.mark.parametrize("plain_u", [6.0, 10.0])
@pytest.mark.parametrize("apart_ms", [-400, 0, 400])
def test_a_combo_bolus_and_its_plain_copy_give_their_insulin_once(plain_u: float, apart_ms: int) -> None:
    # 6 U at once and 4 U over two hours; the other uploader wrote the part at once, or the whole, as one bolus.
    step_ms = 1_778_662_800_000  # where the two-second steps of the order begin
    combo = {
        **{"eventType": "Combo Bolus", "enteredinsulin": 10, "insulin": 6, "splitNow": 60, "splitExt": 40},
        **{"duration": 120, "created_at": iso_utc(step_ms), "enteredBy": "one"},
    }
    plain = {"eventType": "Correction Bolus", "insulin": plain_u, "created_at": iso_utc(step_ms + apart_ms)}
    for records in ([combo, plain], [plain, combo]):
        ledger = Ledger()
        kept = normalise_treatments(records, Context("UTC", None, 1_800_000_000_000), ledger)
        assert sum(bolus_u(r) for r in kept) == pytest.approx(10)
