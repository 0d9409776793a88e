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

from flows.language.catalogue import phrase
from flows.proposal.document import Proposal
from flows.proposal.step_document import NextStep
from flows.report.wording import fixed
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
        ("", phrase("now"), phrase("upstream"), phrase("step"), phrase("true")),
        (
            phrase("basal [U a day]"),
            fixed(now.daily_basal_u, 2),
            fixed(new.daily_basal_u, 2),
            fixed(step.daily_basal_new_u if step else None, 2),
            fixed(truth["basal_u_per_day"], 2),
        ),
        (
            phrase("ISF [mg/dL/U]"),
            fixed(now.isf_mgdl_per_u, 1),
            fixed(new.isf_mgdl_per_u, 1),
            fixed(now.isf_mgdl_per_u if step else None, 1),  # no step moves it (flows.proposal.step)
            _span(truth, "isf_mgdl_per_u", 0),
        ),
        (
            phrase("carb ratio [g/U]"),
            fixed(now.carb_ratio_g_per_u, 1),
            fixed(new.carb_ratio_g_per_u, 1),
            fixed(_carb_ratio(step, now.carb_ratio_g_per_u), 1),
            _span(truth, "carb_ratio_g_per_u", 0),
        ),
    ]
    yield phrase("This person is simulated, so the true settings are known (no report of yours has that column):")
    for row in rows:
        yield "  " + "".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, WIDTHS, strict=True))
        )
    hours = sorted(truth["true_if_read_at_another_time"])
    yield "  " + phrase(
        "True ISF and carb ratio depend on when after a dose they are read: {first} to {last}.",
        first=hours[0],
        last=hours[-1],
    )


def _span(truth: Mapping[str, Any], name: str, digits: int) -> str:
    others = truth["true_if_read_at_another_time"].values()
    values = [truth[name], *(other[name] for other in others)]
    return f"{fixed(min(values), digits)}–{fixed(max(values), digits)}"


def _carb_ratio(step: NextStep | None, now_g_per_u: float) -> float | None:
    if step is None:
        return None
    return next((c.new for c in step.changes if c.part is Part.CARB_RATIO), now_g_per_u)


def followed_lines(studies: Sequence[Mapping[str, Any]]) -> list[str]:
    """What became of simulated people who followed for weeks: the steps, and beside them every number of upstream's."""
    if not studies:
        return []

    def counted(policy: str, claim: str) -> dict[str, int]:
        counts = [study["policies"][policy][claim] for study in studies]
        return {"failing": sum(c["failing"] for c in counts), "of": sum(c["people"] for c in counts)}

    people, rounds = sum(s["people"] for s in studies), max(s["rounds"] for s in studies)
    ours, whole = (
        {claim: counted(who, claim) for claim in ("pushed_low", "loses_much")} for who in ("ours", "upstream")
    )
    return [
        phrase(
            "{people} simulated people followed the steps of {weeks} weeks: {low} of {low_of} ended with 4 % or more "
            "below 70 mg/dL who began under it; {lost} of {lost_of} lost more than 3 points of time in range.",
            people=people,
            weeks=rounds,
            **_named(ours),
        ),
        phrase(
            "With every number of upstream's entered instead: {low} of {low_of}, and {lost} of {lost_of}. What it does "
            "not say is in docs/following.md.",
            **_named(whole),
        ),
    ]


def _named(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    low, lost = counts["pushed_low"], counts["loses_much"]
    return {"low": low["failing"], "low_of": low["of"], "lost": lost["failing"], "lost_of": lost["of"]}
