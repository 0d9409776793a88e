"""The numbers of a proposal as rows of text in the person's units: for the terminal.

Every number stands beside its own change: upstream's beside upstream's, the entered one's beside the entered one.
"""

from __future__ import annotations

from textwrap import wrap

from flows.language.catalogue import count_phrase, number_text, phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.proposal.document import Proposal
from flows.proposal.evidence_document import BasalEvidence
from flows.report.numbers_to_enter import may_be_entered, why_nothing_to_enter
from flows.report.rows import FACTOR, OUTSIDE, Row, RowEntry, SettingRows, curve_note, setting_rows
from flows.report.several import several_sentences
from flows.report.wording import exact, fixed, signed
from flows.values.parts import Part
from flows.values.sentence import percent_text

HEAD = (
    "",
    to_translate("now"),
    to_translate("to enter"),
    to_translate("change"),
    to_translate("upstream"),
    to_translate("change"),
    to_translate("nine of ten"),
    to_translate("agree"),
    "",
)
WIDTHS = (17, 8, 9, 8, 10, 8, 16, 6, 0)
WIDTH = 110  # of a long note
SMOOTHED = to_translate(
    "Smoothed: unchanged that day (no data, held at its cap, or no need for a change), and moved 20 % towards the "
    "neighbouring hours."
)
FOR_SCHEDULE = to_translate("  for your schedule:")
TO_ENTER = (2, 3)  # the columns that are left out where nothing is to be entered


def numbers_table(proposal: Proposal) -> str:
    """Now, to enter, upstream's own number, the repetitions' interval and agreement, and remarks; a row a setting."""
    table = setting_rows(proposal)
    rows = [
        tuple(map(translated, HEAD)),
        *_blocks(f"ISF [{in_spoken(table.isf.unit)}]", table.isf),
        *_blocks(f"{phrase('Carb ratio')} [{in_spoken(table.carb_ratio.unit)}]", table.carb_ratio),
        *_basals(proposal, table),
        *_insulin(table),
    ]
    shown = [n for n in range(len(HEAD)) if may_be_entered(proposal) or n not in TO_ENTER]
    first = max(WIDTHS[0], *(len(row[0]) + 1 for row in rows if len(row) > 1))
    lines = [
        "".join([f"{row[0]:<{first}}", *(_cell(n, row[n]) for n in shown[1:] if n < len(row))]).rstrip() for row in rows
    ]
    return "\n".join([*lines, *(f"  {line}" for line in _notes(proposal, table))])


def _cell(column: int, text: str) -> str:
    return f"  {text}" if column == len(WIDTHS) - 1 else f" {text:>{WIDTHS[column] - 1}}"


def _notes(proposal: Proposal, table: SettingRows) -> list[str]:
    """What has to be known to read the table."""
    nothing = why_nothing_to_enter(proposal)
    unsure = ", ".join(table.unsure_hours)
    at_a_cap = any(row.cap_label for row in table.every)
    of_numbers_to_enter = (
        (not table.says_what_is_sure, phrase("The document does not say which of these changes are repeatable.")),
        (
            unsure,
            phrase("Change too small or not repeatable, keep the current value: basal at {times}.", times=unsure),
        ),
    )
    of_all = (
        (
            proposal.evidence.repetitions and at_a_cap,
            phrase("Where a cap decided, a narrow range of the repetitions says nothing of the number's worth."),
        ),
        (any(h.days_missing for h in proposal.evidence.basal), translated(SMOOTHED)),
    )
    of_several = [said for part in (Part.ISF, Part.CARB_RATIO) for said in several_sentences(proposal, part)]
    return [
        *(
            [in_spoken(nothing)]
            if nothing
            else [*map(in_spoken, proposal.to_enter.remarks), *(note for holds, note in of_numbers_to_enter if holds)]
        ),
        *(wrap(in_spoken(curve_note(table.curve)), WIDTH) if table.curve else ()),
        *(line for said in of_several for line in wrap(said, WIDTH)),
        *(note for holds, note in of_all if holds),
    ]


