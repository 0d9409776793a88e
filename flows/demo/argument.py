"""What only a simulation can say after its demonstration: the true settings, and what following did to many.

The truth of the bundled person stands beside what was in use, what upstream says and what the step does: a step is not
the truth, and the report of a real person has no such column. The counts are of `benchmarks.following`, which wrote
them into `following.json` beside this module.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flows.proposal.document import Proposal
from flows.proposal.step_document import NextStep
from flows.values.parts import Part

COUNTS = Path(__file__).with_name("following.json")
WIDTHS = (24, 9, 9, 9, 12)


def argument_lines(proposal: Proposal, truth: Mapping[str, Any]) -> list[str]:
    """The table of the truth, and what following did; of a person whose truth is known.

    Args:
        proposal: of the demonstration's run.
        truth: its person's `truth.json`: basal (U a day), ISF (mg/dL/U), carb ratio (g/U), and both of these as they
            are read at other times after a dose.
    """
    return [*_truth(proposal, truth), *followed_lines(json.loads(COUNTS.read_text("utf-8")))]


def _truth(proposal: Proposal, truth: Mapping[str, Any]) -> Iterator[str]:
    now, new, step = proposal.current, proposal.recommended, proposal.step
    rows = [
        ("", "now", "upstream", "step", "true"),
        (
            "basal [U a day]",
            f"{now.daily_basal_u:.2f}",
            f"{new.daily_basal_u:.2f}",
            f"{step.daily_basal_new_u:.2f}" if step else "–",
            f"{truth['basal_u_per_day']:.2f}",
        ),
        (
            "ISF [mg/dL/U]",
            f"{now.isf_mgdl_per_u:.1f}",
            f"{new.isf_mgdl_per_u:.1f}",
            f"{now.isf_mgdl_per_u:.1f}" if step else "–",  # no step moves it (flows.proposal.step)
            _span(truth, "isf_mgdl_per_u", 0),
        ),
        (
            "carb ratio [g/U]",
            f"{now.carb_ratio_g_per_u:.1f}",
            f"{new.carb_ratio_g_per_u:.1f}",
            _carb_ratio(step, now.carb_ratio_g_per_u),
            _span(truth, "carb_ratio_g_per_u", 0),
        ),
    ]
    yield "This person is simulated, so the true settings are known (no report of yours has that column):"
    for row in rows:
        yield "  " + "".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, WIDTHS, strict=True))
        )
    hours = sorted(truth["true_if_read_at_another_time"])
    yield f"  True ISF and carb ratio depend on when after a dose they are read: {hours[0]} to {hours[-1]}."


def _span(truth: Mapping[str, Any], name: str, digits: int) -> str:
    others = truth["true_if_read_at_another_time"].values()
    values = [truth[name], *(other[name] for other in others)]
    return f"{min(values):.{digits}f}–{max(values):.{digits}f}"


def _carb_ratio(step: NextStep | None, now_g_per_u: float) -> str:
    if step is None:
        return "–"
    new = next((c.new for c in step.changes if c.part is Part.CARB_RATIO), now_g_per_u)
    return f"{new:.1f}"


def followed_lines(studies: Sequence[Mapping[str, Any]]) -> list[str]:
    """What became of simulated people who followed for weeks: the steps, and beside them every number of upstream's."""
    if not studies:
        return []

    def counted(policy: str, claim: str) -> str:
        counts = [study["policies"][policy][claim] for study in studies]
        return f"{sum(c['failing'] for c in counts)} of {sum(c['people'] for c in counts)}"

    people, rounds = sum(s["people"] for s in studies), max(s["rounds"] for s in studies)
    lows = f"{counted('ours', 'pushed_low')} ended with 4 % or more below 70 mg/dL who began under it"
    lost = f"{counted('ours', 'loses_much')} lost more than 3 points of time in range"
    return [
        f"{people} simulated people followed the steps of {rounds} weeks: {lows}; {lost}.",
        f"With every number of upstream's entered instead: {counted('upstream', 'pushed_low')}, and "
        f"{counted('upstream', 'loses_much')}. What it does not say is in docs/following.md.",
    ]
