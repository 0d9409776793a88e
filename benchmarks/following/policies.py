"""What each policy makes of an answer of the product: what is said, why, and the settings of the next week."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.bodies.living import InUse
from benchmarks.following.draw import Right, Start, on_steps, settings_at
from benchmarks.following.lanes import Policy, Said
from benchmarks.following.product import Answer
from flows.values.parts import Part


@dataclass(frozen=True)
class Decision:
    """What a round came to."""

    said: Said
    in_use: InUse
    why: tuple[str, ...] = ()
    computed: InUse | None = None


def decide(policy: Policy, answer: Answer | None, now: InUse, before: InUse, right: Right) -> Decision:
    """The settings of the next week.

    Args:
        policy: what the person follows.
        answer: of the product; `None` for a policy that computes nothing.
        now: the settings in use.
        before: those before their last change, for a step that is taken back.
        right: the person's right settings, for the policy that has them.
    """
    if policy is Policy.TRUTH:
        return _moved(now, settings_at(Start.RIGHT, right))
    if answer is None:
        return Decision(Said.KEEP, now)
    if answer.proposal is None:
        return Decision(Said.REFUSED, now, (answer.refusal,))
    proposal = answer.proposal
    if policy is Policy.OURS:
        return ours(proposal, now, before)
    return _moved(now, whole(proposal) if policy is Policy.UPSTREAM else half(proposal, now), computed(proposal))


def computed(proposal: dict[str, Any]) -> InUse:
    """What upstream recommends, unrounded."""
    new = proposal["recommended"]
    return InUse(tuple(new["basal_u_per_h"]), new["isf_mgdl_per_u"], new["carb_ratio_g_per_u"])


def whole(proposal: dict[str, Any]) -> InUse:
    """Every number to enter, on the pump's steps; profiles of a study have one ISF and one carb ratio."""
    pump = proposal["for_pump"]
    (isf,), (ratio,) = pump["isf"], pump["carb_ratio"]
    return InUse(tuple(pump["basal_u_per_h"]), isf["recommended_mgdl_per_u"], ratio["recommended_g_per_u"])


def half(proposal: dict[str, Any], now: InUse) -> InUse:
    """Half of the way to upstream's numbers, on the pump's steps."""
    new = computed(proposal)
    return on_steps(
        [(a + b) / 2 for a, b in zip(now.basal_u_per_h, new.basal_u_per_h, strict=True)],
        (now.isf_mgdl_per_u + new.isf_mgdl_per_u) / 2,
        (now.carb_ratio_g_per_u + new.carb_ratio_g_per_u) / 2,
    )


def ours(proposal: dict[str, Any], now: InUse, before: InUse) -> Decision:
    """The product's own step, as `apply` and `rollback` would write it."""
    step, found = proposal["step"], computed(proposal)
    why = tuple(_told(step))
    match step["kind"]:
        case "change":
            return Decision(Said.STEP, stepped(step, now), why, found)
        case "take-back":
            return Decision(Said.TAKEN_BACK, before, why, found)
        case "wait":
            return Decision(Said.WAIT, now, why, found)
        case "keep":
            return Decision(Said.KEEP, now, why, found)
        case other:
            raise ValueError(f"no such step: {other}")


def stepped(step: dict[str, Any], now: InUse) -> InUse:
    """The settings after the changes of a step.

    Raises:
        ValueError: a step changes ISF, which it never may, or a block that a profile of a study does not have.
    """
    rates, ratio = list(now.basal_u_per_h), now.carb_ratio_g_per_u
    for change in step["changes"]:
        hour, minutes = map(int, change["start"].split(":"))
        if change["part"] == Part.BASAL and not minutes:
            rates[hour] = change["new"]
        elif change["part"] == Part.CARB_RATIO and not hour and not minutes:
            ratio = change["new"]
        else:
            raise ValueError(f"a step may not change {change['part']} at {change['start']}")
    return InUse(tuple(rates), now.isf_mgdl_per_u, ratio)


def _told(step: dict[str, Any]) -> Iterator[str]:
    """The ids of what is said: of the step, then of what stays, with their facts."""
    if step["said"]:
        yield step["said"]["because"]
    if (follow_up := step["follow_up"]) is not None:
        yield f"follow-up: {follow_up['verdict']} {' '.join(follow_up['reasons'])}".rstrip()
    for kept in step["kept"]:
        facts = ", ".join(f"{name} {value}" for name, value in kept["said"]["facts"].items())
        yield f"{kept['part']} ({len(kept['starts'])}): {kept['said']['because']} {facts}".rstrip()


def daily_basal_u(settings: InUse) -> float:
    """Units a day."""
    return math.fsum(settings.basal_u_per_h)


def _moved(now: InUse, new: InUse, found: InUse | None = None) -> Decision:
    return Decision(Said.KEEP if new == now else Said.STEP, new, (), found)
