"""The numbers of a proposal as rows of text in the person's units: for the terminal."""

from __future__ import annotations

from flows.proposal.document import Agreement, Cap, Proposal, Units

HEAD = ("", "now", "to enter", "change", "upstream", "nine of ten", "agree", "")
WIDTHS = (17, 8, 9, 8, 9, 16, 6, 0)


def numbers_table(proposal: Proposal) -> str:
    """Now, to enter, upstream's own number, the repetitions' interval and agreement, and caps; a row a setting."""
    rows = [HEAD, *_isf(proposal), *_carb_ratio(proposal), *_basals(proposal)]
    return "\n".join("".join(_cell(n, cell) for n, cell in enumerate(row)).rstrip() for row in rows)


def _cell(column: int, text: str) -> str:
    return (
        f"{text:<{WIDTHS[0]}}"
        if column == 0
        else f"  {text}"
        if column == len(WIDTHS) - 1
        else f"{text:>{WIDTHS[column]}}"
    )


def _isf(proposal: Proposal) -> list[tuple[str, ...]]:
    found = proposal.evidence.isf
    mmol = proposal.units is Units.MMOL_PER_L
    label = f"ISF [{proposal.units.value}/U]"
    rows = [
        (
            f"  from {b.start}" if len(proposal.for_pump.isf) > 1 else label,
            f"{b.current_mmoll_per_u if mmol else b.current_mgdl_per_u:.4g}",
            f"{b.recommended_mmoll_per_u if mmol else b.recommended_mgdl_per_u:.4g}",
        )
        for b in proposal.for_pump.isf
    ]
    whole = (
        f"{found.recommended_mmoll_per_u if mmol else found.recommended_mgdl_per_u:.3f}",
        _interval(
            found.interval_low_mmoll_per_u if mmol else found.interval_low_mgdl_per_u,
            found.interval_high_mmoll_per_u if mmol else found.interval_high_mgdl_per_u,
        ),
        _agree(found.agreement),
        _cap(found.at_cap),
    )
    return _with_blocks(label, rows, f"{found.change_percent:+.0f} %", whole)


def _carb_ratio(proposal: Proposal) -> list[tuple[str, ...]]:
    found, label = proposal.evidence.carb_ratio, "Carb ratio [g/U]"
    blocks = proposal.for_pump.carb_ratio
    rows = [
        (f"  from {b.start}" if len(blocks) > 1 else label, f"{b.current_g_per_u:.4g}", f"{b.recommended_g_per_u:.4g}")
        for b in blocks
    ]
    whole = (
        f"{found.recommended_g_per_u:.3f}",
        _interval(found.interval_low_g_per_u, found.interval_high_g_per_u),
        _agree(found.agreement),
        _cap(found.at_cap),
    )
    return _with_blocks(label, rows, f"{found.change_percent:+.0f} %", whole)


def _with_blocks(
    label: str, rows: list[tuple[str, str, str]], change: str, whole: tuple[str, str, str, str]
) -> list[tuple[str, ...]]:
    if len(rows) == 1:
        return [(*rows[0], change, *whole)]
    return [(label, "mean", "", change, *whole), *rows]


def _basals(proposal: Proposal) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("Basal [U/h]",)]
    for hour in proposal.evidence.basal:
        days = "1 day" if hour.days_missing == 1 else f"{hour.days_missing} days"
        missing = f"smoothed on {days}" if hour.days_missing else ""
        rows.append(
            (
                f"  {hour.hour:02d}:00",
                f"{hour.current_u_per_h:.4g}",
                f"{hour.for_pump_u_per_h:.4g}",
                f"{hour.change_percent:+.0f} %",
                f"{hour.recommended_u_per_h:.3f}",
                _interval(hour.interval_low_u_per_h, hour.interval_high_u_per_h),
                _agree(hour.agreement),
                "; ".join(filter(None, (_cap(hour.at_cap), missing))),
            )
        )
    now, entered, new = proposal.current, proposal.for_pump, proposal.recommended
    change = f"{100 * (entered.daily_basal_u / now.daily_basal_u - 1):+.0f} %"
    total = ("  a day [U]", f"{now.daily_basal_u:.2f}", f"{entered.daily_basal_u:.2f}", change)
    return [*rows, (*total, f"{new.daily_basal_u:.2f}")]


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.4g}–{high:.4g}"


def _agree(agreement: Agreement | None) -> str:
    return "" if agreement is None else f"{agreement.share:.0%}"


def _cap(cap: Cap | None) -> str:
    return "" if cap is None else f"at the {'upper' if cap is Cap.HIGH else 'lower'} cap"
