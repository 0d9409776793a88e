"""From a proposal and its source document the exact new profile document, and what it changes in the person's units.

Everything of the source stays (siblings, targets, units, time zone, fields nobody knows) but what the server owns; the
tuned profile stands beside the old ones under its own name. A pure function: knows no site and reads no clock.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import listed, translatable
from flows.nightscout.documents import Record
from flows.oref0.several_values import NAMES
from flows.profiles.parse import unit_name
from flows.profiles.schedule_blocks import clock_text, read_schedule
from flows.profiles.stored import is_flat
from flows.proposal.aaps_limits import AAPS_LIMITS
from flows.proposal.consensus_limits import age_group
from flows.proposal.document import Proposal, Units
from flows.values.parts import Part
from flows.values.schedule import Block, Schedule
from flows.values.units import HOURS_PER_DAY, MINUTES_PER_DAY
from flows.writeback.aaps_checks import aaps_notes
from flows.writeback.active_on_site import profile_content, store_of
from flows.writeback.approval import Scope, SyncRequest
from flows.writeback.planned_schedules import Wanted, as_entries, new_basal, new_by_block, unchanged_hours
from flows.writeback.site_documents import check_name, check_no_markup

NAME = "Autotune"
WORDS = {
    Part.BASAL: to_translate("basal"),
    Part.ISF: to_translate("insulin sensitivity"),
    Part.CARB_RATIO: to_translate("carb ratio"),
}
FIELDS = {Part.BASAL: "basal", Part.ISF: "sens", Part.CARB_RATIO: "carbratio"}
# Wider than any of upstream's caps (oref0@0.7.1 lib/autotune: 0.7 to 1.2, for ISF their inverse); one step is rounding.
LEAST_RATIO, MOST_RATIO = 0.69, 1.45


@dataclass(frozen=True)
class Line:
    """One number that is written: from when to when of the day, what it is and what it becomes, in `unit`."""

    part: Part
    start: str
    end: str
    current: float
    new: float
    unit: str

    @property
    def key(self) -> str:
        """How the proposal's verdict names it: `basal_06`, `isf`, `carb_ratio`."""
        return {Part.BASAL: f"basal_{self.start[:2]}", Part.ISF: "isf", Part.CARB_RATIO: "carb_ratio"}[self.part]

    @property
    def more_insulin(self) -> bool:
        """Whether the new number gives more insulin: a higher basal, a lower sensitivity or carb ratio."""
        return self.new > self.current if self.part is Part.BASAL else self.new < self.current

    @property
    def change_percent(self) -> float:
        """The change in percent of what it is."""
        return 100.0 * (self.new / self.current - 1) if self.current else 0.0


@dataclass(frozen=True)
class Plan:
    """What is to be written: `document` without its `startDate`, which depends on when.

    `profile_json` is the tuned profile by itself, as a Profile Switch carries it. `what` it is of the proposal, with
    the parts and, of upstream's basal, the hours that were named (none: all).
    """

    what: Scope
    parts: tuple[Part, ...]
    hours: tuple[int, ...]
    name: str
    source_name: str
    document: Record
    profile_json: Record
    lines: tuple[Line, ...]
    daily_basal_current_u: float
    daily_basal_new_u: float
    notes: tuple[str, ...]

    @property
    def only_less(self) -> bool:
        """Whatever of upstream's numbers would give more insulin stays as it is."""
        return self.what is Scope.REDUCTIONS

    @property
    def changed(self) -> tuple[Line, ...]:
        """The numbers that become others."""
        return tuple(line for line in self.lines if not math.isclose(line.current, line.new, abs_tol=1e-9))


