"""The entry sheet as one page to print, with a box to tick for each row. It loads nothing and runs no script."""

from __future__ import annotations

from flows.entry.sheet import EntrySheet
from flows.proposal.document import Proposal
from flows.report.entry_rows import HEADS, NOTHING, STAYS, day_in_words, shown
from flows.report.html.page import page
from flows.values.parts import Part
from flows.writeback.approval import Scope


def sheet_html(sheet: EntrySheet, proposal: Proposal, scope: Scope) -> bytes:
    """The page in UTF-8, of a sheet that has rows."""
    return page(
        "entry.html",
        system=sheet.system.name,
        sha256=proposal.sha256,
        made=proposal.created_at[:10],
        what=HEADS[scope],
        zone=proposal.timezone,
        notes=[note.text for note in sheet.notes],
        stays=STAYS,
        nothing=NOTHING if sheet.nothing_to_type else "",
        screens=[
            {
                "title": screen.screen.title,
                "unit": screen.unit,
                "to_type": screen.to_type,
                "rows": [shown(row, screen.unit) for row in screen.rows],
                "day": day_in_words(sheet) if screen.screen.part is Part.BASAL else "",
            }
            for screen in sheet.screens
        ],
    )
