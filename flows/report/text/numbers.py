"""The numbers of a proposal as rows of text in the person's units: for the terminal.

Every number stands beside its own change: upstream's beside upstream's, the entered one's beside the entered one.
"""

from __future__ import annotations

from textwrap import wrap

from flows.proposal.document import Agreement, BasalEvidence, CarbRatioEvidence, IsfEvidence, Proposal, Units
from flows.report.entering import (
    Setting,
    basal_key,
    cap_decided,
    curve_note,
    insulin_curve,
    isf_of,
    outside_its_interval,
    stays,
    to_enter,
    unsure_hours,
    why_nothing_to_enter,
    worth_changing,
)
from flows.report.wording import exact, many

HEAD = ("", "now", "to enter", "change", "upstream", "change", "nine of ten", "agree", "")
WIDTHS = (17, 8, 9, 8, 10, 8, 16, 6, 0)
WIDTH = 110  # of a long note
DRAWN = (
    "Drawn: came out unchanged that day (no data, held at its cap, or no need for a change), and was drawn a fifth of "
    "the way to its neighbours."
)
TO_ENTER = (2, 3)  # the columns that are left out where nothing is to be entered


def numbers_table(proposal: Proposal) -> str:
    """Now, to enter, upstream's own number, the repetitions' interval and agreement, and remarks; a row a setting."""
    rows = [HEAD, *_isf(proposal), *_carb_ratio(proposal), *_basals(proposal), *_insulin(proposal)]
    shown = [n for n in range(len(HEAD)) if to_enter(proposal) or n not in TO_ENTER]
    lines = ["".join(_cell(n, row[n]) for n in shown if n < len(row)).rstrip() for row in rows]
    return "\n".join([*lines, *(f"  {line}" for line in _notes(proposal))])


def _cell(column: int, text: str) -> str:
    return (
        f"{text:<{WIDTHS[0]}}"
        if column == 0
        else f"  {text}"
        if column == len(WIDTHS) - 1
        else f" {text:>{WIDTHS[column] - 1}}"
    )


def _notes(proposal: Proposal) -> list[str]:
    """What has to be known to read the table."""
    evidence, lines = proposal.evidence, []
    if nothing := why_nothing_to_enter(proposal):
        lines.append(nothing)
    else:
        lines += list(proposal.for_pump.remarks)
        if worth_changing(proposal, "") is None:
            lines.append("Which of these changes are sure enough is not in the document.")
        if hours := unsure_hours(proposal):
            lines.append(f"Small or unsure, may stay: basal at {', '.join(f'{h:02d}:00' for h in hours)}.")
    if curve := insulin_curve(proposal):
        lines += wrap(curve_note(curve), WIDTH)
    every: list[tuple[str, Setting]] = [("ISF", evidence.isf), ("carb ratio", evidence.carb_ratio)]
    every += [(f"basal at {h.hour:02d}:00", h) for h in evidence.basal]
    if evidence.repetitions and any(found.at_cap for _, found in every):
        lines.append("Where a cap decided, a narrow range of the repetitions is no certainty.")
    if outside := [name for name, found in every if outside_its_interval(found)]:
        lines.append(f"Outside the range of the repetitions, since the order of days matters: {', '.join(outside)}.")
    if any(h.days_missing for h in evidence.basal):
        lines.append(DRAWN)
    return lines


def _isf(proposal: Proposal) -> list[tuple[str, ...]]:
    found = proposal.evidence.isf
    mmol = proposal.units is Units.MMOL_PER_L
    rows = [(b.start, *isf_of(b, proposal.units)) for b in proposal.for_pump.isf]
    whole = (
        exact(found.recommended_mmoll_per_u if mmol else found.recommended_mgdl_per_u, 3),
        f"{found.change_percent:+.0f} %",
        _interval(
            found.interval_low_mmoll_per_u if mmol else found.interval_low_mgdl_per_u,
            found.interval_high_mmoll_per_u if mmol else found.interval_high_mgdl_per_u,
        ),
        _agree(found.agreement),
    )
    return _blocks(proposal, f"ISF [{proposal.units.value}/U]", "isf", rows, whole, found)


