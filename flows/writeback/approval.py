"""What a person approves: which proposal by its sha256, which parts of it, and the decision itself, without a default.

Holds no secrets and no health data: these requests are parameters that Prefect shows and stores.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from flows.errors import Reason, Refused
from flows.values.parts import Part
from flows.values.run_form import in_order
from flows.values.units import HOURS_PER_DAY

MAX_AGE_H = 2.0 * HOURS_PER_DAY
# What somebody looked at and approved is written now or not at all: not when a worker that slept comes back at night.
APPROVAL_VALID = timedelta(minutes=10)


class Decision(StrEnum):
    """What a person decided, or that a policy is to decide; there is no default."""

    APPROVE, REJECT, POLICY = "approve", "reject", "policy"


class Scope(StrEnum):
    """What of a proposal is written: its step, what of upstream's numbers gives less insulin, or all of them."""

    STEP, REDUCTIONS, ALL = "step", "reductions", "all"


def run_name(value: str) -> str:
    """The name of a run directory, never a path.

    Raises:
        Refused: `PROPOSAL_UNREADABLE`.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
        raise Refused(Reason.PROPOSAL_UNREADABLE, run="that name", detail="it is no name of a run directory")
    return value


RunName = Annotated[str, AfterValidator(run_name)]
HourOfDay = Annotated[int, Field(ge=0, lt=HOURS_PER_DAY)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=in_order)


class SyncRequest(_Request):
    """Write one proposal to its site."""

    proposal_id: RunName = Field(description="The run directory's name, as the proposal's artifact shows it.")
    sha256: Sha256 = Field(description="The proposal's sha256, as shown: nothing else is written.")
    decision: Decision = Field(description="approve, reject, or policy (a policy file decides). There is no default.")
    what: Scope = Field(
        default=Scope.STEP,
        description="step (the small change to make now), reductions (what of upstream's numbers gives less insulin), "
        "or all (upstream's numbers whole).",
    )
    only: list[Part] = Field(
        default_factory=list, description="Write upstream's numbers whole, of these parts only (left empty: see what)."
    )
    hours: list[HourOfDay] = Field(
        default_factory=list, description="Write upstream's basal of these hours only (0 to 23), whole."
    )
    name: str | None = Field(default=None, description="Name of the new profile; Autotune and the date if left empty.")
    overwrite: bool = Field(default=False, description="Replace a profile of that name on purpose.")
    activate: bool = Field(default=False, description="Also switch to the new profile, by a Profile Switch.")
    although_unsure: bool = Field(
        default=False, description="Also where the verdict says that nothing in it is repeatable enough to act on."
    )
    max_age_h: float = Field(
        default=MAX_AGE_H, gt=0, le=14 * HOURS_PER_DAY, description="An older proposal is refused (hours)."
    )
    approved_until: AwareDatetime | None = Field(
        default=None,
        description="Nothing is begun after this time; ten minutes after the run was asked for if left empty.",
    )
    seen_profile_sha256: Sha256 | None = Field(
        default=None, description="The profile as it was shown, by its sha256: no other one is written."
    )
    seen_site_sha256: Sha256 | None = Field(
        default=None, description="The site's profile as it was shown, by its sha256: no other one is written over."
    )

    @model_validator(mode="after")
    def _hours_are_of_the_basal(self) -> Self:
        if self.hours and self.only:
            raise ValueError("hours are of the basal alone: give either hours or only")
        return self

    @property
    def scope(self) -> Scope:
        """What is written: parts and hours that are named are those of upstream's numbers, never of the step."""
        return Scope.ALL if self.what is Scope.STEP and (self.only or self.hours) else self.what

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts to write, in a fixed order; of a step those of them that it changes."""
        return (Part.BASAL,) if self.hours else tuple(p for p in Part if p in self.only or not self.only)


class RollbackRequest(_Request):
    """Put back what was there before a proposal was applied."""

    proposal_id: RunName = Field(description="The run directory's name.")
    sha256: Sha256 = Field(description="The sha256 of the proposal that was applied.")
    decision: Decision = Field(description="approve or reject. There is no default.")
    even_if_edited: bool = Field(default=False, description="Also when somebody changed the profile since.")
    from_site: bool = Field(
        default=False, description="Where another journal applied it: by what the site itself still has from before."
    )
    approved_until: AwareDatetime | None = Field(
        default=None,
        description="Nothing is begun after this time; ten minutes after the run was asked for if left empty.",
    )


RequestT = TypeVar("RequestT", SyncRequest, RollbackRequest)


def approved_from(request: RequestT, asked: datetime) -> RequestT:
    """The same request, approved for ten minutes from when it was made, where it does not say until when.

    A policy's is no approval: it is asked when something is about to be written.

    Args:
        request: as it was asked for.
        asked: when, with its offset.
    """
    if request.approved_until is not None or request.decision is not Decision.APPROVE:
        return request
    return request.model_copy(update={"approved_until": asked + APPROVAL_VALID})


def check_still_approved(request: SyncRequest | RollbackRequest, now: datetime) -> None:
    """Refuse to begin writing once the approval has run out.

    Raises:
        Refused: `APPROVAL_EXPIRED`.
    """
    until = request.approved_until
    if until is not None and request.decision is Decision.APPROVE and now > until:
        raise Refused(Reason.APPROVAL_EXPIRED, until=until.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))
