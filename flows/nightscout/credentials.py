"""Where a run's secrets come from: the environment (or the files it names). Never parameters, arguments or URLs."""

from __future__ import annotations

import os
from collections.abc import Callable

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.settings import AnalysisRequest, secret_from_environment, site_url

TOKEN = "AUTOTUNE_NIGHTSCOUT_TOKEN"
API_SECRET = "AUTOTUNE_NIGHTSCOUT_API_SECRET"
WRITE_TOKEN = "AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN"
WRITE_API_SECRET = "AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET"
SITE = "AUTOTUNE_NIGHTSCOUT_SITE"  # where it is set, the secrets are for this site only
BASIC_AUTH = "AUTOTUNE_NIGHTSCOUT_BASIC_AUTH"  # for a server in front of Nightscout, whoever asks


def credentials_for(request: AnalysisRequest) -> Credentials:
    """What the run may read the site with; nothing for a directory or an open site.

    Raises:
        Refused: `FILE_MISSING` when a variable names a file that cannot be read, `BASIC_AUTH_FORM`, `SITE_BLOCK`.
    """
    return _credentials(request, TOKEN, API_SECRET)


def write_credentials_for(request: AnalysisRequest) -> Credentials:
    """What a profile may be written with; `anonymous` when none was given, for what may only read is never used.

    Raises:
        Refused: as `credentials_for`.
    """
    return _credentials(request, WRITE_TOKEN, WRITE_API_SECRET)


def names_site(request: AnalysisRequest) -> bool:
    """Whether `AUTOTUNE_NIGHTSCOUT_SITE` names the run's very site."""
    own_site = os.environ.get(SITE, "").strip()
    return bool(own_site) and site_url(own_site) == request.site


def where_to_put_write_secrets(request: AnalysisRequest) -> Callable[[str], str]:
    """What to do where nothing for writing was given: a sentence, given the permissions that are needed."""

    def advice(permissions: str) -> str:
        token = f"an access token with {permissions}"
        if request.site_block is not None:
            return f"Save {token} in the block {request.site_block} as its Write Token, or the API secret beside it."
        told = f"Set {WRITE_TOKEN} to {token}, or {WRITE_API_SECRET}."
        if os.environ.get(SITE, "").strip() and not names_site(request):
            return f"{SITE} names another site, and its secrets are for that one only: set it to {request.site}. {told}"
        return told

    return advice


def _credentials(request: AnalysisRequest, token: str, api_secret: str) -> Credentials:
    if request.site_block is not None:
        # Its secrets are in the block (`flows.orchestration.blocks`); those of the environment are not for its site.
        raise Refused(Reason.SITE_BLOCK, name=request.site_block, detail="it can be read by a run in Prefect only")
    if request.site is None:
        return Credentials()
    if os.environ.get(SITE, "").strip() and not names_site(request):
        return Credentials()  # whoever may ask for a run could else have the secrets sent to a site of his own
    basic = secret_from_environment(BASIC_AUTH)
    if basic is not None and (":" not in basic or any(ord(character) < 32 for character in basic)):
        raise Refused(Reason.BASIC_AUTH_FORM)
    return Credentials(secret_from_environment(token), secret_from_environment(api_secret), basic)
