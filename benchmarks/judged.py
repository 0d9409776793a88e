"""Intervals and recommendations against a known truth: what is counted, and the tables it is shown in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

AGREED = 0.9  # of the repetitions move a number the same way
RIGHT = 0.05  # configured so near to the truth that there is nothing to move, as make_fixtures.py has it
SAME = 1e-9


@dataclass(frozen=True)
class Judged:
    """One number of one person, in its own unit.

    `truths` are the truth as established (first) and as it would be read after another time: a body that corrects
    itself has no single ISF or carb ratio. `interval` is `None` where there is none; `up` and `down` are shares of the
    repetitions. `cap_low` and `cap_high` are how far upstream may go.
    """

    person: str
    kind: str
    setting: str
    current: float
    recommended: float
    truths: tuple[float, ...]
    cap_low: float
    cap_high: float
    interval: tuple[float, float] | None = None
    up: float = 0.0
    down: float = 0.0

    @property
    def truth(self) -> float:
        """As established."""
        return self.truths[0]

    @property
    def reachable(self) -> bool:
        """The truth lies within upstream's caps."""
        return self.cap_low <= self.truth <= self.cap_high

    @property
    def right_already(self) -> bool:
        """There is nothing to move."""
        return abs(self.current / self.truth - 1) < RIGHT

    @property
    def covered(self) -> bool:
        """The interval holds the truth."""
        return self.interval is not None and self.interval[0] <= self.truth <= self.interval[1]

    @property
    def covered_by_any(self) -> bool:
        """The interval holds something between the lowest and the highest reading of the truth."""
        if self.interval is None:
            return False
        return self.interval[0] <= max(self.truths) and min(self.truths) <= self.interval[1]

    @property
    def nearer(self) -> bool:
        """The recommendation is nearer to the truth than the current value."""
        return abs(self.recommended - self.truth) < abs(self.current - self.truth) - SAME

    @property
    def repeatable(self) -> bool:
        """Nine of ten repetitions move it the same way."""
        return max(self.up, self.down) >= AGREED

    @property
    def direction_right(self) -> bool:
        """The way most repetitions move it is the way to the truth."""
        return (self.up > self.down) == (self.truth > self.current)


def judged(name: str, kind: str, proposal: dict[str, Any], truth: dict[str, Any]) -> list[Judged]:
    """All numbers of a person; of a proposal of version 1 or 2.

    Args:
        name: of the person.
        kind: of treatment.
        proposal: `proposal.json`.
        truth: `truth.json`.
    """
    now, new = proposal["current"], proposal["recommended"]
    others = truth["true_if_read_at_another_time"].values()
    isf, ratio, hours = spreads_of(proposal)
    low, high = CAPS
    found = []
    for setting, key, spread, caps in (
        ("ISF", "isf_mgdl_per_u", isf, (1 / high, 1 / low)),
        ("carb ratio", "carb_ratio_g_per_u", ratio, (low, high)),
    ):
        truths = (truth[key], *(o[key] for o in others))
        found.append(_one(name, kind, setting, now[key], new[key], truths, caps, spread))
    basal = zip(now["basal_u_per_h"], new["basal_u_per_h"], truth["basal_u_per_h"], hours, strict=True)
    found += [_one(name, kind, "basal by hour", a, b, (c,), CAPS, spread) for a, b, c, spread in basal]
    day = [math.fsum(s["basal_u_per_h"]) for s in (now, new, truth)]
    found.append(_one(name, kind, "basal a day", day[0], day[1], (day[2],), CAPS, None))
    return found


CAPS = (0.7, 1.2)  # oref0@0.7.1 lib/autotune/index.js, autosens_min and autosens_max as every profile here has them
Spread = tuple[float, float, float, float]  # interval from, to; shares that move up, down


def spreads_of(proposal: dict[str, Any]) -> tuple[Spread | None, Spread | None, list[Spread | None]]:
    """The spreads of ISF, carb ratio and the 24 basals as a proposal of either version has them."""
    evidence = proposal.get("evidence") or {}
    if proposal["schema_version"] == 1:
        found = evidence.get("settings")
        if not found:
            return None, None, [None] * 24
        return _first(found["isf"]), _first(found["carb_ratio"]), [_first(b) for b in found["basal"]]
    return (
        _second(evidence["isf"], "mgdl_per_u"),
        _second(evidence["carb_ratio"], "g_per_u"),
        [_second(b, "u_per_h") for b in evidence["basal"]],
    )


