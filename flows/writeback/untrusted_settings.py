"""Whether a change of an earlier version writes settings that no recommendation is trusted for."""

from __future__ import annotations

from flows.errors import Refused
from flows.nightscout.documents import Record
from flows.profiles.schedule_blocks import read_schedule
from flows.proposal.several_values import NAMES, different
from flows.values.parts import Part
from flows.writeback.active_on_site import store_of
from flows.writeback.journal import Change
from flows.writeback.plan import FIELDS
from flows.writeback.session import Intent


def untrusted_parts(change: Change, intent: Intent) -> tuple[Part, ...]:
    """The settings that a change of a proposal writes, and of which the profile it was computed from has several.

    `plan` refuses these since `PROPOSAL_SEVERAL` is there; what was begun before that has them in its kept documents. A
    rollback writes what the person had, and has none.
    """
    if change.facts.get("kind") != "apply":
        return ()
    written = change.facts.get("parts") or [part.value for part in NAMES]
    was = store_of(intent.before).get(str(change.facts.get("source")))
    will = store_of(intent.document).get(str(change.facts.get("name")))
    bodies = [body for body in (was, will) if body is not None]  # both: a profile may be written over its own source
    return tuple(part for part in NAMES if part in written and any(_several(body, part) for body in bodies))


def _several(body: Record, part: Part) -> bool:
    try:
        schedule = read_schedule(body.get(FIELDS[part]), FIELDS[part], [])
    except Refused:
        return True  # what cannot be read is not trusted
    return different(schedule.distinct) > 1
