"""What is known of a person's settings and days before a run: of the newest look, and until that is there of the last
run, each with its date."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flows.history.situations.table import SITUATIONS
from flows.language.catalogue import date_text, phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.proposal.document import mmoll
from flows.values.private_files import Damaged, parse_document, read_private
from flows.values.run_directory import RunDirectory
from flows.values.units import HOURS_PER_DAY, MINUTES_PER_DAY
from flows.web.index import index_of
from flows.web.looks import PersonLook
from flows.web.people import Person
from flows.web.state import PageState

# A day of a run is from 04:00 to 04:00; the last one that is whole ended at 04:00 today.
WHOLE_AFTER = timedelta(hours=28)
SIGNS = {"green": "✓", "amber": "△", "red": "✕", "": "?"}
WORDS = {
    "green": to_translate("good"),
    "amber": to_translate("usable, see why"),
    "red": to_translate("cannot be used"),
    "": to_translate("not looked at"),
}
EVENTS = {
    "exercise": to_translate("exercise"),
    "override": to_translate("an override"),
    "temp-target": to_translate("a temporary target"),
    "suspend": to_translate("pump or loop suspended"),
    "site-change": to_translate("infusion site changed"),
}
FOUND = {row.name: row.title for row in SITUATIONS}


@dataclass(frozen=True)
class KnownDay:
    """One day: its date, its colour ("" where nobody looked), and what is to be said of it."""

    date: date
    quality: str
    said: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether a run may use it; of a day that nobody looked at only the run knows."""
        return self.quality != "red"

    @property
    def sign(self) -> str:
        """✓ △ ✕, or ? for one that nobody looked at."""
        return SIGNS[self.quality]

    @property
    def words(self) -> str:
        """The sign in words."""
        return translated(WORDS[self.quality])


@dataclass(frozen=True)
class KnownPerson:
    """What is known, from a look or from the last run.

    Attributes:
        read_at: when it was read; `None` where nothing is known.
        of_look: whether a look saw it; else it is the last run's.
        days: by date.
        zone: the person's time zone.
        profile: the settings a run starts from: name, since, rule, schedules.
        others: other profiles and switches, each with its periods.
        insulin: that the data name.
        differs: other settings than the chosen ones are in force on the site.
    """

    read_at: datetime | None = None
    of_look: bool = False
    days: dict[date, KnownDay] = field(default_factory=dict)
    zone: str = "UTC"
    profile: dict[str, Any] | None = None
    others: tuple[dict[str, Any], ...] = ()
    insulin: str | None = None
    differs: bool = False

    def last_day(self, now: datetime) -> date:
        """The last whole day."""
        return (now.astimezone(ZoneInfo(self.zone)) - WHOLE_AFTER).date()

    def between(self, first: date, last: date) -> list[KnownDay]:
        """Each day from the first to the last, also those that nobody looked at."""
        count = (last - first).days + 1
        every = (first + timedelta(days=n) for n in range(count))
        return [self.days.get(day, KnownDay(day, "")) for day in every]


def known_of(page: PageState, person: Person, look: PersonLook | None) -> KnownPerson:
    """What is known of a person.

    Args:
        page: the page.
        person: who.
        look: the newest look at settings and days.
    """
    if look is not None and look.seen is not None:
        return _of_look(look.seen)
    run = index_of(page).last_with_result(person)
    found = _of_run(page, run.name, run.at) if run is not None else KnownPerson()
    return found if run is not None or person.zone is None else KnownPerson(zone=person.zone)


def _of_look(seen: dict[str, Any]) -> KnownPerson:
    days = [
        KnownDay(
            date.fromisoformat(day["date"]),
            _quality(day),
            (
                *(in_spoken(str(why)) for why in day["why"]),
                *(translated(EVENTS[event]) for event in day["events"] if event in EVENTS),
                *(translated(FOUND[name]) for name in day["found"] if name in FOUND),
            ),
        )
        for day in seen["days"]
    ]
    return KnownPerson(
        read_at=datetime.fromisoformat(seen["read_at"]),
        of_look=True,
        days={day.date: day for day in days},
        zone=seen["zone"],
        profile=seen["profile"],
        others=tuple(seen["others"]),
        insulin=seen["insulin"],
        differs=bool(seen["differs_from_active"]),
    )


