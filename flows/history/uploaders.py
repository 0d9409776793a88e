"""Who uploaded a record, told from its own fields; for telling the same event apart that two uploaders wrote."""

from __future__ import annotations

from typing import Any

# First match wins; each is (name, fields looked in, text looked for in lower case).
_NAMED: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("AndroidAPS", ("enteredBy", "app", "device"), ("androidaps", "aaps")),
    ("Trio", ("enteredBy", "app", "device"), ("trio",)),
    ("iAPS", ("enteredBy", "app", "device"), ("iaps", "freeaps-x", "freeapsx", "freeaps x")),
    ("Loop", ("enteredBy", "app", "device"), ("loop://", "loop", "loopkit")),
    ("xDrip+", ("enteredBy", "app", "device"), ("xdrip",)),
    ("tconnectsync", ("enteredBy", "app", "device"), ("tconnectsync",)),
    ("Medtronic 600", ("enteredBy", "app", "device"), ("medtronic 600", "600series", "medtronic-600")),
    ("OpenAPS", ("enteredBy", "app", "device", "medtronic"), ("openaps", "mm://", "mmtune")),
)


def uploader(record: dict[str, Any]) -> str:
    """The uploader's name; what a record says of itself where it is none of the known ones.

    AAPS writes boluses without saying who it is: the pump's identity gives it away. OpenAPS marks what came from a
    Medtronic pump with `medtronic`, whoever's name stands in `enteredBy`.
    """
    if record.get("medtronic"):
        return "OpenAPS"
    for name, fields, marks in _NAMED:
        for field in fields:
            text = record.get(field)
            if isinstance(text, str) and any(mark in text.lower() for mark in marks):
                return name
    if record.get("pumpType") or record.get("pumpSerial") or "isSMB" in record:
        return "AndroidAPS"
    if record.get("key600"):
        return "Medtronic 600"
    if record.get("syncIdentifier"):
        return "Loop"
    said = record.get("enteredBy")
    return f"careportal: {said}" if isinstance(said, str) and said.strip() else "unknown"