def _carb_ratio(proposal: Proposal) -> list[tuple[str, ...]]:
    found = proposal.evidence.carb_ratio
    rows = [(b.start, b.current_g_per_u, b.recommended_g_per_u) for b in proposal.for_pump.carb_ratio]
    whole = (
        exact(found.recommended_g_per_u, 3),
        f"{found.change_percent:+.0f} %",
        _interval(found.interval_low_g_per_u, found.interval_high_g_per_u),
        _agree(found.agreement),
    )
    return _blocks(proposal, "Carb ratio [g/U]", "carb_ratio", rows, whole, found)


def _blocks(
    proposal: Proposal,
    label: str,
    key: str,
    rows: list[tuple[str, float, float]],
    whole: tuple[str, str, str, str],
    found: IsfEvidence | CarbRatioEvidence,
) -> list[tuple[str, ...]]:
    """One row; of several blocks first upstream's one number, then what each block becomes."""
    cap = cap_decided(found.at_cap)
    if len(rows) == 1:
        ((_, now, new),) = rows
        return [(label, *_entered(now, new), *whole, _joined(_stays(proposal, key, now, new), cap))]
    parts = [
        (f"  from {start}", *_entered(now, new), "", "", "", "", _stays(proposal, key, now, new))
        for start, now, new in rows
    ]
    return [(label, "mean", "", "", *whole, cap), *parts]


def _basals(proposal: Proposal) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("Basal [U/h]",)]
    for hour in proposal.evidence.basal:
        now, new = hour.current_u_per_h, hour.for_pump_u_per_h
        rows.append(
            (
                f"  {hour.hour:02d}:00",
                *_entered(now, new),
                exact(hour.recommended_u_per_h, 3),
                f"{hour.change_percent:+.0f} %",
                _interval(hour.interval_low_u_per_h, hour.interval_high_u_per_h),
                _agree(hour.agreement),
                _joined(_stays(proposal, basal_key(hour.hour), now, new), cap_decided(hour.at_cap), drawn(hour)),
            )
        )
    now, new, upstream = proposal.current.daily_basal_u, proposal.for_pump.daily_basal_u, proposal.recommended
    entered = (f"{now:.2f}", f"{new:.2f}", _change(now, new))
    total = (f"{upstream.daily_basal_u:.2f}", _change(now, upstream.daily_basal_u))
    return [*rows, ("  a day [U]", *entered, *total, "", "", _stays(proposal, "daily_basal", now, new))]


def _insulin(proposal: Proposal) -> list[tuple[str, ...]]:
    curve = insulin_curve(proposal)
    rows = [
        (f"  {'duration' if p.unit == 'h' else 'peak'} [{p.unit}]", exact(p.now), exact(p.recommended), "")
        for p in curve
    ]
    return [("Insulin action",), *((*row, row[2], "", "", "", "") for row in rows)] if curve else []


def drawn(hour: BasalEvidence) -> str:
    """The days on which an hour came out unchanged, and was drawn to its neighbours."""
    if not hour.days_missing:
        return ""
    none = f", no data on {many(hour.days_without_points, 'day')}" if hour.days_without_points else ""
    return f"drawn on {many(hour.days_missing, 'day')}{none}"


def _stays(proposal: Proposal, key: str, now: float, new: float) -> str:
    return stays(proposal, key, now, new) if to_enter(proposal) else ""


def _entered(now: float, new: float) -> tuple[str, str, str]:
    return exact(now), exact(new), _change(now, new)


def _change(now: float, new: float) -> str:
    return f"{100 * (new / now - 1):+.0f} %" if now else ""


def _joined(*texts: str) -> str:
    return "; ".join(filter(None, texts))


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.4g}–{high:.4g}"


def _agree(agreement: Agreement | None) -> str:
    return "" if agreement is None else f"{agreement.share:.0%}"
