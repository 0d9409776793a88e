"""What Prefect adds to a run: at the start, while it runs, in the server, and with a server of its own.

The server is one of this measurement, on a free port with a PREFECT_HOME of its own; nothing is registered with it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from benchmarks.measure import Once, markdown, median, number
from benchmarks.processes import cpu_of_tree, run
from benchmarks.ways import Person, environment, propose

STARTING_AT_MOST_S = 120
IDLE_S = 10.0
SETTLING_S = 3.0  # after a run a server still writes down its events
IMPORT_STEPS, IMPORT_FLOW = "import flows.pipeline.run_locally", "import flows.autotune_analysis"
CONNECT = f"{IMPORT_FLOW}; from prefect import get_client as g; c = g(sync_client=True); c.__enter__(); c.hello()"
QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


@dataclass
class Share:
    """What was measured of one kind of run, all in turns.

    Attributes:
        import_steps: a process that imports the steps and ends.
        import_flow: one that imports the flow, and Prefect with it.
        connected: one that imports the flow and has the first answer of a server that is up.
        alone: the run without Prefect.
        through_server: the run through a server that is up.
        with_temporary: the run with a temporary server, whose database is there.
        first_temporary: the first such run, which makes the database.
        server_s: CPU seconds of the server that is up, from before a run until it has settled after it.
        idle_share: CPU seconds a second of that server with nothing to do.
    """

    import_steps: list[Once] = field(default_factory=list)
    import_flow: list[Once] = field(default_factory=list)
    connected: list[Once] = field(default_factory=list)
    alone: list[Once] = field(default_factory=list)
    through_server: list[Once] = field(default_factory=list)
    with_temporary: list[Once] = field(default_factory=list)
    first_temporary: list[Once] = field(default_factory=list)
    server_s: list[float] = field(default_factory=list)
    idle_share: float = 0.0


def table(shares: dict[str, Share]) -> str:
    """Each part of Prefect's share in CPU seconds, a column for each kind of run.

    Of a run through a server the process itself is compared: the Node processes it starts are the same with and without
    Prefect, and scatter more than Prefect costs.
    """
    parts: dict[str, Callable[[Share], float | None]] = {
        "without Prefect, the whole command": lambda s: _cpu(s.alone),
        "+ through a server that is up": lambda s: _beyond(_own, s.through_server, s.alone),
        "– of it at the start: importing the flow": lambda s: _beyond(_own, s.import_flow, s.import_steps),
        "– of it at the start: the server's first answer": lambda s: _beyond(_own, s.connected, s.import_flow),
        "– of it in the run": _in_the_run,
        "that server's own for this run": lambda s: median(s.server_s),
        "that server's own in a minute of doing nothing": lambda s: 60 * s.idle_share,
        "+ with a temporary server": lambda s: _beyond(_cpu, s.with_temporary, s.alone),
        "+ with a temporary server, the first time": lambda s: _beyond(_cpu, s.first_temporary, s.alone),
    }
    rows = [["CPU s", *shares]]
    rows += [[name, *(number(part(share)) for share in shares.values())] for name, part in parts.items()]
    return markdown(rows)


def _cpu(times: list[Once]) -> float | None:
    return median(one.cpu_s for one in times)


def _own(times: list[Once]) -> float | None:
    return median(one.own_s for one in times)


def _beyond(of: Callable[[list[Once]], float | None], more: list[Once], less: list[Once]) -> float | None:
    high, low = of(more), of(less)
    return None if high is None or low is None else high - low


def _in_the_run(share: Share) -> float | None:
    """What is left of a run's share after its start."""
    whole = _beyond(_own, share.through_server, share.alone)
    start = _beyond(_own, share.connected, share.import_steps)
    return None if whole is None or start is None else whole - start


def measure(base: Path, person: Person, repeat: int, *options: str) -> Share:
    """Run the same with and without Prefect, in turns.

    Args:
        base: a directory to be made.
        person: whose days.
        repeat: how often.
        options: more of `autotune propose`.
    """
    base.mkdir(parents=True)
    share = Share()
    own = {"PREFECT_HOME": str(base / "temporary"), **QUIET}
    with server(base / "server") as (address, pid):
        up = {"PREFECT_API_URL": address, "PREFECT_HOME": str(base / "client"), **QUIET}
        propose(person.source, base / "warm", *options, prefect=up)  # what a server does once is not a run's
        share.idle_share = _server_cpu(pid, lambda: time.sleep(IDLE_S)) / (IDLE_S + SETTLING_S)
        for n in range(repeat):
            for times, code in (
                (share.import_steps, IMPORT_STEPS),
                (share.import_flow, IMPORT_FLOW),
                (share.connected, CONNECT),
            ):
                times.append(run([sys.executable, "-c", code], environment(up)))
            share.alone.append(propose(person.source, base / f"alone-{n}", *options))

            def through(n: int = n) -> None:
                share.through_server.append(propose(person.source, base / f"up-{n}", *options, prefect=up))

            share.server_s.append(_server_cpu(pid, through))
    share.first_temporary.append(propose(person.source, base / "first", *options, prefect=own))
    share.with_temporary.append(propose(person.source, base / "again", *options, prefect=own))
    return share


def _server_cpu(pid: int, work: Callable[[], object]) -> float:
    before = cpu_of_tree(pid)
    work()
    time.sleep(SETTLING_S)
    return cpu_of_tree(pid) - before


@contextmanager
def server(home: Path) -> Iterator[tuple[str, int]]:
    """A Prefect server: the address of its API and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment({"PREFECT_HOME": str(home), **QUIET}),
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}/api"
    try:
        _wait_until_up(f"{address}/health", process)
        yield address, process.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its data are thrown away
        process.wait()


def _wait_until_up(health: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTING_AT_MOST_S
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), urlopen(health, timeout=5):
            return
        time.sleep(0.5)
    raise RuntimeError("Prefect's server did not start")
