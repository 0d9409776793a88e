"""What a person can ask for: the typed request of a run, with units, limits and descriptions for Prefect's run form.

Holds no secrets (they come from the environment) and no health data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flows.environment import environment_now
from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.values.local_days import canonical_zone
from flows.values.run_form import in_order
from flows.values.units import SECONDS_PER_HOUR

MAX_DAYS = 366


class EngineName(StrEnum):
    """Where upstream runs: the same work directory in, the same files out."""

    NODE = "node"
    DOCKER = "docker"
    REFERENCE = "reference"


class InputsMode(StrEnum):
    """`corrected` repairs what upstream would misread, with a ledger; `upstream` hands the answers over untouched."""

    CORRECTED = "corrected"
    UPSTREAM = "upstream"


class StartFrom(StrEnum):
    """`baseline`: the source profile. `previous`: the last run's result, so that nightly runs iterate."""

    BASELINE = "baseline"
    PREVIOUS = "previous"


class Weekday(StrEnum):
    """A day of the week."""

    MON, TUE, WED, THU, FRI, SAT, SUN = "mon", "tue", "wed", "thu", "fri", "sat", "sun"


class EventKind(StrEnum):
    """Events upstream does not know, whose days can be left out."""

    OVERRIDE = "override"
    TEMP_TARGET = "temp-target"
    EXERCISE = "exercise"
    SUSPEND = "suspend"


class Insulin(StrEnum):
    """Upstream's insulin curves for today's insulins; bilinear is never chosen silently."""

    RAPID_ACTING = "rapid-acting"
    ULTRA_RAPID = "ultra-rapid"


class AgeGroup(StrEnum):
    """Whose limits a receiving system enforces (AAPS 3.4 `HardLimits`)."""

    CHILD, TEENAGER, ADULT, RESISTANT_ADULT, PREGNANT = "child", "teenager", "adult", "resistant-adult", "pregnant"


class OptionGroup(StrEnum):
    """Headings of the command line's help."""

    DATA, DAYS, PERSON, EXPERT = "data", "days", "person", "expert"


@dataclass(frozen=True)
class Option:
    """How a field is spelled on the command line, and under which heading; its help is the field's description.

    `spelling` is given where it is not the field's name with dashes; `metavar` names the value in the help.
    """

    group: OptionGroup
    spelling: str | None = None
    metavar: str | None = None


DATA, DAYS, PERSON, EXPERT = OptionGroup


def site_url(value: str) -> str:
    """A site's address, tidied: a scheme, no trailing slash or API path.

    Raises:
        Refused: `SITE_URL` for what is no address, or one with a secret in it.
    """
    text = value.strip()
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(Reason.SITE_URL, detail="it is not an http(s) address")
    try:
        _ = parts.port
    except ValueError:
        raise Refused(Reason.SITE_URL, detail="its port is not between 0 and 65535") from None
    if parts.username or parts.password:
        detail = to_translate(
            "it carries a user name or password (they go into AUTOTUNE_NIGHTSCOUT_BASIC_AUTH as user:password)"
        )
        raise Refused(Reason.SITE_URL, detail=detail)
    if parts.query or parts.fragment:
        raise Refused(Reason.SITE_URL, detail="it carries a query or fragment (a token goes into the environment)")
    path = parts.path.rstrip("/").removesuffix("/api/v1").removesuffix("/api")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _operator_allows_http(site: str) -> bool:
    environment = environment_now()
    named = environment.nightscout_site
    return (environment.allow_http or "").lower() == "true" and named is not None and site_url(named) == site


TimeZone = Annotated[str, AfterValidator(canonical_zone)]
SiteUrl = Annotated[str, AfterValidator(site_url)]


def _empty_is_absent(value: Any) -> Any:
    # A run form sends an empty text for a field that was left empty.
    return None if isinstance(value, str) and not value.strip() else value


