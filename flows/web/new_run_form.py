"""The form of a new run: what it holds, what is wrong with it at which field, and the request that it makes.

`AnalysisRequest` decides what is valid; here is only where its answer is shown.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData

from flows.errors import Refused
from flows.judgement.rules.data import FEW_DAYS
from flows.language.catalogue import count_phrase, phrase, to_translate, translated
from flows.pipeline.prepare import LEAST_GOOD_SHARE
from flows.settings import MAX_DAYS, AgeGroup, AnalysisRequest, EventKind, InputsMode, Insulin, StartFrom, Weekday
from flows.web.known_days import KnownDay, KnownPerson
from flows.web.sent_form import FORM_ID

RANGES = ("14", "7", "30", "dates")
DATES, ALL = "dates", "all"
LOOKED_AT_DAYS = 30
MOST_RESAMPLES = 1000
DEFAULTS = AnalysisRequest(from_directory=".")
EXPERTS = ("inputs", "uam_as_basal", "tune_insulin_curve", "exact", "weekdays", "start_from", "compare", "resamples")
# Whose data they are is not the form's matter: its fields are checked with an address that is always right.
ANYBODY = {"site": "https://anybody.invalid"}


@dataclass(frozen=True)
class NewRunForm:
    """What a person chose, as it was sent, so that nothing is lost when something is wrong.

    Attributes:
        id: random; with the choices it makes the key by which a run is started once.
        range: one of `RANGES`; `ALL` of an upload.
        start, end: the days from and to, as texts.
        shown: the days of the calendar as it was sent; none where there was none, or it was one of another range.
        left_out: those of them that are not to be used.
        profile: "" for the one that is chosen by itself.
        resamples: as text.
    """

    id: str
    range: str = "14"
    start: str = ""
    end: str = ""
    shown: tuple[date, ...] = ()
    left_out: frozenset[date] = frozenset()
    profile: str = ""
    insulin: str = ""
    age_group: str = ""
    exclude_events: tuple[str, ...] = ()
    exclude_found: bool = False
    inputs: str = DEFAULTS.inputs.value
    uam_as_basal: bool = False
    tune_insulin_curve: bool = False
    exact: bool = False
    weekdays: tuple[str, ...] = ()
    start_from: str = DEFAULTS.start_from.value
    compare: bool = True
    resamples: str = str(DEFAULTS.resamples)

    @classmethod
    def empty(cls) -> NewRunForm:
        """A new one, everything at its default."""
        return cls(secrets.token_hex(16))

    @classmethod
    def sent(cls, form: FormData) -> NewRunForm:
        """As a browser sent it; what it cannot have sent is as if it were left out."""

        def text(name: str) -> str:
            value = form.get(name)
            return value.strip()[:200] if isinstance(value, str) else ""

        def several(name: str) -> tuple[str, ...]:
            return tuple(value for value in form.getlist(name) if isinstance(value, str))[: 2 * MAX_DAYS]

        used = set(_dates(several("day")))
        sent = cls(
            id=text("form_id") if FORM_ID.fullmatch(text("form_id")) else secrets.token_hex(16),
            range=text("range") if text("range") in (*RANGES, ALL) else "14",
            start=text("start"),
            end=text("end"),
            left_out=frozenset(set(_dates(text_of(form, "choosable").split())) - used),
            profile=text("profile"),
            insulin=text("insulin"),
            age_group=text("age_group"),
            exclude_events=several("exclude_events"),
            exclude_found="exclude_found" in form,
            inputs=text("inputs") or DEFAULTS.inputs.value,
            uam_as_basal="uam_as_basal" in form,
            tune_insulin_curve="tune_insulin_curve" in form,
            exact="exact" in form,
            weekdays=several("weekdays"),
            start_from=text("start_from") or DEFAULTS.start_from.value,
            compare="compare" in form,
            resamples=text("resamples"),
        )
        same = text("shown_for") == sent.shown_for
        return replace(sent, shown=_dates(text_of(form, "shown").split())) if same else sent

    @classmethod
    def of_request(cls, request: Mapping[str, Any]) -> NewRunForm:
        """As an earlier run was asked for, to run it again."""
        try:
            whose = {"site", "site_block", "from_directory", "allow_http"}
            known = {k: v for k, v in request.items() if k not in whose and k in AnalysisRequest.model_fields}
            was = AnalysisRequest.model_validate({**known, **ANYBODY})
        except (ValidationError, Refused):
            return cls.empty()
        days = str(was.days) if str(was.days) in RANGES else "14"
        return replace(
            cls.empty(),
            range=DATES if was.start else days,
            start=was.start.isoformat() if was.start else "",
            end=was.end.isoformat() if was.end else "",
            left_out=frozenset(was.exclude),
            profile=was.profile or "",
            insulin=was.insulin.value if was.insulin else "",
            age_group=was.age_group.value if was.age_group else "",
            exclude_events=tuple(kind.value for kind in was.exclude_events),
            exclude_found=was.exclude_found,
            inputs=was.inputs.value,
            uam_as_basal=was.uam_as_basal,
            tune_insulin_curve=was.tune_insulin_curve,
            exact=was.exact,
            weekdays=tuple(day.value for day in was.weekdays),
            start_from=was.start_from.value,
            compare=was.compare,
            resamples=str(was.resamples),
        )

    @property
    def shown_for(self) -> str:
        """Of which choice of days a calendar is."""
        return f"{self.range} {self.start} {self.end}" if self.range == DATES else self.range

    @property
    def experts_changed(self) -> bool:
        """Whether one of the options for experts is not at its default."""
        return any(getattr(self, name) != getattr(NewRunForm("0"), name) for name in EXPERTS)

    def first_and_last(self, known: KnownPerson, now: datetime) -> tuple[date, date] | None:
        """The days of the calendar; `None` where they are not known or not right."""
        if self.range == ALL:
            return (min(known.days), max(known.days)) if known.days else None
        if self.range == DATES:
            first, last = _date(self.start), _date(self.end)
            right = first is not None and last is not None and first <= last and (last - first).days < MAX_DAYS
            return (first, last) if right and first and last else None
        last = known.last_day(now)
        return last - timedelta(days=int(self.range) - 1), last

    def problems(self) -> dict[str, str]:
        """What is wrong with the texts of dates and numbers, by field."""
        found: dict[str, str] = {}
        if self.range == DATES:
            for name in ("start", "end"):
                if _date(getattr(self, name)) is None:
                    found[name] = phrase("This is no day. Choose one, as year-month-day.")
            first, last = _date(self.start), _date(self.end)
            if first and last and last < first:
                found["end"] = phrase("The last day is before the first. Swap them.")
            elif first and last and (last - first).days >= MAX_DAYS:
                found["end"] = phrase("These are more than {most} days. Choose fewer.", most=MAX_DAYS)
        if not self.resamples.isascii() or not self.resamples.isdigit() or int(self.resamples[:9]) > MOST_RESAMPLES:
            found["resamples"] = phrase("Give a whole number from 0 to {most}.", most=MOST_RESAMPLES)
        return found

    def fields(self, days: Collection[date]) -> dict[str, Any]:
        """As fields of a request, without whose data; `days` are those of the calendar that may be left out."""
        fields: dict[str, Any] = {
            "exclude": sorted(day.isoformat() for day in self.left_out if day in days),
            "exclude_events": list(self.exclude_events),
            "exclude_found": self.exclude_found,
            "profile": self.profile or None,
            "insulin": self.insulin or None,
            "age_group": self.age_group or None,
            **{name: getattr(self, name) for name in EXPERTS},
        }
        if self.shown:  # what was seen is what is used, also where midnight has passed meanwhile
            fields |= {"start": self.shown[0].isoformat(), "end": self.shown[-1].isoformat()}
        elif self.range == DATES:
            fields |= {"start": self.start, "end": self.end}
        elif self.range != ALL:
            fields["days"] = int(self.range)
        return fields

    def key(self, request: Mapping[str, Any]) -> str:
        """By which a second sending of the same choices starts no second run; other choices do."""
        content = json.dumps(request, sort_keys=True).encode()
        return f"page-{self.id}-{hashlib.sha256(content).hexdigest()[:16]}"


def checked(form: NewRunForm, whose: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The request that is sent, and what is wrong by field; one of both is empty.

    Args:
        form: as it was sent.
        whose: the fields that say whose data.
    """
    errors = form.problems()
    if not errors:
        fields = form.fields(form.shown)
        try:
            request = AnalysisRequest.model_validate({**fields, **ANYBODY})
        except ValidationError as error:
            return {}, _by_field(error)
        except Refused as refusal:
            return {}, {"end": refusal.spoken_sentence}
        sent = request.model_dump(mode="json", exclude_defaults=True)
        return {**{k: v for k, v in sent.items() if k not in ANYBODY}, **whose}, {}
    return {}, errors


