"""An inspection on the terminal."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flows.history.quality import RULES, facts_in, rules_of
from flows.history.remedies import REMEDIES
from flows.profiles.stored import beginning_of
from flows.report.wording import many
from flows.values.sentence import percent_text

SHOWN = 12


def inspection(document: dict[str, Any]) -> str:
    """What `autotune inspect` prints: counts, quirks, days."""
    lines = [f"{many(document['entries'], 'glucose record')}, {many(document['treatments'], 'treatment')}"]
    for label, key in (("Sensors", "sensors"), ("Uploaders", "uploaders"), ("Event types", "event_types")):
        counts = [f"{name} {count}" for name, count in document[key].items()]
        lines.append(f"{label}: {beginning_of(counts, SHOWN)}")
    if document["refused"]:
        return "\n".join([*lines, "", f"A run would be refused: {document['refused']}"])
    rules = document["ledger"].get("rules", {})
    lines += [
        *("", f"Profile {document['profile'].get('name', '(as given)')}, time zone {document['timezone']}"),
        *("", "Would be corrected:" if rules else "Nothing would be corrected."),
        *(_rule(name, rule) for name, rule in rules.items()),
        *("", f"{'day':12}{'quality':9}{'glucose':>8}{'insulin U':>11}{'carbs g':>9}  remarks"),
        *map(_day, document["days"]),
        *_kinds(document["days"]),
    ]
    if document["warnings"]:
        lines += ["", "Please note:", *(f"  - {w}" for w in document["warnings"])]
    return "\n".join(lines)


def _rule(name: str, rule: dict[str, Any]) -> str:
    change = ", ".join(f"{v:+g} {k}".replace("-", "−") for k, v in rule["change"].items() if v)
    remedy = f": {REMEDIES[name]}" if name in REMEDIES else ""
    return f"  {rule['records']:>6} × {rule['description']}" + (f" ({change})" if change else "") + remedy


def _day(day: dict[str, Any]) -> str:
    remarks = "; ".join(day.get("remarks") or [])
    left_out = f"left out: {day['reason']}" if day["reason"] and day["reason"] not in remarks else remarks
    return (
        f"{day['date']:12}{day.get('quality', ''):9}{percent_text(day.get('coverage', 0)):>8}"
        f"{day.get('insulin_u', 0):>11.1f}{day.get('carbs_g', 0):>9.0f}  {left_out}"
    )


def _kinds(days: list[dict[str, Any]]) -> list[str]:
    """Each kind of thing that is said of days, in one line: on how many, and what to do."""
    count = Counter(rule.name for day in days if "readings" in day for rule in rules_of(facts_in(day)))
    said = [f"  {count[r.name]:>6} × {r.name.replace('_', ' ')}: {r.remedy}" for r in RULES if count[r.name]]
    return ["", "Said of the days:", *said] if said else []
