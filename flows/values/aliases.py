"""Names that were stored or typed in an earlier form: the one table of old and new.

What was stored (in run directories, journals, pools) is read in its old form for good. What is typed (options,
parameters of deployments) is accepted in it until `TYPED_UNTIL`. A rename is a row here, and its reader asks `current`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

TYPED_UNTIL = (0, 3)  # the version that no longer takes the old form of an option or a parameter


class NameKind(StrEnum):
    """Where a name stands. The same word may be renamed in one place and stay in another."""

    REASON = "reason"  # `Reason.code`, in manifests, journals and `--json`
    RULE = "rule"  # of a verdict, in sealed proposals
    ENGINE_FACT = "engine fact"  # a key of `engine.json`, and of `computed` in manifests
    PARAMETER = "parameter"  # of a deployment, and the fact of that name in journals
    OPTION = "option"  # of the command line
    MODULE = "module"  # that pools and compose files start


@dataclass(frozen=True)
class Renamed:
    """One name's old and new form."""

    kind: NameKind
    old: str
    new: str


RENAMED = (
    Renamed(NameKind.REASON, "site_resting", "site_paused"),
    Renamed(NameKind.RULE, "no_insulin_response", "insulin_unseen"),
    Renamed(NameKind.RULE, "goes_on", "continues_previous"),
    Renamed(NameKind.ENGINE_FACT, "redone", "recomputed_exactly"),
    Renamed(NameKind.PARAMETER, "although_unsure", "accept_uncertain"),
    Renamed(NameKind.OPTION, "--although-unsure", "--accept-uncertain"),
    Renamed(NameKind.MODULE, "flows.service.execute", "flows.orchestration.run_entrypoint"),
    Renamed(NameKind.MODULE, "flows.service.work", "flows.orchestration.worker"),
)


def current(kind: NameKind, name: str) -> str:
    """The form of a name that is used now; a name that was never renamed is itself."""
    return next((row.new for row in RENAMED if (row.kind, row.old) == (kind, name)), name)


def earlier(kind: NameKind, name: str) -> Iterator[str]:
    """The old forms of a name."""
    return (row.old for row in RENAMED if (row.kind, row.new) == (kind, name))
