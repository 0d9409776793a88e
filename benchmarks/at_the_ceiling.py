"""`autotune` that never stops repeating before its ceiling: `python -m benchmarks.at_the_ceiling propose …`.

What a run costs whose data never become clear. Nothing else differs, and no option of the command line does this: a
person has nothing of it.
"""

from __future__ import annotations

import sys

from flows.cli.main import main
from flows.proposal import stopping


def never_stop() -> None:
    """Ask for more repetitions than any run makes before it may stop."""
    stopping.LEAST_REPETITIONS = sys.maxsize


if __name__ == "__main__":
    never_stop()
    sys.exit(main())
