"""The tables of a study: claims, policies beside each other, what was said, settings at the end, person by person."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, median

from benchmarks.bodies.living import InUse, System
from benchmarks.following.claims import CLAIMS, Claim, claims
from benchmarks.following.draw import FACTORS, TOO_LITTLE, TOO_MUCH, Start
from benchmarks.following.lanes import COMPUTING, Followed, Lane, Policy, Said
from benchmarks.following.nearer import Kind, counted, ways
from benchmarks.following.policies import daily_basal_u
from benchmarks.judged import table

Rows = list[list[str]]
GLUCOSE = (
    ("time in range", "in_range_percent"),
    ("below 70", "below_70_percent"),
    ("below 54", "below_54_percent"),
    ("181–250", "from_181_to_250_percent"),
    ("above 250", "above_250_percent"),
    ("GRI", "risk_index"),
)


def report(people: Sequence[Followed], policies: Sequence[Policy]) -> str:
    """All tables as Markdown."""
    followed = [p for p in policies if p is not Policy.KEEP]
    parts = []
    if Policy.OURS in policies:
        parts += ["#### Claims", table(claim_rows(claims(people, Policy.OURS)))]
    for made in CLAIMS:
        by_policy = [(p.value, made(people, p)) for p in policies]
        parts += [f"{by_policy[0][1].sentence}; of those who {_whom(by_policy[0][1])}:", table(policy_rows(by_policy))]
    parts += [
        "#### Policies beside each other",
        "Means of the differences from the twin who kept the settings, in percentage points of the readings of the "
        "last days; the row of *keep* has the twins' own means. n is people.",
        table(beside_rows(people, policies)),
        "#### What was said",
        table(said_rows(people, [p for p in COMPUTING if p in policies])),
        *([table(steps_rows(people))] if Policy.OURS in policies else []),
        "#### Settings at the end",
        "How far from the truth in the median, and how many ended nearer than they began, of those that were moved and "
        "decide it.",
        table(settings_rows(people, followed)),
        *(["#### Person by person", table(person_rows(people))] if Policy.OURS in policies else []),
    ]
    return "\n\n".join(parts)


def _whom(claim: Claim) -> str:
    return "are followed" if claim.about == "everybody" else claim.about.removeprefix("who ")


def claim_rows(found: Sequence[Claim]) -> Rows:
    """A row for each claim: about whom, how many, what was found, whether it holds."""
    rows = [["claim", "about", "n", "found", "holds", "not for person"]]
    for claim in found:
        whom = ", ".join(map(str, claim.failing)) or "–"
        rows.append([claim.sentence, claim.about, str(claim.people), claim.found, holds(claim), whom])
    return rows


def policy_rows(found: Sequence[tuple[str, Claim]]) -> Rows:
    """One claim for every policy."""
    rows = [["policy", "n", "found", "holds"]]
    return rows + [[name, str(claim.people), claim.found, holds(claim)] for name, claim in found]


def holds(claim: Claim) -> str:
    """In a word; a claim about nobody is not decided."""
    return "–" if claim.holds is None else "yes" if claim.holds else "**no**"


GROUPS: tuple[tuple[str, Callable[[Followed], bool]], ...] = (
    ("all", lambda one: True),
    ("right", lambda one: one.person.start is Start.RIGHT),
    ("too little insulin", lambda one: one.person.start in TOO_LITTLE),
    ("too much insulin", lambda one: one.person.start in TOO_MUCH),
    ("loop", lambda one: one.person.habits.system is System.LOOP),
    ("pump", lambda one: one.person.habits.system is System.PUMP),
)


def groups(people: Sequence[Followed]) -> list[tuple[str, list[Followed]]]:
    """Everybody, the groups of starts, the systems, then each kind of start, where there is somebody."""
    named = [(name, [one for one in people if belongs(one)]) for name, belongs in GROUPS]
    named += [(s.value, [one for one in people if one.person.start is s]) for s in FACTORS if s is not Start.RIGHT]
    return [(name, them) for name, them in named if them]


def beside_rows(people: Sequence[Followed], policies: Sequence[Policy]) -> Rows:
    """For each group and policy the change of each number against keeping."""
    rows = [["people", "n", "policy", *(name for name, _ in GLUCOSE)]]
    for name, them in groups(people):
        for policy in policies:
            if policy is Policy.KEEP:
                cells = [f"{fmean(getattr(one.lanes[policy].end, of) for one in them):.1f}" for _, of in GLUCOSE]
            else:
                cells = [f"{fmean(one.gain(policy, of) for one in them):+.1f}" for _, of in GLUCOSE]
            rows.append([name, str(len(them)), policy.value, *cells])
    return rows


def said_rows(people: Sequence[Followed], policies: Sequence[Policy]) -> Rows:
    """What came out of each round, in people."""
    rows = [["policy", "round", *(said.value for said in Said)]]
    for policy in policies:
        lanes = [one.lanes[policy] for one in people]
        for number in range(len(lanes[0].rounds)):
            count = Counter(lane.rounds[number].said for lane in lanes)
            rows.append([policy.value, str(number + 1), *(str(count[said]) for said in Said)])
    return rows


def steps_rows(people: Sequence[Followed]) -> Rows:
    """How often ours moved anything, by the kind of start."""
    rows = [["began", "n", "steps in the mean", "taken back", "people without any step"]]
    for name, them in groups(people):
        lanes = [one.lanes[Policy.OURS] for one in them]
        steps, back = ([_count(lane, said) for lane in lanes] for said in (Said.STEP, Said.TAKEN_BACK))
        rows.append([name, str(len(them)), f"{fmean(steps):.1f}", str(sum(back)), str(steps.count(0))])
    return rows


def settings_rows(people: Sequence[Followed], policies: Sequence[Policy]) -> Rows:
    """How far the settings are from the truth at the end, and where they went."""
    rows = [["people", "n", "policy", "basal a day off", "carb ratio off", *(f"{kind.value} nearer" for kind in Kind)]]
    for name, them in groups(people)[: len(GROUPS)]:
        for policy in (Policy.KEEP, *policies):
            at_end = [(one, one.lanes[policy].in_use_at_end) for one in them]
            basal = [daily_basal_u(s) / math.fsum(one.right.basal_u_per_h) - 1 for one, s in at_end]
            ratio = [s.carb_ratio_g_per_u / one.right.carb_ratio_g_per_u - 1 for one, s in at_end]
            went = [ways(one.lanes[policy].start, s, one.right) for one, s in at_end]
            cells = [counted(w for of in went for w in of[kind]) for kind in Kind]
            rows.append([name, str(len(them)), policy.value, _off(basal), _off(ratio), *cells])
    return rows


def person_rows(people: Iterable[Followed]) -> Rows:
    """A row for each person: how they began, and what keeping, the truth and ours came to."""
    heads = ["person", "lives", "began", "below 70: before, kept, ours", "in range: kept, true, ours"]
    rows = [[*heads, "basal a day: began → ours (true)", "carb ratio", "ISF (true by difference, correction)", "steps"]]
    for one in people:
        ours, keep = one.lanes[Policy.OURS], one.lanes[Policy.KEEP]
        ended, began = ours.in_use_at_end, ours.start
        lows = (keep.before, keep.end, ours.end)
        ranges = [one.lanes[p].end.in_range_percent for p in (Policy.KEEP, Policy.TRUTH, Policy.OURS)]
        true = one.right
        rows.append(
            [
                str(one.person.number),
                f"{one.person.habits.system.value}, {one.person.habits.scene.value}",
                one.person.start.value,
                ", ".join(f"{s.below_70_percent:.1f}" for s in lows),
                ", ".join(f"{share:.1f}" for share in ranges),
                f"{daily_basal_u(began):.1f} → {daily_basal_u(ended):.1f} ({math.fsum(true.basal_u_per_h):.1f})",
                f"{began.carb_ratio_g_per_u:.1f} → {ended.carb_ratio_g_per_u:.1f} ({true.carb_ratio_g_per_u:.1f})",
                f"{began.isf_mgdl_per_u:.0f} → {ended.isf_mgdl_per_u:.0f} "
                f"({true.isf_difference_mgdl_per_u:.0f}, {true.isf_correction_mgdl_per_u:.0f})",
                str(_count(ours, Said.STEP)),
            ]
        )
    return rows


def round_rows(one: Followed, policy: Policy) -> Rows:
    """One person's rounds: what was said and why, the settings, and the week that followed beside the twin's."""
    rows = [
        [
            "round",
            "said",
            "why",
            "upstream: basal, ISF, carb ratio",
            "in use",
            "week below 70 (kept)",
            "in range (kept)",
        ]
    ]
    lane, keep = one.lanes[policy], one.lanes[Policy.KEEP]
    for number, (r, kept) in enumerate(zip(lane.rounds, keep.rounds, strict=True)):
        rows.append(
            [
                str(number + 1),
                r.said.value,
                "; ".join(r.why) or "–",
                _short(r.computed) if r.computed else "–",
                _short(r.in_use),
                f"{r.week.below_70_percent:.1f} ({kept.week.below_70_percent:.1f})",
                f"{r.week.in_range_percent:.1f} ({kept.week.in_range_percent:.1f})",
            ]
        )
    return rows


def _short(settings: InUse) -> str:
    return f"{daily_basal_u(settings):.1f}, {settings.isf_mgdl_per_u:.0f}, {settings.carb_ratio_g_per_u:.1f}"


def _count(lane: Lane, said: Said) -> int:
    return sum(one.said is said for one in lane.rounds)


def _off(shares: Sequence[float]) -> str:
    return f"{median(map(abs, shares)):.0%}"