class AnalysisRequest(BaseModel):
    """One run of autotune: whose data, which days, and how upstream is to run."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, json_schema_extra=in_order)

    site: Annotated[SiteUrl | None, BeforeValidator(_empty_is_absent), Option(DATA, metavar="URL")] = Field(
        default=None,
        description="Address of your Nightscout site, such as https://my.site.example. Never with a token or password.",
    )
    site_block: Annotated[str | None, BeforeValidator(_empty_is_absent)] = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        description="Instead of an address: the name of a saved Nightscout Site block (it has address and secrets).",
    )
    allow_http: Annotated[bool, Option(DATA)] = Field(
        default=False,
        description="Allow an unencrypted http address that is not on this machine.",
    )
    from_directory: Annotated[Path | None, Option(DATA, "--from", "DIR")] = Field(
        default=None,
        description="Instead of a site: a directory with entries.json, treatments.json and profile.json.",
    )
    profile_file: Annotated[Path | None, Option(DATA, metavar="FILE")] = Field(
        default=None, description="A Nightscout profile document to use instead of the data's own."
    )
    openaps_profile: Annotated[Path | None, Option(DATA, metavar="FILE")] = Field(
        default=None, description="For OpenAPS users: your pumpprofile.json, used as it is."
    )
    openaps_autotune: Annotated[Path | None, Option(DATA, metavar="FILE")] = Field(
        default=None, description="For OpenAPS users: the autotune.json to start from."
    )
    profile: Annotated[str | None, Option(PERSON, metavar="NAME")] = Field(
        default=None,
        description="Name of the profile to tune; the default one if left empty; `active` for the one in force.",
    )
    days: Annotated[int | None, Option(DAYS, metavar="N")] = Field(
        default=None,
        ge=1,
        le=MAX_DAYS,
        description="How many whole days to use, ending with yesterday (14 if nothing else is asked).",
    )
    start: Annotated[date | None, Option(DAYS, metavar="D")] = Field(
        default=None, description="First day to use (YYYY-MM-DD)."
    )
    end: Annotated[date | None, Option(DAYS, metavar="D")] = Field(
        default=None, description="Last day to use (YYYY-MM-DD)."
    )
    timezone: Annotated[TimeZone | None, BeforeValidator(_empty_is_absent), Option(PERSON, metavar="TZ")] = Field(
        default=None,
        description="Your time zone, such as Europe/Paris; the profile's own if left empty.",
    )
    engine: Annotated[EngineName, Option(EXPERT)] = Field(
        default=EngineName.NODE, description="Where upstream oref0 runs."
    )
    inputs: Annotated[InputsMode, Option(EXPERT)] = Field(
        default=InputsMode.CORRECTED,
        description="corrected: repair what upstream would misread, and list every change. upstream: data untouched.",
    )
    uam_as_basal: Annotated[bool, Option(EXPERT)] = Field(
        default=False, description="Count rises without announced carbs as basal need."
    )
    tune_insulin_curve: Annotated[bool, Option(EXPERT)] = Field(
        default=False, description="Also tune the duration and peak of insulin action."
    )
    exact: Annotated[bool, Option(EXPERT)] = Field(
        default=False,
        description="Let upstream compute everything itself, without accelerations: slow, and the same numbers.",
    )
    insulin: Annotated[Insulin | None, BeforeValidator(_empty_is_absent), Option(PERSON)] = Field(
        default=None,
        description="rapid-acting (Humalog, NovoRapid, Apidra) or ultra-rapid (Fiasp, Lyumjev); if left empty what the "
        "data name, rapid-acting where they name none.",
    )
    insulin_peak_min: Annotated[int | None, Option(PERSON, metavar="MIN")] = Field(
        default=None,
        ge=35,
        le=120,
        description="Peak of insulin action in minutes, if you use a custom one.",
    )
    weekdays: Annotated[list[Weekday], Option(DAYS, metavar="mon,tue")] = Field(
        default_factory=list, description="Use these days of the week only (all if left empty)."
    )
    exclude: Annotated[list[date], Option(DAYS, metavar="D,D..D")] = Field(
        default_factory=list, description="Days to leave out, such as days of illness."
    )
    exclude_events: Annotated[list[EventKind], Option(DAYS, metavar="KIND,KIND")] = Field(
        default_factory=list, description="Leave out days with such events, which upstream does not know."
    )
    exclude_found: Annotated[bool, Option(DAYS)] = Field(
        default=False,
        description="Leave out the days that are found to bend the data (such as a failed infusion site, illness, lost "
        "boluses, untold meals), as long as a week of days is left.",
    )
    start_from: Annotated[StartFrom, Option(EXPERT)] = Field(
        default=StartFrom.BASELINE,
        description="baseline: start from your profile. previous: go on from the last run (for nightly runs).",
    )
    compare: Annotated[bool, Option(EXPERT)] = Field(
        default=True, description="Also compute what upstream would have said without the corrections."
    )
    resamples: Annotated[int, Option(EXPERT, metavar="N")] = Field(
        default=70,
        ge=0,
        le=1000,
        description="Ceiling of the repetitions over resampled days, which say how repeatable each number is; they end "
        "earlier once more would hardly change a decision (0: none).",
    )
    basal_step_u_per_h: Annotated[float, Option(PERSON, "--basal-step", "U/h")] = Field(
        default=0.05,
        ge=0.005,
        le=0.1,
        description="The smallest step of your pump's basal rates in U/h: 0.05 for most, 0.025 or 0.01 for some.",
    )
    age_group: Annotated[AgeGroup | None, BeforeValidator(_empty_is_absent), Option(PERSON)] = Field(
        default=None,
        description="As set in AAPS: whose limits the receiving system enforces, and in "
        "pregnancy the limits of glucose. An adult's if left empty, with a reservation.",
    )
    page_numbers: Annotated[bool, Option(EXPERT)] = Field(
        default=True,
        description="Show the recommended settings on the run's page. Switch off where others can see the pages: then "
        "they and the reasons of the verdict are in the run directory only.",
    )
    ask_now: Annotated[bool, Option(DATA, "--now")] = Field(
        default=False, description="Ask the site even while requests to it are paused after failed runs."
    )
    past: Annotated[bool, Option(EXPERT)] = Field(
        default=False,
        description="A run of days gone by, for the trend only: nothing starts from it, tells of it or is written.",
    )
    wait_for_data_min: Annotated[int, Option(DATA, "--wait-for-data", "MIN")] = Field(
        default=0,
        ge=0,
        le=360,
        description="Wait up to this many minutes until the last night's readings have arrived.",
    )
    timeout_seconds: Annotated[float, Option(EXPERT, "--timeout", "S")] = Field(
        default=1800,
        gt=0,
        le=4 * SECONDS_PER_HOUR,
        description="Stop upstream when it takes longer than this many seconds.",
    )

    @model_validator(mode="after")
    def _one_source_and_one_range(self) -> AnalysisRequest:
        # Fields are named as the run form shows them; the command line puts its options in their place.
        of_a_site = self.site is not None or self.site_block is not None
        left_out = self.exclude or self.weekdays or self.exclude_events or self.exclude_found
        for contradiction, sentence in (
            (of_a_site == (self.from_directory is not None), "give either `site` or `from_directory`"),
            (self.days is not None and (self.start or self.end), "give either `days`, or `start` and `end`"),
            (self.end and not self.start and not self.from_directory, "give `start` too"),
            (
                self.inputs is InputsMode.UPSTREAM and left_out,
                "with `inputs` upstream every day is used: give no `exclude`, `weekdays`, `exclude_events` or "
                "`exclude_found`",
            ),
            (
                self.openaps_profile and (self.profile_file or self.profile),
                "`openaps_profile` is used as it is: give no `profile_file` and no `profile` with it",
            ),
            (self.openaps_autotune and not self.openaps_profile, "`openaps_autotune` needs `openaps_profile` too"),
        ):
            if contradiction:
                raise ValueError(sentence)
        if self.start and self.end:
            if self.end < self.start:
                raise Refused(Reason.END_BEFORE_START, start=self.start, end=self.end)
            count = (self.end - self.start).days + 1
            if count > MAX_DAYS:
                raise Refused(Reason.TOO_MANY_DAYS, count=count, limit=MAX_DAYS)
        if self.goes_unencrypted and not (self.allow_http or _operator_allows_http(str(self.site))):
            raise Refused(
                Reason.SITE_URL,
                detail="plain http would send your credentials unencrypted (use https, or --allow-http)",
            )
        return self

    @property
    def goes_unencrypted(self) -> bool:
        """Whether its site is asked over plain http beyond this machine."""
        parts = urlsplit(self.site or "")
        return parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1")

    @property
    def may_only_read(self) -> bool:
        """Whether plain http is allowed by the service's setting alone, which is no leave to send what may write."""
        return self.goes_unencrypted and not self.allow_http

    def options(self) -> dict[str, Any]:
        """The request as a document for the manifest; paths as text."""
        return self.model_dump(mode="json")


def of_past(options: Any) -> bool:
    """Whether a run was one of a backfill, by its options as its manifest and proposal hold them.

    Whoever takes up runs (to start from them, tell of them, write them) leaves such a run out; a history shows it.
    """
    return isinstance(options, dict) and options.get("past") is True
