"""The entry sheet as one page to print, with a box to tick for each row. It loads nothing and runs no script."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup, escape

from flows.entry.sheet import EntrySheet, SheetScreen
from flows.language.catalogue import phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.proposal.document import Proposal
from flows.report.entry_rows import CANNOT, HEADS, NOTHING, ShownRow, day_in_words, shown
from flows.report.html.page import page
from flows.report.wording import isolated
from flows.values.parts import Part
from flows.writeback.approval import Scope

COLUMNS = (
    to_translate("Done"),
    to_translate("From–to"),
    to_translate("Enter"),
    to_translate("Now"),
    to_translate("Why"),
)


def sheet_html(sheet: EntrySheet, proposal: Proposal, scope: Scope) -> bytes:
    """The page in UTF-8, of a sheet that has rows."""
    return page("entry.html", **sheet_values(sheet, proposal, scope))


def sheet_values(sheet: EntrySheet, proposal: Proposal, scope: Scope) -> dict[str, Any]:
    """What the template `entry.html` shows, by name."""
    made, zone = proposal.created_at[:10], isolated(proposal.timezone)
    last = phrase("A box is for each row of the device, also for those that stay: compare them all before you save.")
    return {
        "title": phrase("Entry sheet"),
        "heading": Markup(escape(phrase("Entry sheet: {system}"))).format(
            system=isolated(in_spoken(sheet.system.name))
        ),
        "what": Markup(escape(translated(HEADS[scope]))).format(sha256=proposal.sha256[:12], made=made, zone=zone),
        "before": phrase("Before you type"),
        "notes": [in_spoken(note.text) for note in sheet.notes],
        "columns": [translated(column) for column in COLUMNS],
        "nothing": translated(NOTHING) if sheet.nothing_to_type and sheet.screens else "",
        "last": last if sheet.screens else "",
        "cannot": phrase("It cannot take:"),
        "type_nothing": translated(CANNOT),
        "refusals": [in_spoken(note.text) for note in sheet.refusals],
        "screens": [_screen(screen, sheet) for screen in sheet.screens],
    }


def _screen(screen: SheetScreen, sheet: EntrySheet) -> dict[str, Any]:
    title, rows = in_spoken(screen.screen.title), [shown(row, screen.unit) for row in screen.rows]
    stays = phrase("Stays as it is; to compare with:") if rows else phrase("Stays as it is.")
    day = day_in_words(sheet) if screen.screen.part is Part.BASAL else ""
    return {
        "title": title,
        "unit": in_spoken(screen.unit),
        "stays": "" if screen.to_type else stays,
        "rows": [(row, _box(title, row)) for row in rows],
        "day": day[:1].upper() + day[1:],
    }


def _box(title: str, row: ShownRow) -> str:
    """What the box of a row says to whoever does not see it."""
    return phrase("{screen} {time} is there", screen=title, time=row.when)
