"""The report a person decides with: one self-contained HTML file of a proposal document, and of nothing else.

Every number on it is a field of the document, rounded to the decimals shown, and settings not rounded at all; only
clock times, marks of axes, the consensus' targets, the first screen's sums of shares and its GMI are not of it. Times
are local clock times.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from markupsafe import Markup

from flows.judgement.verdict_today import verdict_today
from flows.language.catalogue import Language, number_text, phrase, spoken, to_translate, translated
from flows.language.translatable import in_spoken, translatable
from flows.proposal.consensus_limits import LOW, Limit, age_group, limits_for, shares_of
from flows.proposal.document import Glucose, Proposal, Units, VerdictReason
from flows.proposal.glucose import PREGNANCY_MGDL
from flows.report import numbers_to_enter
from flows.report.first_screen import first_screen
from flows.report.html.page import page
from flows.report.numbers_to_enter import may_be_entered, why_nothing_to_enter
from flows.report.repetitions import why_no_more
from flows.report.rows import (
    OUTSIDE,
    STOPPED,
    Row,
    RowEntry,
    SettingRows,
    all_on_steps,
    blocks_of,
    clock,
    curve_note,
    joined,
    off_step,
    setting_rows,
    told,
)
from flows.report.several import several_sentences
from flows.report.svg import figures
from flows.report.svg.days import daily
from flows.report.svg.start_probe import start_probe
from flows.report.text.certainty import (
    KEPT_ASIDE,
    ORDER_MATTERS,
    day_weights_sentence,
    held_out_sentence,
    start_probe_sentence,
    together_sentence,
)
from flows.report.text.step import step_in_words
from flows.report.wording import (
    DECIMALS,
    day_shown,
    fixed,
    glucose,
    harmless_all,
    headline_in_spoken,
    in_chosen_unit,
    isolated,
    lang_of,
    number,
)
from flows.settings import AgeGroup
from flows.values.parts import Part
from flows.values.sentence import stored_in_spoken
from flows.values.units import HOURS_PER_DAY, MGDL_PER_MMOLL

MOST_LINES = 60  # of a list of unknown length; the rest is in proposal.json

# The consensus' targets for adults with type 1 (Diabetes Care 2019;42:1593); each holds for all on its side. 250 mg/dL
# are 13.89 mmol/L: a reading of 13.9 is above it, though the consensus writes 13.9 for the edge.
TARGETS = (
    (
        "above_250_percent",
        "very-high",
        to_translate("above 250"),
        to_translate("above 13.89"),
        to_translate("under 5 %"),
    ),
    ("from_181_to_250_percent", "high", "181–250", "10.1–13.89", to_translate("all above the range under 25 %")),
    ("in_range_70_180_percent", "in-range", "70–180", "3.9–10.0", to_translate("over 70 %")),
    ("from_54_to_69_percent", "low", "54–69", "3.0–3.8", to_translate("all below the range under 4 %")),
    ("below_54_percent", "very-low", to_translate("below 54"), to_translate("below 3.0"), to_translate("under 1 %")),
)
RANGE_MGDL = (70, 180)  # of the same
LETTERS = {"green": to_translate("G"), "amber": to_translate("A"), "red": to_translate("R")}
COLOURS = {"green": to_translate("green"), "amber": to_translate("amber"), "red": to_translate("red")}


TargetRow = tuple[str, str, str, float | None, str]
# What pregnancy's own limits are called, beside those of `TARGETS`.
IN_PREGNANCY = (
    to_translate("below 63"),
    to_translate("below 3.5"),
    to_translate("above 140"),
    to_translate("above 7.8"),
    to_translate("above 13.9"),
)


@dataclass(frozen=True)
class ShownReason:
    """A reason of the verdict as it is said; `lang` of a sentence that is not in the page's language, else empty."""

    rule: str
    colour: str
    title: str
    sentence: str
    source: str
    lang: str


def report_html(proposal: Proposal) -> bytes:
    """The report as one HTML file, in the proposal's own unit until the reader chooses the other."""
    return page("report.html", **report_values(proposal))


