"""What the corrections of the data changed in each recommended number."""

from __future__ import annotations

from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.proposal.document import Settings, Units

ISF_OTHERWISE = to_translate("ISF: {ours:g} {unit} per U instead of {theirs:g}")
RATIO_OTHERWISE = to_translate("carb ratio: {ours:g} g per U instead of {theirs:g}")


def changed_by_correction(
    recommended: Settings, without: Settings | None, reason: str | None, units: Units
) -> list[str]:
    """One line a number that differs; one line in all where none does or upstream would have given none.

    Args:
        recommended: the settings recommended from corrected data.
        without: upstream's from the data as served; `None` where it would have given none, and `reason` says why.
        units: the person's.
    """
    if without is None:
        return [translatable("Without the corrections upstream would have given no result: {reason}", reason=reason)]
    mmol = units is Units.MMOL_PER_L
    isf = "isf_mmoll_per_u" if mmol else "isf_mgdl_per_u"
    lines = []
    for words, key in ((ISF_OTHERWISE, isf), (RATIO_OTHERWISE, "carb_ratio_g_per_u")):
        ours, theirs = getattr(recommended, key), getattr(without, key)
        if ours != theirs:
            lines.append(translatable(words, ours=ours, unit=units.value, theirs=theirs))
    for hour, (our, their) in enumerate(zip(recommended.basal_u_per_h, without.basal_u_per_h, strict=True)):
        if our != their:
            lines.append(
                translatable(
                    "basal at {hour:02d}:00: {our:g} U/h instead of {their:g}", hour=hour, our=our, their=their
                )
            )
    return lines or [to_translate("The corrections changed none of the recommended numbers.")]
