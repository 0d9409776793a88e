"""Nights of several people, each alone when something goes wrong: `python -m tests.nights --seed 1`.

Three people in three time zones have a site each, which moves one day a night, and a night each at one service. In
every night something goes wrong, drawn by the seed. Each night of each person must end in a proposal, or in a notice
that names the person and says why not; and no run may hold data of another person. The same seed gives the same faults.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.cli.main import main as autotune
from flows.demo.site import READ_TOKEN
from flows.orchestration.blocks import NightscoutSite
from tests.nights.night import Fault, Nights, PersonNight, of_others
from tests.nights.people import FIXTURES, Person
from tests.nights.service import Compose, NightService, Serve

DAYS = "2"  # of each run; their repetitions are few


def faults_of(seed: int, nights: int, *, database: bool) -> list[Fault]:
    """What goes wrong night by night: each fault once before one comes again.

    Args:
        seed: draws their order.
        nights: how many.
        database: whether the service has one of its own to kill.
    """
    chance, drawn = random.Random(seed), list[Fault]()  # noqa: S311 - no secret
    kinds = [fault for fault in Fault if database or fault is not Fault.DATABASE]
    while len(drawn) < nights:
        drawn += chance.sample(kinds, len(kinds))
    return drawn[:nights]


SERVICES: dict[str, Callable[[Path], NightService]] = {"serve": Serve, "compose": Compose}


def pass_nights(
    names: Sequence[str],
    faults: Sequence[Fault],
    seed: int,
    base: Path,
    on: str = "serve",
    before: Callable[[NightService], None] = lambda _: None,
) -> list[PersonNight]:
    """Let the nights pass at a service that is started for them; how each person's nights ended.

    Raises:
        AssertionError: a run holds data of somebody else.
        TimeoutError: a night did not come to an end.
    """
    chance = random.Random(seed + 1)  # noqa: S311 - no secret
    served = SERVICES[on](base / "service")
    people = [Person(name, base / "people" / name, served.host) for name in names]
    found: list[PersonNight] = []
    with ExitStack() as stack:
        for person in people:
            person.start()
            stack.callback(person.stop)
        stack.callback(served.stop)
        served.start()
        stack.enter_context(temporary_settings({PREFECT_API_URL: served.api}))
        for person in people:
            site = NightscoutSite(url=person.address, allow_http=True, read_token=READ_TOKEN, timezone=person.zone)
            site.save(person.name)
            if autotune(["nights", "add", person.name, "--days", DAYS]) != 0:
                raise AssertionError(f"{person.name} has no night")
        before(served)
        nights = Nights(people, served, base / "told")
        for number, fault in enumerate(faults):
            found += nights.night(number, len(faults) - 1 - number, fault, chance.choice(people))
        if wrong := of_others(served.runs, people):
            raise AssertionError(f"data of somebody else: {', '.join(wrong)}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Let the nights pass, print how each ended; 1 where one ended in neither a result nor a word."""
    parser = argparse.ArgumentParser(prog="python -m tests.nights", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws what goes wrong, and for whom (1)")
    parser.add_argument("--on", choices=list(SERVICES), default="serve", help="which service (serve)")
    parser.add_argument("--people", type=int, default=len(FIXTURES), help=f"how many (up to {len(FIXTURES)})")
    parser.add_argument("--nights", type=int, default=5, help="how many (5)")
    options = parser.parse_args(arguments)
    names, faults = (
        list(FIXTURES)[: options.people],
        faults_of(options.seed, options.nights, database=options.on == "compose"),
    )
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {"AUTOTUNE_STATE": scratch}
        found = pass_nights(names, faults, options.seed, Path(scratch), options.on)
    rows = ["| night | person | what went wrong | ended |", "|---|---|---|---|"]
    rows += [f"| {n // len(names) + 1} | {one.person} | {one.fault} | {one.ended} |" for n, one in enumerate(found)]
    lost = sum(not one.told for one in found)
    rows += [
        "",
        f"{len(found)} nights on {options.on}, seed {options.seed}: {lost} without a result and a word.",
    ]
    sys.stdout.write("\n".join(rows) + "\n")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
