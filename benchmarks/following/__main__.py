"""People who act on the numbers for weeks: `python -m benchmarks.following --family ohsu --people 28 --seed 1`.

Each person lives fourteen days with the settings in use. Then, each week, the product computes from the last fourteen
days, the policy acts on it, and a week is lived; after the last round the final settings are lived with and scored.
The same options give the same tables. The command fails (1) where a claim does not hold for `ours`, and (2) where it
cannot run: a day that is not over yet, or another study in --keep.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from datetime import date
from itertools import groupby
from pathlib import Path

from benchmarks.bodies.people import Family
from benchmarks.following.claims import claims
from benchmarks.following.document import put, put_counts
from benchmarks.following.draw import plan
from benchmarks.following.follow import FIRST_DAY, Asked, Group, check_dates, follow
from benchmarks.following.lanes import Followed, Kept, Policy
from benchmarks.following.tables import report, round_rows
from benchmarks.following.world import OWN_BODIES
from benchmarks.judged import table

COMPARED = (Policy.KEEP, Policy.TRUTH)  # whatever else is followed
AT_A_TIME = 7  # people of a group: lanes share their steps, and what is interrupted is not much


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow, keep, print, and write where asked."""
    options = _options(arguments)
    named = {Policy(name) for name in options.policies.split(",")}
    policies = tuple(p for p in Policy if p in named or p in COMPARED)
    asked = Asked(
        options.family,
        options.bodies,
        options.people,
        options.seed,
        options.rounds,
        options.end_days,
        options.first_day,
    )
    with tempfile.TemporaryDirectory() as scratch:
        try:
            check_dates(asked, date.today())  # noqa: DTZ011 - the machine's own day
            asked.world()
            kept = Kept(options.keep or Path(scratch), {**asdict(asked), "first_day": str(asked.first_day)})
        except (ValueError, ImportError, AttributeError) as error:
            print(error, file=sys.stderr)
            return 2
        for policy in filter(None, options.again.split(",")):
            kept.forget(Policy(policy))
        run(asked, policies, kept, options.jobs)
        people = [one for _, one in sorted(kept.read().items())]
    if options.show is not None:
        for policy in policies:
            print(f"\n{policy.value}\n\n{table(round_rows(people[options.show], policy))}")
        return 0
    text = report(people, policies)
    print(text)
    if options.write:
        name = f"{options.family or options.bodies}, seed {options.seed}"
        title = (
            f"### {name}\n\n{len(people)} people, {options.rounds} rounds, {options.end_days} days at the end, "
            f"{asked.first_day} to {asked.last_day}."
        )
        put(options.write, name, command_of(asked), f"{title}\n\n{text}")
    if options.counts:
        put_counts(
            options.counts, f"{options.family or options.bodies}, seed {options.seed}", options.rounds, people, policies
        )
    failed = Policy.OURS in policies and any(one.holds is False for one in claims(people, Policy.OURS))
    return 1 if failed else 0


def run(asked: Asked, policies: Sequence[Policy], kept: Kept, jobs: int) -> None:
    """Let those live whose lanes are not kept yet, groups of people over so many processes."""
    todo = list(groups_of(asked, policies, kept.read()))
    if not todo:
        return
    if jobs == 1:
        for group in todo:
            kept.add(follow(group))
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(follow, group) for group in todo]
        for done in as_completed(waiting):
            kept.add(done.result())


def groups_of(asked: Asked, policies: Sequence[Policy], there: dict[int, Followed]) -> Iterator[Group]:
    """The people who lack a policy's lane, those who lack the same ones together, the same in every run."""
    people = plan(asked.people, asked.seed)
    lacking = {
        one.number: tuple(p for p in policies if one.number not in there or p not in there[one.number].lanes)
        for one in people
    }
    if not any(lacking.values()):
        return
    everybody = asked.world().drawn_people(asked.seed, asked.people)
    habits = tuple(one.habits for one in people)
    for policies_of, alike in groupby(people, key=lambda one: lacking[one.number]):
        them = list(alike)
        for first in range(0, len(them), AT_A_TIME):
            if policies_of:
                yield Group(asked, everybody, habits, tuple(them[first : first + AT_A_TIME]), policies_of)


def command_of(asked: Asked) -> str:
    """The command that makes the tables again."""
    source = f"--family {asked.family}" if asked.family else f"--bodies {asked.bodies}"
    return (
        f"python -m benchmarks.following {source} --people {asked.people} --seed {asked.seed} --rounds {asked.rounds} "
        f"--end-days {asked.end_days} --write docs/following.md"
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.following",
        description=__doc__,
        epilog=OWN_BODIES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--family", choices=[family.value for family in Family], help="the people of a bundled family")
    source.add_argument("--bodies", metavar="MODULE", help="own people: a module that offers what is said below")
    parser.add_argument("--people", type=int, default=28, help="how many (28)")
    parser.add_argument("--seed", type=int, default=1, help="of the people and of their days (1)")
    parser.add_argument("--rounds", type=int, default=10, help="weeks with a recommendation each (10)")
    parser.add_argument("--end-days", type=int, default=28, help="days that are scored after the last round (28)")
    parser.add_argument("--first-day", type=date.fromisoformat, default=FIRST_DAY, metavar="D", help=f"({FIRST_DAY})")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep what is found there, and go on from it")
    parser.add_argument("--policies", default=",".join(Policy), metavar="P,P", help=f"of {', '.join(Policy)}; all")
    parser.add_argument("--again", default="", metavar="P,P", help="forget what is kept of these policies")
    parser.add_argument("--show", type=int, metavar="PERSON", help="instead of the tables one person's rounds")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this document")
    parser.add_argument("--counts", type=Path, metavar="FILE", help="put the counts of harm into this JSON document")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
