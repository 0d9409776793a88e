"""Which test files may run side by side: those that share nothing. `make test` gives each group to one process.

Files that share something outside are one group and run one after the other: a Docker Engine that a test restarts, a
Nightscout whose profiles a test deletes, a Prefect server that takes ten seconds to start. Every other file is a group.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[1]
# In this order: what waits longest begins first. A file that shares two things is in the group of the first.
SHARED = ("docker", "nightscout", "flow")
MARK = re.compile(r"\bpytest\.mark\.(\w+)")


@functools.cache
def group_of(file: str) -> str:
    """The group of a test file, named by its path from the top: what its tests share, else itself."""
    marks = set(MARK.findall((ROOT / file).read_text("utf-8")))
    return next((shared for shared in SHARED if shared in marks), file)


def rank(nodeid: str) -> int:
    """Where a test's group stands in the order of groups; those of one file come last, in the order they are found."""
    group = group_of(nodeid.partition("::")[0])
    return SHARED.index(group) if group in SHARED else len(SHARED)


class GroupScheduling(LoadScopeScheduling):
    """Hands out the tests group by group, in the order they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.partition("::")[0])