FIELD_WRONG = {
    "profile": to_translate("Choose one of the profiles."),
    "insulin": to_translate("Choose one of the insulins."),
    "age_group": to_translate("Choose one of the age groups."),
    "exclude_events": to_translate("Choose among these events."),
    "inputs": to_translate("Choose one of both."),
    "weekdays": to_translate("Choose among the days of the week."),
    "start_from": to_translate("Choose one of both."),
}
UPSTREAM_TAKES_ALL = to_translate(
    "With upstream's own inputs every day is used. Choose repaired inputs, or leave no day out."
)


def _by_field(error: ValidationError) -> dict[str, str]:
    found = {}
    for each in error.errors():
        name = str(each["loc"][0]) if each["loc"] else ""
        said = FIELD_WRONG.get(name, "")
        if not name and "inputs" in str(each["msg"]):
            name, said = "inputs", UPSTREAM_TAKES_ALL
        found[name] = translated(said) if said else phrase("This cannot be used. Choose something else.")
    return found


@dataclass(frozen=True)
class Counted:
    """How many days of the calendar are used and left out, and a sentence where they are too few, or few."""

    used: int
    left_out: int
    warning: str = ""


def counted(form: NewRunForm, days: list[KnownDay]) -> Counted:
    """Of a calendar.

    Args:
        form: says which are left out.
        days: of the calendar.
    """
    chosen = [day for day in days if day.date not in form.left_out]
    used = sum(day.usable for day in chosen)
    least = max(1, math.ceil(LEAST_GOOD_SHARE * len(chosen)))
    looked_at = any(day.quality for day in days)
    warning = ""
    if looked_at and used < least:
        warning = phrase(
            "{good} of {chosen}: a run needs {least}. {missing} missing. Wait for more days, or choose others.",
            good=count_phrase("{count} good day", "{count} good days", used),
            chosen=len(chosen),
            least=least,
            missing=count_phrase("{count} is", "{count} are", least - used),
        )
    elif looked_at and used < FEW_DAYS:
        warning = phrase(
            "These are few days: at least {advised} are advised before settings are changed.", advised=FEW_DAYS
        )
    return Counted(used, len(days) - used, warning)


