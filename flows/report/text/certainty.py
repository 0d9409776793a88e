"""Repeatability of the numbers, in lines of text: the repetitions, days kept aside, variants."""

from __future__ import annotations

from flows.language.catalogue import count_phrase, number_text, phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.oref0.several_values import KEPT_A_DAY
from flows.proposal.agreement import AGREED
from flows.proposal.document import Proposal, Units
from flows.proposal.evidence_document import DecidedBy, HeldOut, Repetitions, StartProbe, Variant
from flows.report.repetitions import why_no_more
from flows.report.rows import SettingRows, setting_rows
from flows.report.wording import exact
from flows.values.parts import Part
from flows.values.sentence import stored_in_spoken
from flows.values.units import MGDL_PER_MMOLL

KEPT_ASIDE = to_translate(
    "These days are shown, and are no test: a few days of the same weeks, scored by upstream's own sorting; whether "
    "the settings would have helped cannot be seen on them."
)
ORDER_MATTERS = to_translate(
    "The recommended number lies outside its own interval: upstream takes one day after the other, and the repetitions "
    "draw the days in another order."
)
# How variants are called in a proposal.
VARIANTS = (
    to_translate("unannounced rises as basal"),
    to_translate("unannounced rises not as basal"),
    to_translate("last 7 days"),
)
LATE_DAYS, LEAST_HALVED = 5, 10  # days: of how many the weight is said, and from how many on that of the first half


def certainty(proposal: Proposal) -> list[str]:
    """Lines for the terminal, in the person's units."""
    evidence, how = proposal.evidence, proposal.evidence.repetitions
    lines = [phrase("Not known: {why}.", why=in_spoken(str(evidence.why_no_repetitions)))]
    if how is not None:
        lines = [
            _repeated(how),
            together_sentence(setting_rows(proposal)),
            *([f"{ended[0].upper()}{ended[1:]}."] if (ended := why_no_more(how)) else []),
        ]
        if differing := [f"{h.hour:02d}:00" for h in evidence.basal if h.agreement and h.agreement.share < AGREED]:
            lines.append(phrase("No agreement on the basal at {hours}.", hours=", ".join(differing)))
    mmol = proposal.units is Units.MMOL_PER_L
    lines += [start_probe_sentence(probe, mmol=mmol) for probe in evidence.start_probe]
    return [
        *lines,
        *([f"{held_out_sentence(evidence.held_out)} {translated(KEPT_ASIDE)}"] if evidence.held_out else []),
        *(_variant(other, proposal.units) for other in evidence.sensitivity),
    ]


def _repeated(how: Repetitions) -> str:
    if how.clear is None:
        return count_phrase(
            "The run was repeated {count} time over resampled days (seed {seed}); `agree` is how many move a number "
            "the same way: 94 % is repeatable in 94 of 100, not known to be right.",
            "The run was repeated {count} times over resampled days (seed {seed}); `agree` is how many move a number "
            "the same way: 94 % is repeatable in 94 of 100, not known to be right.",
            how.count,
            seed=how.seed,
        )
    return count_phrase(
        "The run was repeated {count} time over resampled days (seed {seed}, ceiling {ceiling}); `agree` is how many "
        "move a number the same way: 94 % is repeatable in 94 of 100, not known to be right.",
        "The run was repeated {count} times over resampled days (seed {seed}, ceiling {ceiling}); `agree` is how many "
        "move a number the same way: 94 % is repeatable in 94 of 100, not known to be right.",
        how.count,
        seed=how.seed,
        ceiling=how.ceiling,
    )


def held_out_sentence(found: HeldOut) -> str:
    """What the days kept aside said."""
    return stored_in_spoken(found.sentence, [found.said] if found.said else [])


def _variant(other: Variant, units: Units) -> str:
    return phrase(
        "With {variant}: ISF {isf} {units} per U, carb ratio {ratio} g per U, {basal:.2f} U of basal a day",
        variant=in_spoken(other.variant),
        isf=exact(other.isf_mmoll_per_u if units is Units.MMOL_PER_L else other.isf_mgdl_per_u),
        units=units.value,
        ratio=exact(other.carb_ratio_g_per_u),
        basal=other.daily_basal_u,
    )


PROBED_FROM = {
    Part.BASAL: to_translate(
        "From {starts} {unit} in place of the basal in use upstream comes to {answers}: {decided}."
    ),
    Part.ISF: to_translate("From {starts} {unit} in place of the ISF in use upstream comes to {answers}: {decided}."),
    Part.CARB_RATIO: to_translate(
        "From {starts} {unit} in place of the carb ratio in use upstream comes to {answers}: {decided}."
    ),
}
PROBED_UNITS = {Part.BASAL: to_translate("U a day"), Part.ISF: "mg/dL/U", Part.CARB_RATIO: "g/U"}
DECIDED = {
    DecidedBy.DAYS: to_translate("mostly the days decide it"),
    DecidedBy.START: to_translate("mostly the present setting decides it, not the days"),
    DecidedBy.BOTH: to_translate("the days and the present setting decide it together"),
}


def start_probe_sentence(probe: StartProbe, *, mmol: bool) -> str:
    """Who decides a number, in one sentence."""
    unit, by = PROBED_UNITS[probe.part], 1.0
    if probe.part is Part.ISF and mmol:
        by, unit = MGDL_PER_MMOLL, "mmol/L/U"
    both = translated(" and ")
    starts, answers = (
        both.join(number_text(f"{value / by:.4g}") for value in of) for of in (probe.starts, probe.answers)
    )
    decided = translated(DECIDED[probe.decided_by])
    words = PROBED_FROM[probe.part]
    return phrase(words, starts=starts, unit=translated(unit), answers=answers, decided=decided)


def together_sentence(table: SettingRows) -> str:
    """That some of so many settings are repeatable by luck."""
    return phrase(
        "{count} settings were looked at together, so some of those that are repeatable in nine of ten are so by luck.",
        count=len(table.every),
    )


def day_weights_sentence(days: int) -> str:
    """How much upstream lets the days count, by where they stand; nothing of a single day.

    Args:
        days: that were used.
    """
    if days < 2:
        return ""
    start = KEPT_A_DAY**days
    weights = []
    if days > LATE_DAYS:
        weights.append(phrase("the last five weigh {percent:.0f} %", percent=100 * (1 - KEPT_A_DAY**LATE_DAYS)))
    if days >= LEAST_HALVED:
        half = days // 2
        share = KEPT_A_DAY ** (days - half) - start
        weights.append(phrase("the first {half} weigh {percent:.0f} %", half=half, percent=100 * share))
    weights.append(phrase("{percent:.0f} % is still the setting that the run began with", percent=100 * start))
    last = translated(", and ")
    said = last.join([", ".join(weights[:-1]), weights[-1]]) if len(weights) > 1 else weights[0]
    return phrase(
        "Upstream goes a fifth of the way each day, so late days count more: of these {days} days {said}.",
        days=days,
        said=said,
    )