def _quality(day: dict[str, Any]) -> str:
    """The colour of a day; "" where nobody judged it, as with upstream's own inputs."""
    found = str(day.get("quality") or "")
    return found if found in SIGNS else ""


def _of_run(page: PageState, name: str, at: datetime) -> KnownPerson:
    """Of the sealed proposal's days, and the settings that it started from."""
    run, found = RunDirectory(page.settings.runs / name), KnownPerson()
    try:
        proposal = parse_document(read_private(run.path, "proposal.json"))
        days = [
            KnownDay(
                date.fromisoformat(day["date"]),
                _quality(day),
                tuple(in_spoken(str(why)) for why in day.get("remarks") or ()),
            )
            for day in proposal["days"]
        ]
        found = KnownPerson(at, False, {day.date: day for day in days}, proposal["timezone"])
        schedules = parse_document(read_private(run.path, "source_profile.json"))
        profile = {
            **schedules,
            "name": (proposal.get("profile") or {}).get("name"),
            "since": None,
            "rule": "run",
            "basal_u_per_day": proposal["current"]["daily_basal_u"],
        }
        return replace(found, profile=profile)
    except (Damaged, OSError, KeyError, TypeError, ValueError, AttributeError):
        return found


# --- settings for a page


@dataclass(frozen=True)
class HourRow:
    """One hour of the settings: clock, basal in U/h, ISF in both units, carb ratio in g/U."""

    clock: str
    basal_u_per_h: float
    isf_mgdl_per_u: float
    isf_mmoll_per_u: float
    carb_ratio_g_per_u: float


def hours_of(profile: dict[str, Any]) -> list[HourRow]:
    """The settings by the hour, as in force at its beginning."""
    rows = []
    for hour in range(HOURS_PER_DAY):
        isf = _at(profile["isf_mgdl_per_u"], hour * 60)
        basal, ratio = _at(profile["basal_u_per_h"], hour * 60), _at(profile["carb_ratio_g_per_u"], hour * 60)
        rows.append(HourRow(f"{hour:02d}:00", basal, isf, mmoll(isf), ratio))
    return rows


def _at(blocks: list[dict[str, Any]], minutes: int) -> float:
    return float(next(block["value"] for block in reversed(blocks) if block["minutes"] <= minutes % MINUTES_PER_DAY))


RULES = {
    "asked": to_translate("It was asked for by its name."),
    "switch": to_translate("A Profile Switch put it in force."),
    "default and switch": to_translate("It is the default of the newest profile document, and a switch chose it."),
    "default": to_translate("It is the default of the newest profile document."),
    "file": to_translate("It is the pump profile that was given."),
    "run": to_translate("It is the one that the last run started from."),
}


def rule_of(profile: dict[str, Any]) -> str:
    """Which rule chose the settings, as a sentence."""
    return translated(RULES.get(str(profile.get("rule")), ""))


def periods_of(other: dict[str, Any], zone: str) -> list[str]:
    """When another profile was in force, newest last, by the person's clock."""
    said = []
    for period in other["periods"][-3:]:
        start, end = (_clock(period[edge], zone) for edge in ("start", "end"))
        share = f" ({period['percentage']:g} %)" if period["percentage"] != 100 else ""
        said.append(phrase("active from {start} to {end}{share}", start=start, end=end, share=share))
    return said


def _clock(iso: str, zone: str) -> str:
    local = datetime.fromisoformat(iso).astimezone(ZoneInfo(zone))
    return f"{date_text(local.date(), 'short day')} {local:%H:%M}"
