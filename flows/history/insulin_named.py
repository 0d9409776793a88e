"""Which insulin the data name: in doses (`insulinType`, xDrip+'s injections) and in AAPS's `iCfg`.

Upstream has two curves for today's insulins (oref0@0.7.1 lib/iob/index.js): `rapid-acting`, peak 75 min, and
`ultra-rapid`, peak 55 min.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flows.history.doubts import OTHER_INSULIN, Doubt, amber_doubt
from flows.history.long_acting import injections, is_long_acting
from flows.history.records import bolus_u
from flows.history.temp_basals import is_temp_basal
from flows.language.catalogue import to_translate
from flows.nightscout.documents import Record, is_deleted
from flows.values.numbers import number_or_none
from flows.values.units import MINUTE_MS

RAPID, ULTRA_RAPID, NEITHER = "rapid-acting", "ultra-rapid", "another"
_CURVES = (
    # Human regular insulin acts for longer, inhaled insulin for less.
    (NEITHER, r"actrapid|regular|humulin r\b|novolin r\b|insuman rapid|huminsulin normal|afrezza"),
    (ULTRA_RAPID, r"fiasp|lyumjev|ultra[- ]?rapid|faster aspart|urli"),
    (RAPID, r"novo-?log|novo-?rapid|aspart|humalog|lispro|liprolog|admelog|apidra|glulisine|trurapi|kirsty|merilog"
            r"|rapid[- ]?acting"),
)  # fmt: skip
_GROUPS = {f"curve{n}": curve for n, (curve, _) in enumerate(_CURVES)}
_IN_TEXT = re.compile(
    # In a sentence, "regular" alone is any regular thing.
    "|".join(rf"(?P<curve{n}>\b(?:{k}))" for n, (_, k) in enumerate(_CURVES)).replace("regular|", "regular insulin|"),
    re.IGNORECASE,
)
_TO = re.compile(r"(?:\bto|\bauf|\bzu|->|→|=>)\s*$", re.IGNORECASE)
_STRONG = re.compile(r"\bu-? ?(?:200|500)\b|\b(?:200|500) ?(?:u|units|e|ie)/ml", re.IGNORECASE)
MOSTLY = 0.9  # of the insulin that is named: a pen in between does not decide
ULTRA_RAPID_PEAK_BELOW_MIN = 65.0  # half way between the two curves' peaks, for an `iCfg` whose name says nothing


@dataclass(frozen=True)
class NamedInsulin:
    """The curve and the peak in minutes that the data name, `None` where they name none; and what is in doubt."""

    curve: str | None
    peak_min: float | None = None
    doubts: tuple[Doubt, ...] = ()


def insulin_named(treatments: Iterable[Any], chosen: str | None) -> NamedInsulin:
    """What the doses say of their insulin, weighed by units.

    Args:
        treatments: as loaded.
        chosen: the curve that the person asked for, if any.
    """
    units: dict[str, float] = defaultdict(float)
    peaks: dict[float | None, float] = defaultdict(float)
    strong = 0
    for record in treatments:
        if isinstance(record, dict) and not is_deleted(record):
            peak_min = _peak_min(record)
            for name, curve, amount in _doses(record):
                strong += bool(_STRONG.search(name))
                if curve is not None:
                    units[curve] += amount
                    peaks[peak_min] += amount
    said: list[Doubt] = []
    if strong:
        words = to_translate(
            "{doses:.0f} doses name an insulin stronger than U100: check that their amounts are units."
        )
        said.append(amber_doubt(OTHER_INSULIN, words, doses=strong))
    curve = max(units, key=lambda name: units[name], default=None)
    if curve is not None and units[curve] < MOSTLY * sum(units.values()):
        words = to_translate("The data name more than one kind of insulin: use days of one only (--start, --end).")
        said.append(amber_doubt(OTHER_INSULIN, words, case="several"))
    if curve == NEITHER:
        words = to_translate(
            "The data name an insulin that is neither rapid-acting nor ultra-rapid: upstream has no curve for it."
        )
        said.append(amber_doubt(OTHER_INSULIN, words, case="neither"))
        curve = None
    if curve is not None and chosen is not None and chosen != curve:
        words = to_translate(
            "The data name an {curve} insulin, the run took {chosen}: check --insulin or the profile's curve."
        )
        said.append(amber_doubt(OTHER_INSULIN, words, curve=curve, chosen=chosen))
    peak_min = max(peaks, key=lambda peak: peaks[peak], default=None)
    if curve is None or peaks[peak_min] < MOSTLY * sum(peaks.values()):
        peak_min = None
    return NamedInsulin(curve, peak_min, tuple(said))


def curves_of(record: Record) -> list[str]:
    """The curves of the rapid insulins that a dose names."""
    return [curve for _, curve, _ in _doses(record) if curve is not None]


def curve_told(text: str) -> str | None:
    """The curve of the insulin that a free text is about; of two that differ, the one that it goes to."""
    named = [(match.start(), str(match.lastgroup)) for match in _IN_TEXT.finditer(text)]
    if len({group for _, group in named}) > 1:
        named = [(at, group) for at, group in named if _TO.search(text[:at])]
    groups = {group for _, group in named}
    return _GROUPS[groups.pop()] if len(groups) == 1 else None


def _doses(record: Record) -> list[tuple[str, str | None, float]]:
    """Of each insulin in a record its name, its curve (`None` where nobody knows), and its units."""
    several = injections(record)
    if several:
        return [(name, _curve(name), units) for name, units in several if units > 0]
    amount = (number_or_none(record.get("amount")) or 0.0) if is_temp_basal(record) else bolus_u(record)
    if amount <= 0:
        return []
    config = _config(record)
    names = [n for n in (record.get("insulinType"), config.get("insulinLabel")) if isinstance(n, str)]
    name = next(iter(names), "")
    curve, peak_min = _curve(name), _peak_min(record)
    if curve is None and peak_min and not is_long_acting(name):
        curve = ULTRA_RAPID if peak_min < ULTRA_RAPID_PEAK_BELOW_MIN else RAPID
    return [(name, curve, amount)]


def _config(record: Record) -> Record:
    return next((record[k] for k in ("iCfg", "icfg") if isinstance(record.get(k), dict)), {})


def _peak_min(record: Record) -> float | None:
    peak_ms = number_or_none(_config(record).get("insulinPeakTime"))
    return peak_ms / MINUTE_MS if peak_ms else None


def _curve(name: str) -> str | None:
    if is_long_acting(name):
        return None
    return next((curve for curve, known in _CURVES if re.search(known, name, re.IGNORECASE)), None)