def _first(of: dict[str, Any]) -> Spread:
    return _spread(of["interval_low"], of["interval_high"], of)


def _second(of: dict[str, Any], unit: str) -> Spread | None:
    low, high, agreement = of[f"interval_low_{unit}"], of[f"interval_high_{unit}"], of["agreement"]
    return None if low is None or high is None or agreement is None else _spread(low, high, agreement)


def _spread(low: float, high: float, counts: dict[str, Any]) -> Spread:
    total = counts["moves_up"] + counts["moves_down"] + counts["unchanged"]
    return low, high, counts["moves_up"] / total, counts["moves_down"] / total


def _one(
    name: str,
    kind: str,
    setting: str,
    now: float,
    new: float,
    truths: tuple[float, ...],
    caps: tuple[float, float],
    spread: Spread | None,
) -> Judged:
    interval, up, down = (spread[:2], spread[2], spread[3]) if spread else (None, 0.0, 0.0)
    return Judged(name, kind, setting, now, new, truths, now * caps[0], now * caps[1], interval, up, down)


# ---- tables

Test = Callable[[Judged], bool]


def _share(of: Iterable[Judged], holds: Test) -> str:
    them = list(of)
    return f"{sum(map(holds, them))}/{len(them)}" if them else "–"


HEAD = (
    "setting",
    "kind",
    "interval holds the truth",
    "… of those within the caps",
    "… of the truth at 4–8 h",
    "wrong ones moved nearer",
    "right ones kept",
    "repeatable and wrong setting: direction right",
    "repeatable though nothing to move",
)


def coverage_rows(all_judged: Sequence[Judged]) -> list[list[str]]:
    """A row for each setting and kind, and one for each setting over all kinds; counts, not percentages."""
    rows = [list(HEAD)]
    for setting in dict.fromkeys(j.setting for j in all_judged):
        of = [j for j in all_judged if j.setting == setting]
        kinds = list(dict.fromkeys(j.kind for j in of))
        for kind in [*kinds, "all"] if len(kinds) > 1 else kinds:
            rows.append([setting, kind, *_counts([j for j in of if kind in (j.kind, "all")])])
    return rows


def _counts(them: list[Judged]) -> list[str]:
    with_interval = [j for j in them if j.interval is not None]
    wrong, right = [j for j in them if not j.right_already], [j for j in them if j.right_already]
    return [
        _share(with_interval, lambda j: j.covered),
        _share((j for j in with_interval if j.reachable), lambda j: j.covered),
        _share((j for j in with_interval if len(j.truths) > 1), lambda j: j.covered_by_any),
        _share(wrong, lambda j: j.nearer),
        _share(right, lambda j: abs(j.recommended / j.truth - 1) < RIGHT),
        _share((j for j in wrong if j.repeatable), lambda j: j.direction_right),
        _share((j for j in right if j.interval is not None), lambda j: j.repeatable),
    ]


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Where a share lies with 95 % confidence, from so few: Wilson's interval."""
    if not of:
        return 0.0, 1.0
    z = 1.96
    share = hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def by_person(all_judged: Sequence[Judged]) -> list[list[str]]:
    """A row for each person: what was set, recommended and true, and how many of the 24 hours were covered."""
    rows = [
        [
            "person",
            "ISF now → new (true)",
            "carb ratio now → new (true)",
            "basal a day now → new (true)",
            "hours covered",
        ]
    ]
    for name in dict.fromkeys(j.person for j in all_judged):
        of = [j for j in all_judged if j.person == name]
        single = {j.setting: j for j in of}
        hours = [j for j in of if j.setting == "basal by hour"]
        shown = [_told(single[s]) for s in ("ISF", "carb ratio", "basal a day")]
        rows.append([name, *shown, _share((h for h in hours if h.interval is not None), lambda j: j.covered)])
    return rows


def _told(one: Judged) -> str:
    interval = f" [{one.interval[0]:.1f}–{one.interval[1]:.1f}]" if one.interval else ""
    return f"{one.current:.1f} → {one.recommended:.1f}{interval} ({one.truth:.1f})"


def table(rows: list[list[str]]) -> str:
    """Rows as a Markdown table."""
    first, *others = rows
    lines = ["| " + " | ".join(first) + " |", "|" + "---|" * len(first)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in others)])
