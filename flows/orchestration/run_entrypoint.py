"""The command of a run: Prefect's engine with a watch for the run's cancellation, and for the end of its worker.

Prefect's own command, `prefect flow-run execute`, imports Prefect in three processes one after the other, which takes
longer than to tune a week. What a person needs of it is that watch.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from uuid import UUID

from flows.orchestration.cancellation import conclude, watch

LOOK_SECONDS = 1.0


def main() -> None:
    """Execute the flow run that `PREFECT__FLOW_RUN_ID` names, which the worker has set."""
    run_id = UUID(os.environ["PREFECT__FLOW_RUN_ID"])
    over = threading.Event()
    threading.Thread(target=watch, args=(run_id, over), name="autotune-cancellation", daemon=True).start()
    threading.Thread(target=end_with, args=(os.getppid(), over), name="autotune-worker-lives", daemon=True).start()
    del sys.argv[1:]
    try:
        runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)
    finally:
        over.set()
        conclude(run_id)


def end_with(parent: int, over: threading.Event, every_seconds: float = LOOK_SECONDS) -> None:
    """Interrupt the main thread once the process that started this one is gone: its worker has the run ended as lost.

    Going on would be a second run beside the next worker's.
    """
    while not over.wait(every_seconds):
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
            return


if __name__ == "__main__":
    main()
