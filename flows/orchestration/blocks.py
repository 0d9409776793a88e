"""Prefect blocks: a Nightscout site with its secrets, saved once, named by runs. Several sites live on one server.

A run's request holds the block's name and, once it is resolved, the site's address; never a secret. A block's secrets
go to that block's site only, and the environment's secrets never go to the site of a block.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from httpx import HTTPStatusError
from prefect.blocks.core import Block
from prefect.exceptions import ObjectNotFound
from pydantic import Field, SecretStr, ValidationError, field_validator

from flows.doctor.check import CheckContext, ExaminedCheck
from flows.doctor.site import SiteProbe
from flows.doctor.table import OF_THE_SITE, examine
from flows.errors import Reason, Refused
from flows.nightscout import credentials as environment
from flows.nightscout.authentication import Credentials, checked_basic
from flows.nightscout.write_tokens import WRITE_TOKENS_FILE, write_tokens_for
from flows.settings import AnalysisRequest, SiteUrl, TimeZone
from flows.values.user_directories import runs_root

# What a block cannot set for a run: where the data is from, and what is asked for this one time.
_NOT_OPTIONS = frozenset(
    {"site", "site_block", "allow_http", "from_directory", "start", "end", "timezone", "profile", "ask_now", "past"}
)


WRITES_BY_BLOCK = (
    "the block {name} holds what may write to its site, and the server hands it to whoever may ask: put it into the "
    "file of {file}, which the applying worker alone reads, and empty it in the block"
)


class NightscoutSite(Block):
    """A person's Nightscout site: its address, the secrets for it, and what runs for this person have in common."""

    _block_type_name = "Nightscout Site"
    _block_type_slug = "nightscout-site"
    _description = "A Nightscout site with its access tokens, for autotune-flows. Runs name it and never show a secret."

    url: SiteUrl = Field(description="Address of the site, such as https://my.site.example. Never with a token.")
    allow_http: bool = Field(default=False, description="Allow an unencrypted http address not on this machine.")
    read_token: SecretStr | None = Field(
        default=None, description="Access token whose role may read entries, treatments and profile, and nothing else."
    )
    read_api_secret: SecretStr | None = Field(
        default=None, description="Instead of a token: the API secret (it may do all)."
    )
    write_token: SecretStr | None = Field(
        default=None,
        description="Better in the applying worker's file: whoever may ask the server can read it here.",
    )
    write_api_secret: SecretStr | None = Field(
        default=None, description="Instead of a token for writing: the API secret."
    )
    basic_auth: SecretStr | None = Field(default=None, description="user:password of a server in front of Nightscout.")
    timezone: TimeZone | None = Field(
        default=None, description="The person's time zone; the profile's own if left empty."
    )
    profile: str | None = Field(default=None, description="Name of the profile to tune; the default one if left empty.")
    options: dict[str, Any] = Field(
        default_factory=dict,
        description='Further fields of the request for this person, such as {"insulin": "ultra-rapid"}.',
    )

    @field_validator(
        "timezone", "profile", "read_token", "read_api_secret", "write_token", "write_api_secret", mode="before"
    )
    @classmethod
    def _empty_is_absent(cls, value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        return None if isinstance(text, str) and not text.strip() else value

    @field_validator("basic_auth")
    @classmethod
    def _user_and_password(cls, value: SecretStr | None) -> SecretStr | None:
        return value if checked_basic(_shown(value)) else None

    @field_validator("options")
    @classmethod
    def _fields_of_a_request(cls, value: dict[str, Any]) -> dict[str, Any]:
        if unknown := sorted(set(value) - (set(AnalysisRequest.model_fields) - _NOT_OPTIONS)):
            raise ValueError(f"a block cannot set {', '.join(unknown)}")
        return value

    def credentials(self) -> Credentials:
        """What the site may be read with."""
        return Credentials(_shown(self.read_token), _shown(self.read_api_secret), _shown(self.basic_auth))

    def write_credentials(self) -> Credentials:
        """What a profile may be written with; `anonymous` when nothing for writing was saved."""
        return Credentials(_shown(self.write_token), _shown(self.write_api_secret), _shown(self.basic_auth))

    def completed(self, request: AnalysisRequest) -> AnalysisRequest:
        """The request with this site's address; what it leaves open is filled in from the block.

        Raises:
            Refused: `SITE_BLOCK` when the request names another address too; `SITE_URL` for plain http.
        """
        if request.site is not None and request.site != self.url:
            raise Refused(Reason.SITE_BLOCK, name=str(request.site_block), detail="the request names another address")
        own = {"timezone": self.timezone, "profile": self.profile, **self.options}
        # A run form sends every field it shows, filled with its default: such a value was not chosen, and what is known
        # of this person (an ultra-rapid insulin) must not be lost to it.
        asked = {
            name: getattr(request, name)
            for name, field in AnalysisRequest.model_fields.items()
            if getattr(request, name) != field.get_default(call_default_factory=True)
        }
        return AnalysisRequest(**{**own, **asked, "site": self.url, "allow_http": self.allow_http})

    def check(self) -> list[ExaminedCheck]:
        """Ask the site, with this block's secrets, what `autotune doctor` asks; nothing is written.

        Returns:
            The findings on the address, version, rights, clock and time zone.
        """
        probe = SiteProbe(self.url, self.credentials(), self.write_credentials())
        context = CheckContext(runs_root=runs_root(), now=datetime.now(UTC), timezone=self.timezone, site=probe)
        return list(examine(context, OF_THE_SITE))


def resolved(request: AnalysisRequest) -> AnalysisRequest:
    """The request with the address of the block it names; as it is where it names none. Holds no secret.

    Raises:
        Refused: `SITE_BLOCK`.
    """
    return request if request.site_block is None else saved_block(request.site_block).completed(request)


def credentials_for(request: AnalysisRequest) -> Credentials:
    """What the run may read the site with: of the block it names, else of the environment.

    Raises:
        Refused: `SITE_BLOCK`, and as `flows.nightscout.credentials.credentials_for`.
    """
    if request.site_block is None:
        return environment.credentials_for(request)
    return saved_site(request, request.site_block).credentials()


def write_credentials_for(request: AnalysisRequest, warn: Callable[[str], object]) -> Credentials:
    """What a profile may be written with, `anonymous` when nothing for writing was given.

    The applying worker's own file comes first. What a block holds still writes, and `warn` is told: the server hands a
    block's secrets to whoever may ask it.

    Raises:
        Refused: as `credentials_for` and `flows.nightscout.write_tokens.write_tokens_for`.
    """
    if request.site_block is None:
        return environment.write_credentials_for(request)
    block = saved_site(request, request.site_block)
    if (found := write_tokens_for(block.url)) is not None:
        return environment.over_https(request, found)
    if not (credentials := environment.over_https(request, block.write_credentials())).anonymous:
        warn(WRITES_BY_BLOCK.format(name=request.site_block, file=WRITE_TOKENS_FILE))
    return credentials


def saved_site(request: AnalysisRequest, name: str) -> NightscoutSite:
    """The block that a run names, which must be of the run's own address.

    Raises:
        Refused: `SITE_BLOCK`.
    """
    block = saved_block(name)
    if request.site != block.url:  # not resolved, or the block was given another address since
        raise Refused(Reason.SITE_BLOCK, name=name, detail="it is the block of another address than the run's")
    return block


def saved_block(name: str) -> NightscoutSite:
    """The block of a name.

    Raises:
        Refused: `SITE_BLOCK`.
    """
    try:
        block = NightscoutSite.load(name, validate=True)
    except Refused:
        raise
    except (ValueError, AttributeError, TypeError) as error:  # whose text may hold what was saved
        raise Refused(Reason.SITE_BLOCK, name=name, detail=_why_not(error)) from None
    assert isinstance(block, NightscoutSite)
    return block


def _why_not(error: Exception) -> str:
    """Why a block could not be loaded: Prefect takes whatever answers for its server."""
    if isinstance(error, ValidationError) and error.title == NightscoutSite.__name__:
        return "what it holds is not valid"
    not_found = error.__cause__
    if isinstance(not_found, ObjectNotFound) and _is_prefects(not_found.http_exc):
        return "there is none, or what it holds is not valid"
    return "the server's answer is no Prefect API (is PREFECT_API_URL right? It ends with /api)"


def _is_prefects(error: Exception) -> bool:
    """Whether an answer 404 is Prefect's, which says in its own words what it did not find."""
    try:
        said = error.response.json()["detail"] if isinstance(error, HTTPStatusError) else None
    except (ValueError, TypeError, KeyError):
        return False
    return isinstance(said, str) and said != "Not Found"  # this is said of a path that is none of the API's


def _shown(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() or None if secret is not None else None
