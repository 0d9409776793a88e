"""What a run may reach, and whom the settings say it is for: who typed its site decides. The command line is free; a
server's form is not.

A run's parameters came through a server's API when Prefect's engine was started for it, by a worker or by `serve`, or
its run belongs to a deployment. A flow that a command or a script calls has its parameters from the same process.
"""

from __future__ import annotations

import os

from prefect.runtime import deployment

from flows.environment import environment_now
from flows.nightscout.credentials import names_site
from flows.nightscout.reach import Reach, is_listed
from flows.orchestration.blocks import saved_site
from flows.settings import AgeGroup, AnalysisRequest, Insulin


def asked_through_server() -> bool:
    """Whether the parameters of the run that is under way came through a Prefect server's API."""
    # The variable is set by every worker and runner for the process it starts.
    return bool(os.environ.get("PREFECT__FLOW_RUN_ID")) or deployment.id is not None


def completed_by_settings(request: AnalysisRequest) -> AnalysisRequest:
    """The request with the age group and insulin of the service's settings, where it is for their site and says none.

    A schedule with parameters of its own has nothing of those of its deployment.
    """
    if not asked_through_server() or request.site_block is not None or not names_site(request):
        return request
    environment = environment_now()
    told = {
        "age_group": AgeGroup(environment.age_group) if environment.age_group else None,
        "insulin": Insulin(environment.insulin) if environment.insulin else None,
    }
    return request.model_copy(update={k: v for k, v in told.items() if v and getattr(request, k) is None})


def reach_for(request: AnalysisRequest) -> Reach:
    """What the run may reach.

    Args:
        request: resolved, with the address of the block it names.

    Raises:
        Refused: `SITE_BLOCK` where the run's block is of another address; `SITE_URL` for a list that cannot be read.
    """
    if request.site is None or not asked_through_server():
        return Reach.ANYWHERE
    if request.site_block is not None:
        saved_site(request, request.site_block)
        return Reach.PRIVATE_TOO
    return Reach.PRIVATE_TOO if is_listed(request.site) else Reach.PUBLIC_ONLY
