"""The flow `site-look`, for the page: which settings and days a run would have, or what a site has now."""

from __future__ import annotations

from prefect import flow, get_run_logger

from flows import __version__
from flows.pipeline.look import LookKind
from flows.settings import AnalysisRequest
from flows.tasks import look_at_site


@flow(
    name="site-look",
    description="Look at a person's settings and days, or at what the site has now; nothing is tuned or written.",
    version=__version__,
    validate_parameters=True,
    persist_result=False,
    log_prints=False,
    timeout_seconds=900,
)
def site_look(request: AnalysisRequest, look_id: str, kind: LookKind = LookKind.DAYS) -> None:
    """Leave `look.json` in the look's private directory below the runs.

    Args:
        request: whose data, and which days.
        look_id: 32 hexadecimal digits, chosen by whoever asks.
        kind: what to look at.

    Returns:
        Nothing: what is seen lies in the document.

    Raises:
        Refused: why there is nothing to see; the document says it too.

    Example:
        >>> site_look(AnalysisRequest(site="https://my.site.example"), "0" * 32)  # doctest: +SKIP
    """
    look_at_site(request, look_id, kind)
    get_run_logger().info("done")
