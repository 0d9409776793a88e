"""The entry sheet as text: what to know first, then the screens in the system's order."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from flows.entry.sheet import EntrySheet, SheetScreen
from flows.proposal.document import Proposal
from flows.report.entry_rows import CANNOT, HEADS, NOTHING, STAYS, day_in_words, shown
from flows.values.parts import Part
from flows.writeback.approval import Scope

WIDTH = 110


def sheet_text(sheet: EntrySheet, proposal: Proposal, scope: Scope) -> str:
    """The sheet for a terminal."""
    lines = [
        f"Entry sheet: {sheet.system.name}",
        f"Proposal {proposal.sha256[:12]} of {proposal.created_at[:10]}: {HEADS[scope]}. Times in {proposal.timezone}.",
    ]
    if sheet.refusals:
        lines += ["", "It cannot take:", *_list(note.text for note in sheet.refusals), "", CANNOT]
    lines += ["", "Before you type:", *_list(note.text for note in sheet.notes)]
    if sheet.refusals:
        return "\n".join(lines)
    for number, screen in enumerate(sheet.screens, 1):
        lines += _screen(number, screen, sheet)
    if sheet.nothing_to_type:
        lines += ["", NOTHING]
    return "\n".join(lines)


def _list(texts: Iterable[str]) -> list[str]:
    return [line for text in texts for line in wrap(text, WIDTH, initial_indent="  - ", subsequent_indent="    ")]


def _screen(number: int, screen: SheetScreen, sheet: EntrySheet) -> list[str]:
    title = f"{number}. {screen.screen.title}"
    if not screen.rows:
        return ["", f"{title}: {STAYS}"]
    rows = [shown(row, screen.unit) for row in screen.rows]
    width = max(len(row.value) for row in rows)
    lines = ["", f"{title} [{screen.unit}]" + ("" if screen.to_type else f": {STAYS}; to compare with")]
    for row in rows:
        was = f"   now {row.now}   {row.mark}" if row.to_type else "   as now"
        lines.append(f"  {'[ ]' if row.to_type else '   '} {row.when}  {row.value:>{width}}{was}")
    if screen.screen.part is Part.BASAL:
        lines.append(f"      {day_in_words(sheet)}")
    return lines
