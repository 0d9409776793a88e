"""The flows `profile-sync` and `profile-rollback`: write an approved proposal by its id and sha256, and undo it.

Their parameters name a proposal and a decision; the numbers stay in the run directory.
"""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import flow, get_run_logger
from prefect.context import FlowRunContext

from flows import __version__
from flows.tasks import apply_approved_proposal, roll_back_profile
from flows.values.user_directories import runs_root
from flows.writeback.apply import WritebackResult
from flows.writeback.approval import RollbackRequest, SyncRequest, approved_from


@flow(
    name="profile-sync",
    description="Write one approved proposal to its Nightscout site, or write down that it was rejected.",
    version=__version__,
    validate_parameters=True,
    persist_result=False,
    log_prints=False,
)
def profile_sync(request: SyncRequest) -> WritebackResult:
    """Carry out a person's decision about one proposal.

    Args:
        request: the proposal's id and sha256, the decision (without a default), what to write.

    Returns:
        What became of it; a rejected proposal is written down and nothing else.

    Raises:
        Refused: nothing was written, or it was undone, and why; the run is Failed.

    Example:
        >>> profile_sync(SyncRequest(proposal_id="20261122-…", sha256="5b1…", decision="approve"))  # doctest: +SKIP
        Applied(outcome='applied', name='Autotune 2026-11-22', active=False, change='20261122-091500-a1b2c3')
    """
    request = approved_from(request, _asked_for())
    done = apply_approved_proposal(request, str(runs_root().absolute() / request.proposal_id))
    get_run_logger().info("done: %s", done.outcome)
    return done


@flow(
    name="profile-rollback",
    description="Put back what was on the site before a proposal was applied.",
    version=__version__,
    validate_parameters=True,
    persist_result=False,
    log_prints=False,
)
def profile_rollback(request: RollbackRequest) -> WritebackResult:
    """Undo an applied proposal.

    Args:
        request: the proposal's id and sha256, and the decision (without a default).

    Returns:
        What became of it.

    Raises:
        Refused: nothing was written, or it was undone, and why; the run is Failed.

    Example:
        >>> profile_rollback(RollbackRequest(proposal_id="2026…", sha256="5b1…", decision="approve"))  # doctest: +SKIP
        Applied(outcome='rolled-back', name=None, active=False, change='20261122-101500-d4e5f6')
    """
    request = approved_from(request, _asked_for())
    done = roll_back_profile(request, str(runs_root().absolute() / request.proposal_id))
    get_run_logger().info("done: %s", done.outcome)
    return done


def _asked_for() -> datetime:
    """When this run was asked for, however long it waited for a worker, and whoever runs it again."""
    context = FlowRunContext.get()
    created = context.flow_run.created if context is not None and context.flow_run is not None else None
    return created if created is not None else datetime.now(UTC)
