"""One event once, however many uploaders wrote it down, and however often.

An event's identity is what identifies it: its app's own ids, its instant within two seconds, its amounts within
rounding. Never `_id` alone: AAPS repeats it for different records. Insulin and carbs are compared each for itself,
since one uploader writes a meal as one record and another as two. Copies are removed before anything is split over
time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flows.history.boluses import COUNTED_TYPES, given_at_once_u
from flows.history.doubts import SAME_EVENT, Doubt, amber_doubt
from flows.history.records import Context, Numbered, bolus_u, carbs_g, extended_insulin_u, sort_key, sorted_by, totals
from flows.history.temp_basals import is_temp_basal
from flows.history.uploaders import uploader
from flows.language.catalogue import to_translate
from flows.nightscout.documents import Record
from flows.values.ledger import Entry, Ledger, Totals, changed_fields
from flows.values.numbers import number_or_none, number_or_zero
from flows.values.timestamps import instant_ms

WITHIN_MS = 2000
# Half of the last decimal that uploaders write: 0.01 U, and whole grams where another app wrote it.
SAME_U, SAME_G = 0.0051, 0.51
# What an app calls an event of its own. `pumpId` counts within one pump.
OWN_IDS = ("syncIdentifier", "id", "pumpId", "uuid", "identifier")
RULE = ("duplicate", to_translate("events uploaded twice are counted once"))
OF_A_COMBO = ("relative", "splitNow", "splitExt", "enteredinsulin", "duration")
NAMED_AT_MOST = 3
UNSURE = to_translate(
    "{records:.0f} records hold the same amounts as another of the same instant under an id of their own ({instants}): "
    "all are counted; delete in Nightscout what is a copy."
)
UNSURE_MORE = to_translate(
    "{records:.0f} records hold the same amounts as another of the same instant under an id of their own ({instants} "
    "and {more_times:.0f} more times): all are counted; delete in Nightscout what is a copy."
)


def at(record: Record, zone: str) -> float:
    """A normalised treatment's instant in epoch milliseconds."""
    found = instant_ms(record["created_at"], zone)
    assert found is not None  # rule `created_at` let it through
    return found[0]


def in_order(records: Numbered, zone: str) -> Numbered:
    """Oldest first; of the same instant in an order of their content, so that the order of arrival changes nothing."""
    return sorted_by(records, lambda item: at(item[1], zone), lambda item: item[1])


@dataclass(frozen=True)
class _Event:
    """A record that gives something, as it is compared: its uploader, insulin at once and in all, carbs."""

    at_ms: float
    by: str
    record: Record
    insulin_u: float
    all_insulin_u: float
    carbs_g: float

    @property
    def in_parts(self) -> bool:
        return not self.insulin_u or not self.carbs_g

    def same_insulin(self, other: _Event) -> bool:
        mine, theirs = {self.insulin_u, self.all_insulin_u} - {0.0}, {other.insulin_u, other.all_insulin_u} - {0.0}
        return any(abs(a - b) <= SAME_U for a in mine for b in theirs)

    def same_carbs(self, other: _Event) -> bool:
        tolerance = SAME_G if self.by != other.by else SAME_U
        return self.carbs_g > 0 and other.carbs_g > 0 and abs(self.carbs_g - other.carbs_g) <= tolerance

    def same(self, other: _Event) -> bool:
        # All of this one's insulin stands in the other: a combo bolus has more than its copy of the part at once.
        theirs = (other.insulin_u, other.all_insulin_u)
        insulin = any(abs(self.all_insulin_u - u) <= SAME_U for u in theirs)
        return insulin and (self.same_carbs(other) or not (self.carbs_g or other.carbs_g))


def _event(record: Record, zone: str) -> _Event:
    now, extended = given_at_once_u(record), extended_insulin_u(record)
    return _Event(at(record, zone), uploader(record), record, now, now + extended, carbs_g(record))


def remove_duplicates(records: Numbered, context: Context, ledger: Ledger) -> Numbered:
    """Leave out insulin, carbs and temporary basals that another record within two seconds has already.

    The same insulin and carbs together are one event whoever wrote them, unless one app gave them two ids. Insulin
    alone, or carbs alone, are one with those of a record of another uploader, or of a fuller record of the same one.
    """
    before = totals(r for _, r in records)
    kept: list[tuple[str, Record]] = []
    events: list[_Event] = []
    temps: list[tuple[float, Record]] = []
    changed = False
    for name, record in sorted(records, key=lambda item: _richest_first(item[1], context.zone)):
        rest: Record | None = record
        reason = ""
        if is_temp_basal(record):
            rest, reason = _other_temp_basal(record, temps, context.zone)
        elif bolus_u(record) or carbs_g(record) or extended_insulin_u(record) or given_at_once_u(record):
            event = _event(record, context.zone)
            near = [other for other in events[-50:] if abs(event.at_ms - other.at_ms) <= WITHIN_MS]
            rest, reason = _not_yet_counted(event, near)
            if rest is not None:
                events.append(event if rest is record else _event(rest, context.zone))
        if rest is not record:
            changed = True
            delta = (totals([rest]) if rest else Totals()) - totals([record])
            was, now = changed_fields(record, rest) if rest else (record, {})
            ledger.note(Entry(RULE[0], name, was, now, reason, delta, removed=rest is None))
        if rest is not None:
            kept.append((name, rest))
    if changed:
        ledger.close_rule(*RULE, before, totals(r for _, r in kept))
    return kept


