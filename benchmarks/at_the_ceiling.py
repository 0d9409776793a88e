"""`autotune` that never stops repeating before its ceiling: `python -m benchmarks.at_the_ceiling propose …`.

What a run costs whose data never become clear. Nothing else differs, and no option of the command line does this: a
person has nothing of it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

from flows.cli.main import main

RULE = "flows.proposal.stopping"  # without it every run goes to its ceiling


def may_stop() -> bool:
    """Whether a run may stop before its ceiling."""
    return find_spec(RULE) is not None


def never_stop() -> None:
    """Ask for more repetitions than any run makes before it may stop."""
    if may_stop():
        rule = import_module(RULE)
        if "LEAST_REPETITIONS" not in vars(rule):
            raise RuntimeError(f"{RULE} has no LEAST_REPETITIONS any more: nothing would be different")
        vars(rule)["LEAST_REPETITIONS"] = sys.maxsize


if __name__ == "__main__":
    never_stop()
    sys.exit(main())
