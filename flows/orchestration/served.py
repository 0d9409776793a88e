"""A process of the service of one machine (`flows.orchestration.serve`): it ends when the service does.

python -m flows.orchestration.served server PORT | set-up | worker POOL | page
"""

from __future__ import annotations

import os
import runpy
import shlex
import signal
import sys
import threading
import time

from flows.orchestration.service_settings import HOST, POOL

PATIENCE_S = 10.0  # how long one whose service was killed may take to end in order


def main() -> None:
    """Be the server, the set-up, a worker or the page."""
    threading.Thread(target=_end_with_the_service, name="autotune-service-lives", daemon=True).start()
    what, *arguments = sys.argv[1:]
    if what == "server":
        sys.argv = ["prefect", "server", "start", "--host", HOST, "--port", *arguments]
        runpy.run_module("prefect", run_name="__main__", alter_sys=True)
    elif what == "set-up":
        sys.exit(_set_up())
    elif what == "page":  # by its name: rooms below the page never import it
        runpy.run_module("flows.web", run_name="__main__", alter_sys=True)
    else:
        _work(*arguments)


def _end_with_the_service() -> None:
    """The service holds the other end of this process's standard input, and never writes: an end of it is its end."""
    while sys.stdin.buffer.raw.read(1024):  # type: ignore[union-attr]
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _set_up() -> int:
    from prefect import get_client
    from prefect.client.schemas.actions import WorkPoolUpdate

    from flows.orchestration import set_up

    if (status := set_up.main()) == 0:
        with get_client(sync_client=True) as client:
            # One interpreter for a run instead of three, one that ends with its worker.
            template = client.read_work_pool(POOL).base_job_template
            command = shlex.join([sys.executable, "-m", "flows.orchestration.run_entrypoint"])
            template["variables"]["properties"]["command"]["default"] = command
            client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))
    return status


def _work(pool: str) -> None:
    from flows.orchestration.next_runs import look_for_next_runs
    from flows.orchestration.worker import work

    if pool == POOL:
        threading.Thread(target=look_for_next_runs, name="autotune-next-runs", daemon=True).start()
    work(pool, "process")


if __name__ == "__main__":
    main()
