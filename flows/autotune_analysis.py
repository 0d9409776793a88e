"""The flow `autotune-analysis`: from a person's data to a checked recommendation. It never writes to a site."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from shutil import rmtree

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run
from prefect.states import Cancelled

from flows import __version__
from flows.orchestration import events
from flows.orchestration.blocks import resolved
from flows.orchestration.cancellation import MESSAGE, cancel_requested
from flows.orchestration.concurrency import one_run_for, patiently
from flows.orchestration.own_run import own_run
from flows.orchestration.postponing import postponed
from flows.orchestration.site_reach import asked_through_server, completed_by_settings
from flows.pipeline.publish import Published, refusals_recorded
from flows.settings import AnalysisRequest
from flows.tasks import (
    assess_recommendation,
    load_nightscout_data,
    look_for_last_night,
    prepare_work_dir,
    publish_report,
    run_autotune_analysis,
    validate_recommendation,
)
from flows.values.progress import tell
from flows.values.run_directory import RunDirectory
from flows.values.units import SECONDS_PER_HOUR


@flow(
    name="data-preparation",
    description="Fetch a person's data and make of it exactly the files upstream oref0 reads.",
    version=__version__,
    validate_parameters=True,
    persist_result=False,
    log_prints=False,
)
def data_preparation(request: AnalysisRequest, run_path: str) -> int:
    """Load, normalise and lay out the data of a run.

    Args:
        request: whose data and which days.
        run_path: the run directory.

    Returns:
        How many days upstream will tune.

    Raises:
        Refused: the data or profile cannot be used.

    Example:
        >>> data_preparation(AnalysisRequest(from_directory="data"), "/runs/1")  # doctest: +SKIP
        7
    """
    request = completed_by_settings(resolved(request))
    load_nightscout_data(request, run_path)
    return len(prepare_work_dir(request, run_path).dates)


@flow(
    name="autotune-analysis",
    description="Tune basal, insulin sensitivity and carb ratio with upstream oref0; propose, never write.",
    version=__version__,
    validate_parameters=True,
    persist_result=False,
    log_prints=False,
    timeout_seconds=6 * SECONDS_PER_HOUR,
    on_completion=[events.on_completion],
    on_failure=[events.on_failure],
    on_crashed=[events.on_crashed],
    on_cancellation=[events.on_cancellation],
)
def autotune_analysis(request: AnalysisRequest, run_path: str | None = None) -> Published | State[Published]:
    """Run autotune for one person and leave a proposal in the run directory.

    Args:
        request: whose data, which days, and how upstream is to run.
        run_path: an existing, empty run directory; a new one is made when left out.

    Returns:
        Where the results are and the proposal's sha256; *Cancelled* where the run was cancelled, *Postponed* where
        another run looks again for last night's readings.

    Raises:
        Refused: there is no recommendation, and why; the run is Failed, not Completed.

    Example:
        >>> autotune_analysis(AnalysisRequest(site="https://my.site.example", days=7))  # doctest: +SKIP
        Published(run_directory='/runs/20261122-020000-3f2a1c', proposal_sha256='5b1…')
    """
    now = datetime.now(UTC)
    given = Path(run_path) if run_path else None
    was_there = given is not None and given.exists()
    # The page finds the directory of a run that it did not start by the run's id.
    tag = str(flow_run.id).replace("-", "")[:6] if asked_through_server() and flow_run.id else None
    run = RunDirectory.create(given, now, tag)
    logger = get_run_logger()
    tell("started")
    logger.info("started: run directory %s, engine %s, inputs %s", run.path, request.engine, request.inputs)
    try:
        with own_run(refusals_recorded(run, request, now)) as require_own:
            request = completed_by_settings(resolved(request))
            with one_run_for(request):
                require_own()  # it may have waited for hours
                request, state = postponed(request, look_for_last_night)
                if state is not None:
                    if not was_there:
                        rmtree(run.path)  # nothing is in it; the later run makes it anew
                    return state
                # Prefect asks its server for the run of a flow within a flow, once: it may just be started anew.
                patiently(partial(data_preparation, request, str(run.path)))
                require_own()
                run_autotune_analysis(request, str(run.path))
                assess_recommendation(request, str(run.path))
                require_own()  # before it is sealed
                validate_recommendation(request, str(run.path))
                published = publish_report(request, str(run.path))
                require_own()  # what was sealed meanwhile is withdrawn
    except TerminationSignal:
        if not cancel_requested.is_set():
            raise
        return Cancelled(message=MESSAGE)
    seconds = (datetime.now(UTC) - now).total_seconds()
    logger.info("done in %.1f s: proposal %s", seconds, published.proposal_sha256[:12])
    return published
