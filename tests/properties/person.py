"""A person's data as a transformation takes and gives it: records, options of the run, and how files are written."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.nightscout.documents import read_records
from flows.profiles.parse import named_zone
from flows.values.local_days import LocalDay, day_of
from flows.values.timestamps import instant_ms
from flows.values.units import HOUR_MS

Record = dict[str, Any]
KINDS = ("entries", "treatments", "profile")
# The clock of a run stands so long after the newest reading: a stray record of weeks later is not in the future.
CLOCK_AFTER = timedelta(days=60)
RECORDED_PUMP, DERIVED = "oref0_pumpprofile.json", "profile.DERIVED.json"

Writer = Callable[[str, list[Any]], tuple[str, bytes]]  # kind and records → file name and content


def plainly(kind: str, records: list[Any]) -> tuple[str, bytes]:
    """A JSON array, as Nightscout's API serves it."""
    return f"{kind}.json", json.dumps(records, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Person:
    """Never changed in place: a transformation makes a new one.

    `options` are fields of `AnalysisRequest`; `pages` are lists of records of a kind, as a site's answers bring them,
    in place of one file a kind.
    """

    name: str
    entries: list[Any]
    treatments: list[Any]
    profile: list[Any]
    now: datetime
    zone: str = "UTC"
    options: dict[str, Any] = field(default_factory=dict)
    writer: Writer = plainly
    pages: dict[str, list[list[Any]]] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """The directory as `--from` reads it."""
        made = [self.writer(kind, getattr(self, kind)) for kind in KINDS if kind != "profile" or self.profile]
        return dict(made)

    def is_like(self, other: Person) -> bool:
        """Whether nothing at all is different: the transformation found nothing to change."""
        return self.files() == other.files() and (self.options, self.pages) == (other.options, other.pages)

    def with_options(self, **options: Any) -> Person:
        """With other options of the run."""
        return replace(self, options={**self.options, **options})

    def each_entry(self, change: Callable[[Record], Record | None]) -> Person:
        """With every entry changed; `None` leaves one as it is."""
        return replace(self, entries=_each(self.entries, change))

    def each_treatment(self, change: Callable[[Record], Record | None]) -> Person:
        """As `each_entry`, for treatments."""
        return replace(self, treatments=_each(self.treatments, change))

    def each_body(self, change: Callable[[Record], Record | None]) -> Person:
        """As `each_entry`, for every profile in the store of every document."""
        return replace(self, profile=[_bodies(d, change) for d in self.profile])


def _each(records: list[Any], change: Callable[[Record], Record | None]) -> list[Any]:
    changed = []
    for record in records:
        made = change(dict(record)) if isinstance(record, dict) else None
        changed.append(record if made is None else made)
    return changed


def _bodies(document: Any, change: Callable[[Record], Record | None]) -> Any:
    if not isinstance(document, dict) or not isinstance(document.get("store"), dict):
        return document
    store = {
        name: (change(dict(body)) or body) if isinstance(body, dict) else body
        for name, body in document["store"].items()
    }
    return {**document, "store": store}


def entry_ms(entry: Any) -> float | None:
    """When a reading was, where its `date` says it."""
    found = instant_ms(entry.get("date"), "UTC") if isinstance(entry, dict) else None
    return found[0] if found else None


def treatment_ms(treatment: Any, zone: str = "UTC") -> float | None:
    """When a treatment was, where its `created_at` says it."""
    found = instant_ms(treatment.get("created_at"), zone) if isinstance(treatment, dict) else None
    return found[0] if found else None


def is_reading(entry: Any) -> bool:
    """A sensor's reading with a time and a whole or decimal number in `sgv`."""
    return (
        isinstance(entry, dict)
        and str(entry.get("type") or "sgv") == "sgv"
        and is_number(entry.get("sgv"))
        and entry_ms(entry) is not None
    )


def is_number(value: Any) -> bool:
    """A number that JSON can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def amount(record: Any, name: str) -> float:
    """A treatment's insulin or carbs, 0 where there is no number."""
    value = record.get(name) if isinstance(record, dict) else None
    return float(value) if is_number(value) else 0.0


def is_temp_basal(record: Any) -> bool:
    """A temporary basal under the name that upstream knows."""
    return isinstance(record, dict) and record.get("eventType") == "Temp Basal"


def people_in(directory: Path, **options: Any) -> list[Person]:
    """The people of a directory: itself, or its folders that hold an entries.json (packed or not)."""
    if _has_entries(directory):
        return [read_person(directory, **options)]
    return [read_person(folder, **options) for folder in sorted(directory.iterdir()) if _has_entries(folder)]


def read_person(directory: Path, days: int | None = None, **options: Any) -> Person:
    """A Nightscout dump directory as `autotune propose --from` takes it.

    Without a profile.json: one derived from recorded data, else a recorded pump profile, as `--openaps-profile`.

    Args:
        directory: with entries.json, treatments.json and a profile.
        days: take only so many days, from 04:00 to 04:00, up to the newest reading, and the treatments about them.
        options: fields of `AnalysisRequest`.
    """
    entries, treatments = (read_records(directory / f"{kind}.json") for kind in ("entries", "treatments"))
    profile: list[Any] = []
    if "profile_file" not in options and "openaps_profile" not in options:
        for name in ("profile.json", DERIVED):
            if (directory / name).is_file() or (directory / f"{name}.gz").is_file():
                profile = read_records(directory / name)
                break
        else:
            if (directory / RECORDED_PUMP).is_file():
                options["openaps_profile"] = directory / RECORDED_PUMP
    newest = max((ms for e in entries if (ms := entry_ms(e)) is not None), default=0.0)
    now = datetime.fromtimestamp(newest / 1000, UTC) + CLOCK_AFTER
    person = Person(directory.name, entries, treatments, profile, now, options=options)
    person = replace(person, zone=options.get("timezone") or _zone(profile, newest) or "UTC")
    return person if days is None else last_days(person, days)


def last_days(person: Person, days: int) -> Person:
    """The person with the last days of the data alone."""
    instants = [ms for e in person.entries if (ms := entry_ms(e)) is not None]
    if not instants:
        return person
    last = day_of(max(instants) - HOUR_MS, person.zone)
    window = LocalDay(last.date - timedelta(days=days - 1), person.zone).glucose.start_ms
    entries = [e for e in person.entries if (ms := entry_ms(e)) is None or ms >= window]
    since = window - 24 * HOUR_MS
    treatments = [t for t in person.treatments if (ms := treatment_ms(t)) is None or ms >= since]
    return replace(person, entries=entries, treatments=treatments)


def _has_entries(directory: Path) -> bool:
    return any((directory / name).is_file() for name in ("entries.json", "entries.json.gz"))


def _zone(profile: list[Any], until_ms: float) -> str | None:
    try:
        return named_zone(profile, name=None, until_ms=until_ms) if profile else None
    except Refused:
        return None
