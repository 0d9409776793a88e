"""What the first screen says: how glucose is, what to keep and why, and when to look again."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from flows.proposal.document import Proposal
from flows.proposal.glucose import gmi_percent
from flows.proposal.step_document import Because, FollowUp, FollowUpVerdict, GlucoseShares, StepKind, Watch
from flows.report.first_screen import KEPT_BECAUSE, LAST_STEP, NOT_ENOUGH, WATCHED, first_screen, how_glucose_is
from flows.values.parts import Part
from tests import sample_proposals

Model = TypeVar("Model", bound=BaseModel)


def shares(below_54: float, low: float, within: float, high: float, above_250: float) -> dict[str, float]:
    """Of glucose in percent, the lowest first."""
    names = (
        "below_54_percent",
        "from_54_to_69_percent",
        "in_range_70_180_percent",
        "from_181_to_250_percent",
        "above_250_percent",
    )
    return dict(zip(names, (below_54, low, within, high, above_250), strict=True))


ON_TARGET = shares(0.2, 1.4, 80.2, 16.0, 2.2)
MANY_HIGHS = shares(0.2, 1.4, 68.2, 23.0, 7.2)
LOWS_AND_HIGHS = shares(1.2, 4.4, 60.2, 26.0, 8.2)


def follow_up(verdict: FollowUpVerdict) -> FollowUp:
    """Of a step eight days ago, with more lows since."""
    before, after = (
        GlucoseShares(
            days=7,
            below_54_percent=0.4,
            below_70_percent=low,
            in_range_70_180_percent=70.0,
            above_180_percent=30.0 - low,
        )
        for low in (2.1, 4.3)
    )
    return FollowUp(
        change="",
        proposal_sha256="",
        run="20260501-020000-aaaaaa",
        taken_on="2026-05-01",
        days_since=8,
        before=before,
        after=after,
        weekdays_paired=7,
        verdict=verdict,
        reasons=("below_70",),
    )


def with_glucose(options: dict[str, Any] | None = None, **changes: Any) -> Proposal:
    made = sample_proposals.document()
    made["glucose"] |= ON_TARGET | changes
    made["options"] |= options or {}
    return sample_proposals.sealed(made)


def replaced(model: Model, **changes: Any) -> Model:
    return model.model_copy(update=changes)


def test_every_id_has_its_words() -> None:
    assert (set(KEPT_BECAUSE), set(WATCHED), set(LAST_STEP)) == (set(Because), set(Watch), set(FollowUpVerdict))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "On target."),
        ({"in_range_70_180_percent": 70.1}, "On target."),
        ({"in_range_70_180_percent": 70.0}, "Above target."),
        ({"from_181_to_250_percent": 22.7}, "On target."),  # with 2.2 above 250
        ({"from_181_to_250_percent": 22.8}, "Above target."),
        ({"above_250_percent": 5.0}, "On target."),
        ({"above_250_percent": 5.1}, "Above target."),
        ({"from_54_to_69_percent": 3.7}, "On target."),  # with 0.2 below 54
        ({"from_54_to_69_percent": 3.8}, "Too many lows."),
        ({"below_54_percent": 0.9}, "On target."),
        ({"below_54_percent": 1.0}, "Too many lows."),
        ({"below_54_percent": 1.0, "above_250_percent": 5.1}, "Too many lows and highs."),
        ({"coverage_percent": 70.0}, "On target."),
        ({"coverage_percent": 69.9}, "Within the targets, but with readings for 69.9 % of the time only."),
    ],
)
def test_on_target_is_said_where_every_target_is_met_and_of_enough_readings(
    changes: dict[str, float], said: str
) -> None:
    assert how_glucose_is(with_glucose(**changes)) == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Not known against the limits in pregnancy."),
        ({"below_63_percent": 3.9, "above_140_percent": 25.0}, "On target."),
        ({"below_63_percent": 4.0, "above_140_percent": 25.0}, "Too many lows."),
        ({"below_63_percent": 3.9, "above_140_percent": 25.1}, "Above target."),
    ],
)
def test_in_pregnancy_its_own_limits_count_and_no_gmi_is_said(changes: dict[str, float], said: str) -> None:
    screen = first_screen(with_glucose({"age_group": "pregnant"}, **changes))
    assert screen.glucose == said
    assert screen.gmi_percent is None
    known = {"below 63": changes.get("below_63_percent"), "in 63–140": 71.1 if said == "On target." else None}
    assert [share.mgdl for share in screen.shares] == list(known)
    assert said != "On target." or [share.percent for share in screen.shares] == list(known.values())


# Of the paper's own table (Diabetes Care 2018;41:2275).
@pytest.mark.parametrize(("mean_mgdl", "percent"), [(100, 5.7), (150, 6.9), (200, 8.1), (250, 9.3), (350, 11.7)])
def test_the_glucose_management_indicator_is_that_of_its_paper(mean_mgdl: float, percent: float) -> None:
    assert round(gmi_percent(mean_mgdl), 1) == percent


def test_few_numbers_are_rows_and_of_many_the_basal_is_told_as_its_total() -> None:
    many = sample_proposals.stepped(basal=1.12, ratio=8.7, shares=MANY_HIGHS)
    screen, step = first_screen(many), many.step
    assert step is not None
    hours = [change for change in step.changes if change.part is Part.BASAL]
    day = f"{step.daily_basal_current_u:.2f} → {step.daily_basal_new_u:.2f} U a day ▲"
    assert [(row.name, row.when, row.now) for row in screen.rows] == [("carb ratio", "all day", "10.0")]
    assert screen.total == f"basal in {len(hours)} hours: {day}"
    # Of hours that do not follow each other each is a row.
    apart = [replaced(hours[0], start=f"{hour:02d}:00") for hour in (1, 5, 9, 13)]
    for count, rows, total in ((3, 3, ""), (4, 0, f"basal in 4 hours: {day}")):
        few = first_screen(many.model_copy(update={"step": replaced(step, changes=tuple(apart[:count]))}))
        assert (len(few.rows), few.total) == (rows, total)


def test_what_is_kept_is_said_with_one_reason_for_each_part() -> None:
    assert first_screen(sample_proposals.stepped(shares=ON_TARGET)).keep == (
        "ISF (never followed), carb ratio and basal (too small a change)."
    )
    lows = first_screen(sample_proposals.stepped(basal=0.9, shares=LOWS_AND_HIGHS))
    assert lows.keep.endswith("carb ratio (too small a change), the other basals (mostly: upstream keeps it).")
    assert (lows.why, lows.watch) == (NOT_ENOUGH, "highs at night")


@pytest.mark.parametrize(
    ("basal", "ratio", "why"),
    [
        (1.12, 8.7, "Above 180 mg/dL (10.0 mmol/L) for 30.2 % of the time, and upstream asks for more insulin"),
        (1.12, 10.0, "Above 180 mg/dL (10.0 mmol/L) for 30.2 % of the time, and upstream asks for more insulin"),
    ],
)
def test_a_step_is_said_with_its_need(basal: float, ratio: float, why: str) -> None:
    said = first_screen(sample_proposals.stepped(basal=basal, ratio=ratio, shares=MANY_HIGHS)).why
    assert said == f"{why}."
    less = first_screen(sample_proposals.stepped(basal=0.9, shares=ON_TARGET | {"from_54_to_69_percent": 2.8})).why
    assert less == "Below 70 mg/dL (3.9 mmol/L) for 3.0 % of the time, and upstream asks for less insulin."


@pytest.mark.parametrize(
    ("kind", "of_case", "title", "why", "keep"),
    [
        (StepKind.TAKE_BACK, {"follow_up": follow_up(FollowUpVerdict.TAKE_BACK)}, "What to do now", "", "all else"),
        (StepKind.WAIT, {"days_since_step": 3.5}, "What to do now", "The last step is watched for 4", "every setting"),
        (StepKind.WAIT, {"against": ["too_little_data"]}, "What to do now", "The data do not bear", "every setting"),
        (StepKind.CHANGE, {}, "The step to take now", "Above 180", "ISF"),
    ],
)
def test_each_kind_of_step_says_what_to_do_and_why(
    kind: StepKind, of_case: dict[str, Any], title: str, why: str, keep: str
) -> None:
    proposal = sample_proposals.stepped(basal=1.12, shares=MANY_HIGHS, **of_case)
    screen = first_screen(proposal)
    assert proposal.step is not None and proposal.step.kind is kind
    assert screen.title == title
    assert screen.why.startswith(why) and bool(screen.why) is bool(why)
    assert screen.keep.startswith(keep)


@pytest.mark.parametrize(
    ("made", "zone", "day"),
    [
        ("2026-11-25T21:57:33+00:00", "Europe/Berlin", "Wednesday 2 December"),
        ("2026-11-25T21:57:33+00:00", "Pacific/Auckland", "Thursday 3 December"),
        ("yesterday", "Europe/Berlin", ""),
        ("2026-11-25T21:57:33+00:00", "../etc", ""),
        ("9999-12-31T21:57:33+00:00", "Pacific/Auckland", ""),
    ],
)
def test_when_to_look_again_is_a_local_day(made: str, zone: str, day: str) -> None:
    screen = first_screen(sample_proposals.stepped(seal_with={"created_at": made, "timezone": zone}))
    assert (screen.look_again, screen.look_again_on) == ("in 7 days", day)


@pytest.mark.parametrize("glucose", [True, False])
def test_a_proposal_from_before_steps_has_a_first_screen_too(glucose: bool) -> None:
    screen = first_screen(sample_proposals.proposal(glucose=glucose))
    assert screen.glucose == ("On target." if glucose else "Glucose of these days is not known.")
    assert (screen.rows, screen.keep, screen.look_again) == ((), "", "")
    assert screen.why == "The numbers to enter stand below, one change at a time."
