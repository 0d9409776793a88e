"""One person's days by every way in one run, upstream's script first: seconds, memory, and whether a byte differs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.measure import Measured, Once
from benchmarks.processes import inside
from benchmarks.site import serving
from benchmarks.ways import AT_THE_CEILING, AUTOTUNE, Person, compute, lacking_tools, propose, repetitions, script
from flows.oref0.docker import DockerEngine
from flows.oref0.engine import Engine
from flows.oref0.node import NodeEngine
from flows.oref0.reference import ReferenceEngine
from flows.oref0.runtime import find_node
from flows.pipeline.parity import compare, copy_inputs

# Every day's result, and the profile after it.
COMPARED = ("autotune.2", "newprofile.", "profile.")
FILES_A_DAY = 3

ONCE_FROM_S = 20.0  # what takes longer is measured once: chance weighs little in it
Way = tuple[str, Callable[[Path], Once]]  # its name, and what it does in a directory of its own


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


def engines(person: Person, *, docker: bool, untouched: bool) -> list[Way]:
    """Our engines alone: upstream's computations and the self-check, nothing around them."""

    def way(engine: Engine, *, ours: bool = True, **options: bool) -> Callable[[Path], Once]:
        def once(work: Path) -> Once:
            copy_inputs(person.job.work, work)
            return inside(partial(compute, engine, person, work, **options), ours=ours)

        return once

    found: list[Way] = [
        ("engine", way(NodeEngine())),
        ("engine, without its self-check", way(NodeEngine(), self_check=False)),
    ]
    if untouched:
        found.insert(0, ("engine, untouched (`--exact`)", way(NodeEngine(), exact=True)))
    if docker:
        found.append(("engine, in the container", way(DockerEngine(), ours=False)))
    return found


def upstreams(base: Path, person: Person) -> tuple[list[Measured], list[Path]]:
    """Upstream's script, where the machine has what it needs, and its commands; each once, as they are slow."""
    measured, works = [], []
    if not lacking_tools():
        works.append(base / "script")
        copy_inputs(person.job.work, works[-1])
        with serving(person.entries, person.treatments) as address:
            measured.append(Measured("upstream's script", person.days, [script(person, works[-1], address)]))
    works.append(base / "commands")
    copy_inputs(person.job.work, works[-1])
    once = inside(partial(compute, ReferenceEngine(), person, works[-1]))
    return [*measured, Measured("upstream's commands", person.days, [once])], works


def in_turns(base: Path, ways: list[Way], days: int, repeat: int) -> tuple[list[Measured], list[Path]]:
    """Each way up to `repeat` times, in turns, and a long one once; every run in a directory of its own.

    Returns:
        The measurements, and the directories in the order of the runs.
    """
    measured, works = [Measured(name, days) for name, _ in ways], []
    for n in range(repeat):
        for one, (name, way) in zip(measured, ways, strict=True):
            if n and one.times[0].wall_s > ONCE_FROM_S:
                continue
            works.append(base / f"{n}-{re.sub(r'[^a-z]+', '-', name)}")
            one.times.append(way(works[-1]))
    return measured, works


def differences(works: list[Path], days: int) -> list[str]:
    """The files of each directory that differ from the first one's."""
    found = []
    for work in works[1:]:
        files, differing = compare(works[0], work, COMPARED)
        assert files >= FILES_A_DAY * days
        found += [f"{work.name}: {name}" for name in differing]
    return found


def commands(base: Path, person: Person, repeat: int) -> list[Measured]:
    """Our whole command without evidence, with it, and going on to the ceiling as if nothing ever became clear.

    The names say how many repetitions the evidence is made of.
    """
    base.mkdir(parents=True)
    curve = ["--tune-insulin-curve"] if person.job.tune_insulin_curve else []

    def way(*options: str, module: str = AUTOTUNE) -> Callable[[Path], Once]:
        return lambda out: propose(person.source, out, *options, *curve, module=module)

    ways = [
        ("propose, without evidence", way("--resamples", "0")),
        ("propose, with evidence", way()),
        ("propose, evidence to the ceiling", way(module=AT_THE_CEILING)),
    ]
    measured, runs = in_turns(base, ways, person.days, repeat)
    for one, run in zip(measured[1:], runs[1:], strict=False):
        one.name += f": {repetitions(run)} repetitions"
    return measured