def plan(proposal: Proposal, source: Record, request: SyncRequest) -> Plan:
    """The new profile document, and what it changes: by the step, or by upstream's numbers.

    Of a step only the parts that it changes are written.

    Args:
        proposal: sealed and approved.
        source: the document it was computed from, as the site serves it.
        request: what of it, under which name.

    Raises:
        Refused: `PROPOSAL_WITHOUT_SITE`, `PROPOSAL_SEVERAL`, `PROPOSAL_OTHER_SOURCE`, `NOTHING_TO_WRITE`,
            `NOTHING_LESS_TO_WRITE`, `PROPOSAL_EARLIER`, `WRITE_NAME`, `WRITE_NAME_TAKEN`, `WRITE_NAME_IN_USE`,
            `WRITE_MARKUP`, `WRITE_VALUE`, `PROFILE_FIELD`.
    """
    store = store_of(source)
    source_name = str(proposal.profile.get("name"))
    if source_name not in store:
        raise Refused(Reason.PROPOSAL_WITHOUT_SITE, detail="its profile is not in the document")
    parts, wanted = _wanted(proposal, request)
    check_trusted(proposal, parts)
    name = _name(proposal, request, source, store)
    body = copy.deepcopy(store[source_name])
    old = {part: read_schedule(body.get(field), field, []) for part, field in FIELDS.items()}
    pump, only_less = wanted.pump, request.scope is Scope.REDUCTIONS
    isf_unit = "mmoll" if proposal.units is Units.MMOL_PER_L else "mgdl"
    # By part: how its new values come about, their step, their unit.
    new = {
        Part.BASAL: (partial(new_basal, wanted, old[Part.BASAL]), pump.basal_step_u_per_h, "U/h"),
        Part.ISF: (
            partial(new_by_block, pump.isf, f"{isf_unit}_per_u", old[Part.ISF], WORDS[Part.ISF]),
            pump.isf_step,
            f"{proposal.units.value}/U",
        ),
        Part.CARB_RATIO: (
            partial(new_by_block, pump.carb_ratio, "g_per_u", old[Part.CARB_RATIO], WORDS[Part.CARB_RATIO]),
            pump.carb_ratio_step_g_per_u,
            "g/U",
        ),
    }
    lines: list[Line] = []
    stay: list[Line] = []
    for part in parts:
        values_of, step, unit = new[part]
        values = values_of(only_less=only_less)
        written = list(_lines(part, old[part], values, unit))
        if only_less:
            whole = _lines(part, old[part], values_of(), unit)
            stay += [one for one, line in zip(whole, written, strict=True) if one != line]
        _check(part, written, step)
        lines += written
        if any(line.new != line.current for line in written):  # else its entries stay as they are, each of them
            body[FIELDS[part]] = as_entries(body.get(FIELDS[part]), values)
    document = _beside(source, store, name, body, proposal)
    check_no_markup(document)
    carried = copy.deepcopy(document["store"][name])
    done = Plan(
        what=request.scope,
        parts=parts,
        hours=tuple(sorted(set(request.hours))),
        name=name,
        source_name=source_name,
        document=document,
        profile_json=carried,
        lines=tuple(lines),
        daily_basal_current_u=HOURS_PER_DAY * old[Part.BASAL].mean(),
        daily_basal_new_u=HOURS_PER_DAY * read_schedule(carried["basal"], "basal", []).mean(),
        notes=(
            *_note_of_unwritten(stay),
            *(_unused(proposal, parts) if request.scope is not Scope.STEP else ()),
            *(_flattened(wanted, old[Part.BASAL], only_less) if Part.BASAL in parts else ()),
            *aaps_notes(document, name, AAPS_LIMITS[age_group(proposal.options)]),
        ),
    )
    if not done.changed:
        raise Refused(
            Reason.NOTHING_LESS_TO_WRITE if stay else Reason.NOTHING_TO_WRITE, parts=", ".join(parts or request.parts)
        )
    return done


def _wanted(proposal: Proposal, request: SyncRequest) -> tuple[tuple[Part, ...], Wanted]:
    """The parts to write, and their numbers."""
    now = proposal.current.basal_u_per_h
    if request.scope is not Scope.STEP:
        return request.parts, Wanted(proposal.for_pump, now, request.hours or range(HOURS_PER_DAY))
    if (step := proposal.step) is None:
        raise Refused(Reason.PROPOSAL_EARLIER)
    parts = tuple(part for part in request.parts if any(change.part is part for change in step.changes))
    return parts, Wanted(proposal.for_pump.after_step(now, step), now)


def check_trusted(proposal: Proposal, parts: Sequence[Part]) -> None:
    """Refuse settings of which upstream tuned several as their mean: a proposal may be sealed before that was red.

    Raises:
        Refused: `PROPOSAL_SEVERAL`.
    """
    untrusted = [NAMES[part] for part in proposal.for_pump.untrusted if part in parts]
    if untrusted:
        raise Refused(Reason.PROPOSAL_SEVERAL, what=" and ".join(untrusted))


# --- the name


def _name(proposal: Proposal, request: SyncRequest, source: Record, store: dict[str, Record]) -> str:
    name = request.name if request.name is not None else default_name(proposal)
    check_name(name)
    if name in store and not request.overwrite:
        raise Refused(Reason.WRITE_NAME_TAKEN, name=name)
    if name == source.get("defaultProfile") and not request.activate:
        raise Refused(Reason.WRITE_NAME_IN_USE, name=name)
    return name


