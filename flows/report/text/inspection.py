"""An inspection on the terminal."""

from __future__ import annotations

from typing import Any

from flows.report.wording import many

SHOWN = 12


def inspection(document: dict[str, Any]) -> str:
    """What `autotune inspect` prints: counts, quirks, days."""
    lines = [f"{many(document['entries'], 'glucose record')}, {many(document['treatments'], 'treatment')}"]
    for label, key in (("Sensors", "sensors"), ("Uploaders", "uploaders"), ("Event types", "event_types")):
        counts = list(document[key].items())
        shown = ", ".join(f"{name} {count}" for name, count in counts[:SHOWN])
        lines.append(f"{label}: {shown}" + (f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""))
    if document["refused"]:
        return "\n".join([*lines, "", f"A run would be refused: {document['refused']}"])
    lines += ["", f"Profile {document['profile'].get('name', '(as given)')}, time zone {document['timezone']}"]
    rules = document["ledger"].get("rules", {})
    lines += ["", "Would be corrected:" if rules else "Nothing would be corrected."]
    for rule in rules.values():
        change = ", ".join(f"{v:+g} {k}" for k, v in rule["change"].items() if v)
        lines.append(f"  {rule['records']:>6} × {rule['description']}" + (f" ({change})" if change else ""))
    lines += ["", f"{'day':12}{'quality':9}{'glucose':>8}{'insulin U':>11}{'carbs g':>9}  remarks"]
    for day in document["days"]:
        remarks = "; ".join(day.get("remarks") or []) or ""
        left_out = f"left out: {day['reason']}" if day["reason"] and day["reason"] not in remarks else remarks
        lines.append(
            f"{day['date']:12}{day.get('quality', ''):9}{day.get('coverage', 0):>8.0%}"
            f"{day.get('insulin_u', 0):>11.1f}{day.get('carbs_g', 0):>9.0f}  {left_out}"
        )
    if document["warnings"]:
        lines += ["", "Please note:", *(f"  - {w}" for w in document["warnings"])]
    return "\n".join(lines)
