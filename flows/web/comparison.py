"""Two runs beside each other: settings, glucose, days and options; in each the rows that differ come first.

Every number is one of the two proposals; none is made here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from flows.language.catalogue import phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.proposal.consensus_limits import below_70_percent
from flows.proposal.document import Glucose, Proposal, Settings
from flows.report.html.report import COLOURS
from flows.report.step_rows import step_rows
from flows.report.wording import day_shown, glucose, headline_in_spoken, isolated, number
from flows.values.units import HOURS_PER_DAY

# What a run was asked for that says where its data are, not how they were read.
WHERE = frozenset({"site", "site_block", "from_directory", "profile_file", "openaps_profile", "openaps_autotune"})
USED = "used"
LEFT_OUT, NOT_LOOKED_AT = to_translate("left out"), to_translate("not looked at")


@dataclass(frozen=True)
class ComparedRow:
    """One thing of both runs, as it is shown."""

    name: Markup
    first: Markup
    second: Markup
    differs: bool


@dataclass(frozen=True)
class ComparedSection:
    """Rows of one kind; those that differ first."""

    title: str
    remark: str
    rows: tuple[ComparedRow, ...]

    @property
    def different(self) -> list[ComparedRow]:
        """The rows that differ."""
        return [row for row in self.rows if row.differs]

    @property
    def same(self) -> list[ComparedRow]:
        """The rows that are the same in both."""
        return [row for row in self.rows if not row.differs]


def compared(first: Proposal, second: Proposal) -> list[ComparedSection]:
    """The sections of a comparison, those first in which something differs."""
    sections = [
        ComparedSection(phrase("Verdict"), "", tuple(_verdict(first, second))),
        ComparedSection(phrase("Settings"), "", tuple(_settings(first, second))),
        ComparedSection(phrase("Glucose"), "", tuple(_glucose(first, second))),
        _days(first, second),
        ComparedSection(phrase("Options"), "", tuple(_options(first, second))),
    ]
    return sorted(sections, key=lambda section: not section.different)


def _row(name: Any, values: tuple[Any, Any], show: Callable[[Any], Markup]) -> ComparedRow:
    return ComparedRow(escape(name), show(values[0]), show(values[1]), values[0] != values[1])


def _verdict(first: Proposal, second: Proposal) -> list[ComparedRow]:
    both = (first, second)
    return [
        _row(phrase("Colour"), _of(both, lambda p: p.verdict.colour.value), lambda c: escape(translated(COLOURS[c]))),
        _row(phrase("In a sentence"), _of(both, lambda p: p.verdict.headline), _headline),
        _row(phrase("Step"), _of(both, _step), _step_shown),
    ]


def _headline(text: str) -> Markup:
    return isolated(headline_in_spoken(text))


def _step(proposal: Proposal) -> tuple[str, ...]:
    return tuple(map(str, step_rows(proposal.step))) if proposal.step else ()


def _step_shown(rows: tuple[str, ...]) -> Markup:
    return Markup("<br>").join(rows) if rows else escape(phrase("none"))


def _settings(first: Proposal, second: Proposal) -> list[ComparedRow]:
    rows = [
        *_whole(phrase("in force"), first.current, second.current),
        *_whole(phrase("upstream"), first.recommended, second.recommended),
    ]
    for hour in range(HOURS_PER_DAY):
        name = phrase("Basal at {time}: in force → upstream", time=f"{hour:02d}:00")
        rows.append(_row(name, (_at(first, hour), _at(second, hour)), _rates))
    return rows


def _whole(said: str, first: Settings, second: Settings) -> list[ComparedRow]:
    isf = ((first.isf_mgdl_per_u, first.isf_mmoll_per_u), (second.isf_mgdl_per_u, second.isf_mmoll_per_u))
    ratio = (first.carb_ratio_g_per_u, second.carb_ratio_g_per_u)
    basal = (first.daily_basal_u, second.daily_basal_u)
    return [
        _row(phrase("ISF, {what}", what=said), isf, _isf),
        _row(phrase("Carb ratio, {what}", what=said), ratio, lambda value: number(value, 1, "g/U")),
        _row(phrase("Basal of a whole day, {what}", what=said), basal, lambda value: number(value, 2, "U")),
    ]


def _at(proposal: Proposal, hour: int) -> tuple[float, float]:
    return proposal.current.basal_u_per_h[hour], proposal.recommended.basal_u_per_h[hour]


def _isf(both: tuple[float, float]) -> Markup:
    return glucose(both[0], both[1], (1, 2), "/U")


def _rates(both: tuple[float, float]) -> Markup:
    return Markup("{} → {}").format(number(both[0], 2), number(both[1], 2, "U/h"))


def _glucose(first: Proposal, second: Proposal) -> list[ComparedRow]:
    of: list[tuple[Markup, Callable[[Glucose], Any], Callable[[Any], Markup]]] = [
        (_range("70–180", "3.9–10.0"), lambda g: g.in_range_70_180_percent, _share),
        (_range(phrase("below 70"), phrase("below 3.9")), below_70_percent, _share),
        (_range(phrase("below 54"), phrase("below 3.0")), lambda g: g.below_54_percent, _share),
        (_range("181–250", "10.1–13.89"), lambda g: g.from_181_to_250_percent, _share),
        (_range(phrase("above 250"), phrase("above 13.89")), lambda g: g.above_250_percent, _share),
        (escape(phrase("mean")), lambda g: (g.mean_mgdl, g.mean_mmoll), _mean),
        (escape(phrase("CV")), lambda g: g.cv_percent, _share),
        (escape(phrase("readings there, of those due")), lambda g: g.coverage_percent, _share),
    ]
    pair = (first.glucose, second.glucose)
    rows = []
    for name, value, show in of:
        values = tuple(None if found is None else value(found) for found in pair)
        rows.append(_row(name, (values[0], values[1]), show))
    return rows


def _share(value: float | None) -> Markup:
    return number(value, 1, "%")


def _mean(both: tuple[float, float] | None) -> Markup:
    return glucose(*both) if both else number(None, 0)


def _range(mgdl: str, mmoll: str) -> Markup:
    return Markup('<span class="mgdl">{} mg/dL</span><span class="mmoll">{} mmol/L</span>').format(mgdl, mmoll)


def _days(first: Proposal, second: Proposal) -> ComparedSection:
    of = [{day.date: day for day in proposal.days} for proposal in (first, second)]
    dates = sorted({date for days in of for date in days})
    rows = []
    for date in dates:
        found = [days.get(date) for days in of]
        values = tuple((day.status, day.reason or "") if day else None for day in found)
        rows.append(_row(isolated(day_shown(date), 20), (values[0], values[1]), _day))
    different = sum(row.differs for row in rows)
    remark = (
        phrase("The days differ in {count} of {total}.", count=different, total=len(rows))
        if different
        else phrase("Both looked at the same days.")
    )
    return ComparedSection(phrase("Days"), remark, tuple(rows))


def _day(day: tuple[str, str] | None) -> Markup:
    if day is None:
        return escape(translated(NOT_LOOKED_AT))
    status, reason = day
    if status == USED:
        return escape(phrase("used"))
    why = isolated(in_spoken(reason)) if reason else Markup("")
    return Markup("{}{}{}").format(translated(LEFT_OUT), ": " if reason else "", why)


def _options(first: Proposal, second: Proposal) -> list[ComparedRow]:
    names = sorted({name for proposal in (first, second) for name in proposal.options} - WHERE)
    return [
        _row(
            Markup("<code>{}</code>").format(isolated(name, 60)),
            (first.options.get(name), second.options.get(name)),
            _option,
        )
        for name in names
    ]


def _option(value: Any) -> Markup:
    if isinstance(value, bool):
        return escape(phrase("yes") if value else phrase("no"))
    if value is None or value == []:
        return escape(phrase("as usual"))
    return isolated(", ".join(map(str, value)) if isinstance(value, list) else value)


def _of(both: tuple[Proposal, Proposal], value: Callable[[Proposal], Any]) -> tuple[Any, Any]:
    return value(both[0]), value(both[1])
