"""Each safety rule finds what it is for, at its threshold and not below; red and amber come out as they should."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as h_settings
from hypothesis import strategies as st

from flows.history.doubts import Doubt
from flows.judgement.case import Case, DayUsed, more_aggressive, worth_changing
from flows.judgement.verdict import RULES, judge_case
from flows.oref0.caps import Caps
from flows.oref0.several_values import OneValueFrom, different
from flows.proposal.document import Colour, OneForSeveral, Settings
from flows.proposal.evidence_document import Cap, HeldOut, Repetitions, Scores, Variant
from flows.settings import AgeGroup
from flows.values.parts import Part
from tests.proposal_case import UNSURE, case, entered, evidence, glucose, settings, with_hours

GREEN, AMBER, RED = None, Colour.AMBER, Colour.RED
MORE = settings(isf=52.0, ratio=9.9, basal=1.05)  # a little more basal
NIGHT = settings(isf=52.0, ratio=10.0, basal=[1.2] * 6 + [0.95] * 18)  # less a day, more at night
LESS = settings(isf=55.0, ratio=10.5, basal=0.95)


def held_out(better: bool | None) -> HeldOut:
    none = Scores(
        mean_absolute_deviation_mgdl=None,
        mean_absolute_deviation_mmoll=None,
        rms_deviation_mgdl=None,
        rms_deviation_mmoll=None,
        carb_ratio_residual_u=None,
    )
    return HeldOut(days=(), basal_points=0, meals=0, old=none, new=none, better=better, sentence="said")


def variant(isf: float) -> Variant:
    return Variant(
        variant="last 7 days",
        isf_mgdl_per_u=isf,
        isf_mmoll_per_u=isf / 18,
        carb_ratio_g_per_u=9.9,
        basal_u_per_h=(1.05,) * 24,
        daily_basal_u=25.2,
    )


def moved(new_isf: float = 60.0) -> Case:
    return case(new=settings(isf=new_isf, ratio=9.9, basal=1.05))


def days(count: int, colour: str = "green", carbs: int | None = 4, other_h: float = 0.0) -> list[DayUsed]:
    return [DayUsed(colour, carbs, other_h)] * count


def evidence_with(**changes: object) -> Case:
    base = moved()
    return replace(base, evidence=base.evidence.model_copy(update=changes))


def isf_with(**changes: object) -> Case:
    base = moved()
    isf = base.evidence.isf.model_copy(update=changes)
    return replace(base, evidence=base.evidence.model_copy(update={"isf": isf}))


def correlated(value: float, needed: float | None = 0.2) -> Case:
    return isf_with(insulin_correlation=value, insulin_correlation_needed=needed)


def meals(count: int, ratio: float) -> Case:
    base = case(new=settings(ratio=ratio))
    changed = base.evidence.carb_ratio.model_copy(update={"periods_used": count})
    return replace(base, evidence=base.evidence.model_copy(update={"carb_ratio": changed}))


def repeated(count: int, failed: int) -> Repetitions:
    return Repetitions(count=count, failed=failed, seed=1, block_days=2, share=0.9)


def acting(dia_h: float) -> Case:
    return case(now=settings(dia_h=dia_h), new=settings(isf=52.0, ratio=9.9, basal=1.05, dia_h=dia_h))


def at_half_past() -> Case:
    base = case()
    return entered(base, carb_ratio=(base.for_pump.carb_ratio[0].model_copy(update={"start": "12:30"}),))


def hours_with(**changes: object) -> Case:
    base = case(new=settings(isf=52.0, ratio=9.9, basal=1.1))
    return replace(base, evidence=with_hours(base.evidence, **changes))


def block_isf(mgdl: float) -> Case:
    base = case()
    block = base.for_pump.isf[0].model_copy(update={"recommended_mgdl_per_u": mgdl, "current_mgdl_per_u": mgdl})
    return entered(base, isf=(block,))


def block_ratio(g: float) -> Case:
    base = case()
    block = base.for_pump.carb_ratio[0].model_copy(update={"recommended_g_per_u": g, "current_g_per_u": g})
    return entered(base, carb_ratio=(block,))


def ratios(*g: float) -> Case:
    """A profile with these carb ratios, one after the other; nothing of them changes."""
    base = case()
    block = base.for_pump.carb_ratio[0]
    both = [{"start": f"{2 * n:02d}:00", "current_g_per_u": v, "recommended_g_per_u": v} for n, v in enumerate(g)]
    return entered(base, carb_ratio=tuple(block.model_copy(update=b) for b in both))


def as_one(base: Case, factor: float, how: OneValueFrom = OneValueFrom.MEALS, meals: int | None = None) -> Case:
    """Of the setting with several upstream was given one, made so."""
    part = Part.ISF if meals is None else Part.CARB_RATIO
    one = OneForSeveral(part=part, made_from=how, factor=factor, meals=meals)
    return entered(base, one_for_several=(one,))


def isfs(*mgdl: float) -> Case:
    base = case()
    block = base.for_pump.isf[0]
    both = [
        {"start": f"{2 * n:02d}:00", "current_mgdl_per_u": v, "recommended_mgdl_per_u": v} for n, v in enumerate(mgdl)
    ]
    return entered(base, isf=tuple(block.model_copy(update=b) for b in both))


def flat(rate: float) -> Case:
    return entered(case(now=settings(basal=rate)), basal_u_per_h=(rate,) * 24, daily_basal_u=24 * rate)


def jump(last: float, now_last: float = 1.0) -> Case:
    base = case(now=settings(basal=[1.0] * 23 + [now_last]))
    return entered(base, basal_u_per_h=(*[1.0] * 23, last))


def shares(**percent: float | None) -> dict[str, float | None]:
    """Well within every limit, but for what is named."""
    within = {"below_54": 0.2, "from_54_to_69": 1.0, "below_63": 0.7, "above_140": 20.0, "above_250": 1.0}
    return {f"{name}_percent": value for name, value in {**within, **percent}.items()}


PREGNANT, ADULT, CHILD = AgeGroup.PREGNANT, AgeGroup.ADULT, AgeGroup.CHILD
LOWS: list[tuple[AgeGroup, bool, dict[str, float | None]]] = [
    (ADULT, False, shares()),
    (ADULT, False, shares(below_54=0.5, from_54_to_69=3.4)),
    (ADULT, False, shares(below_54=0.9, from_54_to_69=3.09)),
    (ADULT, True, shares(below_54=0.5, from_54_to_69=3.5)),
    (ADULT, True, shares(below_54=0.1, from_54_to_69=3.9)),
    (ADULT, False, shares(below_54=0.99, from_54_to_69=0.0)),
    (ADULT, True, shares(below_54=1.0, from_54_to_69=0.0)),
    (ADULT, True, shares(below_54=5.0, from_54_to_69=15.0)),
    (CHILD, True, shares(below_54=1.0)),
    (ADULT, False, shares(below_63=9.0)),
    (PREGNANT, False, shares(below_54=0.5, from_54_to_69=6.0, below_63=3.9)),
    (PREGNANT, True, shares(below_54=0.5, from_54_to_69=6.0, below_63=4.0)),
    (PREGNANT, False, shares(below_54=0.9, below_63=1.5)),
    (PREGNANT, True, shares(below_54=1.0, below_63=1.5)),
]
HIGHS: list[tuple[AgeGroup, bool, dict[str, float | None]]] = [
    (ADULT, False, shares(above_250=5.0)),
    (ADULT, True, shares(above_250=5.01)),
    (ADULT, True, shares(above_250=80.0)),
    (ADULT, False, shares(above_140=90.0)),
    (CHILD, True, shares(above_250=5.1)),
    (PREGNANT, False, shares(above_140=25.0)),
    (PREGNANT, True, shares(above_140=25.1)),
    (PREGNANT, True, shares(above_140=20.0, above_250=5.1)),
]
# What is changed does not matter: nothing, more insulin, less insulin.
CHANGES = {"nothing": settings(), "more": settings(isf=52.0, ratio=9.9, basal=1.05), "less": LESS}


def beyond(
    table: list[tuple[AgeGroup, bool, dict[str, float | None]]],
) -> list[tuple[Colour | None, Callable[[], Case]]]:
    return [
        (
            AMBER if found else GREEN,
            lambda group=group, new=new, of=of: case(new=new, age_group=group, glucose=glucose(**of)),
        )
        for group, found, of in table
        for new in CHANGES.values()
    ]


DOUBTS = (
    *("long_acting_pattern", "other_insulin", "travel", "same_event_unsure", "doubtful_glucose"),
    *(
        "site_failure",
        "boluses_missing",
        "untold_meals",
        "illness",
        "loop_stopped",
        "insulin_changed",
        "short_dia",
        "dynamic_isf",
    ),
)


def with_lows_after(share: float, new: Settings | None = None) -> Case:
    """Glucose that is below 70 mg/dL for this share of every hour."""
    made = glucose()
    hours = tuple(h.model_copy(update={"readings": 168, "below_70_percent": share}) for h in made.by_hour)
    return case(new=new, glucose=made.model_copy(update={"by_hour": hours}))


def large(isf: float = 0.0, ratio: float = 0.0, hour: float = 0.0) -> Case:
    base = case()
    found = with_hours(base.evidence, change_percent=lambda h: hour if h == 3 else 0.0)
    isf_, ratio_ = (
        of.model_copy(update={"change_percent": change}) for of, change in ((found.isf, isf), (found.carb_ratio, ratio))
    )
    return replace(base, evidence=found.model_copy(update={"isf": isf_, "carb_ratio": ratio_}))


TABLE: list[tuple[str, Colour | None, Callable[[], Case]]] = [
    ("highs", GREEN, lambda: case(new=LESS, glucose=glucose(from_181_to_250_percent=21.1))),
    ("highs", AMBER, lambda: case(new=LESS, glucose=glucose(from_181_to_250_percent=21.11))),
    ("highs", GREEN, lambda: case(new=settings(basal=1.05), glucose=glucose(from_181_to_250_percent=40.0))),
    ("highs", GREEN, lambda: case(new=LESS, glucose=glucose(from_181_to_250_percent=40.0, from_54_to_69_percent=3.9))),
    ("highs", AMBER, lambda: case(new=LESS, glucose=glucose(from_181_to_250_percent=40.0, from_54_to_69_percent=3.8))),
    ("lows_after_rises", GREEN, lambda: with_lows_after(4.0, settings(basal=1.05))),
    ("lows_after_rises", AMBER, lambda: with_lows_after(4.1, settings(basal=1.05))),
    ("lows_after_rises", GREEN, lambda: with_lows_after(4.1, settings(isf=52.0))),
    ("lows_after_rises", GREEN, lambda: with_lows_after(4.1, LESS)),
    ("large_single", GREEN, lambda: large(isf=9.9, ratio=-9.9, hour=14.9)),
    ("large_single", AMBER, lambda: large(isf=10.0)),
    ("large_single", AMBER, lambda: large(ratio=-10.0)),
    ("large_single", AMBER, lambda: large(hour=-15.0)),
    ("age_group_unknown", AMBER, lambda: replace(case(), age_group_known=False)),
    ("age_group_unknown", GREEN, case),
    ("insulin_unknown", AMBER, lambda: replace(case(), insulin_known=False)),
    ("insulin_unknown", GREEN, case),
    ("upstream_caps", GREEN, lambda: entered(case(), basal_u_per_h=(1.2,) * 24)),
    ("upstream_caps", RED, lambda: entered(case(), basal_u_per_h=(*[1.0] * 23, 1.25))),
    ("upstream_caps", RED, lambda: entered(case(), basal_u_per_h=(*[1.0] * 23, 0.65))),
    ("receiver_limits", GREEN, lambda: flat(10.0)),
    ("receiver_limits", RED, lambda: flat(10.1)),
    ("receiver_limits", RED, lambda: replace(flat(2.1), age_group=AgeGroup.CHILD)),
    ("receiver_limits", GREEN, lambda: replace(flat(10.1), age_group=AgeGroup.PREGNANT)),
    ("receiver_limits", RED, lambda: flat(0.005)),
    ("receiver_limits", RED, lambda: block_ratio(1.9)),
    ("receiver_limits", GREEN, lambda: replace(block_ratio(1.9), age_group=AgeGroup.PREGNANT)),
    ("receiver_limits", RED, lambda: block_isf(1001.0)),
    ("receiver_limits", AMBER, lambda: acting(4.0)),
    ("receiver_limits", AMBER, lambda: acting(9.5)),
    ("receiver_limits", GREEN, lambda: replace(acting(9.5), age_group=AgeGroup.PREGNANT)),
    ("receiver_limits", AMBER, lambda: at_half_past()),
    ("human_range", GREEN, lambda: block_isf(10.0)),
    ("human_range", AMBER, lambda: block_isf(9.9)),
    ("human_range", AMBER, lambda: block_isf(401.0)),
    ("human_range", AMBER, lambda: block_ratio(2.9)),
    ("human_range", AMBER, lambda: block_ratio(61.0)),
    ("several_carb_ratios", GREEN, lambda: ratios(10.0, 10.0, 10.0)),
    ("several_carb_ratios", GREEN, lambda: ratios(10.0, 10.0049)),
    ("several_carb_ratios", RED, lambda: ratios(10.0, 10.0051)),
    ("several_carb_ratios", RED, lambda: ratios(10.0051, 10.0)),
    ("several_carb_ratios", RED, lambda: ratios(10.0, 10.0, 9.9, 10.0)),
    ("several_carb_ratios", GREEN, lambda: isfs(50.0, 40.0)),
    ("several_carb_ratios", RED, lambda: entered(case(), unread=(Part.CARB_RATIO,))),
    ("several_carb_ratios", GREEN, lambda: entered(case(), unread=(Part.ISF,))),
    ("several_isfs", RED, lambda: entered(case(), unread=(Part.ISF,))),
    ("several_isfs", GREEN, lambda: isfs(50.0, 50.0)),
    ("several_isfs", GREEN, lambda: isfs(50.0, 50.024)),
    ("several_isfs", RED, lambda: isfs(50.0, 50.026)),
    ("several_isfs", RED, lambda: isfs(200.0, 201.0)),
    ("several_isfs", GREEN, lambda: ratios(10.0, 8.0)),
    ("several_carb_ratios", GREEN, lambda: as_one(ratios(10.0, 8.0), 0.9501, meals=7)),
    ("several_carb_ratios", AMBER, lambda: as_one(ratios(10.0, 8.0), 0.95, meals=7)),
    ("several_carb_ratios", AMBER, lambda: as_one(ratios(10.0, 8.0), 1.05, meals=7)),
    ("several_carb_ratios", GREEN, lambda: as_one(ratios(10.0, 8.0), 1.0, meals=7)),
    ("several_carb_ratios", AMBER, lambda: as_one(ratios(10.0, 8.0), 1.0, meals=6)),
    ("several_carb_ratios", AMBER, lambda: as_one(ratios(10.0, 8.0), 1.0, OneValueFrom.TIME, meals=0)),
    ("several_carb_ratios", RED, lambda: entered(as_one(ratios(10.0, 8.0), 1.0, meals=7), unread=(Part.CARB_RATIO,))),
    ("several_isfs", GREEN, lambda: as_one(isfs(50.0, 40.0), 1.0499, OneValueFrom.ISF_POINTS)),
    ("several_isfs", AMBER, lambda: as_one(isfs(50.0, 40.0), 1.05, OneValueFrom.ISF_POINTS)),
    ("several_isfs", AMBER, lambda: as_one(isfs(50.0, 40.0), 1.0, OneValueFrom.TIME)),
    ("several_isfs", RED, lambda: as_one(isfs(50.0, 40.0), 1.0, meals=7)),
    *[("beyond_low_limit", colour, made) for colour, made in beyond(LOWS)],
    *[("beyond_high_limit", colour, made) for colour, made in beyond(HIGHS)],
    ("lows", GREEN, lambda: case(glucose=glucose(below_54_percent=0.4, from_54_to_69_percent=1.5))),
    ("lows", AMBER, lambda: case(glucose=glucose(below_54_percent=0.5, from_54_to_69_percent=0.5))),
    ("lows", AMBER, lambda: case(glucose=glucose(below_54_percent=0.1, from_54_to_69_percent=2.0))),
    ("lows", RED, lambda: case(glucose=glucose(below_54_percent=1.0, from_54_to_69_percent=0.5))),
    ("lows", RED, lambda: case(glucose=glucose(below_54_percent=0.4, from_54_to_69_percent=3.6))),
    ("lows", GREEN, lambda: case(new=LESS, glucose=glucose(below_54_percent=2.0, from_54_to_69_percent=5.0))),
    ("lows", RED, lambda: case(new=NIGHT, glucose=glucose(below_54_percent=3.0, from_54_to_69_percent=7.0))),
    ("daily_basal", GREEN, lambda: entered(case(), daily_basal_u=26.3)),
    ("daily_basal", AMBER, lambda: entered(case(), daily_basal_u=26.5)),
    ("daily_basal", AMBER, lambda: entered(case(), daily_basal_u=21.5)),
    ("several_at_once", GREEN, lambda: case(new=settings(isf=60.0, ratio=9.5))),
    ("several_at_once", AMBER, lambda: case(new=settings(isf=60.0, ratio=9.0))),
    ("several_at_once", AMBER, lambda: replace(case(), recommended=settings(dia_h=7.0), evidence=moved().evidence)),
    ("at_cap", GREEN, case),
    ("at_cap", AMBER, lambda: isf_with(at_cap=Cap.HIGH)),
    ("wide_caps", AMBER, lambda: case(caps=Caps(0.5, 1.2))),
    ("wide_caps", AMBER, lambda: case(caps=Caps(0.7, 1.3))),
    ("wide_caps", GREEN, lambda: case(caps=Caps(0.8, 1.1))),
    ("insulin_curve", GREEN, lambda: acting(9.5)),
    ("insulin_curve", AMBER, lambda: replace(case(), recommended=settings(dia_h=7.0))),
    ("continues_previous", AMBER, lambda: case(continues_previous=True)),
    ("many_at_caps", GREEN, lambda: hours_with(at_cap=lambda h: Cap.HIGH if h < 11 else None)),
    ("many_at_caps", AMBER, lambda: hours_with(at_cap=lambda h: Cap.HIGH if h < 12 else None)),
    ("many_at_caps", RED, lambda: hours_with(at_cap=lambda h: Cap.LOW if h < 20 else None)),
    ("jumps", GREEN, lambda: jump(1.5)),
    ("jumps", AMBER, lambda: jump(1.55)),
    ("jumps", GREEN, lambda: jump(1.55, now_last=1.55)),
    ("too_little_data", GREEN, lambda: case(days=days(7))),
    ("too_little_data", AMBER, lambda: case(days=days(6))),
    ("too_little_data", AMBER, lambda: case(days=days(3))),
    ("too_little_data", RED, lambda: case(days=days(2))),
    ("too_little_data", AMBER, lambda: case(days=days(6) + days(3, "red"))),
    ("coverage", GREEN, lambda: case(glucose=glucose(coverage_percent=70.0))),
    ("coverage", AMBER, lambda: case(glucose=glucose(coverage_percent=69.9))),
    ("coverage", RED, lambda: case(glucose=None)),
    ("amber_days", GREEN, lambda: case(days=days(8) + days(4, "amber"))),
    ("amber_days", AMBER, lambda: case(days=days(7) + days(4, "amber"))),
    ("old_data", GREEN, lambda: case(age_days=14.0)),
    ("old_data", AMBER, lambda: case(age_days=14.1)),
    ("other_profile", GREEN, lambda: case(days=days(14, other_h=4.7))),
    ("other_profile", AMBER, lambda: case(days=days(14, other_h=4.9))),
    ("other_profile", RED, lambda: case(days=days(14, other_h=12.0))),
    ("other_profile", AMBER, lambda: case(days=[DayUsed("green", 4, 2.0, 3.0)] * 14)),
    ("unlogged_lows", GREEN, lambda: case(glucose=glucose(rises_after_lows_without_carbs=2))),
    ("unlogged_lows", AMBER, lambda: case(glucose=glucose(rises_after_lows_without_carbs=3))),
    ("unlogged_lows", RED, lambda: case(glucose=glucose(rises_after_lows_without_carbs=7))),
    ("unannounced_meals", GREEN, lambda: case(glucose=glucose(unannounced_share_percent=19.9))),
    ("unannounced_meals", AMBER, lambda: case(glucose=glucose(unannounced_share_percent=20.0))),
    ("unannounced_meals", RED, lambda: case(glucose=glucose(unannounced_share_percent=40.0))),
    ("unannounced_meals", AMBER, lambda: case(days=days(6) + days(8, carbs=0))),
    ("unannounced_meals", GREEN, lambda: case(glucose=glucose(unannounced_share_percent=None))),
    ("data_as_served", AMBER, lambda: case(corrected=False)),
    ("data_as_served", AMBER, lambda: case(quarantined=1)),
    *[(name, AMBER, lambda name=name: case(doubts=[Doubt(name, "amber", "Said.")])) for name in DOUBTS],
    ("travel", RED, lambda: case(doubts=[Doubt("travel", c, "Said.") for c in ("amber", "red", "amber")])),
    ("travel", GREEN, lambda: case(doubts=[Doubt("other_insulin", "amber", "Said.")])),
    ("certainty_unknown", AMBER, lambda: evidence_with(repetitions=None)),
    ("certainty_unknown", GREEN, lambda: evidence_with(repetitions=repeated(20, 2))),
    ("certainty_unknown", AMBER, lambda: evidence_with(repetitions=repeated(19, 0))),
    ("certainty_unknown", AMBER, lambda: evidence_with(repetitions=repeated(80, 20))),
    ("weakly_tuned", AMBER, moved),
    ("weakly_tuned", AMBER, lambda: case(new=settings(ratio=9.0))),
    ("weakly_tuned", GREEN, lambda: case(new=settings(basal=1.1))),
    ("few_points", GREEN, lambda: isf_with(points=50)),
    ("few_points", AMBER, lambda: isf_with(points=49)),
    ("few_points", AMBER, lambda: meals(6, 10.6)),
    ("few_points", GREEN, lambda: meals(7, 10.6)),
    ("few_points", GREEN, lambda: meals(1, 10.4)),
    ("low_agreement", GREEN, moved),
    ("low_agreement", AMBER, lambda: replace(moved(), evidence=evidence(settings(), settings(isf=60.0), UNSURE))),
    ("low_agreement", GREEN, lambda: replace(moved(), evidence=evidence(settings(), settings(isf=52.0), UNSURE))),
    ("low_agreement", AMBER, lambda: hours_with(agreement=lambda h: UNSURE if h < 9 else None)),
    ("low_agreement", GREEN, lambda: hours_with(agreement=lambda h: UNSURE if h < 8 else None)),
    ("hours_without_data", GREEN, lambda: hours_with(days_without_points=7)),
    ("hours_without_data", AMBER, lambda: hours_with(days_without_points=8)),
    ("insulin_unseen", GREEN, lambda: correlated(0.201)),
    ("insulin_unseen", AMBER, lambda: correlated(0.2)),
    ("insulin_unseen", AMBER, lambda: correlated(-0.9)),
    ("insulin_unseen", GREEN, lambda: correlated(0.1, needed=None)),  # sealed before it was held against anything
    ("held_out", GREEN, lambda: evidence_with(held_out=held_out(True))),
    ("held_out", GREEN, lambda: evidence_with(held_out=held_out(None))),
    ("held_out", AMBER, lambda: evidence_with(held_out=held_out(False))),
    ("depends_on_choices", GREEN, lambda: evidence_with(sensitivity=(variant(65.9),))),
    ("depends_on_choices", AMBER, lambda: evidence_with(sensitivity=(variant(66.1),))),
    ("self_check", AMBER, lambda: case(recomputed_exactly=True)),
]


@pytest.mark.parametrize(("name", "expected", "make"), TABLE, ids=[f"{n}-{c}-{i}" for i, (n, c, _) in enumerate(TABLE)])
def test_a_rule_finds_what_it_is_for(name: str, expected: Colour | None, make: Callable[[], Case]) -> None:
    found = {r.rule: r for r in judge_case(make()).reasons}
    assert (found[name].colour if name in found else None) == expected


def test_every_rule_is_in_the_table_and_has_its_own_name() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    of_steps = {"last_step"}  # tests/unit/judgement/test_stepped.py
    assert {name for name, colour, _ in TABLE if colour is not None} | of_steps == set(names)
    assert all(rule.title and not re.search(r"\d", rule.title) for rule in RULES)  # shown where others may see it


@pytest.mark.parametrize("new", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(
    ("of", "sides"),
    [
        (shares(below_54=5.0, from_54_to_69=15.0), ["low"]),
        (shares(above_250=80.0), ["high"]),
        (shares(below_54=1.0, above_250=5.1), ["low", "high"]),
        (shares(), []),
    ],
)
def test_beyond_a_limit_there_is_no_green_and_never_nothing_to_change(
    of: dict[str, float], sides: list[str], new: Settings
) -> None:
    verdict = judge_case(case(new=new, glucose=glucose(**of)))
    assert list(verdict.beyond_limits) == sides
    assert verdict.nothing_certain == (not verdict.worth_changing)
    assert verdict.nothing_to_change == (verdict.nothing_certain and not sides)
    assert ("outside the consensus limits" in verdict.headline) == bool(sides)
    if sides:
        assert verdict.colour is not Colour.GREEN
        assert "nothing to change" not in verdict.headline.lower()
    assert not re.search(r"\d", verdict.headline)  # shown where others may see it


@pytest.mark.parametrize(
    ("of", "group", "said"),
    [
        (
            shares(below_54=1.25, from_54_to_69=4.0),
            ADULT,
            "below 70 mg/dL (3.9 mmol/L) for 5.25 % of the time (less than 4 %",
        ),
        (shares(below_54=1.25), ADULT, "below 54 mg/dL (3.0 mmol/L) for 1.25 % of the time (less than 1 %"),
        (shares(above_250=31.61), ADULT, "above 250 mg/dL (13.9 mmol/L) for 31.61 % of the time (at most 5 %"),
        (shares(below_63=4.2), PREGNANT, "below 63 mg/dL (3.5 mmol/L) for 4.2 % of the time (less than 4 %"),
        (shares(above_140=40.0), PREGNANT, "above 140 mg/dL (7.8 mmol/L) for 40 % of the time (at most 25 %"),
    ],
)
def test_the_reason_names_share_limit_and_source(of: dict[str, float], group: AgeGroup, said: str) -> None:
    verdict = judge_case(case(age_group=group, glucose=glucose(**of)))
    (reason,) = [r for r in verdict.reasons if r.rule.startswith("beyond_")]
    assert said in reason.sentence
    assert "International Consensus" in reason.sentence and "2019;42:1593" in reason.source
    assert ("pregnancy" in reason.sentence) == (group is PREGNANT)


def test_nothing_speaks_against_a_small_agreed_change_from_good_data() -> None:
    verdict = judge_case(case())
    assert verdict.colour is Colour.GREEN
    assert verdict.reasons == ()
    assert verdict.rules_checked == tuple(rule.name for rule in RULES)


def test_the_worst_colour_is_the_verdicts_and_stands_first() -> None:
    verdict = judge_case(case(age_days=20.0, days=days(2)))
    assert verdict.colour is Colour.RED
    assert [r.colour for r in verdict.reasons][:1] == [Colour.RED]
    assert "Do not use" in verdict.headline


@pytest.mark.parametrize(
    ("isf", "ratio", "basal", "expected"),
    [
        (52.4, 10.4, 1.02, []),
        (52.6, 10.0, 1.0, ["isf"]),
        (50.0, 9.4, 1.0, ["carb_ratio"]),
        (50.0, 10.0, [1.0] * 23 + [1.1], ["basal_23"]),
        (50.0, 10.0, 1.09, ["daily_basal"]),
    ],
)
def test_only_a_change_large_enough_is_worth_it(
    isf: float, ratio: float, basal: list[float] | float, expected: list[str]
) -> None:
    found = case(new=settings(isf, ratio, basal))
    assert worth_changing(found) == expected
    verdict = judge_case(found)
    assert (verdict.nothing_to_change, list(verdict.worth_changing)) == (not expected, expected)


def test_a_change_the_repetitions_do_not_agree_on_is_not_worth_it() -> None:
    new = settings(60.0, 12.0, 1.15)
    assert worth_changing(case(new=new, evidence=evidence(settings(), new, UNSURE))) == []


@pytest.mark.parametrize(("make", "trusted"), [(ratios, "isf"), (isfs, "carb_ratio")])
def test_what_was_tuned_as_the_mean_of_several_is_never_worth_changing(make: Callable[..., Case], trusted: str) -> None:
    new = settings(60.0, 12.0, 1.0)
    far = evidence(settings(), new)
    one, two = (replace(make(*values), evidence=far) for values in ((10.0, 10.0), (10.0, 8.0)))
    assert {"isf", "carb_ratio"} <= set(worth_changing(one))
    assert [key for key in worth_changing(two) if key in ("isf", "carb_ratio")] == [trusted]
    verdict = judge_case(two)
    assert verdict.colour is Colour.RED
    (reason,) = [r for r in verdict.reasons if r.rule.startswith("several_") and r.colour is Colour.RED]
    assert "has 2 different" in reason.sentence
    assert "the recommendation for them cannot be trusted yet" in reason.sentence


@pytest.mark.parametrize(
    ("how", "meals", "worth"),
    [(OneValueFrom.MEALS, 7, True), (OneValueFrom.MEALS, 6, False), (OneValueFrom.TIME, 30, False)],
)
def test_several_ratios_are_worth_changing_where_their_one_rests_on_enough_meals(
    how: OneValueFrom, meals: int, worth: bool
) -> None:
    far = evidence(settings(), settings(50.0, 12.0, 1.0))
    made = replace(as_one(ratios(10.0, 8.0), 1.2, how, meals=meals), evidence=far)
    assert ("carb_ratio" in worth_changing(made)) is worth
    assert Colour.RED not in {r.colour for r in judge_case(made).reasons if r.rule == "several_carb_ratios"}


def test_a_reason_names_the_blocks_that_stay() -> None:
    made = as_one(ratios(*[10.0, 8.0] * 4), 0.9, meals=9)
    eaten = [b.model_copy(update={"meals": 9 if n == 1 else 0}) for n, b in enumerate(made.for_pump.carb_ratio)]
    (reason,) = [
        r for r in judge_case(entered(made, carb_ratio=tuple(eaten))).reasons if r.rule.startswith("several_c")
    ]
    assert "by −10 %" in reason.sentence
    assert "those from 00:00, 04:00, 06:00, 08:00, 10:00, 12:00 and 1 more have none and stay" in reason.sentence


def test_several_that_could_not_be_read_are_said_without_a_count() -> None:
    verdict = judge_case(entered(case(), unread=(Part.CARB_RATIO,)))
    (reason,) = [r for r in verdict.reasons if r.colour is Colour.RED]
    assert "has several carb ratios whose times or values cannot be read" in reason.sentence


@h_settings(deadline=None)
@given(st.lists(st.sampled_from([4.0, 8.0, 8.1, 15.0]), min_size=1, max_size=8), st.randoms())
def test_only_values_that_differ_make_several_whatever_their_order(values: list[float], chance: Any) -> None:
    assert different(values) == len(set(values))
    chance.shuffle(values)
    assert different(values) == len(set(values))


@given(st.floats(0.85, 1.2), st.floats(0.85, 1.2), st.floats(0.85, 1.2))
def test_more_insulin_is_seen_whichever_setting_brings_it(isf: float, ratio: float, basal: float) -> None:
    found = case(new=settings(50.0 * isf, 10.0 * ratio, [1.0 * basal] * 24))
    entered_basal = found.for_pump.daily_basal_u / 24
    expected = (
        entered_basal > 1.02
        or max(found.for_pump.basal_u_per_h) >= 1.1
        or found.for_pump.isf[0].recommended_mgdl_per_u < 49.0
        or found.for_pump.carb_ratio[0].recommended_g_per_u < 9.8
    )
    assert more_aggressive(found) == expected
