"""What the corrections of the data changed in each recommended number."""

from __future__ import annotations

from typing import Any

SETTINGS = (("ISF", "isf_mgdl_per_u", "mg/dL per U"), ("carb ratio", "carb_ratio_g_per_u", "g per U"))


def changed_by_correction(recommended: dict[str, Any], without: dict[str, Any] | None) -> list[str]:
    """One line a number that differs; one line in all where none does or upstream would have given none.

    Args:
        recommended: the settings recommended from corrected data.
        without: `uncorrected.json` of the run, or `None` where nothing was corrected or compared.
    """
    if without is None:
        return []
    if without["recommended"] is None:
        return [f"Without the corrections upstream would have given no result: {without['reason']}"]
    other, lines = without["recommended"], []
    for label, key, unit in SETTINGS:
        if recommended[key] != other[key]:
            lines.append(f"{label}: {recommended[key]:g} {unit} instead of {other[key]:g}")
    for hour, (ours, theirs) in enumerate(zip(recommended["basal_u_per_h"], other["basal_u_per_h"], strict=True)):
        if ours != theirs:
            lines.append(f"basal at {hour:02d}:00: {ours:g} U/h instead of {theirs:g}")
    return lines or ["The corrections changed none of the recommended numbers."]
