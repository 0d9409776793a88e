"""Chaos in writing back: after every accident the site is before, after or another's, and the journal says which.

    python -m tests.chaos --server 15 --hours 1 --seed 1
    python -m tests.chaos --server 0.12 --kills 300 --faults 300
    python -m tests.chaos --server 15 --case '{"kind": "kill", "act": "apply", "kill": 17}'

Each case is a real apply, rollback or resume in a process of its own: killed at an instant of what it writes (before,
within and after each write, fsync, rename and request), with a fault at a request, another client's edit, a full disk,
a clock that jumps, or several of these. Then it is resumed and done once more, as a person would. Ends with 1 and the
case at the first thing that must not be. `--server 15` is the stand-in as 15.0.7; `0.12` is the real server that
`AUTOTUNE_TEST_NIGHTSCOUT_URL` names (its secret in `AUTOTUNE_TEST_NIGHTSCOUT_SECRET`): all on it is deleted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.case import Case, faults, kills, others, scenarios
from tests.chaos.drive import Bench, Ending, Violation
from tests.chaos.network import EDITS, FAULTS, between
from tests.chaos.sites import real, stand_in

TOLD_EVERY = 200


@contextlib.contextmanager
def bench(server: str) -> Iterator[Bench]:
    """A bench before a server.

    Args:
        server: `15`, `0.12-stand-in`, or `0.12` for the real one.
    """
    with contextlib.ExitStack() as stack:
        shared = Path("/dev/shm")  # noqa: S108
        root = stack.enter_context(tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None))
        os.environ["AUTOTUNE_STATE"] = f"{root}/state"
        if server == "0.12":
            url = os.environ["AUTOTUNE_TEST_NIGHTSCOUT_URL"]
            site, headers = real(url, os.environ.get("AUTOTUNE_TEST_NIGHTSCOUT_SECRET", "integration-test-secret"))
        else:
            version = {"15": "15.0.7", "0.12-stand-in": "0.12.8"}[server]
            site, headers = stack.enter_context(stand_in(version))
        network = stack.enter_context(between(site.url, headers))
        yield Bench(site, network, Path(root))


def cases(bench: Bench, seed: int, acts: list[Case] | None = None) -> Iterator[Case]:
    """Kills, faults and all else in turn, each over every place of the acts, again and again."""
    chance = random.Random(seed)  # noqa: S311
    sizes = {act: bench.size(act) for act in acts or scenarios()}
    killed, faulty = kills(sizes, chance), faults(sizes, FAULTS, chance)
    other = others(sizes, FAULTS, tuple(EDITS), chance)
    while True:
        for stream in (killed, faulty, killed, faulty, other):
            yield next(stream)


class Table:
    """What was seen."""

    def __init__(self) -> None:
        self.cases = self.kills = self.faults = 0
        self.by_kind: Counter[tuple[str, str]] = Counter()
        self.by_fault: Counter[str] = Counter()
        self.told: Counter[str] = Counter()

    def add(self, ending: Ending) -> None:
        self.cases += 1
        self.kills += ending.died
        self.faults += ending.faults
        self.by_kind[ending.case.kind, f"site {ending.site}, journal {ending.journal}"] += 1
        self.by_fault.update(name for _, name in ending.case.faults)
        self.told[ending.told[0]] += 1

    def text(self) -> str:
        lines = [f"{self.cases} cases, {self.kills} kills, {self.faults} faults"]
        lines += [f"{count:6d}  {kind}: {what}" for (kind, what), count in sorted(self.by_kind.items())]
        lines += ["faults: " + ", ".join(f"{name} {n}" for name, n in sorted(self.by_fault.items()))]
        lines += ["the act said: " + ", ".join(f"{name} {n}" for name, n in sorted(self.told.items()))]
        return "\n".join(lines)


def run(
    bench: Bench, wanted: Iterator[Case], *, until: float, kills: int, faults: int, most: int = 1
) -> tuple[Table, list[str]]:
    """Run cases until the time is over, or so many kills and faults were had; the table, and what must not be.

    Args:
        bench: where.
        wanted: the cases.
        until: by `time.monotonic`.
        kills: at least so many, 0 for as many as there is time for.
        faults: as `kills`.
        most: after so many violations no more cases are run.
    """
    table, violations = Table(), list[str]()
    for case in wanted:
        enough = (kills or faults) and table.kills >= kills and table.faults >= faults
        if enough or time.monotonic() > until or bench.stopped:
            break
        try:
            table.add(bench.run(case))
            if table.cases % TOLD_EVERY == 0:
                sys.stderr.write(f"{table.cases} cases, {table.kills} kills, {table.faults} faults\n")
        except Violation as violation:
            violations.append(f"{violation}\n  --case '{case}'")
            sys.stderr.write(f"VIOLATION: {violations[-1]}\n")
            if len(violations) == most:
                break
    return table, violations


def main() -> int:
    """Run by command, and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=("15", "0.12", "0.12-stand-in"), default="15")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=12.0, help="at most so long")
    parser.add_argument("--kills", type=int, default=0, help="end after so many kills, and")
    parser.add_argument("--faults", type=int, default=0, help="so many faults")
    parser.add_argument("--violations", type=int, default=1, help="end after so many things that must not be")
    parser.add_argument("--case", type=Case.from_text, help="this case only")
    asked = parser.parse_args()
    if asked.server == "0.12" and "AUTOTUNE_TEST_NIGHTSCOUT_URL" not in os.environ:
        parser.error("AUTOTUNE_TEST_NIGHTSCOUT_URL names no Nightscout")
    began = time.monotonic()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    with bench(asked.server) as site:
        signal.signal(signal.SIGTERM, lambda *_: setattr(site, "stopped", True))  # the case under way, then the table
        wanted = iter([asked.case]) if asked.case else cases(site, asked.seed)
        until = began + asked.hours * 3600
        bounds = {"kills": asked.kills, "faults": asked.faults, "most": asked.violations}
        table, violations = run(site, wanted, until=until, **bounds)
    said = f"server {asked.server}, seed {asked.seed}, commit {commit.stdout.strip()[:12]}"
    sys.stdout.write(f"{table.text()}\n{said}, {time.monotonic() - began:.0f} s\n")
    sys.stdout.write("".join(f"VIOLATION: {violation}\n" for violation in violations) or "no violation\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
