"""The tables of rules as Markdown and the proposal's schema: the documentation is made from what the program does."""

from __future__ import annotations

import json

from flows.history import glucose, treatments
from flows.history.duplicates import RULE as DUPLICATE
from flows.history.quality import RULES as QUALITY
from flows.history.strays import RULE as STRAY
from flows.judgement.verdict import RULES as SAFETY
from flows.proposal.document import Proposal

ROWS_AFTER = (
    (*STRAY, "one reading weeks after the last, or of the year 2031, would move the window of days"),
    ("glucose_unit", "readings in mmol/L become mg/dL", "told by the readings around each; quarantined where unknown"),
    ("glucose_beside_sgv", "one value a reading", "Trio, iAPS: `glucose` beside `sgv`; upstream takes `glucose`"),
    ("glucose_low", "values below 39 mg/dL left out", "upstream drops them; all but error codes count as lows"),
    ("glucose_high", "readings above the sensor's range left out", "HIGH, without a number; counted above 250 mg/dL"),
    ("glucose_duplicate", "one reading for one instant", "the same reading from two uploaders or pages"),
    ("one_sensor", "one sensor at a time, a reading every five minutes", "1-minute cadences, two uploaders"),
    (*DUPLICATE, "the same insulin and carbs within two seconds; one part alone across uploaders"),
)


def rules_as_markdown() -> str:
    """Three tables: rules for readings, rules for treatments, rules for the quality of a day."""
    parts = []
    for title, rules in (("Readings", glucose.RULES), ("Treatments", treatments.RULES)):
        after = [r for r in ROWS_AFTER if (r[0] != DUPLICATE[0]) is (title == "Readings")]
        rows = [(r.name, r.description, r.source) for r in rules] + list(after)
        lines = [f"### {title}", "", "| rule | what it does | where it is needed |", "|---|---|---|"]
        parts.append("\n".join([*lines, *(f"| `{a}` | {b} | {c} |" for a, b, c in rows)]))
    lines = ["### Days", "", "| rule | colour | why |", "|---|---|---|"]
    parts.append("\n".join([*lines, *(f"| `{r.name}` | {r.colour} | {r.why} |" for r in QUALITY)]))
    return "\n\n".join(parts)


def safety_as_markdown() -> str:
    """The rules of the verdict, for docs/safety.md."""
    lines = ["| rule | amber | red | source |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| `{r.name}` | {r.amber} | {r.red} | {r.source} |" for r in SAFETY)])


def proposal_schema() -> str:
    """The JSON Schema of proposal.json, for docs/schemas/."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Proposal.model_json_schema()}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
