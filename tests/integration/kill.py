"""SIGKILL at every step of a change, and after the next start the site is as before or as planned, never between.

    python -m tests.integration.kill --runs 2000

Each run is a forked process that applies (or rolls back, or activates) and kills itself at one instant: before or
after a line of the journal, a kept document, a request. Answers are dropped on the way in some runs. Then the next
start settles what was left, itself killed once in some runs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.writer import NightscoutWriter
from flows.writeback.active_on_site import SiteProfiles, differences
from flows.writeback.journal import Change, ChangeOutcome, Journal, Step
from flows.writeback.site_documents import switch_treatment
from tests.integration.standin import API_SECRET, StandIn, standing_in
from tests.proposals import profile_document
from tests.writing import Clock, Person, active_name, newest_content, person


@dataclass(frozen=True)
class Scenario:
    """What is done when the process dies."""

    rollback: bool
    activate: bool
    switched: bool

    @property
    def name(self) -> str:
        words = ["roll back" if self.rollback else "apply"]
        words += ["with activation"] if self.activate else []
        words += ["after a switch"] if self.switched else []
        return " ".join(words)


SCENARIOS = [Scenario(r, a, s) for r in (False, True) for a in (False, True) for s in (False, True)]


class Deadly:
    """Counts instants; at the one given the process kills itself."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.count = 0

    def instant(self) -> None:
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def around(deadly: Deadly, function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **named: Any) -> Any:
        deadly.instant()
        result = function(*arguments, **named)
        deadly.instant()
        return result

    return wrapped


def deadly_person(someone: Person, at: int | None) -> tuple[Person, Deadly]:
    """The same person, in a process that dies at an instant."""
    deadly = Deadly(at)

    class DeadlyJournal(Journal):
        append = around(deadly, Journal.append)

    class DeadlyWriter(NightscoutWriter):
        _send = around(deadly, NightscoutWriter._send)

    Change.keep = around(deadly, Change.keep)  # type: ignore[method-assign]

    def journal(site: str) -> Journal:
        return DeadlyJournal(site, someone.tools.journals, someone.tools.clock)

    def writer(site: str, credentials: Credentials) -> NightscoutWriter:
        return DeadlyWriter(site, credentials, sleep=lambda _: None)

    return someone.with_(journal=journal, client=writer), deadly


def in_a_process(act: Callable[[], object]) -> int:
    """Run in a forked process; its exit status, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        status = 0
        try:
            act()
        except Refused:
            status = 3
        except BaseException:  # noqa: BLE001
            status = 1
        finally:
            os._exit(status)
    _, found = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(found)


@dataclass
class Site:
    """A stand-in, or the real server, as a kill run needs it: empty it, look at it, drop answers of it."""

    url: str
    credentials: Credentials
    clear: Callable[[dict[str, Any], list[dict[str, Any]]], dict[str, Any]]
    drop: Callable[[int], None] = lambda _: None


@dataclass(frozen=True)
class Ending:
    """How one run ended: which instant it died at, what the site is, what the audit says."""

    scenario: Scenario
    at: int
    died: bool
    is_now: str
    audit: str


def prepare(site: Site, scenario: Scenario, root: Path, number: int) -> tuple[Person, SiteProfiles, SiteProfiles]:
    """A fresh site with a person's run: what it is before, and what it is to be."""
    at = datetime.now(UTC) - timedelta(hours=3)
    switches = []
    if scenario.switched:
        body = profile_document()["store"]["Night shift"]
        switches = [switch_treatment("Night shift", body, int(at.timestamp() * 1000), "by hand")]
    source = site.clear(profile_document(), switches)
    clock = Clock()
    someone = person(root / f"{number:05d}", site.url, source, site.credentials, clock=clock, run=f"run-{number:05d}")
    original = someone.reading()
    if scenario.rollback:
        someone.apply(activate=scenario.activate)
        clock.sleep(10)
    return someone, original, someone.reading()


def act_of(scenario: Scenario, someone: Person) -> Callable[[], object]:
    return someone.roll_back if scenario.rollback else lambda: someone.apply(activate=scenario.activate)


