"""Ours against upstream's own script and commands, side by side in one run: `python -m benchmarks [--write FILE]`.

Prints medians and ratios, and fails when an output file differs: a faster wrong number is no result.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks import around
from benchmarks.measure import Measured, markdown, rows
from benchmarks.site import serving
from benchmarks.ways import Person, compute, lacking_tools, lay_out, script
from flows.oref0.docker import DockerEngine, ensure_image
from flows.oref0.engine import Engine
from flows.oref0.node import NodeEngine
from flows.oref0.reference import ReferenceEngine
from flows.oref0.runtime import find_node
from flows.pipeline.parity import compare, copy_inputs

MARK = "<!-- measured: `python -m benchmarks --write docs/performance.md` writes what follows -->"
SLOW_DAYS = 30  # upstream's own ways and the untouched one are measured up to so many


@dataclass
class Results:
    """What is shown and written, and what differed."""

    parts: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)

    def show(self, text: str) -> None:
        """Print it, and keep it for the file."""
        print(text + "\n", flush=True)
        self.parts.append(text)

    def table(self, title: str, measured: list[Measured], *, ratios: bool = True) -> None:
        """A heading and its table."""
        self.show(f"### {title}\n\n{markdown(rows(measured, ratios=ratios))}")


def has_docker() -> bool:
    """Whether a Docker Engine answers; the image is built before anything is measured."""
    import docker
    from docker.errors import DockerException

    try:
        ensure_image(docker.from_env())
    except DockerException:
        return False
    return True


@contextmanager
def node_of(executable: str) -> Iterator[None]:
    """Use another Node.js."""
    before = os.environ.get("AUTOTUNE_NODE")
    os.environ["AUTOTUNE_NODE"] = executable
    find_node.cache_clear()
    try:
        yield
    finally:
        os.environ.pop("AUTOTUNE_NODE")
        if before:
            os.environ["AUTOTUNE_NODE"] = before
        find_node.cache_clear()


Way = tuple[str, Callable[[Path], float | None], bool]  # its name, what it does in a directory, whether CPU is ours


def ours(person: Person, *, docker: bool, untouched: bool) -> list[Way]:
    """Our engines."""

    def way(engine: Engine, **options: bool) -> Callable[[Path], float | None]:
        return lambda work: compute(engine, person, work, **options)

    found: list[Way] = [
        ("ours", way(NodeEngine()), True),
        ("ours, without its self-check", way(NodeEngine(), self_check=False), True),
    ]
    if untouched:
        found.insert(0, ("ours, untouched (`--exact`)", way(NodeEngine(), exact=True), True))
    if docker:
        found.append(("ours, in the container", way(DockerEngine()), False))
    return found


def measure(
    results: Results, base: Path, person: Person, ways: list[Way], repeat: int, *, theirs: bool
) -> list[Measured]:
    """All ways on one person's days, in turns; every file of theirs against every file of ours."""
    days = len(person.job.days)
    found: list[Measured] = []
    works: list[Path] = []
    if theirs and not lacking_tools():
        work = base / "script"
        copy_inputs(person.job.work, work)
        with serving(person.entries, person.treatments) as address:
            found.append(Measured("upstream's script", days))
            found[0].add(partial(script, person, work, address))
        works.append(work)
    if theirs:
        work = base / "commands"
        copy_inputs(person.job.work, work)
        found.append(Measured("upstream's commands", days))
        found[-1].add(partial(compute, ReferenceEngine(), person, work))
        works.append(work)
    mine = [Measured(name, days) for name, *_ in ways]
    for n in range(repeat):
        for one, (name, run, is_ours) in zip(mine, ways, strict=True):
            if n and "untouched" in name:
                continue
            work = base / f"{n}-{re.sub(r'[^a-z]+', '-', name)}"
            copy_inputs(person.job.work, work)
            one.add(partial(run, work), ours=is_ours)
            works.append(work)
    for work in works[1:]:
        prefixes = ("autotune.2", "newprofile.", "profile.")
        files, differing = compare(works[0], work, prefixes)
        assert files >= 3 * days
        results.differing += [f"{work.name}: {name}" for name in differing]
    return found + mine


def main() -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--days", default="1,7,30,90", help="runs of so many days, such as 1,30")
    parser.add_argument("--repeat", type=int, default=3, help="how often each of the fast ways is measured")
    parser.add_argument("--node", action="append", default=[], metavar="FILE", help="measure this Node.js too")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this document")
    options = parser.parse_args()
    lengths = [int(n) for n in options.days.split(",")]
    results, docker = Results(), has_docker()
    node = find_node()
    results.show(
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Node {node.version}, "
        f"Python {platform.python_version()}; load before {os.getloadavg()[0]:.1f}"
        + ("" if docker else "; no Docker Engine: the container was not measured")
        + "".join(f"; {tool} is missing: upstream's script was not measured" for tool in lacking_tools())
    )
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        theirs: list[Measured] = []
        for kind in ("dense", "sparse"):
            for days in lengths if kind == "dense" else [min(30, max(lengths))]:
                here = base / f"{kind}{days}"
                person = lay_out(here / "source", days, sparse=kind == "sparse")
                slow = days <= SLOW_DAYS
                ways = ours(person, docker=docker, untouched=slow)
                measured = measure(results, here, person, ways, options.repeat, theirs=slow)
                for file in options.node:
                    with node_of(file):
                        version = find_node().version
                        more = ours(person, docker=False, untouched=False)
                        named = [(f"{name} (Node {version})", run, is_ours) for name, run, is_ours in more]
                        measured += measure(results, here / version, person, named, options.repeat, theirs=False)
                if slow:
                    theirs = measured[:1]
                else:
                    measured = theirs + measured
                title = f"{days} {kind} days, {person.treatments_a_window:.0f} treatments in each day's 60 hours"
                results.table(title, measured)
        curve = lay_out(base / "curve" / "source", min(7, max(lengths)), sparse=False, tune_insulin_curve=True)
        ways = ours(curve, docker=False, untouched=False)
        results.table(
            f"{len(curve.job.days)} dense days with `--tune-insulin-curve`",
            measure(results, base / "curve", curve, ways, options.repeat, theirs=True),
        )
    results.table(f"The steps of a run of {max(lengths)} dense days", around.steps(max(lengths)), ratios=False)
    results.table("The command line", around.commands(min(14, max(lengths)), options.repeat), ratios=False)
    if options.write:
        text = options.write.read_text("utf-8")
        kept = text[: text.index(MARK)] + MARK + "\n\n"
        options.write.write_text(kept + "\n\n".join(results.parts) + "\n", "utf-8")
    if results.differing:
        print("DIFFERENT:", *results.differing, sep="\n")
        return 1
    print("Every output file of every way has the bytes of the first.")
    return 0


def _processor() -> str:
    try:
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    except OSError:
        names = []
    return names[0].partition(":")[2].strip() if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
