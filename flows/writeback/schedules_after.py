"""All settings in use and after what a person chose of a proposal, to the last digit of the source: what is typed.

As `plan`, but nothing is written, so that it needs no site, and where the source is not at hand the proposal's own
numbers will do.
"""

from __future__ import annotations

from flows.entry.sheet import SettingsToEnter
from flows.nightscout.documents import Record
from flows.profiles.schedule_blocks import read_schedule
from flows.proposal.document import CarbRatioBlock, ForPump, IsfBlock, Proposal, Units
from flows.values.parts import Part
from flows.values.schedule import Block, Schedule
from flows.values.units import HOURS_PER_DAY
from flows.writeback.active_on_site import store_of
from flows.writeback.approval import Scope
from flows.writeback.plan import FIELDS, WORDS, check_trusted
from flows.writeback.planned_schedules import Wanted, new_basal, new_by_block


def settings_to_enter(proposal: Proposal, source: Record | None, scope: Scope) -> SettingsToEnter:
    """The settings by part, ISF in the proposal's unit.

    Args:
        proposal: sealed; one with a step, where that is wanted.
        source: the document it was computed from; `None` where there is none.
        scope: the step, or all of upstream's numbers.

    Raises:
        Refused: `PROPOSAL_SEVERAL`, `PROPOSAL_OTHER_SOURCE`, `PROFILE_FIELD`.
    """
    if scope is not Scope.STEP:
        check_trusted(proposal, tuple(Part))
    pump = proposal.for_pump if scope is not Scope.STEP else proposal.to_enter
    mmol = proposal.units is Units.MMOL_PER_L
    unit = f"{'mmoll' if mmol else 'mgdl'}_per_u"
    body = store_of(source).get(str(proposal.profile.get("name"))) if source is not None else None
    if body is None:
        now, after = _of_proposal(proposal, pump, unit)
    else:
        now = {part: read_schedule(body.get(field), field, []) for part, field in FIELDS.items()}
        basal = new_basal(Wanted(pump, proposal.current.basal_u_per_h), now[Part.BASAL])
        after = {
            Part.BASAL: _schedule(basal),
            Part.ISF: _schedule(new_by_block(pump.isf, unit, now[Part.ISF], WORDS[Part.ISF])),
            Part.CARB_RATIO: _schedule(
                new_by_block(pump.carb_ratio, "g_per_u", now[Part.CARB_RATIO], WORDS[Part.CARB_RATIO])
            ),
        }
    return SettingsToEnter(proposal.units, now, after, proposal.current.dia_h)


def _of_proposal(proposal: Proposal, pump: ForPump, isf_unit: str) -> tuple[dict[Part, Schedule], dict[Part, Schedule]]:
    basal = proposal.current.basal_u_per_h, pump.basal_u_per_h
    now, after = (_schedule({60 * hour: rates[hour] for hour in range(HOURS_PER_DAY)}) for rates in basal)
    blocks: dict[Part, tuple[str, tuple[IsfBlock, ...] | tuple[CarbRatioBlock, ...]]] = {
        Part.ISF: (isf_unit, pump.isf),
        Part.CARB_RATIO: ("g_per_u", pump.carb_ratio),
    }

    def of(which: str) -> dict[Part, Schedule]:
        return {
            part: _schedule({_minutes(b.start): b.model_dump()[f"{which}_{unit}"] for b in found})
            for part, (unit, found) in blocks.items()
        }

    return {Part.BASAL: now, **of("current")}, {Part.BASAL: after, **of("recommended")}


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _schedule(values: dict[int, float]) -> Schedule:
    return Schedule(tuple(Block(minutes, value) for minutes, value in sorted(values.items())))