def one(site: Site, scenario: Scenario, at: int | None, root: Path, number: int, chance: random.Random) -> Ending:
    """One run: killed at the instant `at` (counted from the act's begin), settled by the next start, judged."""
    someone, original, before = prepare(site, scenario, root, number)
    dropped = chance.random() < 0.25
    if dropped:
        site.drop(chance.choice([1, 1, 2]))
    killed, _ = deadly_person(someone, at)
    clock = someone.tools.clock.__self__  # type: ignore[attr-defined]
    status = in_a_process(act_of(scenario, killed))
    site.drop(0)
    clock.sleep(20)
    if chance.random() < 0.3:
        again, _ = deadly_person(someone, chance.randrange(1, 25))
        in_a_process(again.resume)
        clock.sleep(20)
    restore()
    someone.resume()
    after = someone.reading()
    changes = someone.journal.changes()
    assert all(c.ended for c in changes), "a change has no end"
    mine = [c for c in changes if c.facts["kind"] == ("rollback" if scenario.rollback else "apply")]
    last = mine[-1] if mine else None
    outcome = last.outcome if last is not None else ChangeOutcome.BEFORE
    is_before = newest_content(after) == newest_content(before) and active_name(after) == active_name(before)
    is_after = is_what_was_planned(after, original, last, scenario)
    assert is_before or is_after, f"between, at instant {at} of {scenario.name}"
    said = outcome is ChangeOutcome.AFTER
    assert said == is_after, f"the audit says {outcome} at instant {at} of {scenario.name}"
    seen = [json.dumps([d["startDate"], d["store"]], sort_keys=True) for d in after.documents]
    assert len(seen) == len(set(seen)), "a document is there twice"
    if last is not None and not last.reached(Step.UNDOING):
        assert len(after.documents) == len(before.documents) + is_after, "written more than once"
    return Ending(scenario, at or 0, status == -signal.SIGKILL, "after" if is_after else "before", str(outcome))


def is_what_was_planned(after: SiteProfiles, original: SiteProfiles, last: Change | None, scenario: Scenario) -> bool:
    if scenario.rollback:
        return newest_content(after) == newest_content(original) and active_name(after) == active_name(original)
    if last is None or not last.file("intent").is_file():
        return False
    planned = last.read("intent")
    if differences(after.newest.get("store"), planned["document"]["store"]):
        return False
    wanted = planned["switch"]["profile"] if scenario.activate else active_name(original)
    return active_name(after) == wanted


KEEP = Change.keep


def restore() -> None:
    Change.keep = KEEP  # type: ignore[method-assign]


def instants(site: Site, scenario: Scenario, root: Path) -> int:
    """How many instants an undisturbed change has."""
    someone, _, _ = prepare(site, scenario, root, 0)
    counted, deadly = deadly_person(someone, None)
    act_of(scenario, counted)()
    restore()
    return deadly.count


def every_instant(site: Site, root: Path, runs: int, seed: int, thinned: int = 1) -> list[Ending]:
    """At least `runs` runs: every instant of every scenario in turn, again and again with other accidents.

    The first time, only every second instant of those that differ by a Profile Switch made before; and of all only
    every second or third where `thinned` says so.
    """
    chance = random.Random(seed)  # noqa: S311
    counts = {s: instants(site, s, root / f"count-{n}") for n, s in enumerate(SCENARIOS)}
    instants_of_all = [(s, at) for s in SCENARIOS for at in range(1, counts[s] + 1)]
    endings: list[Ending] = []
    while len(endings) < runs:
        turn = [(s, at) for s, at in instants_of_all if endings or (at - 1) % step(s, thinned) == 0]
        if endings:
            chance.shuffle(turn)
        for scenario, at in turn[: max(runs - len(endings), 0) if endings else None]:
            endings.append(one(site, scenario, at, root / f"{len(endings)}", len(endings), chance))
    return endings


def step(scenario: Scenario, thinned: int) -> int:
    """Every which instant of a scenario is tried the first time."""
    return thinned * (2 if scenario.switched else 1)


def stand_in_site(server: StandIn) -> Site:
    """The stand-in, emptied for each run."""

    def clear(document: dict[str, Any], switches: list[dict[str, Any]]) -> dict[str, Any]:
        server.database.profiles.clear()
        server.database.treatments.clear()
        for switch in switches:
            server.database.add_treatment(switch)
        return server.database.add_profile(document)

    def drop(which: int) -> None:
        server.drop_post = which

    return Site(server.url, Credentials(api_secret=API_SECRET), clear, drop)


def main() -> int:
    """Run by command, and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as root,
        standing_in() as server,
    ):
        endings = every_instant(stand_in_site(server), Path(root), arguments.runs, arguments.seed)
        harm = server.database.harm
    seen = Counter((e.scenario.name, e.is_now) for e in endings)
    for (name, is_now), count in sorted(seen.items()):
        sys.stdout.write(f"{count:6d}  {name}: {is_now}\n")
    died = sum(e.died for e in endings)
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{len(endings)} runs, {died} killed, none between, {len(harm)} harmful requests, {seconds:.0f} s\n"
    )
    return 0 if not harm else 1


if __name__ == "__main__":
    sys.exit(main())
