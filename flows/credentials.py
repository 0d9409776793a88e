"""Where a run's secrets come from: the environment (or the files it names). Never parameters, arguments or URLs."""

from __future__ import annotations

from flows.nightscout.client import Credentials
from flows.settings import AnalysisRequest, secret_from_environment

TOKEN = "AUTOTUNE_NIGHTSCOUT_TOKEN"
API_SECRET = "AUTOTUNE_NIGHTSCOUT_API_SECRET"


def credentials_for(request: AnalysisRequest) -> Credentials:
    """What the run may read the site with; nothing for a directory or an open site.

    Raises:
        Refused: `FILE_MISSING` when a variable names a file that cannot be read.
    """
    if request.site is None:
        return Credentials()
    return Credentials(token=secret_from_environment(TOKEN), api_secret=secret_from_environment(API_SECRET))
