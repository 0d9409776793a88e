"""Does the interval hold the truth? `python -m benchmarks.coverage [--people N] [--write docs/coverage.md]`.

Runs the whole application on invented people whose true settings are known, and counts. The same numbers for the same
options: people are drawn by number and repetitions by a hash of the data.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.judged import AGREED, CAPS, Judged, by_person, coverage_rows, judged, spreads_of, table, wilson
from benchmarks.people import Made, constructed, drawn, make
from flows.errors import Refused
from flows.pipeline.run_locally import run_locally
from flows.settings import AnalysisRequest
from flows.values.run_directory import RunDirectory

MARK = "<!-- measured: `python -m benchmarks.coverage --write docs/coverage.md` writes what follows -->"
ENOUGH_PEOPLE = 20
NEEDED = ("simglucose", "numpy", "scipy", "pandas")


@dataclass(frozen=True)
class Ran:
    """A person's run: the proposal, or why there is none."""

    person: Made
    proposal: dict[str, Any] | None
    refusal: str | None = None


def run(person: Made, resamples: int, base: Path) -> Ran:
    """The real pipeline, with the person's directory as its source."""
    truth = person.truth
    request = AnalysisRequest(
        from_directory=person.directory,
        start=date.fromisoformat(truth["first_local_day"]),
        end=date.fromisoformat(truth["last_local_day"]),
        resamples=resamples,
        compare=False,
    )
    directory = RunDirectory.create(base / person.directory.name, datetime.now(UTC))
    try:
        run_locally(request, directory)
    except Refused as refusal:
        return Ran(person, None, str(refusal))
    return Ran(person, dict(json.loads((directory.path / "proposal.json").read_text("utf-8"))))


def nothing_to_find(ran: list[Ran]) -> list[list[str]]:
    """A row for each constructed case: how much was moved, and how repeatably."""
    rows = [["case", "verdict", "repeatable numbers", "ISF", "carb ratio", "basal a day", "largest change of an hour"]]
    for one in ran:
        if one.proposal is None:
            rows.append([one.person.name, f"refused: {one.refusal}", *["–"] * 5])
            continue
        now, new = one.proposal["current"], one.proposal["recommended"]
        isf, ratio, hours = spreads_of(one.proposal)
        known = [s for s in (isf, ratio, *hours) if s is not None]
        repeatable = sum(max(up, down) >= AGREED for _, _, up, down in known)
        changes = [b / a - 1 for a, b in zip(now["basal_u_per_h"], new["basal_u_per_h"], strict=True)]
        rows.append(
            [
                one.person.name,
                _verdict(one.proposal),
                f"{repeatable} of {len(known)}",
                f"{new['isf_mgdl_per_u'] / now['isf_mgdl_per_u'] - 1:+.1%}",
                f"{new['carb_ratio_g_per_u'] / now['carb_ratio_g_per_u'] - 1:+.1%}",
                f"{sum(new['basal_u_per_h']) / sum(now['basal_u_per_h']) - 1:+.1%}",
                f"{max(changes, key=abs):+.1%}",
            ]
        )
    return rows


def _verdict(proposal: dict[str, Any]) -> str:
    verdict = proposal.get("verdict")
    if not verdict:
        return "–"
    return f"{verdict['colour']}{', nothing to change' if verdict['nothing_to_change'] else ''}"


def found_in(ran: list[Ran]) -> list[Judged]:
    """Every number of every person with a proposal, against the truth."""
    return [
        number
        for one in ran
        if one.proposal is not None
        for number in judged(one.person.name, one.person.kind, one.proposal, one.person.truth)
    ]


def in_short(numbers: list[Judged]) -> str:
    """The first thing to know, in sentences made of the counts."""
    lines = []
    for setting in ("ISF", "carb ratio"):
        of = [n for n in numbers if n.setting == setting and n.interval is not None]
        hits = sum(n.covered for n in of)
        low, high = wilson(hits, len(of))
        lines.append(
            f"- {setting}: the nine-of-ten interval held the 6 h truth in {hits} of {len(of)} people (95 % confidence: "
            f"{low:.0%} to {high:.0%})."
        )
    hours = [n for n in numbers if n.setting == "basal by hour" and n.interval is not None]
    reachable = [n for n in hours if n.reachable]
    lines.append(
        f"- Basal: it held the truth in {sum(n.covered for n in hours)} of {len(hours)} hours, and in "
        f"{sum(n.covered for n in reachable)} of the {len(reachable)} whose truth lies within upstream's caps "
        f"({CAPS[0]:g} to {CAPS[1]:g}). Hours of a person are not independent."
    )
    lines.append("- If the interval meant a 90 % chance of the truth, it would hold it in nine of ten.")
    if len({n.person for n in numbers}) < ENOUGH_PEOPLE:
        lines.append(f"- These are too few people to conclude from: the study proper takes {ENOUGH_PEOPLE} or more.")
    return "\n".join(lines)


def main() -> int:
    """Make the people, run, count, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--people", type=int, default=21, help="how many are drawn, the three kinds in turn")
    parser.add_argument("--days", type=int, default=14, help="days of each")
    parser.add_argument("--resamples", type=int, default=100, help="repetitions of each run")
    parser.add_argument("--jobs", type=int, default=1, help="people simulated at a time")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the people there, and use those that are there")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this document")
    options = parser.parse_args()
    lacking = [name for name in NEEDED if find_spec(name) is None]
    if lacking:
        print(f"Missing: {', '.join(lacking)}. fixtures/make_fixtures.py names the versions.", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        people = options.keep or scratch / "people"
        made = [
            make(which, options.days, people, options.jobs)
            for which in (drawn(options.people, options.days), constructed(options.days))
        ]
        ran: list[list[Ran]] = []
        for group in made:
            ran.append([])
            for person in group:
                ran[-1].append(run(person, options.resamples, scratch / "runs"))
                print(f"{person.name}: {ran[-1][-1].refusal or 'done'}", file=sys.stderr, flush=True)
    text = written(ran[0], ran[1], options.days, options.resamples)
    print(text)
    if options.write:
        before = options.write.read_text("utf-8")
        options.write.write_text(f"{before[: before.index(MARK)]}{MARK}\n\n{text}\n", "utf-8")
    return 0


def written(people: list[Ran], cases: list[Ran], days: int, resamples: int) -> str:
    """The measured part of the document."""
    numbers = found_in(people)
    refused = [f"- {one.person.name}: {one.refusal}" for one in people if one.refusal]
    parts = [
        f"{len(people)} people of {days} days, {resamples} repetitions each; {len(refused)} runs were refused.",
        *(["\n".join(refused)] if refused else []),
        in_short(numbers),
        "### By setting and kind",
        table(coverage_rows(numbers)),
        "### Person by person",
        "ISF in mg/dL per U, carb ratio in g per U, basal in U. In brackets the interval, in parentheses the truth.",
        table(by_person(numbers)),
        "### With nothing to find",
        table(nothing_to_find(cases)),
    ]
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
