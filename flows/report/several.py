"""What is said of a setting the profile has several of: how upstream's one came about, and what is known of each block.

The one number is upstream's and nobody's setting; what counts is the factor it was changed by. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.language.catalogue import count_phrase, phrase
from flows.oref0.several_values import OneValueFrom
from flows.proposal.document import CarbRatioBlock, IsfBlock, OneForSeveral, Proposal
from flows.report.wording import exact, fixed
from flows.values.parts import Part


def several_sentences(proposal: Proposal, part: Part) -> list[str]:
    """In the order of the day; nothing of a setting with one value, or whose several were tuned as their mean."""
    one = proposal.for_pump.one_of(part)
    if one is None:
        return []
    pump = proposal.for_pump
    blocks: Sequence[IsfBlock | CarbRatioBlock] = pump.isf if part is Part.ISF else pump.carb_ratio
    # Neighbours of one value are one block.
    begun = [b for n, b in enumerate(blocks) if n == 0 or _current(b) != _current(blocks[n - 1])]
    return [
        _how(proposal, one),
        *(phrase("From {time}: {found}.", time=block.start, found=_block(one, block)) for block in begun),
    ]


def _current(block: IsfBlock | CarbRatioBlock) -> float:
    return block.current_mgdl_per_u if isinstance(block, IsfBlock) else block.current_g_per_u


def _how(proposal: Proposal, one: OneForSeveral) -> str:
    if one.made_from is OneValueFrom.MEALS:
        given = exact(proposal.current.carb_ratio_g_per_u, 1)
        return phrase(
            "For the several carb ratios upstream was given one, {ratio} g/U: for the meals of these days it gives "
            "the insulin that they give. Its change is the factor for each block in which there were meals.",
            ratio=given,
        )
    if one.made_from is OneValueFrom.ISF_POINTS:
        return phrase(
            "For the several sensitivities upstream was given one, their mean over the points that it takes for ISF. "
            "Its change is the factor for each block in which there were points."
        )
    if one.part is Part.ISF:
        return phrase(
            "Not tuned (too few points on each day): upstream was given the mean over the day, and every block stays."
        )
    return phrase(
        "Not tuned (no carbs recorded on the days used): upstream was given the mean over the day, and every block "
        "stays."
    )


def _block(one: OneForSeveral, block: IsfBlock | CarbRatioBlock) -> str:
    if isinstance(block, IsfBlock):
        if not block.points:
            return phrase("no points, it stays")
        return count_phrase("{count} point", "{count} points", block.points)
    if not block.meals:
        return phrase("no meals, it stays")
    said = count_phrase("{count} meal, {carbs} g", "{count} meals, {carbs} g", block.meals, carbs=exact(block.carbs_g))
    if (found := block.regression) is None:
        return said
    low, high = fixed(found.insulin_factor_low, 2), fixed(found.insulin_factor_high, 2)
    return count_phrase(
        "{meals}; {count} meal window took {factor} ({low} to {high}) times the insulin of its ratio, as evidence only",
        "{meals}; {count} meal windows took {factor} ({low} to {high}) times the insulin of its ratio, as evidence "
        "only",
        found.windows,
        meals=said,
        factor=fixed(found.insulin_factor, 2),
        low=low,
        high=high,
    )
