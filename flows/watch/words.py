"""What notices say. No number of a person's data or therapy, and no address: a notice passes through others' servers.

The sentence of a refusal may hold both, so that none of it is taken over: these are the words for its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from flows.errors import Reason
from flows.language.catalogue import to_translate
from flows.language.translatable import in_spoken, translatable, translatable_count

NOT_ENDED = to_translate("no run of it came to an end")
OUR_FAULT = to_translate("the run failed with an internal error")
_READINGS = to_translate("there are not enough usable readings")
_PROFILE = to_translate("the profile on the site cannot be used as it is")
_SITE_FAILS = to_translate("the site answered with errors")
_UNREACHABLE = to_translate("the site could not be reached")
_PERMISSION = to_translate("the site refused the token")
_NOT_DATA = to_translate("the site's data could not be read")
_COMPUTED = to_translate("upstream's computation did not end well")

# Of every other code it is said that the run was refused, with the code.
WORDS: dict[Reason, str] = {
    Reason.SITE_UNAUTHORIZED: _PERMISSION,
    Reason.SITE_FORBIDDEN: _PERMISSION,
    Reason.SITE_BASIC_AUTH: to_translate("the server in front of the site asks for a password"),
    Reason.SITE_BEHIND_LOGIN: to_translate("a login in front of the site let nothing through"),
    Reason.SITE_NOT_FOUND: to_translate("there is no Nightscout at the site's address"),
    Reason.SITE_ONLY_V3: to_translate("the site does not offer the interface that is read here"),
    Reason.SITE_URL: to_translate("the site's address cannot be used"),
    Reason.SITE_NOT_ALLOWED: to_translate("the site is not one that may be asked"),
    Reason.PREFECT_LOST: to_translate("Prefect's server was away"),
    Reason.SITE_BLOCK: to_translate("the saved site cannot be used"),
    Reason.SITE_BUSY: to_translate("the site asked to slow down"),
    Reason.SITE_ASKS_TO_WAIT: to_translate("the site asked to slow down"),
    Reason.SITE_FAILS: _SITE_FAILS,
    Reason.SITE_UNREACHABLE: _UNREACHABLE,
    Reason.SITE_PAUSED: to_translate("requests to the site are paused after failures"),
    Reason.SITE_NOT_DATA: _NOT_DATA,
    Reason.SITE_INCOMPLETE: to_translate("the site did not give all of its data"),
    Reason.NO_RECORDS: to_translate("the site has no data of these days"),
    Reason.NO_TIMEZONE: to_translate("the person's time zone is not known"),
    Reason.UNKNOWN_TIMEZONE: to_translate("the person's time zone is not known"),
    Reason.DISK_FULL: to_translate("the disk is full"),
    Reason.FILE_MISSING: to_translate("a file that the service was told to read is missing"),
    Reason.LIMIT_EXCEEDED: to_translate("the site's answer was larger than is read"),
    Reason.NO_PROFILE: _PROFILE,
    Reason.PROFILE_NOT_FOUND: to_translate("the profile that was asked for is not on the site"),
    Reason.PROFILE_UNITS: _PROFILE,
    Reason.PROFILE_UNITS_DOUBTFUL: _PROFILE,
    Reason.PROFILE_SWITCH_UNREADABLE: _PROFILE,
    Reason.PROFILE_FIELD: _PROFILE,
    Reason.NO_GLUCOSE: _READINGS,
    Reason.TOO_FEW_READINGS: _READINGS,
    Reason.NO_INSULIN: to_translate("the data hold no insulin"),
    Reason.TOO_FEW_GOOD_DAYS: to_translate("too few of the days can be used"),
    Reason.NO_DAYS_LEFT: to_translate("none of the days can be used"),
    Reason.UPSTREAM_STOPPED: _COMPUTED,
    Reason.UPSTREAM_NO_PROFILE: _COMPUTED,
    Reason.TIMED_OUT: to_translate("the computation took too long"),
    Reason.OUT_OF_MEMORY: to_translate("the memory did not suffice"),
    Reason.UPSTREAM_CHANGED: to_translate("upstream's files are not what they should be"),
    Reason.ENGINE_MISSING: to_translate("what computes is not installed"),
    Reason.ENGINE_BROKEN: _COMPUTED,
}
WEEKDAYS = (
    to_translate("Monday"),
    to_translate("Tuesday"),
    to_translate("Wednesday"),
    to_translate("Thursday"),
    to_translate("Friday"),
    to_translate("Saturday"),
    to_translate("Sunday"),
)
DAYS_PER_WEEK = 7
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


def in_language(notice: Notice) -> Notice:
    """The notice in the language that is spoken; what is kept of it is English."""
    text = "\n".join(in_spoken(line) for line in notice.text.split("\n"))
    return Notice(in_spoken(notice.title), text, notice.weight)


def why_refused(code: str) -> str:
    """In words why a run ended without a proposal; `code` is empty for a fault of ours."""
    if not code:
        return OUR_FAULT
    # A code that is none of ours is not repeated: a manifest is only a file.
    return _BY_CODE.get(code) or (
        translatable("the run was refused ({code})", code=code)
        if code in _CODES
        else to_translate("the run was refused")
    )


def proposal_ready(name: str, link: str, *, again: bool) -> Notice:
    """There is a proposal; `again` after nights without one."""
    text = to_translate("There is a new proposal to look at. Nothing was changed in Nightscout or on a pump.")
    title = (
        translatable("Autotune: {name} has a result again", name=name)
        if again
        else translatable("Autotune: a proposal is ready for {name}", name=name)
    )
    return Notice(title, text + link, Weight.GOOD)


def take_back(name: str, link: str) -> Notice:
    """The proposal is to take the last step back."""
    text = to_translate(
        "After the last change of settings the days got worse. The report says how, and what to do. Nothing was "
        "changed."
    )
    return Notice(translatable("Autotune: take the last step back, to be safe ({name})", name=name), text + link)


def no_recommendation(name: str, why: str) -> Notice:
    """One run that no schedule asked for ended without a proposal."""
    return Notice(
        translatable("Autotune: no recommendation for {name}", name=name),
        translatable("No recommendation for {name}: {why}. The run's page says what to do.", name=name, why=why),
    )


def no_result(name: str, missed: tuple[date, ...], last_proposal: datetime | None, zone: str, why: str) -> Notice:
    """Nights without a proposal."""
    facts = {"name": name, "why": why, "nights": translatable_count("{count} night", "{count} nights", len(missed))}
    if last_proposal is None:
        return Notice(
            translatable("Autotune: no result for {name} yet", name=name),
            translatable(
                "No result for {name} yet ({nights} missed): {why}. The run's page and `autotune doctor` say what to "
                "do.",
                **facts,
            ),
        )
    day = last_proposal.astimezone(ZoneInfo(zone)).date()
    # A weekday alone says which one only within a week.
    since = WEEKDAYS[day.weekday()] if (missed[-1] - day).days < DAYS_PER_WEEK else f"{day:%Y-%m-%d}"
    return Notice(
        translatable("Autotune: no result for {name} since {day}", name=name, day=since),
        translatable(
            "No result for {name} since {day} ({nights} missed): {why}. The run's page and `autotune doctor` say what "
            "to do.",
            day=since,
            **facts,
        ),
    )


UNREACHABLE = Notice(
    to_translate("Autotune: the service cannot be reached"),
    to_translate(
        "The server that starts the nightly runs does not answer: no run is made. `autotune doctor` says what is wrong."
    ),
)
REACHABLE = Notice(
    to_translate("Autotune: the service can be reached again"), to_translate("The nightly runs go on."), Weight.GOOD
)
TEST = Notice(
    to_translate("Autotune: a test"),
    to_translate("This is a test message. Notices reach this address."),
    Weight.GOOD,
)
