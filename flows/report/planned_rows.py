"""What writing a proposal back would change, as rows of a table: every form that shows a plan renders these."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from flows.judgement.verdict_today import verdict_today
from flows.language.catalogue import to_translate
from flows.proposal.document import Colour, Proposal
from flows.report.numbers_to_enter import AS_NOW, keep_label
from flows.report.rows import RowEntry, joined
from flows.report.text.verdict import reason_sentence
from flows.report.wording import decimals_shown, headline_in_spoken, setting, signed
from flows.values.parts import Part
from flows.writeback.approval import Scope
from flows.writeback.plan import Plan

HEADINGS = {
    Part.BASAL: to_translate("Basal"),
    Part.ISF: to_translate("Insulin sensitivity (ISF)"),
    Part.CARB_RATIO: to_translate("Carb ratio"),
}


@dataclass(frozen=True)
class PlannedRow:
    """One number before and after, from when to when of the local day; `change` is empty where it is kept.

    Attributes:
        span: of the day, as `02:00–06:00`.
        now, after: as text, with as many decimals as either has.
        change: in percent, with its sign.
        arrow: up or down, to be read without colour.
        too_small: the change is marked as one that may be left out.
    """

    span: str
    now: str
    after: str
    change: str
    arrow: str
    too_small: bool

    @property
    def kept(self) -> bool:
        """Whether the number stays."""
        return not self.change


@dataclass(frozen=True)
class PlannedPart:
    """The rows of one setting. `entries` has them as numbers, for a drawing."""

    part: Part
    unit: str
    rows: tuple[PlannedRow, ...]
    entries: tuple[RowEntry, ...]

    @property
    def heading(self) -> str:
        """Of the setting, to be translated."""
        return HEADINGS[self.part]

    @property
    def changed(self) -> tuple[PlannedRow, ...]:
        """The rows whose number becomes another."""
        return tuple(row for row in self.rows if not row.kept)

    @property
    def kept(self) -> tuple[PlannedRow, ...]:
        """The rows whose number stays."""
        return tuple(row for row in self.rows if row.kept)


def planned_parts(plan: Plan, proposal: Proposal) -> list[PlannedPart]:
    """The settings that are written, each with its rows.

    Args:
        plan: of what is written.
        proposal: that it is of; it says which changes are too small.
    """
    return [
        PlannedPart(part, entries[0].unit, tuple(map(planned_row, joined(entries))), tuple(entries))
        for part, entries in planned_entries(plan, about(proposal, plan.what)).items()
    ]


def whole_day(plan: Plan) -> PlannedRow:
    """The basal of a whole day before and after, in U."""
    old, new = plan.daily_basal_current_u, plan.daily_basal_new_u
    percent = f"{signed(_percent(old, new), 1)} %" if round(old, 2) != round(new, 2) else ""
    arrow = "" if not percent else "▲" if new > old else "▼"
    return PlannedRow("", setting(round(old, 2), 2), setting(round(new, 2), 2), percent, arrow, too_small=False)


def planned_entries(plan: Plan, proposal: Proposal | None = None) -> dict[Part, list[RowEntry]]:
    """What is written, by part; with a proposal labelled by what it says of each number."""
    keyed = [(line.key, line.current, line.new) for line in plan.lines]
    labels = [keep_label(proposal, *numbers) if proposal else "" for numbers in keyed]
    labelled = zip(plan.lines, labels, strict=True)
    return {
        part: [RowEntry(line.start, line.end, line.current, line.new, line.unit, label) for line, label in lines]
        for part, lines in groupby(labelled, key=lambda one: one[0].part)
    }


def planned_row(entry: RowEntry) -> PlannedRow:
    """An entry as text."""
    least = max(decimals_shown(entry.current), decimals_shown(entry.to_enter))
    now, after = setting(entry.current, least), setting(entry.to_enter, least)
    span = f"{entry.start}–{entry.end}"
    if entry.keep_label == AS_NOW:
        return PlannedRow(span, now, after, "", "", too_small=False)
    arrow = "▲" if entry.to_enter > entry.current else "▼"
    change = f"{signed(_percent(entry.current, entry.to_enter), 1)} %"
    return PlannedRow(span, now, after, change, arrow, too_small=bool(entry.keep_label))


def about(proposal: Proposal, what: Scope) -> Proposal:
    """The proposal with the verdict that is about what is written: of the step, or of upstream's numbers whole."""
    return proposal if what is Scope.STEP else proposal.model_copy(update={"verdict": proposal.whole_verdict})


def verdict_of(proposal: Proposal, what: Scope) -> list[tuple[Colour, str]]:
    """The verdict about what is written, then every reason for it: each with its colour."""
    verdict = verdict_today(about(proposal, what))
    reasons = [(reason.colour, reason_sentence(reason)) for reason in verdict.reasons]
    return [(verdict.colour, headline_in_spoken(verdict.headline)), *reasons]


def _percent(now: float, new: float) -> float:
    return 100 * (new / now - 1) if now else 0.0
