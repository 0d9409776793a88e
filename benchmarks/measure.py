"""Seconds and megabytes of what is measured, several times over, and what of them is shown."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Measured:
    """One way's seconds: wall, and CPU of the processes it started (`None` where they are not ours: a container)."""

    name: str
    days: int
    cpu_s: list[float | None] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    peak_mb: float | None = None

    def add(self, what: Callable[[], float | None], *, ours: bool = True) -> None:
        """Measure once; `what` gives the peak memory in MB where it knows it."""
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        peak = what()
        after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.cpu_s.append(cpu_s if ours else None)
        self.wall_s.append(ended - began)
        self.peak_mb = max(filter(None, (self.peak_mb, peak)), default=None)

    @property
    def cpu(self) -> float | None:
        """Median CPU seconds."""
        known = [s for s in self.cpu_s if s is not None]
        return statistics.median(known) if known else None

    @property
    def wall(self) -> float:
        """Median wall seconds."""
        return statistics.median(self.wall_s)


def rows(measured: list[Measured], *, ratios: bool = True) -> list[list[str]]:
    """A table, its heading first; ratios are a day of the first way against a day of each."""
    table = [["way", "days", "runs", "CPU s", "wall s", "ms a day", "peak MB"]]
    if ratios:
        table[0] += ["× by CPU", "× by wall"]
    first = measured[0]
    for one in measured:
        row = [one.name, str(one.days), str(len(one.wall_s)), _number(one.cpu, 2), f"{one.wall:.2f}"]
        row += [f"{1000 * one.wall / one.days:.0f}", _number(one.peak_mb, 0)]
        if ratios:
            by_cpu = (first.cpu / first.days) / (one.cpu / one.days) if first.cpu and one.cpu else None
            row += [_number(by_cpu, 1), _number((first.wall / first.days) / (one.wall / one.days), 1)]
        table.append(row)
    return table


def _number(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:.{places}f}"


def markdown(table: list[list[str]]) -> str:
    """The table as Markdown; the first column is text, the others are numbers."""
    head, *body = table
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(["---", *["---:"] * (len(head) - 1)]) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in body)])