def _richest_first(record: Record, zone: str) -> tuple[float, float, bool, str]:
    # By two-second steps, and in each the record that says most first: what it holds is then missing from the others.
    instant = at(record, zone)
    says = bool(bolus_u(record)) + bool(carbs_g(record)) + 2 * bool(extended_insulin_u(record))
    says += bool(carbs_g(record) and not bolus_u(record) and number_or_none(record.get("duration")))
    return (instant // WITHIN_MS, -says, not _names_its_event(record), f"{instant:.3f} {sort_key(record)}")


def _names_its_event(record: Record) -> bool:
    return record.get("eventType") in COUNTED_TYPES


def _two_events(one: Record, other: Record) -> bool:
    """Whether one app gave them different ids of its own, and no id that is the same: two events, however alike."""
    ids = [(k, one.get(k), other.get(k)) for k in OWN_IDS if _is_own(one, k) and _is_own(other, k)]
    agree = any(a == b and (k != "pumpId" or one.get("pumpSerial") == other.get("pumpSerial")) for k, a, b in ids)
    return bool(ids) and not agree


def _is_own(record: Record, key: str) -> bool:
    # API v3 serves `_id` as the identifier of what came through v1: it says nothing.
    return bool(record.get(key)) and not (key == "identifier" and record.get(key) == record.get("_id"))


def _other_temp_basal(record: Record, seen: list[tuple[float, Record]], zone: str) -> tuple[Record | None, str]:
    instant = at(record, zone)
    for other in [other for ms, other in seen[-50:] if abs(instant - ms) <= WITHIN_MS]:
        pairs = ((number_or_none(record.get(k)), number_or_none(other.get(k))) for k in ("duration", "rate", "amount"))
        if all(a == b or (a is not None and b is not None and abs(a - b) <= SAME_U) for a, b in pairs):
            return None, "the same temporary basal as another record's"
    seen.append((instant, record))
    return record, ""


def _not_yet_counted(mine: _Event, near: Sequence[_Event]) -> tuple[Record | None, str]:
    near = [o for o in near if o.by != mine.by or not _two_events(o.record, mine.record)]
    if any(mine.same(o) for o in near):
        return None, "the same insulin and carbs at the same time as another record"
    # One uploader's own records are parts of one meal only where one of the two has but a part of it.
    others = [o for o in near if o.by != mine.by or (mine.in_parts != o.in_parts)]
    twice_insulin = any(mine.same_insulin(o) for o in others)
    twice_carbs = any(mine.same_carbs(o) for o in others)
    if not twice_insulin and not twice_carbs:
        return mine.record, ""
    rest = dict(mine.record)
    if twice_insulin and mine.all_insulin_u > mine.insulin_u:
        rest = {k: v for k, v in rest.items() if k not in OF_A_COMBO} | {"insulin": 0.0}
        if not any(abs(mine.all_insulin_u - u) <= SAME_U for o in others for u in (o.insulin_u, o.all_insulin_u)):
            # The part over time stays, as a rate: from its whole the part at once would be made again.
            duration_min = number_or_zero(mine.record.get("duration"))  # above 0, or nothing was given over time
            extended_u = mine.all_insulin_u - mine.insulin_u
            rest |= {"duration": duration_min, "relative": extended_u * 60 / duration_min}
    elif twice_insulin:
        rest["insulin"] = None
    if twice_carbs:
        rest["carbs"] = None
    if not bolus_u(rest) and not carbs_g(rest) and not extended_insulin_u(rest):
        return None, "its insulin and carbs stand in other records of the same time"
    what = "insulin" if twice_insulin else "carbs"
    return rest, f"its {what} stands in another record of the same time"


def unsure_copies(treatments: Iterable[Record], zone: str) -> list[Doubt]:
    """A doubt where one uploader stored equal insulin and carbs several times at one instant, each under its own id.

    Args:
        treatments: normalised: what is surely a copy is not among them.
        zone: the person's.
    """
    events = sorted((_event(t, zone) for t in treatments if bolus_u(t) or carbs_g(t)), key=lambda e: e.at_ms)
    groups: list[list[_Event]] = []
    for event in events:
        near = (g for g in groups[-20:] if event.at_ms - g[-1].at_ms <= WITHIN_MS)
        group = next((g for g in near if event.by == g[0].by and event.same(g[0])), None)
        if group is None:
            groups.append([event])
        else:
            group.append(event)
    several = [group for group in groups if len(group) > 1]
    if not several:
        return []
    named = ", ".join(
        f"{len(g)} at {datetime.fromtimestamp(g[0].at_ms / 1000, ZoneInfo(zone)):%Y-%m-%d %H:%M}"
        for g in several[:NAMED_AT_MOST]
    )
    return [
        amber_doubt(
            SAME_EVENT,
            UNSURE_MORE if len(several) > NAMED_AT_MOST else UNSURE,
            records=sum(map(len, several)),
            instants=named,
            more_times=len(several) - NAMED_AT_MOST,
        )
    ]
