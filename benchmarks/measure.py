"""Seconds and megabytes of what is measured, several times over, and what of them is shown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Once:
    """One measurement; `None` is what is not ours to see (a container) or was not there.

    Attributes:
        cpu_s: CPU seconds of the processes that were started, each with all it started.
        wall_s: wall seconds.
        own_s: the part of `cpu_s` that the started process itself used.
        python_mb: peak resident memory of the largest Python process.
        node_mb: the same of the largest Node process.
    """

    cpu_s: float | None
    wall_s: float
    own_s: float | None = None
    python_mb: float | None = None
    node_mb: float | None = None


@dataclass
class Measured:
    """One way of doing a number of days, measured one or several times."""

    name: str
    days: int
    times: list[Once] = field(default_factory=list)

    @property
    def cpu(self) -> float | None:
        """Median CPU seconds."""
        return median(one.cpu_s for one in self.times)

    @property
    def own(self) -> float | None:
        """Median CPU seconds of the started process itself."""
        return median(one.own_s for one in self.times)

    @property
    def wall(self) -> float:
        """Median wall seconds."""
        return statistics.median(one.wall_s for one in self.times)

    @property
    def python_mb(self) -> float | None:
        """Largest peak of a Python process."""
        return _largest(one.python_mb for one in self.times)

    @property
    def node_mb(self) -> float | None:
        """Largest peak of a Node process."""
        return _largest(one.node_mb for one in self.times)


def median(values: Iterable[float | None]) -> float | None:
    """Of those that are known."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def rows(measured: list[Measured], *, ratios: bool = True) -> list[list[str]]:
    """A table, its heading first; ratios are a day of the first way against a day of each."""
    table = [["way", "days", "runs", "CPU s", "wall s", "Python MB", "Node MB"]]
    if ratios:
        table[0] += ["× by CPU", "× by wall"]
    first = measured[0]
    for one in measured:
        row = [one.name, str(one.days), str(len(one.times)), number(one.cpu), number(one.wall)]
        row += [number(one.python_mb, 0), number(one.node_mb, 0)]
        if ratios:
            by_cpu = (first.cpu / first.days) / (one.cpu / one.days) if first.cpu and one.cpu else None
            row += [number(by_cpu), number((first.wall / first.days) / (one.wall / one.days))]
        table.append(row)
    return table


def number(value: float | None, places: int = 2) -> str:
    """A number of a table; a dash for what is not known."""
    return "–" if value is None else f"{value:.{places}f}"


def markdown(table: list[list[str]]) -> str:
    """The table as Markdown; the first column is text, the others are numbers."""
    head, *body = table
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(["---", *["---:"] * (len(head) - 1)]) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in body)])
