"""The entry sheet as every form shows it: what to know first, then screen by screen what to have there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.entry.rows import SheetMark, SheetNote, SheetRow
from flows.entry.sheet import EntrySheet, SheetScreen
from flows.language.catalogue import phrase, to_translate, translated
from flows.proposal.document import Proposal
from flows.report.wording import exact
from flows.values.parts import Part
from flows.writeback.approval import Scope

DECIMALS = {"U/h": 2, "g/U": 1, "mmol/L/U": 1, "mg/dL/U": 0}  # the least shown
MARKS = {
    SheetMark.CHANGED: to_translate("changed"),
    SheetMark.ROUNDED: to_translate("as near as it can be"),
    SheetMark.AS_NOW: to_translate("as now"),
}
CANNOT = to_translate("Not on this system. Type nothing: a part of a step is another step.")
NOTHING = to_translate("Every number is there already: there is nothing to type.")
HEADS = {
    Scope.STEP: to_translate(
        "Proposal {sha256} of {made}: the step to take now. Times in {zone}.",
    ),
    Scope.ALL: to_translate(
        "Proposal {sha256} of {made}: upstream's numbers whole, not the step. Times in {zone}.",
    ),
}


@dataclass(frozen=True)
class ShownRow:
    """A row in words: from when to when, what to have, what is in use, and why it is typed."""

    when: str
    value: str
    now: str
    mark: str
    to_type: bool


def shown(row: SheetRow, unit: str) -> ShownRow:
    """The row in words."""
    least = DECIMALS[unit]
    up = row.value > row.now[0] if len(row.now) == 1 else None
    arrow = "" if row.mark is SheetMark.AS_NOW or up is None else " ▲" if up else " ▼"
    return ShownRow(
        when=f"{row.start_text}–{row.end_text}",
        value=exact(row.value, least),
        now=" / ".join(exact(round(now, 3), least) for now in row.now),
        mark=translated(MARKS[row.mark]) + arrow,
        to_type=row.mark is not SheetMark.AS_NOW,
    )


def day_in_words(sheet: EntrySheet) -> str:
    """The basal of the day: entered, in use, and wanted."""
    if sheet.daily_basal_u is None:
        return ""
    return phrase(
        "whole day {entered:.2f} U (now {now:.2f} U, wanted {wanted:.2f} U)",
        entered=sheet.daily_basal_u,
        now=sheet.daily_basal_now_u,
        wanted=sheet.daily_basal_wanted_u,
    )


def sheet_document(sheet: EntrySheet, proposal: Proposal, scope: Scope) -> dict[str, Any]:
    """The one document that `--json` prints."""
    return {
        "status": "refused" if sheet.refusals else "sheet",
        "system": sheet.system.name,
        "proposal_id": proposal.proposal_id,
        "proposal_sha256": proposal.sha256,
        "what": scope.value,
        "refusals": [_note(note) for note in sheet.refusals],
        "notes": [_note(note) for note in sheet.notes],
        "screens": [_screen(screen) for screen in sheet.screens],
        "daily_basal_now_u": round(sheet.daily_basal_now_u, 3),
        "daily_basal_wanted_u": round(sheet.daily_basal_wanted_u, 3),
        "daily_basal_entered_u": None if sheet.daily_basal_u is None else round(sheet.daily_basal_u, 3),
        "sources": list(sheet.system.sources),
    }


def _note(note: SheetNote) -> dict[str, str]:
    return {"code": note.code, "text": note.text}


def _screen(screen: SheetScreen) -> dict[str, Any]:
    part = screen.screen.part
    return {
        "title": screen.screen.title,
        "setting": None if part is None else Part(part).value,
        "unit": screen.unit or None,
        "rows": [
            {
                "start": row.start_text,
                "end": row.end_text,
                "now": [round(now, 3) for now in row.now],
                "value": row.value,
                "mark": row.mark.value,
            }
            for row in screen.rows
        ],
    }
