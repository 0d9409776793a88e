"""Ours against upstream's own script and commands, side by side in one run: `python -m benchmarks [--write FILE]`.

Prints medians and ratios, and fails when an output file differs: a faster wrong number is no result.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import around, prefect_share
from benchmarks.dense import Kind
from benchmarks.measure import Measured, markdown, rows
from benchmarks.side_by_side import commands, differences, engines, in_turns, node_of, upstreams
from benchmarks.ways import Person, lacking_tools, lay_out
from flows.oref0.docker import ensure_image
from flows.oref0.runtime import find_node

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

    def section(self, title: str, table: str) -> None:
        """A heading and its table."""
        self.show(f"### {title}\n\n{table}")

    def written(self, document: str) -> str:
        """The document with what was shown in place of what stood below the mark."""
        return document[: document.index(MARK)] + MARK + "\n\n" + "\n\n".join(self.parts) + "\n"


def has_docker() -> bool:
    """Whether a Docker Engine answers; the image is built before anything is measured."""
    import docker
    from docker.errors import DockerException

    try:
        ensure_image(docker.from_env())
    except DockerException:
        return False
    return True


def numbers(text: str) -> list[int]:
    """`1,7,14`, in order; nothing for an empty text."""
    return sorted(int(n) for n in text.split(",") if n)


def parser() -> argparse.ArgumentParser:
    """The options; 0 or nothing leaves a part out."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    for option, default, what in (
        ("--days", "1,7,14,30", "dense loop days; 90 takes a while more"),
        ("--pen-days", "14,30", "days of a person with a pen"),
        ("--pump-days", "14", "days of a person with a plain pump"),
        ("--curve-days", "7", "dense loop days with `--tune-insulin-curve`"),
    ):
        made.add_argument(option, default=default, type=numbers, metavar="N,N", help=what)
    for option, days, what in (
        ("--around-days", 14, "dense loop days, for the steps and for Prefect's share"),
        ("--memory-days", 300, "dense loop days, for the memory"),
        ("--crowded-days", 14, "days of 1950 treatments, for the memory"),
    ):
        made.add_argument(option, default=days, type=int, metavar="N", help=what)
    made.add_argument("--repeat", type=int, default=3, help="how often each of the fast ways is measured")
    made.add_argument("--node", action="append", default=[], metavar="FILE", help="measure this Node.js too")
    made.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this document")
    return made


def side_by_side(results: Results, base: Path, options: argparse.Namespace, docker: bool) -> None:
    """The tables of whole commands and engines; longer runs than upstream's own are set against its longest."""
    people = [(Kind.LOOP, days, False) for days in options.days]
    people += [(Kind.PUMP, days, False) for days in options.pump_days]
    people += [(Kind.PEN, days, False) for days in options.pen_days]
    people += [(Kind.LOOP, days, True) for days in options.curve_days]
    script: dict[tuple[Kind, bool], Measured] = {}
    for kind, days, curve in people:
        here = base / f"{kind.name}-{days}{'-curve' if curve else ''}"  # upstream's script breaks at a blank
        person = lay_out(here, days, kind, tune_insulin_curve=curve)
        measured, differing = _ways(here, person, options, docker, slow=days <= SLOW_DAYS)
        if days <= SLOW_DAYS:
            script[kind, curve] = measured[0]
        elif (kind, curve) in script:
            measured.insert(0, script[kind, curve])
        results.differing += differing
        title = f"{days} {kind} days, {person.treatments_a_window:.0f} treatments in each day's 60 hours"
        results.section(title + (", with `--tune-insulin-curve`" if curve else ""), markdown(rows(measured)))


def _ways(
    here: Path, person: Person, options: argparse.Namespace, docker: bool, *, slow: bool
) -> tuple[list[Measured], list[str]]:
    measured, works = upstreams(here, person) if slow else ([], [])
    untouched = slow and not person.job.tune_insulin_curve
    ours, made = in_turns(here, engines(person, docker=docker, untouched=untouched), person.days, options.repeat)
    measured, works = measured + ours, works + made
    for file in options.node:
        with node_of(file):
            version = find_node().version
            named = [(f"{name} (Node {version})", way) for name, way in engines(person, docker=False, untouched=False)]
            ours, made = in_turns(here / version, named, person.days, options.repeat)
            measured, works = measured + ours, works + made
    return measured + commands(here / "propose", person, options.repeat), differences(works, person.days)


def surroundings(results: Results, base: Path, options: argparse.Namespace) -> None:
    """The tables of steps, of Prefect, of memory and of the command line."""
    if options.around_days:
        person = lay_out(base / "around", options.around_days, Kind.LOOP)
        of = f"a run of {person.days} {person.kind} days"
        results.section(f"The steps of {of}", around.steps_table(base / "steps", person, options.repeat))
        shares = {
            "without evidence": prefect_share.measure(base / "p0", person, options.repeat, "--resamples", "0"),
            "with evidence": prefect_share.measure(base / "p1", person, options.repeat),
        }
        results.section(f"Prefect's share of {of}", prefect_share.table(shares))
        results.section("Start-up", markdown(rows(around.start(base / "start", person, options.repeat), ratios=False)))
    memory: list[Measured] = []
    for kind, days in ((Kind.LOOP, options.memory_days), (Kind.CROWDED, options.crowded_days)):
        if days:
            memory += around.memory(base / f"memory-{kind.name}", kind, days)
    if memory:
        results.section("Memory", markdown(rows(memory, ratios=False)))


def main() -> int:
    """Measure, print, and write where asked."""
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the server it started ends with it
    results, docker = Results(), has_docker()
    results.show(
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Node {find_node().version}, "
        f"Python {platform.python_version()}; load before {os.getloadavg()[0]:.1f}"
        + ("" if docker else "; no Docker Engine: the container was not measured")
        + "".join(f"; {tool} is missing: upstream's script was not measured" for tool in lacking_tools())
    )
    with tempfile.TemporaryDirectory() as scratch:
        side_by_side(results, Path(scratch), options, docker)
        surroundings(results, Path(scratch), options)
    if options.write:
        options.write.write_text(results.written(options.write.read_text("utf-8")), "utf-8")
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
