"""One event once, however many uploaders wrote it down.

Never by `_id` alone: AAPS repeats it for different records. Boluses and carbs are compared each for itself, since one
uploader writes a meal as one record and another as two.
"""

from __future__ import annotations

from flows.history.boluses import COUNTED_TYPES
from flows.history.records import Context, Numbered, bolus_u, carbs_g, sort_key, totals
from flows.history.uploaders import uploader
from flows.nightscout.documents import Record
from flows.values.ledger import Entry, Ledger, Totals, changed_fields
from flows.values.timestamps import instant_ms

WITHIN_MS = 2000
OWN_IDS = ("syncIdentifier", "id", "pumpId", "identifier", "uuid")
RULE = ("duplicate", "events uploaded twice are counted once")


def at(record: Record, zone: str) -> float:
    """A normalised treatment's instant in epoch milliseconds."""
    found = instant_ms(record["created_at"], zone)
    assert found is not None  # rule `created_at` let it through
    return found[0]


def in_order(records: Numbered, zone: str) -> Numbered:
    """Oldest first; of the same instant in an order of their content, so that the order of arrival changes nothing."""
    return sorted(records, key=lambda item: (at(item[1], zone), sort_key(item[1])))


def remove_duplicates(records: Numbered, context: Context, ledger: Ledger) -> Numbered:
    """Leave out insulin and carbs that another record within two seconds has already.

    The same insulin and carbs together are one event whoever wrote them. Insulin alone, or carbs alone, that stand in
    records of different uploaders are one event too; of the same uploader they are not.
    """
    before = totals(r for _, r in records)
    kept: list[tuple[float, str, Record]] = []
    changed = False
    for name, record in sorted(records, key=lambda item: _richest_first(item[1], context.zone)):
        instant = at(record, context.zone)
        near = [other for ms, _, other in reversed(kept[-50:]) if abs(instant - ms) <= WITHIN_MS]
        rest, reason = _not_yet_counted(record, near)
        if rest is record:
            kept.append((instant, name, record))
            continue
        changed = True
        delta = (totals([rest]) if rest else Totals()) - totals([record])
        was, now = changed_fields(record, rest) if rest else (record, {})
        ledger.note(Entry(RULE[0], name, was, now, reason, delta, removed=rest is None))
        if rest:
            kept.append((instant, name, rest))
    result = [(name, record) for _, name, record in kept]
    if changed:
        ledger.close_rule(*RULE, before, totals(r for _, r in result))
    return result


def _richest_first(record: Record, zone: str) -> tuple[float, float, bool, str]:
    # By two-second steps, and in each the record that says most first: what it holds is then missing from the others.
    instant = at(record, zone)
    says = bool(bolus_u(record)) + bool(carbs_g(record))
    return (instant // WITHIN_MS, -says, not _names_its_event(record), f"{instant:.3f} {sort_key(record)}")


def _own_ids_differ(one: Record, other: Record) -> bool:
    """Whether one uploader gave them different ids of its own: two events, however alike."""
    return any(one.get(k) and other.get(k) and one[k] != other[k] for k in OWN_IDS)


def _names_its_event(record: Record) -> bool:
    return record.get("eventType") in COUNTED_TYPES


def _not_yet_counted(record: Record, near: list[Record]) -> tuple[Record | None, str]:
    insulin, carbs = bolus_u(record), carbs_g(record)
    if not insulin and not carbs:
        return record, ""
    mine = uploader(record)
    near = [o for o in near if uploader(o) != mine or not _own_ids_differ(o, record)]
    if any((bolus_u(o), carbs_g(o)) == (insulin, carbs) for o in near):
        return None, "the same insulin and carbs at the same time as another record"
    others = [o for o in near if uploader(o) != mine]
    twice_insulin = insulin > 0 and any(bolus_u(o) == insulin for o in others)
    twice_carbs = carbs > 0 and any(carbs_g(o) == carbs for o in others)
    if not twice_insulin and not twice_carbs:
        return record, ""
    rest = dict(record)
    if twice_insulin:
        rest["insulin"] = None
    if twice_carbs:
        rest["carbs"] = None
    if not bolus_u(rest) and not carbs_g(rest):
        return None, "its insulin and carbs stand in records of another uploader at the same time"
    what = "insulin" if twice_insulin else "carbs"
    return rest, f"its {what} stands in a record of another uploader at the same time"
