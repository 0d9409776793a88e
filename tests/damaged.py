"""Damage every file of a run and a journal, and call every command that reads it: `python -m tests.damaged --count N`.

Each has to end in a result or a refusal: one clear error, no traceback, no internal error, nothing written to the site
by a refusal. What lies there is put back before the next one.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.nightscout.authentication import Credentials
from flows.pipeline.publish import report_document
from flows.proposal.sealed import seal
from flows.writeback.apply import Tools
from flows.writeback.session import SiteSession
from tests.damage import REPLACED, WHOLE, Damage, damages
from tests.integration.standin import API_SECRET, StandIn, standing_in
from tests.proposals import profile_document
from tests.writing import Clock, Person, client, person

OK, INTERNAL, USAGE, REFUSED = 0, 1, 2, 3


@dataclass
class Found:
    """What was tried: how often each command ended how, and what must not be."""

    ended: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass
class Bench:
    """A person with a run, a journal that knows of one change, and a site."""

    base: Path
    site: StandIn
    someone: Person
    stored: tuple[list[Any], list[Any]] = ([], [])

    @property
    def roots(self) -> tuple[Path, ...]:
        return (self.someone.run.path, self.base / "applied")

    @property
    def files(self) -> list[Path]:
        return sorted(p for root in self.roots for p in root.rglob("*") if p.is_file() and p.name != "lock")

    @property
    def directories(self) -> list[Path]:
        return sorted(p for root in self.roots for p in root.rglob("*") if p.is_dir())

    @property
    def approval(self) -> list[str]:
        return ["--yes", "--sha256", self.someone.made.sha256]

    def commands(self) -> dict[str, list[str]]:
        run, approval = str(self.someone.run.path), self.approval
        return {
            "show": ["show", run],
            "show --json": ["show", run, "--json"],
            "history": ["history", "--runs", str(self.base)],
            "apply --dry-run": ["apply", run, "--all", "--dry-run"],
            "apply": ["apply", run, "--all", *approval],
            "apply --resume": ["apply", run, "--resume"],
            "tidy": ["tidy", run, "--keep", "5", "--yes"],
            "rollback": ["rollback", run, *approval],
            "baseline show": ["baseline", "show", run],
            "baseline set": ["baseline", "set", run, *approval],
            "recover": ["recover", run],
        }

    def copy(self, to: Path) -> None:
        for root in self.roots:
            shutil.copytree(root, to / root.name, symlinks=True)
        database = self.site.database
        self.stored = copy.deepcopy((database.profiles, database.treatments))

    def restore(self, copied: Path) -> None:
        for root in self.roots:
            shutil.rmtree(root)
            shutil.copytree(copied / root.name, root, symlinks=True)
        self.restore_site()

    def restore_site(self) -> None:
        database = self.site.database
        database.profiles[:], database.treatments[:] = copy.deepcopy(self.stored)


@contextlib.contextmanager
def bench(base: Path) -> Iterator[Bench]:
    """A run whose proposal was written and activated, as the commands made it."""
    variables = {
        "AUTOTUNE_RUNS": str(base),
        "AUTOTUNE_APPLIED": str(base / "applied"),
        "AUTOTUNE_STATE": str(base / "sites"),
        "AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET": API_SECRET,
    }
    clock = Clock()
    with standing_in() as site, pytest.MonkeyPatch.context() as patched:
        for name, value in variables.items():
            patched.setenv(name, value)
        # Nobody waits for a second to pass, nor for the site's sake.
        patched.setattr(Tools, "site", lambda _, opened: SiteSession(opened, clock.now, clock.sleep))
        patched.setattr(Tools, "open_client", lambda tools, address: client(address, tools.credentials))
        source = site.database.add_profile(profile_document())
        someone = person(base, site.url, source, Credentials(api_secret=API_SECRET))
        someone.run.write_json("report.json", report_document(someone.run, someone.made.model_dump(mode="json")))
        options = {"site": site.url, "timezone": "UTC"}
        sealed = {"proposal_sha256": someone.made.sha256, "written_at": someone.made.created_at, "status": "proposal"}
        someone.run.write_json("manifest.json", {"schema_version": 1, **sealed, "options": options})
        someone.apply(activate=True)
        yield Bench(base, site, someone)


def call(arguments: list[str]) -> tuple[int, str, str]:
    """A command's exit status and what it said."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    return status, out.getvalue(), err.getvalue()