def _blocks(label: str, row: Row) -> list[tuple[str, ...]]:
    """One row; of several blocks first upstream's one number, then what each block becomes.

    Of several values upstream's number is a factor, and what it makes of the schedule follows.
    """
    if len(row.entries) == 1:
        return [_cells(label, row.entries[0], row)]
    blocks = [_cells(phrase("  from {time}", time=entry.start), entry, None) for entry in row.entries]
    if row.several:
        factor = _cells(label, None, row.as_factor, "" if row.several.tuned else phrase("not tuned"))
        return [factor, (translated(FOR_SCHEDULE),), *blocks]
    return [_cells(label, None, row), *blocks]


def _basals(proposal: Proposal, table: SettingRows) -> list[tuple[str, ...]]:
    hours = [
        _cells(f"  {entry.start}", entry, row, smoothed(hour))
        for row, entry, hour in zip(table.basal, table.rates, proposal.evidence.basal, strict=True)
    ]
    day, upstream = table.daily_basal, proposal.recommended.daily_basal_u
    entered = fixed(day.current, 2), fixed(day.to_enter, 2), _change(day.current, day.to_enter)
    total = fixed(upstream, 2), _change(day.current, upstream)
    return [
        (phrase("Basal [U/h]"),),
        *hours,
        (phrase("  a day [U]"), *entered, *total, "", "", in_spoken(day.keep_label)),
    ]


def _insulin(table: SettingRows) -> list[tuple[str, ...]]:
    names = {"h": phrase("duration"), "min": phrase("peak")}
    numbers = [(row.unit, exact(row.current), exact(row.recommended)) for row in table.curve]
    rows = [(f"  {names[unit]} [{unit}]", now, new, "", new, "", "", "", "") for unit, now, new in numbers]
    return [(phrase("Insulin action"),), *rows] if rows else []


def smoothed(hour: BasalEvidence) -> str:
    """The days on which an hour came out unchanged, and was smoothed."""
    if not hour.days_missing:
        return ""
    if not (without := hour.days_without_points):
        return count_phrase("smoothed on {count} day", "smoothed on {count} days", hour.days_missing)
    return (
        count_phrase(
            "smoothed on {count} day, no data on {without} day",
            "smoothed on {count} days, no data on {without} day",
            hour.days_missing,
            without=without,
        )
        if without == 1
        else count_phrase(
            "smoothed on {count} day, no data on {without} days",
            "smoothed on {count} days, no data on {without} days",
            hour.days_missing,
            without=without,
        )
    )


def _cells(label: str, entry: RowEntry | None, row: Row | None, *remarks: str) -> tuple[str, ...]:
    """A line: an entry's numbers, upstream's own number of a row and what it rests on, and remarks."""
    by_factor = row is not None and row.field == FACTOR
    entered, upstream = (phrase("factor") if by_factor else phrase("mean"), "", ""), ("", "", "", "")
    if entry:
        entered = exact(entry.current), exact(entry.to_enter), _change(entry.current, entry.to_enter)
    if row:
        low, high, agreement = row.interval_low, row.interval_high, row.evidence.agreement
        upstream = (
            f"×{fixed(row.recommended, 3)}" if by_factor else exact(row.recommended, 3),
            f"{signed(row.evidence.change_percent, 0)} %",
            "" if low is None or high is None else number_text(f"{low:.4g}–{high:.4g}"),
            percent_text(agreement.share) if agreement else "",
        )
    outside = in_spoken(OUTSIDE) if row and row.outside_interval else ""
    said = (in_spoken(entry.keep_label) if entry else "", in_spoken(row.cap_label) if row else "", outside, *remarks)
    return (label, *entered, *upstream, "; ".join(filter(None, said)))


def _change(now: float, new: float) -> str:
    return f"{signed(100 * (new / now - 1), 0)} %" if now else ""
