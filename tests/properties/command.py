"""`python -m tests.properties DIR [DIR ...]`: the properties on any data.

    python -m tests.properties DIR [DIR ...] [--days N] [--sample N --seed S] [--only NAME,NAME] [--json FILE]
    python -m tests.properties --list

DIR is a Nightscout dump as `autotune propose --from` takes it, or a folder of such. Exit status 1: a property does not
hold. Differences name records of the data: what is printed, and FILE, is health data where DIR is.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from flows.errors import Refused
from tests.properties.bench import Bench, Tried, chosen
from tests.properties.compare import Status
from tests.properties.person import Person, people_in
from tests.properties.running import Tuner, scratch
from tests.properties.transformation import TRANSFORMATIONS


def main(arguments: list[str] | None = None) -> int:
    """Run the bench.

    Returns:
        0 where every property holds, 1 where one does not, 2 for wrong arguments or data that cannot be read.
    """
    asked = _parser().parse_args(arguments)
    if asked.list:
        for one in TRANSFORMATIONS.values():
            _say(f"{one.name:40} {one.kind.value:27} {one.meaning}")
        return 0
    names = [n for part in asked.only for n in part.split(",") if n]
    if unknown := [n for n in names if n not in TRANSFORMATIONS]:
        _say(f"no such transformation: {', '.join(unknown)} (--list names them)")
        return 2
    try:
        people = _people(asked)
    except (Refused, OSError) as error:
        _say(f"cannot be read: {error}")
        return 2
    if not people:
        _say("no entries.json in these directories")
        return 2
    tried: list[Tried] = []
    with Tuner() as tuner, scratch() as directory:
        for n, person in enumerate(people):
            bench = Bench(person, directory / str(n), tuner, seed=asked.seed, tune_all=not asked.bytes_only)
            _say(_headed(bench))
            for result in bench.run(chosen(names, asked.sample, asked.seed)):
                tried.append(result)
                _say(_line(result))
    if asked.json:
        asked.json.write_text(json.dumps([t.document() for t in tried], indent=1, ensure_ascii=False) + "\n", "utf-8")
    counted = Counter(t.outcome.status for t in tried)
    _say(", ".join(f"{counted[status]} {status.value}" for status in Status if counted[status]))
    return int(any(t.outcome.violated for t in tried))


def _people(asked: argparse.Namespace) -> list[Person]:
    given = {"profile_file": asked.profile_file, "openaps_profile": asked.openaps_profile, "timezone": asked.timezone}
    options = {k: v for k, v in {**given, "profile": asked.profile}.items() if v is not None}
    return [p for directory in asked.directories for p in people_in(directory, days=asked.days, **options)]


def _headed(bench: Bench) -> str:
    made = bench.as_it_is()
    what = f"refused as it is: {made.refused}" if made.refused else f"{len(made.dates)} days, {made.zone}"
    return f"# {bench.person.name}: {what}"


def _line(tried: Tried) -> str:
    outcome = tried.outcome
    status = f"{outcome.status.value}{' (upstream reads the same)' if outcome.unread else ''}"
    return f"{tried.one.name:40} {tried.one.kind.value:27} {status}{': ' if outcome.detail else ''}{outcome.detail}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.properties", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directories", nargs="*", type=Path, metavar="DIR")
    parser.add_argument("--days", type=int, metavar="N", help="take the last N days of the data alone")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="a sample of N transformations, one of each class at least"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the sample and of the transformations")
    parser.add_argument("--only", action="append", default=[], metavar="NAME[,NAME]", help="these transformations")
    parser.add_argument("--bytes-only", action="store_true", help="do not tune where bytes differ that should not")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every outcome as JSON")
    parser.add_argument("--list", action="store_true", help="list the transformations")
    for name in ("--profile-file", "--openaps-profile"):
        parser.add_argument(name, type=Path, metavar="FILE", help="as of `autotune propose`")
    for name in ("--timezone", "--profile"):
        parser.add_argument(name, metavar="NAME", help="as of `autotune propose`")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
