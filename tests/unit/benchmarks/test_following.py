"""The study of people who follow the numbers counts what it says, pairs what it compares, fails where a claim does."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.bodies.living import Habits, InUse, Scene, System
from benchmarks.following import __main__ as command
from benchmarks.following import coverage
from benchmarks.following import follow as following
from benchmarks.following.claims import (
    REDUCTIONS_ALONE,
    Claim,
    began_low_falls,
    claims,
    nobody_loses_much,
    nobody_pushed_low,
    right_isf_stays,
    right_stays_right,
    too_little_gains,
    too_much_falls,
)
from benchmarks.following.coverage import done_and_kept
from benchmarks.following.document import put
from benchmarks.following.draw import WRONG, Person, Right, Start, on_steps, plan, settings_at
from benchmarks.following.follow import Asked, Group, check_dates, follow
from benchmarks.following.lanes import Followed, Kept, Lane, Policy, Round, Said
from benchmarks.following.nearer import Kind, Way, blocks_of, counted, way, ways
from benchmarks.following.policies import decide
from benchmarks.following.product import Answer, Product
from benchmarks.following.score import Score, score
from benchmarks.following.tables import claim_rows, report
from flows.proposal.step_document import Because

OWN = "tests.unit.benchmarks.own_bodies"
RIGHT = Right((1.0,) * 24, 30.0, 60.0, 10.0)
SETTINGS = InUse((1.0,) * 24, 60.0, 10.0)

# ---- score


@pytest.mark.parametrize(
    ("mgdl", "low", "very_low", "high", "very_high"),
    [
        (53.9, 1, 1, 0, 0),
        (54.0, 1, 0, 0, 0),
        (69.9, 1, 0, 0, 0),
        (70.0, 0, 0, 0, 0),
        (180.0, 0, 0, 0, 0),
        (180.1, 0, 0, 1, 0),
        (250.0, 0, 0, 1, 0),
        (250.1, 0, 0, 1, 1),
    ],
)
def test_a_reading_counts_in_its_range(mgdl: float, low: int, very_low: int, high: int, very_high: int) -> None:
    found = score(np.array([mgdl, np.nan]))
    assert found.readings == 1
    assert (found.below_70_percent, found.below_54_percent) == (100 * low, 100 * very_low)
    assert (found.above_180_percent, found.above_250_percent) == (100 * high, 100 * very_high)
    assert found.in_range_percent == 100 * (not low and not high)


def test_days_without_a_reading_have_no_score() -> None:
    with pytest.raises(ValueError, match="no reading"):
        score(np.array([np.nan]))


def test_the_risk_index_weighs_four_ranges() -> None:
    assert Score(1000, 10, 20, 100, 50).risk_index == pytest.approx(3.0 + 2.4 * 2 + 0.8 * 10 + 1.6 * 5)
    assert Score(10, 10, 0, 0, 0).risk_index == 100


# ---- who is drawn


@pytest.mark.parametrize("seed", [1, 2, 7])
def test_half_are_right_and_ways_to_live_are_spread_over_both_halves(seed: int) -> None:
    people = plan(32, seed)
    right = [p for p in people if p.start is Start.RIGHT]
    wrong = [p for p in people if p.start is not Start.RIGHT]
    assert len(right) == len(wrong) == 16
    for half in (right, wrong):
        assert set(Counter(p.habits for p in half).values()) == {2}
    assert Counter(p.start for p in wrong) == dict.fromkeys(WRONG, 2)


def test_a_kind_that_comes_twice_meets_both_systems() -> None:
    systems: dict[Start, set[System]] = {}
    for person in plan(32, 1):
        systems.setdefault(person.start, set()).add(person.habits.system)
    assert all(len(of) == 2 for of in systems.values())


def test_of_28_people_every_kind_of_wrong_settings_is_there() -> None:
    assert {p.start for p in plan(28, 5)} == set(Start)
    assert plan(28, 5) == plan(28, 5) != plan(28, 6)


def test_rounding_to_steps_keeps_the_sum_of_the_day() -> None:
    settings = on_steps([0.633] * 24, 41.4, 9.96)
    assert sum(settings.basal_u_per_h) == pytest.approx(0.633 * 24, abs=0.025)
    assert set(settings.basal_u_per_h) == {0.6, 0.65}
    assert (settings.isf_mgdl_per_u, settings.carb_ratio_g_per_u) == (41.0, 10.0)


def test_no_hour_is_without_basal() -> None:
    assert min(on_steps([0.01] * 24, 40, 10).basal_u_per_h) == 0.05


def test_wrong_settings_are_the_right_ones_moved() -> None:
    assert settings_at(Start.RIGHT, RIGHT) == SETTINGS
    assert settings_at(Start.STRONG, RIGHT) == InUse((1.2,) * 24, 48.0, 8.0)
    assert settings_at(Start.RATIO_HIGH, RIGHT) == replace(SETTINGS, carb_ratio_g_per_u=12.5)


# ---- dates


def asked(**changed: Any) -> Asked:
    of: dict[str, Any] = {"family": None, "bodies": OWN, "people": 1, "seed": 1, "rounds": 1, "end_days": 1}
    return Asked(**(of | changed))


def test_the_last_day_has_to_be_over() -> None:
    study = asked(rounds=10, end_days=28, first_day=date(2026, 5, 4))
    assert study.last_day == date(2026, 5, 4) + timedelta(days=14 + 70 + 28 - 1)
    check_dates(study, study.last_day + timedelta(days=1))
    with pytest.raises(ValueError, match="is not before today"):
        check_dates(study, study.last_day)


def test_the_command_fails_on_a_day_later_than_now(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--bodies", OWN, "--people", "1", "--first-day", "2999-01-01"]) == 2
    assert "is not before today" in capsys.readouterr().err


# ---- claims


def glucose(low: float = 1.0, high: float = 10.0) -> Score:
    """Of 10 000 readings, so many percent below 70 and above 180."""
    return Score(10_000, 0, round(100 * low), round(100 * high), 0)


def followed(
    number: int = 0,
    start: Start = Start.RIGHT,
    *,
    before: Score | None = None,
    keep: Score | None = None,
    truth: Score | None = None,
    ours: Score | None = None,
    ended: InUse = SETTINGS,
    why: tuple[str, ...] = (),
    computed: InUse | None = None,
) -> Followed:
    def lane(policy: Policy, end: Score | None, settings: InUse = SETTINGS) -> Lane:
        said = Said.KEEP if settings == SETTINGS else Said.STEP
        of_policy = why if policy is Policy.OURS else ()
        week = Round(said, of_policy, computed, settings, glucose())
        return Lane(policy, SETTINGS, before or glucose(), (week,), end or glucose())

    lanes = {
        Policy.KEEP: lane(Policy.KEEP, keep),
        Policy.TRUTH: lane(Policy.TRUTH, truth),
        Policy.OURS: lane(Policy.OURS, ours, ended),
    }
    return Followed(Person(number, Habits(System.LOOP, Scene.CLEAN), start), RIGHT, lanes)


@pytest.mark.parametrize(
    ("before", "keep", "ours", "people", "holds"),
    [
        (3.99, 1, 3.99, 1, True),
        (3.99, 1, 4.0, 1, False),
        (3.99, 3.99, 4.0, 1, False),
        (3.99, 4.0, 9, 0, None),  # the twin that kept the settings ended there too
        (4.0, 1, 9, 0, None),  # began there
    ],
)
def test_nobody_is_pushed_to_the_limit_of_lows(
    before: float, keep: float, ours: float, people: int, holds: bool | None
) -> None:
    found = nobody_pushed_low([followed(before=glucose(before), keep=glucose(keep), ours=glucose(ours))], Policy.OURS)
    assert (found.people, found.holds, found.failing) == (people, holds, () if holds is not False else (0,))


@pytest.mark.parametrize(("high", "holds"), [(13.0, True), (13.1, False)])
def test_nobody_loses_more_than_three_points_of_time_in_range(high: float, holds: bool) -> None:
    assert nobody_loses_much([followed(ours=glucose(high=high)), followed(1)], Policy.OURS).holds is holds


@pytest.mark.parametrize(("ours", "holds"), [(15.0, True), (15.1, False), (9.0, True)])
def test_half_of_what_the_true_settings_gain_is_gained(ours: float, holds: bool) -> None:
    weak = {"keep": glucose(high=20), "truth": glucose(high=10)}
    people = [followed(0, Start.WEAK, ours=glucose(high=ours), **weak), followed(1, Start.RIGHT)]
    found = too_little_gains(people, Policy.OURS)
    assert (found.people, found.holds) == (1, holds)


def test_who_does_not_go_high_with_weak_settings_has_not_too_little_insulin() -> None:
    same = followed(0, Start.ISF_HIGH, keep=glucose(high=10), truth=glucose(high=10))
    assert too_little_gains([same], Policy.OURS).holds is None


@pytest.mark.parametrize(
    ("low", "high", "holds"), [(2.5, 10.0, True), (2.51, 10.0, False), (2.0, 14.0, True), (2.0, 14.1, False)]
)
def test_lows_fall_where_there_is_too_much_insulin_and_time_in_range_does_not(
    low: float, high: float, holds: bool
) -> None:
    strong = {"keep": glucose(3.0, 10), "truth": glucose(1.0, 12)}
    people = [followed(0, Start.STRONG, ours=glucose(low, high), **strong), followed(1, Start.RIGHT)]
    found = too_much_falls(people, Policy.OURS)
    assert (found.people, found.holds) == (1, holds)


@pytest.mark.parametrize(("isf", "holds"), [(60.0, True), (61.0, False)])
def test_isf_is_not_touched_where_it_is_right(isf: float, holds: bool) -> None:
    person = followed(ended=replace(SETTINGS, isf_mgdl_per_u=isf))
    assert right_isf_stays([person, followed(1, Start.WEAK)], Policy.OURS).holds is holds


@pytest.mark.parametrize(
    ("basal", "ratio", "right"),
    [(1.05, 10.0, True), (1.051, 10.0, False), (0.95, 9.0, True), (1.0, 8.9, False), (1.0, 11.0, True)],
)
def test_right_settings_stay_right(basal: float, ratio: float, right: bool) -> None:
    ended = replace(SETTINGS, basal_u_per_h=(basal,) * 24, carb_ratio_g_per_u=ratio)
    assert right_stays_right([followed(ended=ended)], Policy.OURS).holds is right


@pytest.mark.parametrize(("wrong", "holds"), [(1, True), (2, False)])
def test_right_settings_stay_right_in_four_of_five(wrong: int, holds: bool) -> None:
    moved = replace(SETTINGS, carb_ratio_g_per_u=8.0)
    people = [followed(n, ended=moved if n < wrong else SETTINGS) for n in range(5)]
    assert right_stays_right(people, Policy.OURS).holds is holds


@pytest.mark.parametrize(
    ("ours", "why", "holds"),
    [(4.9, (), True), (5.0, (), False), (5.0, (REDUCTIONS_ALONE,), True), (6.0, ("something else",), False)],
)
def test_who_began_with_many_lows_has_fewer_or_is_told(ours: float, why: tuple[str, ...], holds: bool) -> None:
    person = followed(before=glucose(4.0), keep=glucose(5.0), ours=glucose(ours), why=why)
    found = began_low_falls([person, followed(1)], Policy.OURS)
    assert (found.people, found.holds) == (1, holds)


def test_a_claim_about_nobody_is_not_decided_and_shown_so() -> None:
    claim = Claim("Something", "who", 0, "–", None)
    assert claim_rows([claim])[1][-2] == "–"
    assert claim_rows([replace(claim, holds=False, failing=(3, 4))])[1][-2:] == ["**no**", "3, 4"]


# ---- nearer


def test_nearer_is_by_ratio_and_undecided_where_readings_disagree() -> None:
    assert way(10, 9, 8.0) is Way.NEARER
    assert way(10, 11, 8.0) is Way.FURTHER
    assert way(10, 10, 8.0) is Way.SAME
    assert way(40, 50, 30.0, 60.0) is Way.UNDECIDED
    assert way(70, 65, 30.0, 60.0) is Way.NEARER


def test_basal_counts_by_the_day_and_by_blocks_of_four_hours() -> None:
    after = replace(SETTINGS, basal_u_per_h=(*(1.1,) * 4, *(1.0,) * 20))
    found = ways(SETTINGS, after, replace(RIGHT, basal_u_per_h=(*(1.2,) * 4, *(1.0,) * 20)))
    assert found[Kind.DAY] == [Way.NEARER]
    assert found[Kind.BLOCK] == [Way.NEARER] + [Way.SAME] * 5
    assert (len(blocks_of(SETTINGS.basal_u_per_h)), found[Kind.ISF]) == (6, [Way.SAME])
    assert counted([Way.NEARER, Way.FURTHER, Way.UNDECIDED, Way.SAME]) == "1/2 (1 not decided, 1 unmoved)"


def test_of_what_is_done_the_step_counts_and_of_what_is_kept_upstreams_number() -> None:
    right = replace(RIGHT, basal_u_per_h=(*(1.2,) * 4, *(1.0,) * 20), carb_ratio_g_per_u=12.0)
    step = replace(SETTINGS, basal_u_per_h=(*(1.1,) * 4, *(1.0,) * 20))
    upstream = InUse((*(1.2,) * 4, *(1.1,) * 20), 70.0, 11.0)
    done, kept = done_and_kept(SETTINGS, upstream, step, right)
    assert (done[Kind.BLOCK], kept[Kind.BLOCK]) == ([Way.NEARER], [Way.FURTHER] * 5)
    assert (done[Kind.DAY], kept[Kind.DAY]) == ([Way.NEARER], [])
    assert (done[Kind.RATIO], kept[Kind.RATIO]) == ([], [Way.NEARER])
    assert (done[Kind.ISF], kept[Kind.ISF]) == ([], [Way.FURTHER])


def test_the_table_of_what_is_done_and_kept_has_every_study_and_all_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = followed(0, computed=replace(SETTINGS, carb_ratio_g_per_u=9.0))
    for seed in (1, 2):
        Kept(tmp_path / str(seed), {"family": "ohsu", "bodies": None, "seed": seed}).add([one, followed(1)])
    assert coverage.main([str(tmp_path / "1"), str(tmp_path / "2")]) == 0
    text = capsys.readouterr().out
    assert "| carb ratio | ohsu, seed 2 | 1 | 0/0 | 0/1 |" in text
    assert "| carb ratio | all | 2 | 0/0 | 0/2 |" in text


# ---- policies


def proposal(basal: float, isf: float, ratio: float) -> dict[str, Any]:
    isf_block, ratio_block = {"recommended_mgdl_per_u": round(isf)}, {"recommended_g_per_u": round(ratio, 1)}
    return {
        "recommended": {"basal_u_per_h": [basal] * 24, "isf_mgdl_per_u": isf, "carb_ratio_g_per_u": ratio},
        "for_pump": {"basal_u_per_h": [round(basal, 1)] * 24, "isf": [isf_block], "carb_ratio": [ratio_block]},
    }


def test_upstream_whole_half_of_it_and_the_truth() -> None:
    answer = Answer(proposal(1.22, 70.6, 9.04))
    assert decide(Policy.UPSTREAM, answer, SETTINGS, SETTINGS, RIGHT).in_use == InUse((1.2,) * 24, 71.0, 9.0)
    half = decide(Policy.HALF, answer, SETTINGS, SETTINGS, RIGHT)
    assert (half.said, half.in_use.isf_mgdl_per_u, half.in_use.carb_ratio_g_per_u) == (Said.STEP, 65.0, 9.5)
    assert sum(half.in_use.basal_u_per_h) == pytest.approx(1.11 * 24, abs=0.025)
    moved = replace(SETTINGS, carb_ratio_g_per_u=12.0)
    assert decide(Policy.TRUTH, None, moved, moved, RIGHT).in_use == SETTINGS
    assert decide(Policy.KEEP, None, moved, moved, RIGHT).in_use == moved


def step(kind: str, **changed: Any) -> dict[str, Any]:
    of = {"kind": kind, "said": None, "changes": [], "kept": [], "follow_up": None} | changed
    return proposal(1.2, 70, 9) | {"step": of}


def test_ours_is_the_step_of_the_proposal_and_nothing_else_of_it() -> None:
    changes = [{"part": "basal", "start": "03:00", "new": 1.1}, {"part": "cr", "start": "00:00", "new": 9.5}]
    found = decide(Policy.OURS, Answer(step("change", changes=changes)), SETTINGS, SETTINGS, RIGHT)
    assert (found.said, found.in_use.carb_ratio_g_per_u, found.in_use.isf_mgdl_per_u) == (Said.STEP, 9.5, 60.0)
    assert [hour for hour, rate in enumerate(found.in_use.basal_u_per_h) if rate != 1.0] == [3]


def test_a_step_of_isf_is_a_fault() -> None:
    wrong = step("change", changes=[{"part": "isf", "start": "00:00", "new": 50}])
    with pytest.raises(ValueError, match="may not change isf"):
        decide(Policy.OURS, Answer(wrong), SETTINGS, SETTINGS, RIGHT)


def test_taking_back_gives_the_settings_before_the_last_change() -> None:
    before = replace(SETTINGS, carb_ratio_g_per_u=11.0)
    harmed = step("take-back", said={"because": "last_step_harmed", "facts": {}})
    found = decide(Policy.OURS, Answer(harmed), SETTINGS, before, RIGHT)
    assert (found.said, found.in_use, found.why) == (Said.TAKEN_BACK, before, ("last_step_harmed",))


@pytest.mark.parametrize(("kind", "said"), [("wait", Said.WAIT), ("keep", Said.KEEP)])
def test_waiting_and_keeping_say_why_each_setting_stays(kind: str, said: Said) -> None:
    stays = {"part": "isf", "starts": ["00:00"], "said": {"because": "isf_never", "facts": {"upstream_percent": 4.0}}}
    low = {"because": REDUCTIONS_ALONE, "facts": {}}
    found = decide(Policy.OURS, Answer(step(kind, said=low, kept=[stays])), SETTINGS, SETTINGS, RIGHT)
    assert (found.said, found.in_use) == (said, SETTINGS)
    assert found.why == (REDUCTIONS_ALONE, "isf (1): isf_never upstream_percent 4.0")


def test_what_is_told_of_reductions_is_the_id_of_the_product() -> None:
    assert Because.REDUCTIONS_NOT_ENOUGH == REDUCTIONS_ALONE


@pytest.mark.parametrize("policy", [Policy.UPSTREAM, Policy.HALF, Policy.OURS])
def test_a_refusal_keeps_the_settings_and_is_told(policy: Policy) -> None:
    found = decide(policy, Answer(None, "no_days_left: …"), SETTINGS, SETTINGS, RIGHT)
    assert (found.said, found.in_use, found.why) == (Said.REFUSED, SETTINGS, ("no_days_left: …",))


# ---- what is kept, and shown


def test_what_is_kept_is_read_again_and_policies_are_added_and_forgotten(tmp_path: Path) -> None:
    kept, one = Kept(tmp_path, {"seed": 1}), followed(3)
    kept.add([replace(one, lanes={p: lane for p, lane in one.lanes.items() if p is not Policy.OURS})])
    kept.add([replace(one, lanes={Policy.OURS: one.lanes[Policy.OURS]})])
    assert Kept(tmp_path, {"seed": 1}).read() == {3: one}
    kept.forget(Policy.OURS)
    assert set(kept.read()[3].lanes) == {Policy.KEEP, Policy.TRUTH}


def test_another_study_is_not_mixed_into_what_is_kept(tmp_path: Path) -> None:
    Kept(tmp_path, {"seed": 1})
    with pytest.raises(ValueError, match="another study"):
        Kept(tmp_path, {"seed": 2})


def test_people_who_lack_a_policy_are_followed_for_that_one_only() -> None:
    study = asked(people=9)
    there = {n: followed(n) for n in range(9)}
    del there[8].lanes[Policy.OURS]
    (group,) = command.groups_of(study, (Policy.KEEP, Policy.TRUTH, Policy.OURS), there)
    assert ([p.number for p in group.people], group.policies) == ([8], (Policy.OURS,))
    assert [len(g.people) for g in command.groups_of(study, (Policy.KEEP,), {})] == [7, 2]


def test_a_section_takes_the_place_of_the_one_of_its_name(tmp_path: Path) -> None:
    document = tmp_path / "x.md"
    document.write_text("# Title\n", "utf-8")
    put(document, "a", "run a", "first")
    put(document, "b", "run b", "second")
    put(document, "a", "run a", "third")
    text = document.read_text("utf-8")
    assert "first" not in text
    assert text.index("third") < text.index("second")
    assert text.count("<!-- measured ") == text.count("<!-- end ") == 2


def test_the_report_has_every_claim_and_every_person() -> None:
    people = [
        followed(0, Start.RIGHT),
        followed(1, Start.WEAK, keep=glucose(high=20), truth=glucose(high=10), ours=glucose(high=14)),
    ]
    text = report(people, (Policy.KEEP, Policy.TRUTH, Policy.OURS))
    assert all(claim.sentence in text for claim in claims(people, Policy.OURS))
    assert "| 1 | loop, clean | all too weak |" in text
    assert "+6.0 points in the mean, the true settings +10.0 (60%)" in text


# ---- the whole


def upstream_says(*, basal: float) -> Any:
    """A stand-in for the product that counts how often it is asked."""

    def run(self: Product, source: Path, *_: Any) -> Answer:
        asked_of.append(json.loads((source / "profile.json").read_bytes()))
        return Answer(proposal(basal, 60.0, 10.0))

    asked_of: list[Any] = []
    run.asked_of = asked_of  # type: ignore[attr-defined]
    return run


def test_lanes_of_a_person_share_their_days_and_answers_until_they_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    said = upstream_says(basal=1.25)
    monkeypatch.setattr(following.Product, "run", said)
    study = asked(rounds=2, end_days=2)
    people = tuple(plan(1, 1))
    group = Group(study, study.world().drawn_people(1, 1), (people[0].habits,), people, tuple(Policy)[:4])
    (one,) = follow(group)
    assert len({lane.before for lane in one.lanes.values()}) == 1
    assert one.lanes[Policy.TRUTH].end == one.lanes[Policy.KEEP].end  # a right person
    # Asked once for both in the first round, then of each one's own days and documents.
    assert [len(profiles) for profiles in said.asked_of] == [1, 2, 2]
    assert one.lanes[Policy.UPSTREAM].rounds[0].in_use.basal_u_per_h == (1.2,) * 24
    assert one.lanes[Policy.UPSTREAM].end.below_70_percent > one.lanes[Policy.HALF].end.below_70_percent
    assert one.lanes[Policy.HALF].changes == 2
    assert follow(group) == [one]


@pytest.mark.parametrize(
    ("days_ago", "policy", "days"), [(7, "ours", 22), (15, "ours", 30), (16, "ours", 15), (7, "half", 15)]
)
def test_a_run_has_its_days_and_the_readings_before_a_recent_change(days_ago: int, policy: Policy, days: int) -> None:
    study = asked()
    people = study.world().drawn_people(1, 1)
    living = study.world().living(people, [Habits(System.PUMP, Scene.CLEAN)], [0], 1, study.first_day, following.ZONE)
    lived = [living.live([SETTINGS], n)[0] for n in (14, 7, 7, 7)]
    today = study.first_day + timedelta(days=35)
    lane = following._Lane(
        plan(1, 1)[0], RIGHT, Policy(policy), SETTINGS, SETTINGS, SETTINGS, today - timedelta(days_ago)
    )
    lane.lived = lived
    seen = list(following._seen(lane, today))
    assert sum(len(one.ms) for one in seen) == 288 * days
    assert np.all(np.diff(np.concatenate([one.ms for one in seen])) == 300_000)
    assert sum(len(one.boluses) for one in seen) == 3 * 15


@pytest.mark.oref0
def test_own_people_are_followed_by_the_product_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "x.md"
    document.write_text("# Title\n", "utf-8")
    options = ["--bodies", OWN, "--people", "1", "--rounds", "1", "--end-days", "1", "--policies", "upstream"]
    assert command.main([*options, "--keep", str(tmp_path / "kept"), "--write", str(document)]) == 0
    first = document.read_text("utf-8")
    assert "| upstream | 1 | 1 | 0 | 0 | 0 | 0 |" in first
    assert command.main([*options, "--keep", str(tmp_path / "kept"), "--write", str(document)]) == 0
    assert document.read_text("utf-8") == first
    assert capsys.readouterr().err.count("round 1 of 1") == 1
