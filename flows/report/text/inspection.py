"""An inspection on the terminal."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flows.history.quality import RULES, facts_in, rules_of
from flows.history.remedies import REMEDIES
from flows.language.catalogue import count_phrase, phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.profiles.stored import beginning_of
from flows.report.wording import fixed
from flows.values.sentence import percent_text

SHOWN = 12
COUNTED = {
    to_translate("Sensors: {counts}"): "sensors",
    to_translate("Uploaders: {counts}"): "uploaders",
    to_translate("Event types: {counts}"): "event_types",
}


def inspection(document: dict[str, Any]) -> str:
    """What `autotune inspect` prints: counts, quirks, days."""
    entries, treatments = document["entries"], document["treatments"]
    lines = [
        f"{count_phrase('{count} glucose record', '{count} glucose records', entries)}, "
        f"{count_phrase('{count} treatment', '{count} treatments', treatments)}"
    ]
    for words, key in COUNTED.items():
        counts = [f"{name} {count}" for name, count in document[key].items()]
        lines.append(phrase(words, counts=beginning_of(counts, SHOWN)))
    if document["refused"]:
        return "\n".join([*lines, "", phrase("A run would be refused: {why}", why=in_spoken(document["refused"]))])
    name = document["profile"].get("name", phrase("(as given)"))
    rules = document["ledger"].get("rules", {})
    lines += [
        *("", phrase("Profile {name}, time zone {zone}", name=name, zone=document["timezone"])),
        *("", phrase("Would be corrected:") if rules else phrase("Nothing would be corrected.")),
        *(_rule(name, rule) for name, rule in rules.items()),
        *("", _heads()),
        *map(_day, document["days"]),
        *_kinds(document["days"]),
    ]
    if document["warnings"]:
        lines += ["", phrase("Please note:"), *(f"  - {in_spoken(w)}" for w in document["warnings"])]
    return "\n".join(lines)


def _heads() -> str:
    return (
        f"{phrase('day'):12}{phrase('quality'):9}{phrase('glucose'):>8}{phrase('insulin U'):>11}"
        f"{phrase('carbs g'):>9}  {phrase('remarks')}"
    )


def _rule(name: str, rule: dict[str, Any]) -> str:
    change = ", ".join(f"{v:+g} {k}".replace("-", "−") for k, v in rule["change"].items() if v)
    remedy = f": {translated(REMEDIES[name])}" if name in REMEDIES else ""
    return f"  {rule['records']:>6} × {in_spoken(rule['description'])}" + (f" ({change})" if change else "") + remedy


def _day(day: dict[str, Any]) -> str:
    said = day.get("remarks") or []
    remarks, reason = "; ".join(map(in_spoken, said)), day["reason"]
    left_out = phrase("left out: {why}", why=in_spoken(reason)) if reason and reason not in "; ".join(said) else remarks
    return (
        f"{day['date']:12}{translated(day.get('quality', '')):9}{percent_text(day.get('coverage', 0)):>8}"
        f"{fixed(day.get('insulin_u', 0), 1):>11}{day.get('carbs_g', 0):>9.0f}  {left_out}"
    )


def _kinds(days: list[dict[str, Any]]) -> list[str]:
    """Each kind of thing that is said of days, in one line: on how many, and what to do."""
    count = Counter(rule.name for day in days if "readings" in day for rule in rules_of(facts_in(day)))
    said = [
        f"  {count[r.name]:>6} × {in_spoken(r.name.replace('_', ' '))}: {in_spoken(r.remedy)}"
        for r in RULES
        if count[r.name]
    ]
    return ["", phrase("Said of the days:"), *said] if said else []
