"""Whoever says a doubt in another language has every number of its sentence among the facts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from flows.history.doubts import Doubt, doubt_of
from flows.history.duplicates import unsure_copies
from flows.history.dynamic_isf import dynamic_isf
from flows.history.insulin_changed import insulin_changed
from flows.history.insulin_named import insulin_named
from flows.history.long_acting import long_acting_pattern
from flows.history.quality import doubtful_glucose
from flows.history.situations.table import find_situations
from flows.history.travel import travel
from flows.history.treatments import normalise_treatments
from flows.pipeline.profile_to_tune import _short_dia
from flows.values.ledger import Ledger
from tests.numbers_said import numbers_apart
from tests.unit.history import (
    test_dynamic_isf,
    test_insulin,
    test_insulin_changed,
    test_one_event_limits,
    test_situations,
    test_window,
)


def long_acting() -> list[Doubt]:
    records = [*test_insulin.meals(5), *(test_insulin.dose(day, 22, 16) for day in range(5))]
    return long_acting_pattern(normalise_treatments(records, test_insulin.CONTEXT, Ledger()), test_insulin.ZONE)


def insulins(*names: str, chosen: str | None = None) -> list[Doubt]:
    return list(insulin_named([test_insulin.dose(n, 8, 4, insulinType=i) for n, i in enumerate(names)], chosen).doubts)


def copies(times: int) -> list[Doubt]:
    pairs = [(600.0 * n, f"{n}{side}") for n in range(times) for side in "ab"]
    return unsure_copies([test_one_event_limits.treatment(at, _id=key, insulin=1.0) for at, key in pairs], "UTC")


def doubtful_days() -> list[Doubt]:
    day: dict[str, Any] = {
        **{"status": "used", "readings": 288, "coverage": 1.0, "longest_gap_h": 0.2, "boluses": 5},
        **{"insulin_u": 20.0, "carb_entries": 3, "carbs_g": 150.0, "temp_basals": 48, "sensors": 1, "uploaders": 1},
    }
    return doubtful_glucose([day | {"date": f"2026-05-{n:02d}", "flat_h": 3.0 * (n > 12)} for n in range(10, 16)])


def changed() -> list[Doubt]:
    names = ["NovoRapid"] * 4 + ["Fiasp"] * 3
    return insulin_changed(test_insulin_changed.doses(*names), "UTC", test_insulin_changed.WINDOW)


def dynamic() -> list[Doubt]:
    days = test_dynamic_isf.days(60, 60, 60, 50, 60)
    return dynamic_isf(days, "UTC", test_dynamic_isf.WINDOW, lambda _ms: (test_dynamic_isf.PROFILE,))


def away(*offsets: int) -> list[Doubt]:
    return travel(test_window.entries(list(offsets), "utcOffset"), [], [], test_window.DAYS)


H, D, T, P = "flows.history.", "duplicates", "travel", "flows.pipeline.profile_to_tune"
TABLE: list[tuple[str, Callable[[], list[Doubt]], dict[str, float | str]]] = [
    (H + "long_acting", long_acting, {"days_with_dose": 5.0, "days": 5.0}),
    (H + "insulin_named", lambda: insulins("Humalog 200 units/ml"), {"doses": 1.0}),
    (H + "insulin_named", lambda: insulins("Humalog", "Fiasp"), {"case": "several"}),
    (H + "insulin_named", lambda: insulins("Actrapid"), {"case": "neither"}),
    (H + "insulin_named", lambda: insulins("Fiasp", chosen="rapid-acting"), {"chosen": "rapid-acting"}),
    (H + D, lambda: copies(1), {"records": 2.0}),
    (H + D, lambda: copies(9), {"records": 18.0, "more_times": 6.0}),
    (H + "quality", doubtful_days, {"days_doubtful": 3.0, "days": 6.0, "dates": "2026-05-13,2026-05-14,2026-05-15"}),
    (H + "insulin_changed", changed, {"since": "2026-05-05", "case": "doses"}),
    (H + "dynamic_isf", dynamic, {"days_differing": 4.0, "days_told": 5.0, "differs_percent": 10.0}),
    (H + T, lambda: away(120, 120, -240), {"days_abroad": 1.0, "days_left": 2.0, "shift_h": -6.0}),
    (H + T, lambda: away(330, 330, 330), {"days": 3.0, "shift_h": 3.5, "zone": "Europe/Berlin"}),
    (H + "situations.table", lambda: find_situations(test_situations.zero(4, 181)), {"days": 1.0, "days_used": 8.0}),
    (P, lambda: list(_short_dia(4.5)), {"dia_h": 4.5, "shortest_dia_h": 5.0}),
]


@pytest.mark.parametrize(("module", "make", "facts"), TABLE, ids=[f"{m}-{n}" for n, (m, _, _) in enumerate(TABLE)])
def test_the_numbers_of_a_doubt_are_its_facts_also_where_it_was_stored(
    module: str, make: Callable[[], list[Doubt]], facts: dict[str, float | str]
) -> None:
    (doubt,) = make()
    assert numbers_apart(doubt.sentence, doubt.facts, module) == set()
    assert facts.items() <= doubt.facts.items()
    assert doubt_of(json.loads(json.dumps(asdict(doubt)))) == doubt
