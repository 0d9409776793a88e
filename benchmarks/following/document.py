"""Measured tables inside a document: each study between marks of its own, replaced by the next one of its name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.following.claims import nobody_loses_much, nobody_pushed_low
from benchmarks.following.lanes import Followed, Policy

END = "<!-- end of what was measured -->"


# What the demonstration tells of a study (flows.demo.argument).
COUNTED = {"pushed_low": nobody_pushed_low, "loses_much": nobody_loses_much}


def put_counts(file: Path, name: str, rounds: int, people: Sequence[Followed], policies: Sequence[Policy]) -> None:
    """Write the counts of harm of a study in place of those of an earlier one of its family, as a JSON document."""
    family = name.partition(",")[0]
    there = json.loads(file.read_text("utf-8")) if file.is_file() else []
    counts = {
        policy.value: {
            key: {"people": (claim := made(people, policy)).people, "failing": len(claim.failing)}
            for key, made in COUNTED.items()
        }
        for policy in policies
    }
    study = {"study": name, "people": len(people), "rounds": rounds, "policies": counts}
    kept = [one for one in there if one["study"].partition(",")[0] != family]
    file.write_text(json.dumps(sorted([*kept, study], key=lambda one: one["study"]), indent=1) + "\n", "utf-8")


def mark(name: str, command: str) -> str:
    """The line that a section begins with."""
    return f"<!-- measured {name}: `{command}` writes what follows -->"


def put(document: Path, name: str, command: str, text: str) -> None:
    """Write a section in place of the one of this name; at the end of the document where there is none."""
    before = document.read_text("utf-8")
    section = f"{mark(name, command)}\n\n{text}\n\n{END}"
    start = before.find(f"<!-- measured {name}: ")
    if start < 0:
        document.write_text(f"{before.rstrip()}\n\n{section}\n", "utf-8")
        return
    stop = before.index(END, start) + len(END)
    document.write_text(before[:start] + section + before[stop:], "utf-8")
