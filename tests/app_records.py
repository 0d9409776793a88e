"""A record or more of each shape that uploaders write, of 2026-05-13, and profiles: to be mutated; nobody's data.

Entries and treatments lie in `app_records.json`; an empty `profileJson` there stands for a profile as JSON text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.people import profile_document
from tests.proposals import mmol_document
from tests.proposals import profile_document as two_profiles

_BODY = profile_document()["store"]["Default"]
_WRITTEN = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
_MMOL = {**_BODY, "units": "mmol", "sens": [{"time": "00:00", "value": 2.8}]}
_LOOP = {"bundleIdentifier": "com.loopkit.Loop", "maximumBolus": 10, "dosingEnabled": True, "deviceToken": "t"}

ENTRIES: list[dict[str, Any]] = _WRITTEN["entries"]
TREATMENTS: list[dict[str, Any]] = [
    {**t, "profileJson": json.dumps(_BODY)} if t.get("profileJson") == "" else t for t in _WRITTEN["treatments"]
]
SWITCHES = [t for t in TREATMENTS if t["eventType"] in ("Profile Switch", "Note")]
PROFILES: tuple[dict[str, Any], ...] = (
    profile_document(),
    profile_document(store={"Default": _MMOL}, units="mmol"),
    profile_document(loopSettings=_LOOP, enteredBy="Loop", mills="1778666400000"),
    profile_document(startDate="1970-01-01T00:00:00.000Z", convertedOnTheFly=True, store={"A": _BODY, "B": _MMOL}),
    {**_BODY, "_id": "flat", "startDate": "2026-05-13T10:00:00.000Z", "basal": "0.9", "sens": 50, "carbratio": "10"},
    two_profiles(),
    mmol_document(),
)