def try_one(bench: Bench, where: str, found: Found, commands: list[str]) -> None:
    """Each command on what lies there now."""
    for name in commands:
        database = bench.site.database
        posts = len([r for r in database.requests if r[0] == "POST"])
        started = time.monotonic()
        try:
            status, _, err = call(bench.commands()[name])
        except BaseException as error:  # noqa: BLE001 - what must not be is written down
            found.wrong.append(f"{where}: {name}: {type(error).__name__}")
            continue
        found.ended[name, status] += 1
        refused = err.count("Refused: ")
        nothing_there = status == USAGE and "holds no proposal" in err
        if (status not in (OK, REFUSED) and not nothing_there) or "Traceback" in err or refused != (status == REFUSED):
            found.wrong.append(f"{where}: {name}: {status} {err.strip()[:300]!r}")
        if status == REFUSED and len([r for r in database.requests if r[0] == "POST"]) != posts:
            found.wrong.append(f"{where}: {name}: a refusal that wrote")
        if time.monotonic() - started > 20:
            found.wrong.append(f"{where}: {name}: waited")
        database.requests.clear()
        bench.restore_site()


def go_on(bench: Bench, where: str, found: Found) -> None:
    """Where the journal is refused, the documented way has to lead on: set aside, and never refused for it again."""
    if "The journal's " not in call(bench.commands()["tidy"])[2] + call(bench.commands()["apply --resume"])[2]:
        return
    recover, apply = [*bench.commands()["recover"], *bench.approval], bench.commands()["apply"]
    status, _, err = call(recover)
    found.ended["recover --yes", status] += 1
    again = [call(apply)[2], call(bench.commands()["tidy"])[2]]
    if status != OK or any("The journal's " in said for said in again):
        found.wrong.append(f"{where}: cannot go on: {status} {err.strip()[-300:]!r}")
    asides = [p for p in (bench.base / "applied").iterdir() if ".set-aside-" in p.name]
    if len(asides) != 1 or not (asides[0] / "NOTE.txt").is_file():
        found.wrong.append(f"{where}: not set aside")


def all_damages(bench: Bench, seed: int) -> list[tuple[str, Path, Damage]]:
    """Each damage of each file and directory, by where it is."""
    found: list[tuple[str, Path, Damage]] = []
    for file in bench.files:
        sealed = seal if file.name == "proposal.json" else None
        found += [(f"{file.relative_to(bench.base)}: {kind}", file, act) for kind, act in damages(file, seed, sealed)]
    for directory in bench.directories:
        name = str(directory.relative_to(bench.base))
        found += [(f"{name}: {kind}", directory, act) for kind, act in REPLACED.items() if kind != "a directory"]
    return found


def run(base: Path, seed: int, count: int | None = None) -> Found:
    """Try `count` damages with every command, half of them of a whole file or directory; all where it is left out."""
    found, chance = Found(), random.Random(seed)  # noqa: S311
    with bench(base / "bench") as made:
        made.copy(base / "copy")
        chosen = all_damages(made, seed)
        if count is not None:
            whole = [one for one in chosen if one[0].rpartition(": ")[2] in {*REPLACED, *WHOLE}]
            inside = [one for one in chosen if one[0].rpartition(": ")[2] not in {*REPLACED, *WHOLE}]
            of_whole = min(count // 2, len(whole))
            chosen = [*chance.sample(whole, of_whole), *chance.sample(inside, min(count - of_whole, len(inside)))]
        for number, (where, path, damage) in enumerate(chosen):
            damage(path)
            commands = list(made.commands())
            # `apply` and `rollback` first by turns: the one may settle or hide what the other would have met.
            try_one(made, where, found, commands if number % 2 else commands[::-1])
            made.restore(base / "copy")
            damage(path)
            go_on(made, where, found)
            made.restore(base / "copy")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, help="how many damages (default: all there are)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        result = run(Path(scratch), given.seed, given.count)
    ended = [f"{name:<18} exit {status}: {count}" for (name, status), count in sorted(result.ended.items())]
    last = f"{sum(result.ended.values())} calls, {len(result.wrong)} wrong"
    sys.stdout.write("\n".join([*ended, *result.wrong, last, ""]))
    sys.exit(bool(result.wrong))
