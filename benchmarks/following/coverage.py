"""Nearer or further, of what the tool says to do and of what it says to keep.

`python -m benchmarks.following.coverage KEPT… [--write docs/coverage.md]` reads studies that were kept
(`python -m benchmarks.following --keep KEPT`), and of each the first round: everybody has the first settings then.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.bodies.living import InUse
from benchmarks.following.document import put
from benchmarks.following.draw import Right
from benchmarks.following.lanes import Followed, Kept, Policy
from benchmarks.following.nearer import Kind, Way, counted, ways
from benchmarks.judged import table

NAME = "nearer or further"
Ways = dict[Kind, list[Way]]


def done_and_kept(before: InUse, upstream: InUse, after: InUse, right: Right) -> tuple[Ways, Ways]:
    """Where each setting goes that the step changes; where upstream's number would take each that it keeps."""
    step, all_of_it = ways(before, after, right), ways(before, upstream, right)
    done: Ways = {kind: [] for kind in Kind}
    kept: Ways = {kind: [] for kind in Kind}
    for kind in Kind:
        for went, would in zip(step[kind], all_of_it[kind], strict=True):
            (kept if went is Way.SAME else done)[kind].append(would if went is Way.SAME else went)
    return done, kept


def first_rounds(people: Iterable[Followed]) -> list[tuple[Ways, Ways]]:
    """Of everybody for whom something was computed in the first round."""
    found = []
    for one in people:
        lane = one.lanes[Policy.OURS]
        first = lane.rounds[0]
        if first.computed is not None:
            found.append(done_and_kept(lane.start, first.computed, first.in_use, one.right))
    return found


def rows(studies: Sequence[tuple[str, Sequence[Followed]]]) -> list[list[str]]:
    """For each kind of setting a row of each study, and one of all where there are several."""
    heads = ["setting", "people", "n", "the step: nearer of those moved", "kept: upstream's number would be nearer"]
    found = [heads]
    together = [("all", [one for _, people in studies for one in people])] if len(studies) > 1 else []
    for kind in Kind:
        for name, people in (*studies, *together):
            firsts = first_rounds(people)
            done, kept = ([way for of in firsts for way in of[n][kind]] for n in (0, 1))
            found.append([kind.value, name, str(len(firsts)), counted(done), counted(kept)])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.following.coverage", description=__doc__)
    parser.add_argument("kept", type=Path, nargs="+", help="directories of studies with the policy ours")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into this document")
    options = parser.parse_args(arguments)
    studies = []
    for directory in options.kept:
        asked = json.loads((directory / "study.json").read_bytes())
        people = [one for _, one in sorted(Kept(directory, asked).read().items()) if Policy.OURS in one.lanes]
        studies.append((f"{asked['family'] or asked['bodies']}, seed {asked['seed']}", people))
    text = table(rows(studies))
    print(text)
    if options.write:
        put(options.write, NAME, "python -m benchmarks.following.coverage KEPT… --write docs/coverage.md", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
