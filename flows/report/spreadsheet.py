"""The numbers of a proposal as a CSV file and an Excel workbook: units in every column head, text never a formula.

Numbers stand as the document has them, not rounded. When the verdict is red or there is nothing to change, nothing is
given for a pump.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import xlsxwriter

from flows.judgement.verdict_today import verdict_today
from flows.proposal.document import Proposal
from flows.report.numbers_to_enter import may_be_entered
from flows.report.rows import CurveRow, Row, RowEntry, blocks_of, curve_note, setting_rows
from flows.report.wording import cut, harmless, harmless_all

Cell = str | int | float | None
# What a spreadsheet takes for the beginning of a formula, full width too.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
MOST_CHARACTERS = 2000
WIDEST_COLUMN = 60
PUMP = "for_pump"
WORTH = {True: "yes", False: "no", None: None}


@dataclass(frozen=True)
class Table:
    """A sheet: its name, the heads of its columns (each with its unit), and the rows."""

    name: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def report_csv(proposal: Proposal) -> bytes:
    """One row for each hour and each start of a block; UTF-8 with a mark, which Excel needs to read it as such."""
    table, stream = by_time(proposal), io.StringIO()
    csv.writer(stream).writerows([table.heads, *([_plain(cell) for cell in row] for row in table.rows)])
    return stream.getvalue().encode("utf-8-sig")


def report_xlsx(proposal: Proposal) -> bytes:
    """The workbook; the same proposal gives the same bytes."""
    stream = io.BytesIO()
    never = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(stream, {"in_memory": True, **never})
    book.set_properties({"title": "Autotune report", "created": _when(proposal.created_at)})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "bottom", "bottom": 1})
    text = book.add_format({"quote_prefix": True})
    for table in tables(proposal):
        sheet = book.add_worksheet(table.name)
        sheet.freeze_panes(1, 1)
        for column, title in enumerate(table.heads):
            sheet.write_string(0, column, title, head)
            lengths = [len(title) / 2, *(len(str(row[column])) for row in table.rows if row[column] is not None)]
            sheet.set_column(column, column, min(max(10, *lengths) + 2, WIDEST_COLUMN))
        for row, cells in enumerate(table.rows, start=1):
            for column, cell in enumerate(cells):
                if isinstance(cell, str):
                    sheet.write_string(row, column, cut(cell, MOST_CHARACTERS), text)
                elif cell is not None:
                    sheet.write_number(row, column, cell)
    book.close()
    return stream.getvalue()


def _when(created_at: str) -> datetime:
    try:
        return datetime.fromisoformat(created_at).replace(tzinfo=None)
    except ValueError:
        return datetime(2000, 1, 1)  # noqa: DTZ001 - a fixed one, so that the bytes stay the same


def _plain(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    short = cut(cell, MOST_CHARACTERS)
    return f"'{short}" if short.startswith(FORMULA) else short


# --- the tables ------------------------------------------------------------------------------------------------------


def tables(proposal: Proposal) -> list[Table]:
    """Every sheet of the workbook, the verdict first."""
    document, rows, pump = _shown(proposal), setting_rows(proposal), may_be_entered(proposal)
    return [
        _verdict(document),
        by_time(proposal),
        _setting("ISF", rows.isf_in_both, pump),
        _setting("Carb ratio", (rows.carb_ratio,), pump),
        *_insulin(rows.curve),
        *_glucose(document),
        _days(document),
        _about(document),
    ]


def _shown(proposal: Proposal) -> dict[str, Any]:
    """The document with harmless texts, and the verdict as it is said today."""
    verdict = verdict_today(proposal).model_dump(mode="json")
    return dict(harmless_all({**proposal.model_dump(mode="json"), "verdict": verdict}))


def _verdict(document: dict[str, Any]) -> Table:
    verdict = document["verdict"]
    rows = (
        ("verdict", verdict["colour"], verdict["headline"], None),
        *((r["rule"], r["colour"], r["sentence"], r["source"]) for r in verdict["reasons"]),
        ("note", None, "This is a proposal. Discuss it with your diabetes team.", None),
    )
    return Table("Verdict", ("rule", "colour", "sentence", "source"), rows)


BASAL = (
    "current_u_per_h",
    "recommended_u_per_h",
    "for_pump_u_per_h",
    "change_percent",
    "interval_low_u_per_h",
    "interval_high_u_per_h",
    "cap_low_u_per_h",
    "cap_high_u_per_h",
    "at_cap",
)
AGREEMENT = ("moves_up", "moves_down", "unchanged")
HOURLY = ("points", "days_without_points", "days_missing", "total_deviation_mgdl", "total_deviation_mmoll")


def by_time(proposal: Proposal) -> Table:
    """Basal, ISF and carb ratio from each local time on: hours, and the starts of blocks between them."""
    rows, usable = setting_rows(proposal), may_be_entered(proposal)
    basal = [name for name in BASAL if usable or not name.startswith(PUMP)]
    numbers = [("current", "current"), (PUMP, "to_enter")][: 1 + usable]
    blocks = [(row, *of) for same in (rows.isf_in_both, (rows.carb_ratio,)) for of in numbers for row in same]
    heads = (
        *("from_local_time", *(f"basal_{name}" for name in basal), "basal_agreement_percent"),
        *(f"basal_repetitions_{name}" for name in AGREEMENT),
        *(f"basal_{name}" for name in HOURLY),
        *(f"{row.key}_{name}_{row.field}" for row, name, _ in blocks),
        *(f"{row.field}_{which}_{row.unit}" for row in rows.curve for which in ("current", "recommended")),
        *(f"{name}_worth_changing" for name in ("basal", "isf", "carb_ratio") if usable),
        *("basal_explanation", "verdict"),
    )

    def line(time: str, hour: Row) -> tuple[Cell, ...]:
        found, agreement = hour.evidence, hour.evidence.agreement
        return (
            *(time, *(_cell(getattr(found, name)) for name in basal)),
            None if agreement is None else round(agreement.share * 100, 1),
            *(getattr(agreement, name, None) for name in AGREEMENT),
            *(getattr(found, name) for name in HOURLY),
            *(getattr(_in_force(row.entries, time), number) for row, _, number in blocks),
            *(number for row in rows.curve for number in (row.current, row.recommended)),
            *(WORTH[row.worth_changing] for row in (hour, rows.isf, rows.carb_ratio) if usable),
            *(" ".join(map(harmless, found.explanation)), verdict_today(proposal).colour.value),
        )

    times = sorted({entry.start for row in rows.every for entry in row.entries})
    return Table("By time of day", heads, tuple(line(time, rows.basal[int(time[:2])]) for time in times))


def _in_force(entries: Sequence[RowEntry], time: str) -> RowEntry:
    """The block in force at a time; the last one before the first, over midnight."""
    return entries[bisect_right([entry.start for entry in entries], time) - 1]


def _insulin(curve: Sequence[CurveRow]) -> list[Table]:
    """The insulin curve, where it was tuned too."""
    if not curve:
        return []
    rows = [(row.name, row.current, row.recommended, row.unit) for row in curve]
    heads = ("what (its unit at the end)", "now", "recommended", "unit")
    return [Table("Insulin action", heads, (*rows, ("note", None, None, curve_note(curve))))]


def _setting(name: str, same: Sequence[Row], to_pump: bool) -> Table:
    """A sheet of one setting, a column for each unit of it."""
    rows: list[tuple[Cell, ...]] = [
        (label, *(getattr(row, number) for row in same))
        for label, number in (
            ("now", "current"),
            ("recommended by upstream", "recommended"),
            ("interval, low end", "interval_low"),
            ("interval, high end", "interval_high"),
            ("upstream's lower cap", "cap_low"),
            ("upstream's upper cap", "cap_high"),
        )
    ]
    if same[0].several:
        factors = (row.as_factor.recommended for row in same)
        rows.insert(0, ("factor for each block in use: recommended over now", *factors))
    cap = _cell(same[0].evidence.at_cap), *(None for _ in same[1:])
    rows.append(("cap that decided, where one did: a narrow interval says nothing then", *cap))
    for blocks in blocks_of(same) if to_pump else ():
        rows += [
            (f"now, from {blocks[0].start}", *(entry.current for entry in blocks)),
            (f"for the pump, from {blocks[0].start}", *(entry.to_enter for entry in blocks)),
        ]
    return Table(name, ("what", *(f"{row.key}_{row.field}" for row in same)), tuple(rows))


def _glucose(document: dict[str, Any]) -> list[Table]:
    if (glucose := document["glucose"]) is None:
        return []
    whole = tuple((name, value) for name, value in glucose.items() if name != "by_hour")
    hours = glucose["by_hour"]
    names = [name for name in hours[0] if name != "hour"]
    rows = tuple((f"{hour['hour']:02d}:00", *(hour[name] for name in names)) for hour in hours)
    return [
        Table("Glucose", ("what (its unit is the end of its name)", "value"), whole),
        Table("Glucose by hour", ("from_local_time", *names), rows),
    ]


def _days(document: dict[str, Any]) -> Table:
    names = ("status", "quality", "reason", "readings", "hours", "carbs_g", "insulin_u")
    rows = tuple((day["date"], *(_cell(day.get(name)) for name in names)) for day in document["days"])
    return Table("Days", ("local_day", *names), rows)


def _cell(value: Any) -> Cell:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    return str(value)


def _about(document: dict[str, Any]) -> Table:
    names = ("proposal_id", "sha256", "created_at", "timezone", "inputs", "units")
    rows = (
        *((name, _cell(document[name])) for name in names),
        *((f"{part} {name}", _cell(value)) for part in ("engine", "profile") for name, value in document[part].items()),
        *(("warning", warning) for warning in document["warnings"]),
    )
    return Table("About", ("what", "value"), rows)