def report_values(proposal: Proposal) -> dict[str, Any]:
    """What the template `report.html` shows, by name."""
    verdict, rows = verdict_today(proposal), setting_rows(proposal)
    document = harmless_all({**proposal.model_dump(mode="json"), "verdict": verdict.model_dump(mode="json")})
    evidence = document["evidence"]
    repetitions = evidence["repetitions"]
    to_enter = may_be_entered(proposal)
    isf, ratio = rows.isf_in_both, (rows.carb_ratio,)
    aimed_at = PREGNANCY_MGDL if in_pregnancy(proposal) else RANGE_MGDL
    share = percent(repetitions["share"]) if repetitions else ""
    return {
        "d": document,
        "units": document["units"],
        "evidence": evidence,
        "pump": proposal.to_enter.model_dump(mode="json"),
        "step": step_in_words(proposal),
        "probes": [
            (start_probe(probe), start_probe_sentence(probe, mmol=proposal.units is Units.MMOL_PER_L))
            for probe in proposal.evidence.start_probe
        ],
        "rows": rows,
        "isf": isf,
        "ratio": ratio,
        "told": told,
        "several": {
            "isf": several_sentences(proposal, Part.ISF),
            "ratio": several_sentences(proposal, Part.CARB_RATIO),
        },
        "to_enter": to_enter,
        "nothing_to_enter": why_nothing_to_enter(proposal),
        "screen": first_screen(proposal),
        "share": share,
        "how_ended": why_no_more(proposal.evidence.repetitions),
        "rates": joined(rows.rates),
        "off_step": off_step(proposal),
        "all_on_steps": all_on_steps(proposal),
        "curve_note": curve_note(rows.curve),
        "no_change": numbers_to_enter.NOTHING,
        "order_matters": translated(ORDER_MATTERS),
        "outside": translated(OUTSIDE),
        "stopped": translated(STOPPED),
        "kept_aside": translated(KEPT_ASIDE),
        "in_chosen_unit": in_chosen_unit,
        "together": together_sentence(rows) if repetitions else "",
        "weights": day_weights_sentence(sum(day.status == "used" for day in proposal.days)),
        "blocks_of": blocks_of,
        "shown": shown,
        "hours": range(HOURS_PER_DAY),
        "basal_plot": figures.basal(rows.basal, for_pump=to_enter),
        "isf_plot": figures.between_caps(told(isf), phrase("Insulin sensitivity"), "isf", share),
        "ratio_plot": figures.between_caps(told(ratio), phrase("Carb ratio"), "ratio", share),
        "block_plots": _block_plots(rows) if to_enter else [],
        "deviation_plot": figures.deviations(evidence["basal"]),
        "glucose_plot": figures.glucose_of_the_day(document["glucose"]["by_hour"], aimed_at)
        if document["glucose"]
        else None,
        "range_plot": figures.time_in_range(shares_drawn(proposal.glucose)) if proposal.glucose else None,
        "day_plots": daily(proposal.curves, aimed_at),
        "left_out_days": [day.date for day in proposal.days if day.status != "used"],
        "targets": targets(proposal),
        "in_pregnancy": in_pregnancy(proposal),
        "colours": {colour: translated(name) for colour, name in COLOURS.items()},
        "letters": {colour: translated(letter) for colour, letter in LETTERS.items()},
        "reasons": [_reason(reason) for reason in verdict.reasons],
        "held_out": held_out_sentence(proposal.evidence.held_out) if proposal.evidence.held_out else "",
        "first": first,
        "maybe_number": maybe_number,
        "facts": facts,
        "clock": clock,
        "dated": lambda day: isolated(day_shown(str(day)), 20),
        "short_date": _short_date,
        "headline_lang": lang_of(headline_in_spoken(verdict.headline), verdict.headline),
        "fixed": fixed,
    }


def shares_drawn(glucose: Glucose) -> list[tuple[float, str]]:
    """The shares of the bar in percent, each with its class, the lowest glucose first."""
    return [(getattr(glucose, field), css) for field, css, *_ in reversed(TARGETS)]


def _block_plots(rows: SettingRows) -> list[Markup]:
    drawn = (
        (rows.isf_in_both, phrase("Insulin sensitivity"), "isf-blocks"),
        ((rows.carb_ratio,), phrase("Carb ratio"), "carb-ratio-blocks"),
    )
    return [figures.blocks(same, what, name) for same, what, name in drawn if len(same[0].entries) > 1]


def _short_date(day: str) -> str:
    """Month and day; in another language as it writes them."""
    return day[5:10] if spoken() is Language.ENGLISH else f"{day[8:10]}.{day[5:7]}."


