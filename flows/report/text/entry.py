"""The entry sheet as text: what to know first, then the screens in the system's order."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from flows.entry.sheet import EntrySheet, SheetScreen
from flows.language.catalogue import phrase, translated
from flows.language.translatable import in_spoken
from flows.proposal.document import Proposal
from flows.report.entry_rows import CANNOT, HEADS, NOTHING, day_in_words, shown
from flows.values.parts import Part
from flows.writeback.approval import Scope

WIDTH = 110


def sheet_text(sheet: EntrySheet, proposal: Proposal, scope: Scope) -> str:
    """The sheet for a terminal."""
    lines = [
        phrase("Entry sheet: {system}", system=in_spoken(sheet.system.name)),
        phrase(HEADS[scope], sha256=proposal.sha256[:12], made=proposal.created_at[:10], zone=proposal.timezone),
    ]
    if sheet.refusals:
        lines += [
            "",
            phrase("It cannot take:"),
            *_list(in_spoken(note.text) for note in sheet.refusals),
            "",
            translated(CANNOT),
        ]
    lines += ["", phrase("Before you type") + ":", *_list(in_spoken(note.text) for note in sheet.notes)]
    if sheet.refusals:
        return "\n".join(lines)
    for number, screen in enumerate(sheet.screens, 1):
        lines += _screen(number, screen, sheet)
    if sheet.nothing_to_type:
        lines += ["", translated(NOTHING)]
    return "\n".join(lines)


def _list(texts: Iterable[str]) -> list[str]:
    return [line for text in texts for line in wrap(text, WIDTH, initial_indent="  - ", subsequent_indent="    ")]


def _screen(number: int, screen: SheetScreen, sheet: EntrySheet) -> list[str]:
    title = f"{number}. {in_spoken(screen.screen.title)}"
    if not screen.rows:
        return ["", phrase("{title}: stays as it is", title=title)]
    rows = [shown(row, screen.unit) for row in screen.rows]
    width = max(len(row.value) for row in rows)
    head = f"{title} [{in_spoken(screen.unit)}]"
    lines = ["", head if screen.to_type else phrase("{title}: stays as it is; to compare with", title=head)]
    for row in rows:
        was = phrase("now {number}", number=row.now) + f"   {row.mark}" if row.to_type else phrase("as now")
        lines.append(f"  {'[ ]' if row.to_type else '   '} {row.when}  {row.value:>{width}}   {was}")
    if screen.screen.part is Part.BASAL:
        lines.append(f"      {day_in_words(sheet)}")
    return lines
