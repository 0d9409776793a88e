"""What a command costs, with every process it starts: CPU, wall time and peak memory, as Linux tells them.

Peaks are read while the processes run (`VmHWM`). `ru_maxrss` would not do: a child takes over its parent's peak when
it is started, so a Node process would be shown with the memory of the Python process that started it.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Once

PROC = Path("/proc")
LOOK_EVERY_S = 0.05
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
WORDS_OF_A_FAILURE = 2000


class CommandFailed(RuntimeError):
    """A command that was to be measured did not succeed; what it said at the end."""


@dataclass(frozen=True)
class Stat:
    """What `/proc/PID/stat` says of a process: its parent, its own CPU, and that of children it has waited for."""

    parent: int
    own_s: float
    reaped_s: float


def parse_stat(text: str) -> Stat:
    """Read the line; the program's name in it may hold blanks and parentheses."""
    fields = text.rpartition(")")[2].split()  # from the state on, the third field of proc(5)
    user, system, reaped_user, reaped_system = (int(n) / TICKS_PER_S for n in fields[11:15])
    return Stat(int(fields[1]), user + system, reaped_user + reaped_system)


def parse_peak_mb(status: str) -> float | None:
    """The peak resident memory in `/proc/PID/status`; a process that has ended has none."""
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return None


def program(executable: str) -> str:
    """The program by its file: `python` of `/usr/bin/python3.11`."""
    name = Path(executable).name
    return "python" if name.startswith("python") else name


def with_descendants(root: int, parents: Mapping[int, int]) -> set[int]:
    """A process and all below it."""
    found, new = {root}, {root}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def tree(root: int) -> dict[int, Stat]:
    """The process and all below it that live now."""
    stats = {}
    for directory in PROC.iterdir() if PROC.is_dir() else ():
        if directory.name.isdigit():
            try:
                stats[int(directory.name)] = parse_stat((directory / "stat").read_text("utf-8"))
            except OSError:  # ended meanwhile
                continue
    below = with_descendants(root, {pid: stat.parent for pid, stat in stats.items()})
    return {pid: stat for pid, stat in stats.items() if pid in below}


def cpu_of_tree(root: int) -> float:
    """CPU seconds of a living process, of those it started that live, and of those that were waited for."""
    return sum(stat.own_s + stat.reaped_s for stat in tree(root).values())


def cpu_of_children() -> float:
    """CPU seconds of all that this process started, ended or not."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = sum(stat.own_s + stat.reaped_s for pid, stat in tree(os.getpid()).items() if pid != os.getpid())
    return ended.ru_utime + ended.ru_stime + alive


@dataclass
class Seen:
    """What was seen of a process and those it started."""

    own_s: float = 0.0  # of the process itself
    peaks_mb: dict[str, float] = field(default_factory=dict)  # the largest process of each program

    def look(self, root: int) -> None:
        """Look once."""
        for pid, stat in tree(root).items():
            if pid == root:
                self.own_s = stat.own_s
            try:
                name = program((PROC / str(pid) / "exe").readlink().name)
                peak_mb = parse_peak_mb((PROC / str(pid) / "status").read_text("utf-8"))
            except OSError:
                continue
            if peak_mb is not None:
                self.peaks_mb[name] = max(self.peaks_mb.get(name, 0.0), peak_mb)


@contextmanager
def watched(root: int) -> Iterator[Seen]:
    """Look at a process and those it starts again and again."""
    seen, over = Seen(), threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_EVERY_S):
            seen.look(root)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def run(argv: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Once:
    """Run a command to its end and measure it.

    Raises:
        CommandFailed: it did not succeed.
    """
    with tempfile.TemporaryFile() as words:
        began = time.perf_counter()
        process = subprocess.Popen(list(map(str, argv)), stdout=subprocess.DEVNULL, stderr=words, env=environment)
        with watched(process.pid) as seen:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, and still there to be looked at
            wall_s = time.perf_counter() - began
        seen.look(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            words.seek(0)
            said = words.read().decode(errors="replace")[-WORDS_OF_A_FAILURE:]
            raise CommandFailed(f"{' '.join(map(str, argv))} ended with {process.returncode}: {said}")
    cpu_s = used.ru_utime + used.ru_stime
    return Once(cpu_s, wall_s, seen.own_s, seen.peaks_mb.get("python"), seen.peaks_mb.get("node"))


def inside(work: Callable[[], float | None], *, ours: bool = True) -> Once:
    """Measure what this process does: the processes it starts alone.

    Args:
        work: may give the peak memory in MB of what cannot be seen from here.
        ours: whether the processes are ours to see; those of a container are not.
    """
    before, began = cpu_of_children(), time.perf_counter()
    with watched(os.getpid()) as seen:
        told_mb = work()
        wall_s = time.perf_counter() - began
    if not ours:
        return Once(None, wall_s, node_mb=told_mb)
    return Once(cpu_of_children() - before, wall_s, node_mb=seen.peaks_mb.get("node"))
