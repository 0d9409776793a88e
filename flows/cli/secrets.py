"""What the terminal writes with: of the block a run was made with, where Prefect has it; else of the environment.

A block's secrets go to that block's site only. Those of the environment go to a block's site where nothing else says
whose they are: without a Prefect server, by the rule for every run (`flows.nightscout.credentials`); where a server
is named, only to the very site that AUTOTUNE_NIGHTSCOUT_SITE names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.cli.console import message
from flows.cli.prefect_api import prefect_server

if TYPE_CHECKING:
    from flows.nightscout.authentication import Credentials
    from flows.settings import AnalysisRequest

UNAUTHORIZED = 401


def write_credentials(request: AnalysisRequest) -> Credentials:
    """What a run's site may be written with; `anonymous` where there is nothing for it.

    Args:
        request: the run's site, and the block it was made with.

    Raises:
        Refused: `WRITE_SITE_BLOCK`, and as `flows.nightscout.credentials.write_credentials_for`.
    """
    from flows.errors import Reason, Refused
    from flows.nightscout.credentials import names_site, write_credentials_for
    from flows.nightscout.write_tokens import write_tokens_for

    if request.site_block is None:
        return write_credentials_for(request)
    # A file names its sites itself: what stands beside this one is for it, whatever a block says by now.
    if request.site is not None and (of_file := write_tokens_for(request.site)) is not None:
        return of_file
    without_block = request.model_copy(update={"site_block": None})
    server = prefect_server()
    if server is None and not (own := write_credentials_for(without_block)).anonymous:
        return own
    found = _of_the_block(request, request.site_block, server)
    if not isinstance(found, str):
        return found
    if names_site(request) and not (own := write_credentials_for(without_block)).anonymous:
        message(f"AUTOTUNE_NIGHTSCOUT_SITE names this site: the environment's secrets are used, for {found}.")
        return own
    raise Refused(Reason.WRITE_SITE_BLOCK, detail=found, site=request.site)


def _of_the_block(request: AnalysisRequest, name: str, server: str | None) -> Credentials | str:
    """The block's, or why it cannot be read."""
    from flows.errors import Refused

    if server is None:
        from prefect.settings import get_current_settings

        if not get_current_settings().server.ephemeral.enabled:
            return f"no Prefect server is named, which would have the block {name}"
        message(f"Starting Prefect (a temporary server) for the block {name} …")
    from httpx import HTTPError, HTTPStatusError
    from prefect.exceptions import PrefectException

    from flows.orchestration.blocks import write_credentials_for

    try:
        return write_credentials_for(request, lambda said: message(f"Note: {said}."))
    except Refused as refusal:
        return refusal.sentence[0].lower() + refusal.sentence[1:].rstrip(".")
    except (HTTPError, PrefectException, RuntimeError, OSError) as error:  # its text may hold the server's password
        if isinstance(error, HTTPStatusError) and error.response.status_code == UNAUTHORIZED:
            return f"Prefect's server, which has the block {name}, takes no one without its password: set " + (
                "PREFECT_API_AUTH_STRING to the one it was started with (user:password)"
            )
        return f"Prefect's server, which has the block {name}, cannot be asked ({type(error).__name__})"
