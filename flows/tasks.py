"""Every Prefect task: the steps of a run with their retries, timeouts, tags and logs. The only place that knows them.

Tasks take the request and the run directory's path: no record, no secret and no number of a person's therapy is a
parameter, a stored result, a cache entry or a log line. What they give back stays in memory. Retrying single requests
is the client's work (`flows.nightscout.client`), which knows what is worth it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from flows.environment import environment_now, speaking_as_set
from flows.errors import InternalError, Refused, is_full_disk
from flows.nightscout.credentials import where_to_put_write_secrets
from flows.orchestration.artifacts import fill_the_page, progress_on_the_page, show_change
from flows.orchestration.blocks import credentials_for, resolved, write_credentials_for
from flows.orchestration.events import step_ended, take_back
from flows.orchestration.site_reach import completed_by_settings, reach_for
from flows.oref0.engine import EngineReport
from flows.pipeline.assess import assess
from flows.pipeline.judge import judge
from flows.pipeline.load import last_night_is_there, load
from flows.pipeline.look import LookKind, look, written_down
from flows.pipeline.prepare import Prepared, prepare
from flows.pipeline.publish import Published, publish
from flows.pipeline.tune import tune
from flows.profiles.raw_files import Loaded
from flows.settings import AnalysisRequest
from flows.values.progress import listening, tell
from flows.values.run_directory import RunDirectory
from flows.values.units import SECONDS_PER_HOUR
from flows.values.user_directories import runs_root
from flows.writeback.apply import Tools, WritebackResult, apply
from flows.writeback.approval import RollbackRequest, SyncRequest
from flows.writeback.approval_checks import SealedRun, read_approved, read_sealed
from flows.writeback.rollback import rollback

# No tags: for each of them Prefect asks the server at a task's start, once, for a place among the tasks that share it,
# and a server that is just being restarted then ends the run.

# Health data: nothing of it in Prefect's storage.
PRIVATE: dict[str, Any] = {"persist_result": False, "cache_policy": NO_CACHE}


@contextmanager
def logged(what: str) -> Iterator[dict[str, object]]:
    """Log a step's start, and its success with counts and duration or its failure with the reason's code."""
    logger = get_run_logger()
    logger.info("%s: started", what)
    counts: dict[str, object] = {}
    began = time.monotonic()
    try:
        yield counts
    except Refused as refusal:
        logger.error("%s: refused (%s)", what, refusal.reason.code)
        raise
    except Exception as error:
        logger.error("%s: failed (%s)", what, type(error).__name__)
        if isinstance(error, InternalError) or is_full_disk(error) or environment_now().debug:
            raise
        # Prefect stores an exception's text, and one nobody foresaw may quote a reading.
        raise InternalError(f"{what}: {type(error).__name__}; AUTOTUNE_DEBUG=1 shows where") from None
    seconds = time.monotonic() - began
    logger.info("%s: done in %.1f s (%s)", what, seconds, ", ".join(f"{k} {v}" for k, v in counts.items()))
    step_ended(what, seconds, counts)


@task(
    name="look-for-last-night",
    description="Ask the site once whether the last day's readings have arrived; nothing is kept.",
    retries=0,  # the client retries what is worth retrying, with jitter
    timeout_seconds=900,
    **PRIVATE,
)
def look_for_last_night(request: AnalysisRequest) -> bool:
    """Whether the readings that a run needs are there.

    Args:
        request: whose data and which days.

    Returns:
        Whether they are.

    Raises:
        Refused: the site cannot be used; the sentence says why and what to do.

    Example:
        >>> look_for_last_night(AnalysisRequest(site="https://my.site.example"))  # doctest: +SKIP
        True
    """
    with logged("look-for-last-night") as counts:
        there = last_night_is_there(request, credentials_for(request), datetime.now(UTC), reach_for(request))
        counts |= {"there": there}
    return there


@task(
    name="look-at-site",
    description="Read a person's data as a run does, and leave one small document for the page.",
    retries=0,
    timeout_seconds=900,
    **PRIVATE,
)
def look_at_site(request: AnalysisRequest, look_id: str, kind: LookKind) -> None:
    """Look, and write `look.json`.

    Args:
        request: whose data, which days.
        look_id: names the look's directory.
        kind: what to look at.

    Returns:
        Nothing: what is seen lies in the document.

    Raises:
        Refused: why there is nothing to see; the document says it too.

    Example:
        >>> look_at_site(AnalysisRequest(site="https://my.site.example"), "0" * 32, LookKind.SITE)  # doctest: +SKIP
    """
    with logged("look-at-site") as counts, speaking_as_set():
        root, now = runs_root().absolute(), datetime.now(UTC)
        with written_down(look_id, kind, root, now) as (found, scratch):
            whose = completed_by_settings(resolved(request))
            found |= look(whose, kind, scratch, credentials_for(whose), now, reach_for(whose))
        counts |= {"kind": kind.value}


@task(
    name="load-nightscout-data",
    description="Fetch readings, treatments and profile from Nightscout (or a directory) into the run directory.",
    retries=0,  # the client retries what is worth retrying, with jitter
    timeout_seconds=3 * SECONDS_PER_HOUR,  # it may wait for last night's data
    **PRIVATE,
)
def load_nightscout_data(request: AnalysisRequest, run_path: str) -> Loaded:
    """Bring the data into `raw/` of the run directory, as it was served.

    Args:
        request: whose data and which days.
        run_path: the run directory.

    Returns:
        Counts of files, records and requests.

    Raises:
        Refused: the site or directory cannot be used; the sentence says why and what to do.

    Example:
        >>> load_nightscout_data(AnalysisRequest(site="https://my.site.example"), "/runs/1")  # doctest: +SKIP
        Loaded(files=5, entries=2016, treatments=812, profiles=1, requests=5)
    """
    logger = get_run_logger()

    def told(event: str, facts: dict[str, Any]) -> None:
        if event == "waking":
            logger.info("waiting up to %d s for the site to wake up", facts["seconds"])

    with logged("load-nightscout-data") as counts, listening(told):
        reach = reach_for(request)
        loaded = load(request, RunDirectory(Path(run_path)), credentials_for(request), datetime.now(UTC), reach)
        counts |= {"entries": loaded.entries, "treatments": loaded.treatments, "requests": loaded.requests}
    return loaded


@task(
    name="prepare-work-dir",
    description="Normalise, cut into local days, lay out the files upstream oref0 reads; list every change.",
    timeout_seconds=900,
    **PRIVATE,
)
def prepare_work_dir(request: AnalysisRequest, run_path: str) -> Prepared:
    """Make from `raw/` what upstream reads.

    Args:
        request: profile, time zone, days, inputs mode.
        run_path: the run directory.

    Returns:
        Dates, day summaries, warnings and ledger counts.

    Raises:
        Refused: the profile or the data cannot be used.

    Example:
        >>> prepare_work_dir(request, "/runs/1").dates  # doctest: +SKIP
        ['2026-11-15', '2026-11-16']
    """
    with logged("prepare-work-dir") as counts:
        prepared = prepare(request, RunDirectory(Path(run_path)), datetime.now(UTC))
        counts |= {"days": len(prepared.dates), "left out": len(prepared.days) - len(prepared.dates)}
    return prepared


@task(
    name="run-autotune-analysis",
    description="Run unmodified upstream oref0 autotune over the prepared days.",
    retries=0,  # the same input gives the same output
    **PRIVATE,  # the engine has its own deadline, which kills what it started; Prefect's would leave it running
)
def run_autotune_analysis(request: AnalysisRequest, run_path: str) -> EngineReport:
    """Let upstream compute, day after day, with progress on the run's page.

    Args:
        request: engine, options, time limit.
        run_path: the run directory.

    Returns:
        What the engine says of its run: versions, days, times.

    Raises:
        Refused: the engine is missing, ran out of time or memory, or upstream stopped.

    Example:
        >>> run_autotune_analysis(request, "/runs/1").days_done  # doctest: +SKIP
        ['2026-11-15', '2026-11-16']
    """
    with logged("run-autotune-analysis") as counts:
        on_the_page = progress_on_the_page("autotune-days", "Days tuned")

        def on_day(date: str, index: int, of: int) -> None:
            tell("day", date=date, index=index, of=of)
            on_the_page(index, of)

        report = tune(request, RunDirectory(Path(run_path)), on_day)
        counts |= {"days": len(report.days_done), "engine": report.engine, "oref0": report.oref0}
    return report


@task(
    name="assess-recommendation",
    description="Repeat the run over resampled days, on days kept aside and in variants: how repeatable numbers are.",
    retries=0,
    **PRIVATE,
)
def assess_recommendation(request: AnalysisRequest, run_path: str) -> int:
    """Write `evidence.json`.

    Args:
        request: how many repetitions.
        run_path: the run directory.

    Returns:
        How many repetitions came to their end.

    Raises:
        OSError: the run directory cannot be written.

    Example:
        >>> assess_recommendation(request, "/runs/1")  # doctest: +SKIP
        100
    """
    with logged("assess-recommendation") as counts:
        on_the_page = progress_on_the_page("autotune-repetitions", "Repetitions and checks computed")

        def on_done(done: int, of: int) -> None:
            tell("repetition", index=done, of=of)
            on_the_page(done, of)

        evidence = assess(request, RunDirectory(Path(run_path)), on_done)
        done = evidence["uncertainty"]["resamples"] if evidence and evidence["uncertainty"] else 0
        counts |= {"repetitions": done}
    return int(done)


@task(
    name="validate-recommendation",
    description="Judge what upstream wrote, by its shape and its caps, and seal the proposal.",
    timeout_seconds=300,
    **PRIVATE,
)
def validate_recommendation(request: AnalysisRequest, run_path: str) -> str:
    """Read upstream's files and write `proposal.json`.

    Args:
        request: for the proposal's options.
        run_path: the run directory.

    Returns:
        The proposal's sha256.

    Raises:
        Refused: upstream gave no usable result.

    Example:
        >>> validate_recommendation(request, "/runs/1")[:8]  # doctest: +SKIP
        'c57189fc'
    """
    with logged("validate-recommendation") as counts:
        sha256 = judge(request, RunDirectory(Path(run_path)), datetime.now(UTC))
        counts |= {"proposal": sha256[:12]}
    return sha256


@task(
    name="publish-report",
    description="Write the report and the manifest, and show on the run's page where they are.",
    timeout_seconds=300,
    **PRIVATE,
)
def publish_report(request: AnalysisRequest, run_path: str) -> Published:
    """Write the report in its forms and manifest.json, and fill the run's page.

    Args:
        request: for the manifest.
        run_path: the run directory.

    Returns:
        The run directory and the proposal's sha256.

    Raises:
        OSError: the run directory cannot be written.

    Example:
        >>> publish_report(request, "/runs/1").run_directory  # doctest: +SKIP
        '/runs/1'
    """
    with logged("publish-report") as counts, speaking_as_set():
        published = publish(request, RunDirectory(Path(run_path)), datetime.now(UTC))
        fill_the_page(request, Path(published.run_directory))
        counts |= {"proposal": published.proposal_sha256[:12]}
        if published.take_back:
            take_back()
    return published


@task(
    name="apply-approved-proposal",
    description="Write one approved proposal to its site: back up, write, read back, activate where asked.",
    retries=0,  # a write is never sent again blindly: the journal says what became of it
    **PRIVATE,  # no timeout: every request has its own, and a change broken off in the middle has to be settled
)
def apply_approved_proposal(request: SyncRequest, run_path: str) -> WritebackResult:
    """Carry out the decision about a proposal.

    Args:
        request: which proposal by its sha256, which parts, and the decision.
        run_path: the run directory the proposal lies in.

    Returns:
        What became of it.

    Raises:
        Refused: nothing was written, or it was undone, and why.

    Example:
        >>> apply_approved_proposal(request, "/runs/1").outcome  # doctest: +SKIP
        'applied'
    """
    with logged("apply-approved-proposal") as counts, speaking_as_set():
        run = RunDirectory(Path(run_path))
        by = "policy" if request.decision == "policy" else "prefect"
        done = apply(run, request, _writing_tools(read_approved(run, request.sha256)), by)
        counts |= {"outcome": done.outcome, "change": done.change}
        show_change(request.proposal_id, request.sha256, done)
    return done


@task(
    name="roll-back-profile",
    description="Put back what was on the site before a proposal was applied, by a new profile document.",
    retries=0,
    **PRIVATE,
)
def roll_back_profile(request: RollbackRequest, run_path: str) -> WritebackResult:
    """Undo an applied proposal.

    Args:
        request: which proposal, and the decision.
        run_path: the run directory the proposal lies in.

    Returns:
        What became of it.

    Raises:
        Refused: nothing was written, or it was undone, and why.

    Example:
        >>> roll_back_profile(request, "/runs/1").outcome  # doctest: +SKIP
        'rolled-back'
    """
    with logged("roll-back-profile") as counts, speaking_as_set():
        run = RunDirectory(Path(run_path))
        done = rollback(run, request, _writing_tools(read_sealed(run, request.sha256)), "prefect")
        counts |= {"outcome": done.outcome, "change": done.change}
        show_change(request.proposal_id, request.sha256, done)
    return done


def _writing_tools(sealed: SealedRun) -> Tools:
    request = sealed.request()
    return Tools(
        clock=lambda: datetime.now(UTC),
        credentials=write_credentials_for(request, get_run_logger().warning),
        reach=reach_for(request),
        advice=where_to_put_write_secrets(request),
        who=f"prefect flow run {flow_run.id}",
        told=lambda settled: get_run_logger().info("an unfinished change was found: %s", settled.outcome),
    )