# --- the choices of the form


EVENT_WORDS = {
    EventKind.EXERCISE: to_translate("days with exercise"),
    EventKind.OVERRIDE: to_translate("days with overrides"),
    EventKind.TEMP_TARGET: to_translate("days with temporary targets"),
    EventKind.SUSPEND: to_translate("days with a suspended pump or loop"),
}
INSULIN_WORDS = {
    Insulin.RAPID_ACTING: to_translate("rapid-acting (Humalog, NovoRapid, Apidra)"),
    Insulin.ULTRA_RAPID: to_translate("ultra-rapid (Fiasp, Lyumjev)"),
}
AGE_WORDS = {
    AgeGroup.CHILD: to_translate("child"),
    AgeGroup.TEENAGER: to_translate("teenager"),
    AgeGroup.ADULT: to_translate("adult"),
    AgeGroup.RESISTANT_ADULT: to_translate("insulin-resistant adult"),
    AgeGroup.PREGNANT: to_translate("pregnant"),
}
INPUT_WORDS = {
    InputsMode.CORRECTED: to_translate("repaired, every change listed"),
    InputsMode.UPSTREAM: to_translate("as the site has them"),
}
START_WORDS = {
    StartFrom.BASELINE: to_translate("from these settings"),
    StartFrom.PREVIOUS: to_translate("from the last run's result"),
}
WEEKDAY_WORDS = {
    Weekday.MON: to_translate("Mon"),
    Weekday.TUE: to_translate("Tue"),
    Weekday.WED: to_translate("Wed"),
    Weekday.THU: to_translate("Thu"),
    Weekday.FRI: to_translate("Fri"),
    Weekday.SAT: to_translate("Sat"),
    Weekday.SUN: to_translate("Sun"),
}


def choices(words: Mapping[Any, str]) -> list[tuple[str, str]]:
    """The values of a field with their words as they are spoken."""
    return [(option.value, translated(said)) for option, said in words.items()]


def text_of(form: FormData, name: str) -> str:
    """A hidden field's text; never longer than a year of days is."""
    value = form.get(name)
    return value[: 11 * 2 * MAX_DAYS] if isinstance(value, str) else ""


def _dates(texts: Collection[str]) -> tuple[date, ...]:
    return tuple(sorted({found for text in texts if (found := _date(text)) is not None}))


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def weeks(days: list[KnownDay]) -> list[list[KnownDay | None]]:
    """The days by weeks from Monday on, `None` where a week has none of them."""
    if not days:
        return []
    cells: list[KnownDay | None] = [None] * days[0].date.weekday() + [*days]
    cells += [None] * (-len(cells) % 7)
    return [cells[n : n + 7] for n in range(0, len(cells), 7)]


def with_shown(form: NewRunForm, days: list[KnownDay]) -> NewRunForm:
    """The form with its calendar."""
    return replace(form, shown=tuple(day.date for day in days))
