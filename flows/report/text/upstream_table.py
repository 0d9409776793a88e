"""The recommendation as text: the table of upstream's oref0-autotune-recommends-report, line by line.

Layout: oref0@0.7.1 bin/oref0-autotune-recommends-report.sh (a row each half hour; current, tuned, days missing).
"""

from __future__ import annotations

from typing import Any

from flows.values.units import MINUTES_PER_DAY

WIDTH, COLUMN = 15, 12
RULE = "-" * 57


def recommendations_table(pump: dict[str, Any], tuned: dict[str, Any]) -> str:
    """Upstream's table for its pump profile and its tuned profile, to the character."""
    lines = [
        _row("Parameter", "Pump", "Autotune", "Days Missing"),
        RULE,
        _setting("ISF [mg/dL/U]", _first_isf(pump), _first_isf(tuned)),
        _setting("Carb Ratio[g/U]", pump["carb_ratio"], tuned["carb_ratio"]),
        _row("Basals [U/hr]", "-", "", ""),
    ]
    current = {int(b["minutes"]): b for b in pump["basalprofile"]}
    new = {int(b["minutes"]): b for b in tuned["basalprofile"]}
    for minutes in range(0, MINUTES_PER_DAY, 30):
        now, then = current.get(minutes), new.get(minutes)
        label = f"  {minutes // 60:02d}:{minutes % 60:02d}".ljust(WIDTH)
        missing = str(then.get("untuned") or 0) if then else ""
        rate = "" if now is None else f"{float(now['rate']):.3f}" if then else str(now["rate"])
        tuned_rate = f"{float(then['rate']):.3f}" if then else ""
        lines.append(_row(label, rate, tuned_rate, missing))
    return "\n".join(lines) + "\n"


def _first_isf(profile: dict[str, Any]) -> float:
    return float(profile["isfProfile"]["sensitivities"][0]["sensitivity"])


def _setting(label: str, current: float, new: float) -> str:
    return f"{label:<{WIDTH}}| {float(current):<{COLUMN}.3f}| {float(new):<{COLUMN}.3f}|"


def _row(label: str, *cells: str) -> str:
    return "| ".join([f"{label:<{WIDTH}}", *(f"{c:<{COLUMN}}" for c in cells)])
