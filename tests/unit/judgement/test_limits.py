"""The exact values at which a safety rule begins to hold, and the sentences that count something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from flows.judgement.case import Case, DayUsed, more_aggressive, worth_changing
from flows.judgement.headline import Beyond, colour_today, headline, headline_today
from flows.judgement.verdict import RULES, judge_case
from flows.proposal.aaps_limits import AAPS_LIMITS
from flows.proposal.consensus_limits import LOW
from flows.proposal.document import Colour
from flows.proposal.rounding import EXACT
from flows.settings import AgeGroup
from tests.proposal_case import CAPS, SURE, UNSURE, case, entered, evidence, glucose, settings, with_hours
from tests.unit.judgement.test_verdict import (
    block_isf,
    block_ratio,
    days,
    evidence_with,
    flat,
    held_out,
    hours_with,
    isf_with,
    jump,
    meals,
    repeated,
    variant,
)

GREEN, AMBER, RED = None, Colour.AMBER, Colour.RED
ADULT = AAPS_LIMITS[AgeGroup.ADULT]
SLACK = 0.0011


def at_caps(last: float) -> Case:
    return entered(case(), basal_u_per_h=(*[1.0] * 23, last))


def entered_hours(rates: list[float]) -> Case:
    return entered(case(now=settings(basal=[1.0] * 24)), basal_u_per_h=tuple(rates), daily_basal_u=sum(rates))


def acting(dia_h: float | None) -> Case:
    made = settings().model_copy(update={"dia_h": dia_h})
    return case(now=made, new=settings(isf=52.0, ratio=9.9, basal=1.05).model_copy(update={"dia_h": dia_h}))


def changed(isf: float = 0.0, ratio: float = 0.0, daily: float = 0.0) -> Case:
    """A case whose evidence names these changes, in percent."""
    base = case()
    new = base.evidence.isf.model_copy(update={"change_percent": isf})
    other = base.evidence.carb_ratio.model_copy(update={"change_percent": ratio})
    made = replace(base, evidence=base.evidence.model_copy(update={"isf": new, "carb_ratio": other}))
    return entered(made, daily_basal_u=24 * (1 + daily / 100))


def meals_changing(percent: float, count: int | None = 6) -> Case:
    base = changed(ratio=percent)
    ratio = base.evidence.carb_ratio.model_copy(update={"periods_used": count})
    return replace(base, evidence=base.evidence.model_copy(update={"carb_ratio": ratio}))


def unsure(part: str, percent: float) -> Case:
    base = changed(**{"isf" if part == "isf" else "ratio": percent})
    found = getattr(base.evidence, part).model_copy(update={"agreement": UNSURE})
    return replace(base, evidence=base.evidence.model_copy(update={part: found}))


TABLE: list[tuple[str, Colour | None, Callable[[], Case]]] = [
    ("upstream_caps", GREEN, lambda: at_caps(CAPS.basal(1.0)[1] + SLACK)),
    ("upstream_caps", RED, lambda: at_caps(CAPS.basal(1.0)[1] + 0.0012)),
    ("upstream_caps", GREEN, lambda: at_caps(CAPS.basal(1.0)[0] - SLACK)),
    ("upstream_caps", RED, lambda: at_caps(CAPS.basal(1.0)[0] - 0.0012)),
    ("receiver_limits", GREEN, lambda: flat(10.0 + EXACT)),
    ("receiver_limits", GREEN, lambda: flat(0.01)),
    ("receiver_limits", GREEN, lambda: block_ratio(2.0)),
    ("receiver_limits", GREEN, lambda: block_ratio(100.0)),
    ("receiver_limits", RED, lambda: block_ratio(100.1)),
    ("receiver_limits", GREEN, lambda: block_isf(2.0)),
    ("receiver_limits", RED, lambda: block_isf(1.9)),
    ("receiver_limits", GREEN, lambda: block_isf(1000.0)),
    ("receiver_limits", GREEN, lambda: acting(5.0)),
    ("receiver_limits", GREEN, lambda: acting(9.0)),
    ("receiver_limits", GREEN, lambda: acting(None)),
    ("human_range", GREEN, lambda: block_isf(400.0)),
    ("human_range", AMBER, lambda: block_isf(400.5)),
    ("human_range", GREEN, lambda: block_ratio(3.0)),
    ("human_range", GREEN, lambda: block_ratio(60.0)),
    ("human_range", AMBER, lambda: block_ratio(60.5)),
    ("several_at_once", GREEN, lambda: changed(isf=20.0, ratio=9.99)),
    ("several_at_once", AMBER, lambda: changed(isf=20.0, ratio=-10.0)),
    ("several_at_once", GREEN, lambda: changed(isf=20.0, daily=9.95)),
    ("several_at_once", AMBER, lambda: changed(isf=20.0, daily=10.05)),
    ("several_at_once", GREEN, lambda: changed(isf=20.0)),
    ("many_at_caps", AMBER, lambda: hours_with(at_cap=lambda h: "high" if h < 19 else None)),
    ("jumps", GREEN, lambda: jump(1.5 * (1 + EXACT))),
    ("jumps", GREEN, lambda: entered_hours([1.0] * 10 + [1.3, 1.6, 1.9] + [1.6, 1.3] + [1.0] * 9)),
    ("other_profile", GREEN, lambda: case(days=[])),
    ("other_profile", AMBER, lambda: case(days=days(5, other_h=4.8))),
    ("other_profile", AMBER, lambda: case(days=days(5, other_h=11.9))),
    ("unlogged_lows", AMBER, lambda: case(glucose=glucose(rises_after_lows_without_carbs=6))),
    ("unannounced_meals", AMBER, lambda: case(glucose=glucose(unannounced_share_percent=39.9))),
    ("unannounced_meals", GREEN, lambda: case(days=days(7) + days(7, carbs=0))),
    ("unannounced_meals", GREEN, lambda: case(days=[DayUsed("green", None, 0.0)] * 14)),
    ("certainty_unknown", GREEN, lambda: evidence_with(repetitions=repeated(27, 3))),
    ("certainty_unknown", AMBER, lambda: evidence_with(repetitions=repeated(26, 3))),
    ("few_points", GREEN, lambda: isf_with(points=None)),
    ("few_points", GREEN, lambda: isf_with(points=49, change_percent=4.99)),
    ("few_points", AMBER, lambda: isf_with(points=49, change_percent=-5.0)),
    ("few_points", GREEN, lambda: meals_changing(4.99)),
    ("few_points", AMBER, lambda: meals_changing(-5.0)),
    ("few_points", GREEN, lambda: meals_changing(50.0, None)),
    ("low_agreement", GREEN, lambda: unsure("isf", 4.99)),
    ("low_agreement", AMBER, lambda: unsure("isf", -5.0)),
    ("low_agreement", GREEN, lambda: unsure("carb_ratio", -4.99)),
    ("low_agreement", AMBER, lambda: unsure("carb_ratio", 5.0)),
    ("low_agreement", GREEN, lambda: hours_with(agreement=UNSURE, change_percent=4.99)),
    ("low_agreement", AMBER, lambda: hours_with(agreement=UNSURE, change_percent=-5.0)),
    ("hours_without_data", GREEN, lambda: hours_with(days_without_points=8, change_percent=4.99)),
    ("hours_without_data", AMBER, lambda: hours_with(days_without_points=8, change_percent=-5.0)),
    ("hours_without_data", GREEN, lambda: hours_with(days_without_points=None, change_percent=9.0)),
    ("depends_on_choices", GREEN, lambda: evidence_with(sensitivity=(variant(54.1),))),
    ("depends_on_choices", AMBER, lambda: evidence_with(sensitivity=(variant(53.9),))),
]


@pytest.mark.parametrize(("name", "expected", "make"), TABLE, ids=[f"{n}-{c}-{i}" for i, (n, c, _) in enumerate(TABLE)])
def test_a_rule_holds_from_exactly_here_on(name: str, expected: Colour | None, make: Callable[[], Case]) -> None:
    found = {r.rule: r for r in judge_case(make()).reasons}
    assert (found[name].colour if name in found else None) == expected


def sentence(made: Case, name: str) -> str:
    (reason,) = [r for r in judge_case(made).reasons if r.rule == name]
    return reason.sentence


def half_past(count: int) -> Case:
    base = case()
    block = base.for_pump.isf[0]
    blocks = [block.model_copy(update={"start": f"{n:02d}:30"}) for n in range(1, count + 1)]
    return entered(base, isf=(block, *blocks))


@pytest.mark.parametrize(
    ("made", "name", "said"),
    [
        (lambda: case(days=days(1)), "too_little_data", "1 good day is too few"),
        (lambda: case(days=days(2)), "too_little_data", "2 good days are too few"),
        (lambda: meals(1, 12.0), "few_points", "from 1 meal."),
        (lambda: meals(2, 12.0), "few_points", "from 2 meals."),
        (lambda: half_past(4), "receiver_limits", "at 01:30, 02:30, 03:30, 04:30."),
        (lambda: half_past(5), "receiver_limits", "at 01:30, 02:30, 03:30, 04:30."),
        (lambda: evidence_with(repetitions=None), "certainty_unknown", "it was not asked for"),
        (
            lambda: evidence_with(repetitions=None, why_no_repetitions="too few days"),
            "certainty_unknown",
            "(too few days)",
        ),
    ],
)
def test_a_reason_counts_what_it_names(made: Callable[[], Case], name: str, said: str) -> None:
    assert said in sentence(made(), name)


def test_days_kept_aside_matter_only_where_something_would_change() -> None:
    nothing = replace(changed(), evidence=changed().evidence.model_copy(update={"held_out": held_out(False)}))
    assert worth_changing(nothing) == []
    assert "held_out" not in {r.rule for r in judge_case(nothing).reasons}


def test_without_documents_only_the_profile_in_force_goes_unchecked() -> None:
    checked = judge_case(case(profiles_known=False)).rules_checked
    assert [r.name for r in RULES if r.name not in checked] == ["other_profile"]


@pytest.mark.parametrize(
    ("isf", "ratio", "daily", "worth"),
    [
        (4.99, -4.99, 4.9, []),
        (5.0, 0.0, 0.0, ["isf"]),
        (-5.0, 0.0, 0.0, ["isf"]),
        (0.0, 5.0, 0.0, ["carb_ratio"]),
        (0.0, 0.0, 5.1, ["daily_basal"]),
        (0.0, 0.0, -5.1, ["daily_basal"]),
    ],
)
def test_a_twentieth_is_worth_a_change(isf: float, ratio: float, daily: float, worth: list[str]) -> None:
    found = changed(isf, ratio, daily)
    found = replace(found, evidence=with_hours(found.evidence, change_percent=daily))
    assert worth_changing(found) == worth


@pytest.mark.parametrize(("percent", "is_worth"), [(9.99, False), (10.0, True), (-10.0, True)])
def test_a_tenth_of_an_hour_s_basal_is(percent: float, is_worth: bool) -> None:
    found = changed()
    found = replace(found, evidence=with_hours(found.evidence, change_percent=lambda h: percent if h == 3 else 0.0))
    assert worth_changing(found) == (["basal_03"] if is_worth else [])


@pytest.mark.parametrize(("share", "is_worth"), [(0.9, True), (0.89, False)])
def test_nine_in_ten_repetitions_agree(share: float, is_worth: bool) -> None:
    agreement = SURE.model_copy(update={"share": share})
    new = settings(isf=60.0)
    assert ("isf" in worth_changing(case(new=new, evidence=evidence(settings(), new, agreement)))) is is_worth


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("sure", "against", "is_worth"),
    [
        (11, 0, False),
        (12, 0, True),  # half of the change
        (13, 0, True),
        (11, 2, False),  # hours that go the other way do not count
        (0, 0, False),
    ],
)
def test_a_day_s_change_needs_half_of_it_agreed_on(sign: int, sure: int, against: int, is_worth: bool) -> None:
    found = changed(daily=sign * 8.0)
    hours = with_hours(
        found.evidence,
        change_percent=sign * 8.0,
        agreement=lambda h: SURE if h < sure else UNSURE,
    )
    others = tuple(
        hours.basal[0].model_copy(update={"hour": n, "change_percent": -9.0 * sign, "agreement": SURE})
        for n in range(against)
    )
    found = replace(found, evidence=hours.model_copy(update={"basal": (*hours.basal, *others)}))
    assert ("daily_basal" in worth_changing(found)) is is_worth


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("percent", "is_worth"), [(0.1, False), (8.0, False)])
def test_hours_of_little_change_count_with_their_weight(sign: int, percent: float, is_worth: bool) -> None:
    found = changed(daily=sign * 8.0)
    hours = with_hours(found.evidence, change_percent=sign * percent, agreement=UNSURE)
    assert ("daily_basal" in worth_changing(replace(found, evidence=hours))) is is_worth


@pytest.mark.parametrize(
    ("made", "is_more"),
    [
        (lambda: entered(case(new=settings()), daily_basal_u=24.0 * (1 + 0.02)), False),
        (lambda: entered(case(new=settings()), daily_basal_u=24.5), True),
        (lambda: entered(case(new=settings()), basal_u_per_h=(*[1.0] * 23, 1.09)), False),
        (lambda: entered(case(new=settings()), basal_u_per_h=(*[1.0] * 23, 1.0 * (1 + 0.10))), True),
        (lambda: blocks(49.0, 10.0), False),
        (lambda: blocks(48.9, 10.0), True),
        (lambda: blocks(50.0, 9.8), False),
        (lambda: blocks(50.0, 9.79), True),
    ],
)
def test_more_insulin_begins_at_two_percent(made: Callable[[], Case], is_more: bool) -> None:
    assert more_aggressive(made()) is is_more


def blocks(isf: float, ratio: float) -> Case:
    base = case(new=settings())
    return entered(
        base,
        isf=(base.for_pump.isf[0].model_copy(update={"recommended_mgdl_per_u": isf}),),
        carb_ratio=(base.for_pump.carb_ratio[0].model_copy(update={"recommended_g_per_u": ratio}),),
    )


@pytest.mark.parametrize(
    ("colour", "nothing_certain", "beyond", "said"),
    [
        (Colour.RED, False, (), "Do not use these numbers: see the reasons."),
        (Colour.RED, True, (LOW,), "Do not use these numbers: see the reasons. Glucose is outside"),
        (Colour.AMBER, True, (LOW,), "Glucose is outside the consensus limits, and no change"),
        (Colour.AMBER, False, (LOW,), "Glucose is outside the consensus limits: read the reasons"),
        (Colour.AMBER, True, (), "Nothing to change"),
        (Colour.AMBER, False, (), "A recommendation with reservations"),
        (Colour.GREEN, False, (), "A recommendation that nothing in the data speaks against."),
    ],
)
def test_the_headline_follows_colour_certainty_and_limits(
    colour: Colour, nothing_certain: bool, beyond: Beyond, said: str
) -> None:
    assert headline(colour, nothing_certain, beyond).startswith(said)


@pytest.mark.parametrize(
    ("colour", "beyond", "when_sealed", "is_sealed"),
    [
        (Colour.AMBER, (), (), True),
        (Colour.AMBER, (LOW,), (LOW,), True),
        (Colour.RED, (LOW,), (), True),
        (Colour.RED, (), (), True),
        (Colour.GREEN, (LOW,), (), False),
        (Colour.AMBER, (LOW,), (), False),
    ],
)
def test_an_old_headline_stays_but_where_a_limit_is_new_to_it(
    colour: Colour, beyond: Beyond, when_sealed: Beyond, is_sealed: bool
) -> None:
    assert (headline_today("as sealed", colour, True, beyond, when_sealed) == "as sealed") is is_sealed


@pytest.mark.parametrize(
    ("sealed", "beyond", "colour"),
    [
        (Colour.GREEN, (LOW,), Colour.AMBER),
        (Colour.GREEN, (), Colour.GREEN),
        (Colour.AMBER, (LOW,), Colour.AMBER),
        (Colour.RED, (LOW,), Colour.RED),
    ],
)
def test_only_a_green_that_is_beyond_a_limit_changes_colour(sealed: Colour, beyond: Beyond, colour: Colour) -> None:
    assert colour_today(sealed, beyond) is colour