def default_name(proposal: Proposal) -> str:
    """`Autotune 2026-11-22`: the local day on which the proposal was made."""
    made = datetime.fromisoformat(proposal.created_at).astimezone(ZoneInfo(proposal.timezone))
    return f"{NAME} {made:%Y-%m-%d}"


# --- the numbers


def _lines(part: Part, old: Schedule, new: dict[int, float], unit: str) -> Iterator[Line]:
    is_basal = part is Part.BASAL
    edges = [*range(0, MINUTES_PER_DAY, 60)] if is_basal else [b.minutes for b in old.blocks]
    written = Schedule(tuple(Block(minutes, value) for minutes, value in sorted(new.items())))
    current = old.hourly() if is_basal else [b.value for b in old.blocks]
    values = written.hourly() if is_basal else [written.at(start) for start in edges]
    clocks = [clock_text(minutes) for minutes in (*edges, MINUTES_PER_DAY)]
    for (start, end), now, value in zip(pairwise(clocks), current, values, strict=True):
        yield Line(part, start, end, now, now if math.isclose(value, now, abs_tol=1e-9) else value, unit)


def _check(part: Part, lines: list[Line], step: float) -> None:
    """No number that no recommendation of upstream's, rounded to the pump's step, can be."""
    for line in lines:
        what = translatable("{what} of {time}", what=WORDS[part], time=line.start)
        if not math.isfinite(line.new) or line.new <= 0:
            raise Refused(Reason.WRITE_VALUE, what=what, detail="it must be above zero")
        low, high = line.current * LEAST_RATIO - step, line.current * MOST_RATIO + step
        if not low - 1e-9 <= line.new <= high + 1e-9:
            raise Refused(Reason.WRITE_VALUE, what=what, detail="it is further from the current one than upstream goes")


# --- the document


def _beside(source: Record, store: dict[str, Record], name: str, body: Record, proposal: Proposal) -> Record:
    """The source document with the tuned profile in its store; a flat one as Nightscout itself reads it."""
    kept = copy.deepcopy(profile_content(source))
    if unit_name(body.get("units")) is None:
        # Whoever reads the profile by itself (a switch's profileJson, AAPS) has to find them.
        top = source.get("units")
        mmol = proposal.units is Units.MMOL_PER_L
        body["units"] = top if unit_name(top) == proposal.units.value else "mmol" if mmol else "mg/dl"
    elif unit_name(body["units"]) != proposal.units.value:
        raise Refused(Reason.PROPOSAL_OTHER_SOURCE, what="unit")
    if is_flat(source):  # the old flat shape, as Nightscout itself reads it
        (default,) = store
        kept = {"defaultProfile": default, "store": {default: kept}}
        body = profile_content(body)
    elif not isinstance(source["store"], dict):
        kept["store"] = copy.deepcopy(store)
    if not kept.get("defaultProfile") and len(store) == 1:
        kept["defaultProfile"] = next(iter(store))
    return {**kept, "store": {**kept["store"], name: body}}


def _note_of_unwritten(stay: list[Line]) -> tuple[str, ...]:
    """What of the proposal is not written, since it would give more insulin."""
    named = listed(translatable("{what} of {time}", what=WORDS[line.part], time=line.start) for line in stay)
    said = translatable("Only what gives less insulin is written. As it is stays the {what}.", what=named)
    return (said,) if stay else ()


def _unused(proposal: Proposal, parts: Sequence[Part]) -> list[str]:
    """Which blocks stay since there was nothing in them, while the others of the schedule change."""
    what = {
        Part.ISF: to_translate("The {what} from {times} stays as it is: there were no points for it in it."),
        Part.CARB_RATIO: to_translate("The {what} from {times} stays as it is: there were no meals in it."),
    }
    unused = {part: proposal.for_pump.unused(part) for part in what if part in parts}
    return [
        translatable(what[part], what=WORDS[part], times=", ".join(starts)) for part, starts in unused.items() if starts
    ]


def _flattened(wanted: Wanted, old: Schedule, only_less: bool) -> tuple[str, ...]:
    """Which hours lose a change within them."""
    within = {b.minutes // 60 for b in old.blocks if b.minutes % 60 and b.value != old.at(b.minutes - 1)}
    hours = sorted(within - unchanged_hours(wanted, old, only_less=only_less))
    named = ", ".join(f"{hour:02d}:00" for hour in hours)
    said = translatable(
        "The basal changes within the hour of {times} now; it becomes one rate for that whole hour.", times=named
    )
    return (said,) if hours else ()
