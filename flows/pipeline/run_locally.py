"""The same run without Prefect: the six steps called one after the other."""

from __future__ import annotations

from datetime import UTC, datetime

from flows.nightscout.authentication import Credentials
from flows.nightscout.credentials import credentials_for
from flows.pipeline.assess import assess
from flows.pipeline.judge import judge
from flows.pipeline.load import load
from flows.pipeline.prepare import prepare
from flows.pipeline.publish import Published, publish, refusals_recorded
from flows.pipeline.tune import tune
from flows.settings import AnalysisRequest
from flows.values.progress import tell
from flows.values.run_directory import RunDirectory


def run_locally(request: AnalysisRequest, run: RunDirectory, credentials: Credentials | None = None) -> Published:
    """What the flow `autotune-analysis` does, in this process and without a server.

    Args:
        request: whose data, which days, and how upstream is to run.
        run: an empty run directory.
        credentials: what the site is read with; those of the environment where they are left out.

    Raises:
        Refused: there is no recommendation, and why; the run directory's manifest says so too.
    """
    now = datetime.now(UTC)
    with refusals_recorded(run, request, now):
        load(request, run, credentials or credentials_for(request), now)
        prepare(request, run, now)
        return tune_and_publish(request, run, now)


def tune_and_publish(request: AnalysisRequest, run: RunDirectory, now: datetime) -> Published:
    """The steps from a prepared work directory on."""
    tune(request, run, lambda date, index, of: tell("day", date=date, index=index, of=of))
    assess(request, run, lambda done, of: tell("repetition", index=done, of=of))
    judge(request, run, now)
    return publish(request, run, now)
