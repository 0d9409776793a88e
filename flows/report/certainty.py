"""How sure the numbers are, in lines of text: intervals, agreement, days kept aside, variants."""

from __future__ import annotations

from typing import Any

AGREED = 0.9  # of the repetitions move an hour the same way


def certainty(evidence: dict[str, Any] | None, recommended: dict[str, Any]) -> list[str]:
    """Lines for the terminal; none where nothing was repeated.

    Args:
        evidence: `evidence.json`.
        recommended: the settings recommended.
    """
    if evidence is None:
        return []
    lines = []
    found, how = evidence["settings"], evidence["uncertainty"]
    if found is None:
        lines.append(f"Not known: {evidence['why_not'] or 'upstream gave no result for any repetition'}.")
    else:
        lines.append(f"The run was repeated {how['resamples']} times over days drawn anew (seed {how['seed']}):")
        lines.append(_line("ISF", recommended["isf_mgdl_per_u"], found["isf"], "mg/dL per U"))
        lines.append(_line("carb ratio", recommended["carb_ratio_g_per_u"], found["carb_ratio"], "g per U"))
        lines.append(_line_of_basals(found["basal"]))
    if evidence["held_out"]:
        lines.append(evidence["held_out"]["sentence"])
    for variant in evidence["sensitivity"]:
        lines.append(
            f"With {variant['variant']}: ISF {variant['isf_mgdl_per_u']:g} mg/dL per U, carb ratio "
            f"{variant['carb_ratio_g_per_u']:g} g per U, {variant['daily_basal_u']:.2f} U of basal a day"
        )
    return lines


def _line(name: str, value: float, spread: dict[str, Any], unit: str) -> str:
    return (
        f"  {name} {value:g} {unit}: nine of ten between {spread['interval_low']:g} and {spread['interval_high']:g}; "
        f"{_ways(spread)}"
    )


def _ways(spread: dict[str, Any]) -> str:
    counts = ((spread["moves_up"], "up"), (spread["moves_down"], "down"), (spread["unchanged"], "unmoved"))
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def _line_of_basals(basals: list[dict[str, Any]]) -> str:
    unsure = []
    for hour, spread in enumerate(basals):
        counts = (spread["moves_up"], spread["moves_down"], spread["unchanged"])
        if max(counts) < AGREED * sum(counts):
            unsure.append(f"{hour:02d}:00")
    if not unsure:
        return "  basals: every hour is moved the same way by nine of ten"
    return f"  basals: no agreement on which way to move {', '.join(unsure)}"
