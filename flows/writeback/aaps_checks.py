"""Why AAPS would not take a profile document from Nightscout: what its import refuses, mostly without a word.

Source: AAPS 3.4.2.2, core/objects BlockExtension and ProfileSwitchExtension (a profile whose blocks are not on full
hours, whose targets do not match, or that has no units is parsed as nothing), ProfileSealed.isValid (ranges, the
pump's least basal), plugins/main ProfilePlugin.loadFromStore (all local profiles are replaced by those it takes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from flows.entry.pumps import PUMPS
from flows.errors import Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import listed, translatable
from flows.nightscout.documents import Record
from flows.profiles.parse import unit_name
from flows.profiles.schedule_blocks import read_schedule
from flows.proposal.aaps_limits import AapsLimits
from flows.proposal.document import Units
from flows.proposal.rounding import EXACT
from flows.values.numbers import number_or_none
from flows.values.schedule import Block
from flows.values.units import MGDL_PER_MMOLL

SETTINGS, TARGETS = ("basal", "sens", "carbratio"), ("target_low", "target_high")
TARGET_RANGE = to_translate("{low:g}–{high:g} mg/dL ({low_mmoll:.1f}–{high_mmoll:.1f} mmol/L)")
ISF_RANGE = to_translate("{low:g}–{high:g} mg/dL/U ({low_mmoll:.1f}–{high_mmoll:.1f} mmol/L/U)")
NAMED_TARGETS = {"target_low": to_translate("target low"), "target_high": to_translate("target high")}
TENTH_MMOLL_MGDL = 0.05 * MGDL_PER_MMOLL  # as a profile in mmol/L can have a limit no nearer


def aaps_notes(document: Record, name: str, limits: AapsLimits) -> tuple[str, ...]:
    """What AAPS, where it is used, would do with a document: to the profile of a name, and to its siblings.

    Args:
        document: as it is written; its profiles are in `store`.
        name: of the profile that is new.
        limits: of the age group.
    """
    store: dict[str, Any] = document["store"]
    lost = [other for other, body in store.items() if other != name and _is_refused(body, document, limits)]
    said = (
        translatable(
            "AAPS would not take the profile {name!r} of the same document either, and what it does not take it "
            "removes from the phone.",
            name=other,
        )
        for other in lost
    )
    return (*refusals_of_aaps(store[name], limits), *pumps_that_refuse(store[name]), *said)


def refusals_of_aaps(body: Record, limits: AapsLimits) -> tuple[str, ...]:
    """Why AAPS would not take one profile.

    Raises:
        Refused: `PROFILE_FIELD`.
    """
    blocks = {field: read_schedule(body.get(field), field, []).blocks for field in SETTINGS}
    try:
        targets = {
            field: read_schedule(body[field], field, []).blocks for field in TARGETS if body.get(field) is not None
        }
    except Refused:  # no step touches them: that AAPS cannot read them is said, and keeps nobody else from writing
        return (to_translate("AAPS takes no profile whose targets cannot be read, and those of this one cannot."),)
    return tuple(words for found, words in _checks(body, blocks, targets, limits) if found)


def _checks(
    body: Record,
    blocks: Mapping[str, tuple[Block, ...]],
    targets: Mapping[str, tuple[Block, ...]],
    limits: AapsLimits,
) -> Iterator[tuple[bool, str]]:
    """Whether each holds, and its words; none of them names a number of the person."""
    is_mmol = unit_name(body.get("units")) == Units.MMOL_PER_L.value
    factor, slack = (MGDL_PER_MMOLL, TENTH_MMOLL_MGDL) if is_mmol else (1.0, EXACT)
    least_ratio, most_ratio = limits.carb_ratio_g_per_u
    (least_isf, most_isf), (least_dia_h, most_dia_h) = limits.isf_mgdl_per_u, limits.dia_h
    dia_h = number_or_none(body.get("dia")) or 0.0
    rates = [block.value for block in blocks["basal"]]
    yield (
        any(block.minutes % 60 for block in chain(*blocks.values(), *targets.values())),
        to_translate(
            "AAPS takes only profiles whose blocks all begin on a full hour, those of the targets included; this one "
            "has others."
        ),
    )
    yield (
        len({tuple(block.minutes for block in found) for found in targets.values()}) > 1 or len(targets) == 1,
        to_translate("AAPS takes targets only where the low and the high ones begin at the same times."),
    )
    for field, (low, high) in zip(TARGETS, (limits.target_low_mgdl, limits.target_high_mgdl), strict=True):
        wrong = any(not low - slack <= b.value * factor <= high + slack for b in targets.get(field, ()))
        yield (
            wrong,
            translatable(
                "AAPS takes no {what} outside {range}.",
                what=NAMED_TARGETS[field],
                range=_in_both(TARGET_RANGE, low, high),
            ),
        )
    yield (
        min(rates) < limits.lowest_basal_u_per_h,
        translatable("AAPS takes no basal below {least:g} U/h.", least=limits.lowest_basal_u_per_h),
    )
    yield (
        max(rates) > limits.highest_basal_u_per_h + EXACT,
        translatable("AAPS takes no basal above {most:g} U/h for this age group.", most=limits.highest_basal_u_per_h),
    )
    yield (
        not all(least_ratio <= block.value <= most_ratio for block in blocks["carbratio"]),
        translatable("AAPS takes no carb ratio outside {low:g}–{high:g} g/U.", low=least_ratio, high=most_ratio),
    )
    yield (
        not all(least_isf - slack <= block.value * factor <= most_isf + slack for block in blocks["sens"]),
        translatable(
            "AAPS takes no insulin sensitivity outside {range}.", range=_in_both(ISF_RANGE, least_isf, most_isf)
        ),
    )
    yield (
        not least_dia_h <= dia_h <= most_dia_h,
        translatable(
            "AAPS takes no duration of insulin action outside {low:g}–{high:g} h.", low=least_dia_h, high=most_dia_h
        ),
    )


def _in_both(words: str, low_mgdl: float, high_mgdl: float) -> str:
    low, high = low_mgdl / MGDL_PER_MMOLL, high_mgdl / MGDL_PER_MMOLL
    return translatable(words, low=low_mgdl, high=high_mgdl, low_mmoll=low, high_mmoll=high)


def pumps_that_refuse(body: Record) -> tuple[str, ...]:
    """With which pumps AAPS would refuse the lowest rate: each has a least one of its own."""
    lowest = min(block.value for block in read_schedule(body.get("basal"), "basal", []).blocks)
    named = listed(
        translatable("{pump} ({least:g})", pump=pump.name, least=pump.basal.least)
        for pump in PUMPS.values()
        if pump.in_aaps and lowest < pump.basal.least - EXACT
    )
    return (
        ((translatable("AAPS takes no basal below its pump's least, and one is, in U/h, with: {pumps}.", pumps=named),))
        if named
        else ()
    )


def _is_refused(body: Any, document: Record, limits: AapsLimits) -> bool:
    """Whether AAPS would not take a sibling."""
    if not isinstance(body, dict):
        return True
    if unit_name(body.get("units")) is None and unit_name(document.get("units")) is None:
        return True
    try:
        return bool(refusals_of_aaps({**body, "units": body.get("units") or document.get("units")}, limits))
    except Refused:
        return True
