"""The tables of rules as Markdown and the proposal's schema: the documentation is made from what the program does."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from flows.demo.argument import COUNTS
from flows.entry.apps import APPS
from flows.entry.pumps import PUMPS, Pump
from flows.entry.steps import Steps
from flows.history import glucose, treatments
from flows.history.duplicates import RULE as DUPLICATE
from flows.history.quality import RULES as QUALITY
from flows.history.records import Rule
from flows.history.strays import RULE as STRAY
from flows.judgement.verdict import RULES as SAFETY
from flows.proposal.document import Proposal
from flows.proposal.step_limits import LIMITS

READINGS_AFTER = (
    (*STRAY, "one reading weeks after the last, or of the year 2031, would move the window of days"),
    ("glucose_unit", "readings in mmol/L become mg/dL", "told by the readings around each; quarantined where unknown"),
    ("glucose_beside_sgv", "one value a reading", "Trio, iAPS: `glucose` beside `sgv`; upstream takes `glucose`"),
    ("glucose_low", "values below 39 mg/dL left out", "upstream drops them; all but error codes count as lows"),
    ("glucose_high", "readings above the sensor's range left out", "HIGH, without a number; counted above 250 mg/dL"),
    ("glucose_duplicate", "one reading for one instant", "the same reading from two uploaders or pages"),
    ("glucose_copy", "the same reading of one sensor, written twice", "followers, two uploaders, backfill"),
    ("glucose_cadence", "a reading for each five minutes", "cadences of 1 to 4 minutes; a scan between two readings"),
    ("one_sensor", "one sensor at a time", "two sensors, told apart by their curves"),
)
COPIES = (*DUPLICATE, "the same ids, amounts and instant within two seconds, from one uploader or several")


def rules_as_markdown() -> str:
    """Three tables: rules for readings, rules for treatments, rules for the quality of a day."""
    parts = []
    tables = (
        ("Readings", [*_rows(glucose.RULES), *READINGS_AFTER]),
        ("Treatments", [*_rows(treatments.RULES), COPIES, *_rows(treatments.RULES_AFTER_COPIES)]),
    )
    for title, rows in tables:
        lines = [f"### {title}", "", "| rule | what it does | where it is needed |", "|---|---|---|"]
        parts.append("\n".join([*lines, *(f"| `{a}` | {b} | {c} |" for a, b, c in rows)]))
    lines = ["### Days", "", "| rule | colour | why |", "|---|---|---|"]
    parts.append("\n".join([*lines, *(f"| `{r.name}` | {r.colour} | {r.why} |" for r in QUALITY)]))
    return "\n\n".join(parts)


def _rows(rules: Sequence[Rule]) -> list[tuple[str, str, str]]:
    return [(rule.name, rule.description, rule.source) for rule in rules]


def safety_as_markdown() -> str:
    """The rules of the verdict, for docs/safety.md."""
    lines = ["| rule | amber | red | source |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| `{r.name}` | {r.amber} | {r.red} | {r.source} |" for r in SAFETY)])


def steps_as_markdown() -> str:
    """The thresholds of a step, for docs/safety.md."""
    lines = ["| limit | value | what it does | source |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| `{r.name}` | {r.value:g} {r.unit} | {r.what} | {r.source} |" for r in LIMITS)])


def main_limits_as_markdown() -> str:
    """The thresholds of a step that decide most, for docs/clinicians.md."""
    until = next(n for n, limit in enumerate(LIMITS) if limit.name == "pause")  # what follows takes a step back
    rows = [
        f"| {limit.value:g} {limit.unit} | {limit.what} |"
        for limit in LIMITS[:until]
        if not limit.name.startswith(("low_", "high", "lows_", "acts_", "untold_")) or limit.name.startswith("higher_")
    ]
    return "\n".join(["| limit | what it does |", "|---|---|", *rows])


def harm_as_markdown() -> str:
    """What following did to simulated people, for docs/clinicians.md."""
    studies = json.loads(COUNTS.read_text("utf-8"))
    lines = [
        "| of simulated people | who followed the step | who entered upstream's numbers whole | who kept theirs |",
        "|---|---|---|---|",
    ]
    for claim, words in (
        ("pushed_low", "ended with 4 % or more below 70 mg/dL, and began under it"),
        ("loses_much", "lost more than 3 points of time in range"),
    ):
        cells = []
        for policy in ("ours", "upstream", "keep"):
            counts = [study["policies"][policy][claim] for study in studies]
            cells.append(f"{sum(c['failing'] for c in counts)} of {sum(c['people'] for c in counts)}")
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def nearer_as_markdown() -> str:
    """Whether the first step comes nearer to the truth, of all people measured: docs/coverage.md in short."""
    text = Path(__file__).with_name("coverage.md").read_text("utf-8")
    rows = re.findall(r"^\| ([\w ]+) \| all \| \d+ \| (\d+/\d+) \| (\d+/\d+).*\|$", text, re.MULTILINE)
    lines = [
        "| setting | moved by the step: nearer to the truth | kept: upstream's number would have been nearer |",
        "|---|---|---|",
    ]
    return "\n".join([*lines, *(f"| {name} | {moved} | {kept} |" for name, moved, kept in rows)])


def apps_as_markdown() -> str:
    """What apps take, for docs/entry.md."""
    heads = "order of its screens | blocks begin on | carb ratio, g/U | ISF, mg/dL/U | ISF, mmol/L/U | read in"
    lines = [f"| `--for` | app | {heads} |", "|---|---|---|---|---|---|---|---|"]
    for key, app in APPS.items():
        order = " · ".join(screen.title for screen in app.screens)
        taken = (app.carb_ratio_g_per_u, app.isf_mgdl_per_u, app.isf_mmoll_per_u)
        numbers = " | ".join(map(_numbers, taken))
        lines.append(f"| `{key}` | {app.name} | {order} | {_begin(app.block_minutes)} | {numbers} | {app.source} |")
    return "\n".join(lines)


def pumps_as_markdown() -> str:
    """What pumps take, for docs/entry.md."""
    lines = [
        "| `--for`, `--pump` | pump | basal, U/h | blocks | carb ratio, g/U | ISF, mg/dL/U | read in |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, pump in PUMPS.items():
        own = pump.calculator
        taken = (own.carb_ratio_g_per_u, own.isf_mgdl_per_u) if own else ()
        numbers = " | ".join(map(_numbers, taken)) or "not known | not known"
        lines.append(
            f"| `{key}` | {pump.name} | {_numbers(pump.basal)} | {_blocks(pump)} | {numbers} | {pump.source} |"
        )
    return "\n".join(lines)


def _numbers(steps: Steps) -> str:
    bands = [f"{band.step:g}" + (f" below {band.below:g}" if band.below else "") for band in steps.bands]
    return f"{steps.least:g}–{steps.greatest:g} by {', '.join(bands)}"


def _blocks(pump: Pump) -> str:
    if pump.every_hour:
        return "a rate for each hour"
    shared = ", shared by all settings" if pump.shared_blocks else ""
    own = f"; {pump.calculator.most_blocks} of each other" if pump.calculator and not pump.shared_blocks else ""
    return f"{pump.most_blocks} on the {_begin(pump.block_minutes)}{shared}{own}"


def _begin(minutes: int) -> str:
    return {60: "hour", 30: "half hour", 1: "minute"}[minutes]


def proposal_schema() -> str:
    """The JSON Schema of proposal.json, for docs/schemas/."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Proposal.model_json_schema()}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
