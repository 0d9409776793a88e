"""Where a run's secrets come from: the environment (or the files it names). Never parameters, arguments or URLs."""

from __future__ import annotations

from collections.abc import Callable

from flows.environment import environment_now, variable
from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials, checked_basic
from flows.nightscout.write_tokens import WRITE_TOKENS_FILE, write_tokens_for
from flows.settings import AnalysisRequest, site_url

WRITE_TOKEN = variable("nightscout_write_token")
WRITE_API_SECRET = variable("nightscout_write_api_secret")
READ_ONLY_HTTP = (
    f"{variable('allow_http')} is for reading, and plain http would send what may write unencrypted "
    "(use https, or `allow_http` in the request of the run that is to be applied)"
)
SITE = variable("nightscout_site")  # where it is set, the secrets are for this site only


def credentials_for(request: AnalysisRequest) -> Credentials:
    """What the run may read the site with; nothing for a directory or an open site.

    Raises:
        Refused: `FILE_MISSING` when a variable names a file that cannot be read, `BASIC_AUTH_FORM`, `SITE_BLOCK`.
    """
    return _credentials(request, "nightscout_token", "nightscout_api_secret")


def write_credentials_for(request: AnalysisRequest) -> Credentials:
    """What a profile may be written with; `anonymous` when none was given, for what may only read is never used.

    Raises:
        Refused: as `credentials_for` and `write_tokens_for` and `over_https`.
    """
    found = write_tokens_for(request.site) if request.site is not None else None
    if found is None:
        found = _credentials(request, "nightscout_write_token", "nightscout_write_api_secret")
    return over_https(request, found)


def over_https(request: AnalysisRequest, found: Credentials) -> Credentials:
    """What was found for writing.

    Raises:
        Refused: `SITE_URL` where it would go over plain http that the service's setting allows for reading.
    """
    if request.may_only_read and not found.anonymous:
        raise Refused(Reason.SITE_URL, detail=READ_ONLY_HTTP)
    return found


def names_site(request: AnalysisRequest) -> bool:
    """Whether `AUTOTUNE_NIGHTSCOUT_SITE` names the run's very site."""
    own_site = environment_now().nightscout_site
    return own_site is not None and site_url(own_site) == request.site


def where_to_put_write_secrets(request: AnalysisRequest) -> Callable[[str], str]:
    """What to do where nothing for writing was given: a sentence, given the permissions that are needed."""

    def advice(permissions: str) -> str:
        token = f"an access token with {permissions}"
        if request.site_block is not None:
            return f"Put {token} beside {request.site} into the applying worker's file of {WRITE_TOKENS_FILE}."
        told = f"Set {WRITE_TOKEN} to {token}, or {WRITE_API_SECRET}."
        if environment_now().nightscout_site and not names_site(request):
            return f"{SITE} names another site, and its secrets are for that one only: set it to {request.site}. {told}"
        return told

    return advice


def _credentials(request: AnalysisRequest, token: str, api_secret: str) -> Credentials:
    if request.site_block is not None:
        # Its secrets are in the block (`flows.orchestration.blocks`); those of the environment are not for its site.
        raise Refused(Reason.SITE_BLOCK, name=request.site_block, detail="it can be read by a run in Prefect only")
    if request.site is None:
        return Credentials()
    environment = environment_now()
    if environment.nightscout_site and not names_site(request):
        return Credentials()  # whoever may ask for a run could else have the secrets sent to a site of his own
    basic = checked_basic(environment.secret("nightscout_basic_auth"))
    return Credentials(environment.secret(token), environment.secret(api_secret), basic)
