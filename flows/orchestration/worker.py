"""The command of a worker's container: Prefect's worker, and a look at what became of the runs it started.

That of the process pool, which has the runs, watches over everybody's nights too.

python -m flows.orchestration.worker POOL TYPE
"""

from __future__ import annotations

import runpy
import sys
import threading

from flows.orchestration.lost_runs import LostRuns, container_exists, look_after, process_exists
from flows.orchestration.pools import PROCESS_POOL
from flows.orchestration.watch import start_watching

EXISTS = {"docker": container_exists, "process": process_exists}


def main() -> None:
    """Work for the pool that the command line names; its container asks whether it is well."""
    pool, kind = sys.argv[1:]
    work(pool, kind, "--with-healthcheck")


def work(pool: str, kind: str, *options: str) -> None:
    """Work for a pool, one run at a time, so that the queues' order means something.

    Args:
        pool: name of the work pool.
        kind: `docker` or `process`.
        options: more of `prefect worker start`.
    """
    name = f"{pool}-worker"  # the same after a restart: it is the same worker
    lost = LostRuns(pool, name, EXISTS[kind])
    threading.Thread(target=look_after, args=(lost,), name="autotune-lost-runs", daemon=True).start()
    if pool == PROCESS_POOL:
        start_watching()
    sys.argv = ["prefect", "worker", "start", "--pool", pool, "--type", kind, "--name", name]
    sys.argv += ["--limit", "1", *options]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
