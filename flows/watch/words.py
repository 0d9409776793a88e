"""What notices say. No number of a person's data or therapy, and no address: a notice passes through others' servers.

The sentence of a refusal may hold both, so that none of it is taken over: these are the words for its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from flows.errors import Reason

NOT_ENDED = "no run of it came to an end"
OUR_FAULT = "the run failed with an internal error"
_READINGS = "there are not enough usable readings"
_PROFILE = "the profile on the site cannot be used as it is"
_SITE_FAILS = "the site answered with errors"
_UNREACHABLE = "the site could not be reached"
_PERMISSION = "the site refused the token"
_NOT_DATA = "the site's data could not be read"
_COMPUTED = "upstream's computation did not end well"

# Of every other code it is said that the run was refused, with the code.
WORDS: dict[Reason, str] = {
    Reason.SITE_UNAUTHORIZED: _PERMISSION,
    Reason.SITE_FORBIDDEN: _PERMISSION,
    Reason.SITE_BASIC_AUTH: "the server in front of the site asks for a password",
    Reason.SITE_BEHIND_LOGIN: "a login in front of the site let nothing through",
    Reason.SITE_NOT_FOUND: "there is no Nightscout at the site's address",
    Reason.SITE_ONLY_V3: "the site does not offer the interface that is read here",
    Reason.SITE_URL: "the site's address cannot be used",
    Reason.SITE_NOT_ALLOWED: "the site is not one that may be asked",
    Reason.SITE_BLOCK: "the saved site cannot be used",
    Reason.SITE_BUSY: "the site asked to slow down",
    Reason.SITE_ASKS_TO_WAIT: "the site asked to slow down",
    Reason.SITE_FAILS: _SITE_FAILS,
    Reason.SITE_UNREACHABLE: _UNREACHABLE,
    Reason.SITE_PAUSED: "requests to the site are paused after failures",
    Reason.SITE_NOT_DATA: _NOT_DATA,
    Reason.SITE_INCOMPLETE: "the site did not give all of its data",
    Reason.NO_RECORDS: "the site has no data of these days",
    Reason.NO_TIMEZONE: "the person's time zone is not known",
    Reason.UNKNOWN_TIMEZONE: "the person's time zone is not known",
    Reason.DISK_FULL: "the disk is full",
    Reason.FILE_MISSING: "a file that the service was told to read is missing",
    Reason.LIMIT_EXCEEDED: "the site's answer was larger than is read",
    Reason.NO_PROFILE: _PROFILE,
    Reason.PROFILE_NOT_FOUND: "the profile that was asked for is not on the site",
    Reason.PROFILE_UNITS: _PROFILE,
    Reason.PROFILE_UNITS_DOUBTFUL: _PROFILE,
    Reason.PROFILE_SWITCH_UNREADABLE: _PROFILE,
    Reason.PROFILE_FIELD: _PROFILE,
    Reason.NO_GLUCOSE: _READINGS,
    Reason.TOO_FEW_READINGS: _READINGS,
    Reason.NO_INSULIN: "the data hold no insulin",
    Reason.TOO_FEW_GOOD_DAYS: "too few of the days can be used",
    Reason.NO_DAYS_LEFT: "none of the days can be used",
    Reason.UPSTREAM_STOPPED: _COMPUTED,
    Reason.UPSTREAM_NO_PROFILE: _COMPUTED,
    Reason.TIMED_OUT: "the computation took too long",
    Reason.OUT_OF_MEMORY: "the memory did not suffice",
    Reason.UPSTREAM_CHANGED: "upstream's files are not what they should be",
    Reason.ENGINE_MISSING: "what computes is not installed",
    Reason.ENGINE_BROKEN: _COMPUTED,
}
_BY_CODE = {reason.code: words for reason, words in WORDS.items()}
_CODES = {reason.code for reason in Reason}


class Weight(StrEnum):
    """How a notice is marked where an address can show it; apprise's own names."""

    GOOD, BAD = "success", "failure"


@dataclass(frozen=True)
class Notice:
    """One message: what it is about in a line, and what there is to do."""

    title: str
    text: str
    weight: Weight = Weight.BAD


def why_refused(code: str) -> str:
    """In words why a run ended without a proposal; `code` is empty for a fault of ours."""
    if not code:
        return OUR_FAULT
    # A code that is none of ours is not repeated: a manifest is only a file.
    return _BY_CODE.get(code) or (f"the run was refused ({code})" if code in _CODES else "the run was refused")


def proposal_ready(name: str, link: str, *, again: bool) -> Notice:
    """There is a proposal; `again` after nights without one."""
    text = "There is a new proposal to look at. Nothing was changed in Nightscout or on a pump." + link
    title = f"{name} has a result again" if again else f"a proposal is ready for {name}"
    return Notice(f"Autotune: {title}", text, Weight.GOOD)


def take_back(name: str, link: str) -> Notice:
    """The proposal is to take the last step back."""
    return Notice(
        f"Autotune: take the last step back, to be safe ({name})",
        "After the last change of settings the days got worse. The report says how, and what to do. Nothing was "
        "changed." + link,
    )


def no_recommendation(name: str, why: str) -> Notice:
    """One run that no schedule asked for ended without a proposal."""
    return Notice(
        f"Autotune: no recommendation for {name}",
        f"No recommendation for {name}: {why}. The run's page says what to do.",
    )


def no_result(name: str, missed: tuple[date, ...], last_proposal: datetime | None, zone: str, why: str) -> Notice:
    """Nights without a proposal."""
    nights = "1 night" if len(missed) == 1 else f"{len(missed)} nights"
    if last_proposal is None:
        since = "yet"
    else:
        day = last_proposal.astimezone(ZoneInfo(zone)).date()
        # A weekday alone says which one only within a week.
        since = f"since {day:%A}" if (missed[-1] - day).days < 7 else f"since {day:%Y-%m-%d}"
    return Notice(
        f"Autotune: no result for {name} {since}",
        f"No result for {name} {since} ({nights} missed): {why}. The run's page and `autotune doctor` say what to do.",
    )


UNREACHABLE = Notice(
    "Autotune: the service cannot be reached",
    "The server that starts the nightly runs does not answer: no run is made. `autotune doctor` says what is wrong.",
)
REACHABLE = Notice("Autotune: the service can be reached again", "The nightly runs go on.", Weight.GOOD)
TEST = Notice(
    "Autotune: a test", "This is what `autotune notices test` sends. Notices reach this address.", Weight.GOOD
)