def _reason(reason: VerdictReason) -> ShownReason:
    sentence = stored_in_spoken(reason.sentence, reason.said)
    return ShownReason(
        rule=reason.rule,
        colour=reason.colour.value,
        title=in_spoken(reason.title),
        sentence=sentence,
        source=in_spoken(reason.source),
        lang=lang_of(sentence, reason.sentence),
    )


# --- for the template ------------------------------------------------------------------------------------------------


def targets(proposal: Proposal) -> list[TargetRow]:
    """Of each range of glucose its colour, its name in mg/dL and mmol/L, the share (if known) and what is aimed at.

    In pregnancy that is what the verdict judges by, and has ranges of its own.
    """
    if (glucose := proposal.glucose) is None:
        return []
    ranges = [(css, mgdl, mmoll, getattr(glucose, field), aim) for field, css, mgdl, mmoll, aim in TARGETS]
    if in_pregnancy(proposal):
        ranges = _in_pregnancy(glucose, ranges)
    return [
        (css, translated(mgdl), number_text(translated(mmoll)), share, in_spoken(aim))
        for css, mgdl, mmoll, share, aim in ranges
    ]


def _in_pregnancy(glucose: Glucose, ranges: list[TargetRow]) -> list[TargetRow]:
    limits = {f"{limit.word} {limit.mgdl}": limit for limit in limits_for(AgeGroup.PREGNANT)}
    allowed = {name: _allowed(limit) for name, limit in limits.items()}
    shares, shown = shares_of(glucose), {mgdl for _, mgdl, *_ in ranges}
    more = [
        ("", name, f"{limit.word} {limit.mgdl / MGDL_PER_MMOLL:.1f}", shares.get(limit.mgdl), allowed[name])
        for name, limit in limits.items()
        if name not in shown
    ]
    return [*((css, mgdl, mmoll, share, allowed.get(mgdl, "")) for css, mgdl, mmoll, share, _ in ranges), *more]


def _allowed(limit: Limit) -> str:
    if limit.side is LOW:
        return translatable("less than {percent:g} %", percent=limit.percent)
    return translatable("at most {percent:g} %", percent=limit.percent)


def in_pregnancy(proposal: Proposal) -> bool:
    """Whether pregnancy's limits hold."""
    return age_group(proposal.options) is AgeGroup.PREGNANT


def shown(
    same: Sequence[Row] | Sequence[RowEntry],
    which: str,
    decimals: Sequence[int] | None = None,
    *,
    unit: bool = True,
    exactly: bool = False,
) -> Markup:
    """A number of a setting, in both units of glucose where `same` has it in both.

    Args:
        same: a row, or an entry, in one unit or in both.
        which: the name of the number.
        decimals: of each unit, if not the usual ones.
        unit: whether it is shown.
        exactly: not rounded.
    """
    numbers = [getattr(one, which) for one in same]
    places = decimals or [DECIMALS[one.unit] for one in same]
    if len(same) == 1:
        return number(numbers[0], places[0], same[0].unit if unit else "", exactly=exactly)
    (mgdl, mmoll), (of_mgdl, of_mmoll) = numbers, places
    return glucose(mgdl, mmoll, (of_mgdl, of_mmoll), "/U", unit=unit, exactly=exactly)


def percent(share: float) -> str:
    """A share of one as a percentage."""
    return f"{fixed(share * 100, 0)} %"


def first(values: Any) -> list[Any]:
    """The beginning of a list of unknown length, or of the pairs of a dictionary; nothing of anything else."""
    if isinstance(values, dict):
        values = list(values.items())
    return list(islice(values, MOST_LINES)) if isinstance(values, list | tuple) else []


def maybe_number(value: Any, decimals: int, unit: str = "", *, sign: bool = False) -> Markup:
    """A number from a part of the document without fixed form; what is none is shown as the text it is."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return number(value, decimals, unit, sign=sign)
    return isolated(value, 40)


def facts(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """A part without fixed form as names and texts, nested names joined by a dot; nothing is left out but `None`."""
    if not isinstance(value, dict):
        return [] if value is None else [(prefix, value if isinstance(value, str) else json.dumps(value))]
    named = ((f"{prefix}.{key}" if prefix else str(key), inner) for key, inner in value.items())
    return [row for name, inner in named for row in facts(inner, name)][:MOST_LINES]
