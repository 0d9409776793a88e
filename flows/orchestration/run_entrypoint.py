"""The command of a run's container: Prefect's engine with a watch for the run's cancellation.

Prefect's own command, `prefect flow-run execute`, imports Prefect in three processes one after the other, which takes
longer than to tune a week. What a person needs of it is that watch.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
from uuid import UUID

from flows.orchestration.cancellation import conclude, watch


def main() -> None:
    """Execute the flow run that `PREFECT__FLOW_RUN_ID` names, which the worker has set."""
    run_id = UUID(os.environ["PREFECT__FLOW_RUN_ID"])
    over = threading.Event()
    threading.Thread(target=watch, args=(run_id, over), name="autotune-cancellation", daemon=True).start()
    del sys.argv[1:]
    try:
        runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)
    finally:
        over.set()
        conclude(run_id)


if __name__ == "__main__":
    main()
