"""What the corrections of the data changed in each recommended number."""

from __future__ import annotations

from flows.language.translatable import translatable
from flows.proposal.document import Settings, Units


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
    for label, key, unit in (("ISF", isf, f"{units.value} per U"), ("carb ratio", "carb_ratio_g_per_u", "g per U")):
        ours, theirs = getattr(recommended, key), getattr(without, key)
        if ours != theirs:
            lines.append(f"{label}: {ours:g} {unit} instead of {theirs:g}")
    for hour, (our, their) in enumerate(zip(recommended.basal_u_per_h, without.basal_u_per_h, strict=True)):
        if our != their:
            lines.append(
                translatable(
                    "basal at {hour:02d}:00: {our:g} U/h instead of {their:g}", hour=hour, our=our, their=their
                )
            )
    return lines or ["The corrections changed none of the recommended numbers."]
