"""The recommendation on the terminal: verdict of the run, upstream's table, warnings, where the rest is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.report.certainty import certainty
from flows.report.table import short_table
from flows.run_directory import RunDirectory


def summary(run: RunDirectory, document: dict[str, Any]) -> str:
    """What `autotune propose` prints; reads work/settings/pumpprofile.json and work/autotune/profile.json."""
    pump = json.loads((run.work / "settings" / "pumpprofile.json").read_bytes())
    tuned = json.loads((run.work / "autotune" / "profile.json").read_bytes())
    days = document["days"]
    used = [d["date"] for d in days if d["status"] == "used"]
    now, new = document["current"], document["recommended"]
    lines = [
        f"Recommendation of oref0 {document['engine']['oref0']} autotune from {len(used)} days "
        f"({used[0]} to {used[-1]}, {document['timezone']}, inputs {document['inputs']})",
        "",
        short_table(pump, tuned),
        f"Daily basal: {sum(now['basal_u_per_h']):.2f} U now, {sum(new['basal_u_per_h']):.2f} U recommended",
    ]
    sure = certainty(document.get("evidence"), new)
    if sure:
        lines += ["", "How sure the numbers are:", *(f"  {line}" for line in sure)]
    rules = document["ledger"].get("rules", {})
    if rules:
        lines += ["", "Corrected before tuning (each record is in ledger.json):"]
        lines += [f"  {rule['records']:>6} × {rule['description']}" for rule in rules.values()]
        changed = document.get("changed_by_correction") or ["not computed (--no-compare)"]
        lines += ["", "What that changed in the recommendation:", *(f"  {line}" for line in _shortened(changed))]
    if document["warnings"]:
        lines += ["", "Please note:", *(f"  - {w}" for w in document["warnings"])]
    lines += [
        "",
        "This is a proposal: nothing was changed in Nightscout or on a pump. Talk it over with your diabetes team.",
        f"Report: {_page(run)}",
    ]
    return "\n".join(lines)


def _page(run: RunDirectory) -> Path:
    page = run.file("report.html")
    return page if page.is_file() else run.file("report.txt")


def _shortened(lines: list[str], most: int = 8) -> list[str]:
    rest = len(lines) - most
    return [*lines[:most], f"and {rest} more in report.json"] if rest > 1 else lines
