"""Where a site is written to and where not: instants, seconds, percent and kept documents on either side of a limit."""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from flows.errors import Reason, Refused
from flows.proposal.aaps_limits import AAPS_LIMITS
from flows.proposal.document import Colour, GlucoseLimit
from flows.proposal.rounding import EXACT
from flows.settings import AgeGroup
from flows.values.parts import Part
from flows.values.schedule import Block, Schedule
from flows.writeback import (
    applied,
    apply,
    approval_checks,
    journal,
    kept_documents,
    observe,
    policy,
    reconcile,
    rollback,
    tidy,
    transaction,
)
from flows.writeback.aaps_checks import TARGETS, aaps_notes, pumps_that_refuse, refusals_of_aaps
from flows.writeback.active_on_site import SiteProfiles, differences, same_active_from, start_ms
from flows.writeback.approval import Decision, Scope, SyncRequest
from flows.writeback.approval_checks import check_may_be_written
from flows.writeback.journal import Change, ChangeOutcome, Step
from flows.writeback.plan import (
    Line,
    Plan,
    _check,
    _flattened,
    _lines,
)
from flows.writeback.planned_schedules import Wanted, _least, as_entries, new_basal, unchanged_hours
from flows.writeback.policy import Policy, check_policy
from flows.writeback.session import Intent, SiteSession, reissue_switch
from flows.writeback.site_documents import check_name, start_date, switch_treatment, with_start_date
from tests.proposals import profile_document, proposal
from tests.unit.writeback.test_plan import planned
from tests.unit.writeback.test_thresholds import allowed

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
NOW_MS = 1_778_630_400_000  # 2026-05-13T00:00:00Z


def at(ms: float) -> str:
    return start_date(int(ms))


def refusal(call: Any, *arguments: Any, **named: Any) -> Reason | None:
    try:
        call(*arguments, **named)
    except Refused as refused:
        return refused.reason
    return None


# ---- the clock, and when something begins


class Site:
    """A site's client, and a clock that stands until somebody sleeps."""

    def __init__(self, ahead_s: float | None = None, now_ms: float = NOW_MS, **served: Any) -> None:
        self.site_ahead_s = ahead_s
        self.now_ms = now_ms
        self.slept: list[float] = []
        self.since: list[float] = []
        self.served = served

    def session(self) -> SiteSession:
        return SiteSession(cast(Any, self), lambda: datetime.fromtimestamp(self.now_ms / 1000, UTC), self.sleep)

    def sleep(self, seconds: float) -> None:
        assert len(self.slept) < 100, "it never ends"
        self.slept.append(seconds)
        self.now_ms += round(seconds * 1000)

    def profiles(self) -> list[Any]:
        return list(self.served.get("documents", []))

    def profile_switches(self, since: float) -> list[Any]:
        self.since.append(since)
        return []


@pytest.mark.parametrize(
    ("ahead_s", "now_s", "late_s"), [(None, 0, 300), (0.0, 0, 300), (-5.0, -5, 300), (5.0, 0, 305), (0.5, 0, 300.5)]
)
def test_now_is_the_earlier_clock_and_late_the_later_one(ahead_s: float | None, now_s: float, late_s: float) -> None:
    session = Site(ahead_s).session()
    assert session.now_ms() == NOW_MS + now_s * SECOND
    assert session.late_ms() == NOW_MS + late_s * SECOND


def test_time_never_goes_back() -> None:
    site = Site()
    session = site.session()
    session.now_ms()
    site.now_ms -= HOUR
    assert session.now_ms() == NOW_MS
    assert session.late_ms() == NOW_MS


@pytest.mark.parametrize(("ahead_s", "minutes"), [(300.0, None), (-300.0, None), (300.1, "5 min"), (-3600.0, "60 min")])
def test_clocks_may_differ_by_five_minutes(ahead_s: float, minutes: str | None) -> None:
    if minutes is None:
        return Site(ahead_s).session().check_clock()
    with pytest.raises(Refused) as caught:
        Site(ahead_s).session().check_clock()
    assert minutes in caught.value.sentence


@pytest.mark.parametrize(
    ("hours_ago", "since_h"),
    [([], None), ([1], 1), ([1, 2], 2), ([1, 2, 3], 3), ([1, 2, 3, 4], 3), ([-5], 0)],
)
def test_switches_are_asked_for_since_the_third_newest_document(hours_ago: list[float], since_h: float | None) -> None:
    body = {"A": {"sens": 50}}
    documents = [{"_id": str(n), "startDate": at(NOW_MS - h * HOUR), "store": body} for n, h in enumerate(hours_ago)]
    site = Site(documents=documents)
    site.session().read()
    assert site.since == [(0 if since_h is None else NOW_MS - since_h * HOUR) - DAY]


def newest(ms: float) -> dict[str, Any]:
    return {"startDate": at(ms), "store": {"A": {"sens": 50}}}


def deciding(*instants: float) -> SiteProfiles:
    return cast(SiteProfiles, SimpleNamespace(deciding=lambda _: [SimpleNamespace(at_ms=ms) for ms in instants]))


@pytest.mark.parametrize(
    ("newest_s", "switch_s", "expected_s"),
    [
        (-3600, None, -3599),
        (-90_000, None, -86_400),  # a day before now
        (-90_000, -3600, -90_000 + 1),  # and a day before the switch, but after the newest
        (-200_000, -3600, -90_000),
        (-3600, -3598, -3599),
        (-3600, -3598.001, None),
        (4, None, 5),
        (4.001, None, 5),
        (5, None, None),
    ],
)
def test_a_document_begins_after_the_newest_and_before_what_is_to_decide(
    newest_s: float, switch_s: float | None, expected_s: float | None
) -> None:
    site = Site()
    state = deciding(*([] if switch_s is None else [NOW_MS + switch_s * SECOND]))
    document = {**newest(NOW_MS), "startDate": datetime.fromtimestamp(NOW_MS / 1000 + newest_s, UTC).isoformat()}
    if expected_s is None:
        wanted = Reason.SITE_PROFILE_AHEAD if switch_s is None else Reason.SWITCH_WOULD_END
        assert refusal(site.session().start_for, state, document) is wanted
        return
    assert site.session().start_for(state, document) == NOW_MS + expected_s * SECOND
    assert site.slept == ([expected_s] if expected_s > 0 else [])


def test_a_document_that_takes_one_back_needs_no_room() -> None:
    document, state = newest(NOW_MS - 10 * SECOND), deciding(NOW_MS - 9 * SECOND)
    assert refusal(Site().session().start_for, state, document) is Reason.SWITCH_WOULD_END
    assert Site().session().start_for(state, document, room_ms=0) == NOW_MS - 9 * SECOND


@pytest.mark.parametrize(
    ("not_before_s", "expected_s", "slept"),
    [(-60, 0, []), (-0.001, 0, []), (0, 1, [1.0]), (0.5, 1, [1.0]), (4, 5, [5.0]), (5, None, [])],
)
def test_a_document_that_ends_switches_begins_in_the_next_second(
    not_before_s: float, expected_s: float | None, slept: list[float]
) -> None:
    site = Site()
    session, document = site.session(), newest(NOW_MS - HOUR)
    if expected_s is None:
        assert refusal(session.start_after, document, NOW_MS + not_before_s * SECOND) is Reason.SITE_PROFILE_AHEAD
    else:
        assert session.start_after(document, NOW_MS + not_before_s * SECOND) == NOW_MS + expected_s * SECOND
    assert site.slept == slept


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-05-12T20:00:00.000Z", "2026-05-12T20:00:01.000Z"),
        ("2026-05-12T20:00:00.999Z", "2026-05-12T20:00:01.000Z"),
        ("2026-05-12T20:00:00+02:00", "2026-05-12T20:00:01.000Z"),  # Nightscout compares the text
        ("2026-05-12T20:00:00-02:00", "2026-05-12T22:00:01.000Z"),
        ("1970-01-01T00:00:01.000Z", None),
        ("1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.000Z"),
    ],
)
def test_a_document_sorts_above_the_newest_one_s_text(written: str, expected: str | None) -> None:
    site = Site()
    session = site.session()
    document = {"startDate": written, "store": {"A": {"sens": 50}}}
    site.now_ms = 0 if written.startswith("1970") else NOW_MS - 2 * HOUR
    session._latest_ms = 0
    if expected is None:
        assert refusal(session.start_after, document, -1) is Reason.SITE_PROFILE_AHEAD
    else:
        assert at(max(session.start_after(document, -1), 0))[:19] >= expected[:19]
        assert start_after_text(document) == expected


@pytest.mark.parametrize("start", [NOW_MS + 999, None])
def test_a_document_whose_start_is_no_text_is_followed_in_the_next_second(start: int | None) -> None:
    expected = at(SECOND) if start is None else at(NOW_MS + SECOND)
    assert start_after_text({"startDate": start, "store": {"A": {"sens": 50}}}) == expected


def start_after_text(document: dict[str, Any]) -> str:
    from flows.writeback.session import _after

    return at(_after(document))


@pytest.mark.parametrize(
    ("taken_s", "free_s", "slept"), [([], 0, 0), ([0], 1, 5), ([0, 1], 2, 10), ([-1, 1], 0, 0), ([0.9], 1, 5)]
)
def test_a_switch_gets_a_second_of_its_own(taken_s: list[float], free_s: int, slept: int) -> None:
    site = Site()
    state = cast(
        SiteProfiles, SimpleNamespace(read_switches=[SimpleNamespace(at_ms=NOW_MS + s * SECOND) for s in taken_s])
    )
    assert site.session().free_instant(state, newest(NOW_MS - HOUR)) == NOW_MS + free_s * SECOND
    assert site.slept == [0.2] * slept


@pytest.mark.parametrize(
    ("left_s", "minutes", "ms"), [(5400, 90, 5_400_000), (20, 1, 20_000), (0.5, 1, 1000), (-60, 1, 1000)]
)
def test_a_switch_is_sent_again_for_what_is_left_of_it(left_s: float, minutes: float, ms: int) -> None:
    start = NOW_MS - 60 * MINUTE
    raw = {
        "eventType": "Profile Switch", "created_at": at(start), "profile": "A", "duration": 1, "_id": "x",
        "originalDuration": 60 * MINUTE + left_s * SECOND,
    }  # fmt: skip
    again = reissue_switch(raw, NOW_MS)
    assert (again["duration"], again["originalDuration"], again["created_at"]) == (minutes, ms, at(NOW_MS))
    assert "_id" not in again and "durationInMilliseconds" not in again
    for_good = {k: v for k, v in raw.items() if k not in ("duration", "originalDuration")}
    assert "duration" not in reissue_switch(for_good, NOW_MS)


@pytest.mark.parametrize("until", [float("inf"), 5.0, 0.0])
def test_an_intent_survives_the_journal(until: float) -> None:
    made = Intent({}, None, {}, (), (), {}, activate_until_ms=until)
    written = json.loads(json.dumps(made.to_json()))
    assert (written["activate_until_ms"] is None) is (until == float("inf"))
    assert Intent.from_json(written).activate_until_ms == until


@pytest.mark.parametrize(("other_s", "is_allowed"), [(-1, True), (0, False), (1, False)])
def test_no_switch_is_planned_where_another_stands_or_is_to_come(other_s: float, is_allowed: bool) -> None:
    other = {"eventType": "Profile Switch", "created_at": at(NOW_MS + other_s * SECOND), "profile": "A"}
    intent: Any = SimpleNamespace(stands=True, switch=switch_treatment("B", {}, NOW_MS, ""))
    state = SiteProfiles((newest(NOW_MS - HOUR),), (other,))
    found = refusal(transaction._check_planned, cast(Any, None), Site().session(), state, intent)
    assert found is (None if is_allowed else Reason.SWITCH_AHEAD)


# ---- what counts as active


def counting(at_s: float, minutes: float | None = None, start_s: float = -3600) -> bool:
    made = {"eventType": "Profile Switch", "created_at": at(NOW_MS + at_s * SECOND), "profile": "A"}
    switch = made if minutes is None else {**made, "duration": minutes}
    state = SiteProfiles((newest(NOW_MS + start_s * SECOND),), (switch,))
    return state.counting_switch(NOW_MS) is not None


@pytest.mark.parametrize(
    ("at_s", "minutes", "counts"),
    [
        (0, None, True),
        (1, None, False),
        (-60, 1, False),
        (-59, 1, True),
        (-3600, None, True),  # as old as the document
        (-3601, None, False),
    ],
)
def test_a_switch_counts_from_its_second_to_before_its_end(at_s: float, minutes: float | None, counts: bool) -> None:
    assert counting(at_s, minutes) is counts


def test_moments_are_those_still_to_come() -> None:
    made = [
        {"eventType": "Profile Switch", "created_at": at(NOW_MS + s * SECOND), "profile": "A", "duration": d}
        for s, d in ((-60, 2), (0, 0), (30, 1))
    ]
    state = SiteProfiles((newest(NOW_MS - HOUR),), tuple(made))
    assert state.moments(NOW_MS) == (NOW_MS, NOW_MS + 30 * SECOND, NOW_MS + 60 * SECOND, NOW_MS + 90 * SECOND)


@pytest.mark.parametrize(
    ("percentage", "shift", "is_same"), [(100, 0, True), (101, 0, False), (99, 0, False), (100, 1, False)]
)
def test_a_switch_to_the_default_itself_changes_nothing(percentage: float, shift: float, is_same: bool) -> None:
    document = {**newest(NOW_MS - HOUR), "defaultProfile": "A"}
    switch = {
        "eventType": "Profile Switch", "created_at": at(NOW_MS - MINUTE), "profile": "A",
        "percentage": percentage, "timeshift": shift,
    }  # fmt: skip
    assert same_active_from(SiteProfiles((document,), ()), SiteProfiles((document,), (switch,)), NOW_MS) is is_same


def test_documents_are_sorted_as_texts_then_numbers_then_those_without() -> None:
    starts: list[Any] = ["2026", "2025", 5, -1, None, True]
    documents = tuple({"startDate": s, "_id": f"{9 - n}"} for n, s in enumerate(starts))
    assert [d["startDate"] for d in SiteProfiles(documents[::-1], ()).newest_first] == starts


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (newest(NOW_MS), NOW_MS),
        ({"startDate": at(NOW_MS)}, NOW_MS),
        ({}, 0),
        ({"startDate": "1970-01-01T00:00:00Z", "store": {"A": {"sens": 5}}}, 0),
    ],
)
def test_a_document_without_a_start_began_in_1970(document: dict[str, Any], expected: float) -> None:
    assert start_ms(document) == expected


@pytest.mark.parametrize(
    ("names", "default", "active"),
    [(["A"], None, "A"), (["A", "B"], None, "None"), (["A", "B"], "B", "B"), (["A"], "C", "A")],
)
def test_the_only_profile_is_the_default_s(names: list[str], default: str | None, active: str) -> None:
    document = {"startDate": at(NOW_MS), "defaultProfile": default, "store": {n: {"sens": 50} for n in names}}
    assert SiteProfiles((document,), ()).active(NOW_MS).name == active


# ---- the plan


def line(current: float, new: float, part: Part = Part.CARB_RATIO, start: str = "00:00") -> Line:
    return Line(part, start, "24:00", current, new, "g/U")


@pytest.mark.parametrize(
    ("part", "current", "new", "is_more"),
    [
        (Part.BASAL, 1.0, 1.1, True),
        (Part.BASAL, 1.0, 1.0, False),
        (Part.BASAL, 1.0, 0.9, False),
        (Part.ISF, 50, 49, True),
        (Part.ISF, 50, 50, False),
        (Part.CARB_RATIO, 10, 11, False),
    ],
)
def test_more_insulin_is_a_higher_basal_or_a_lower_ratio(part: Part, current: float, new: float, is_more: bool) -> None:
    assert line(current, new, part).more_insulin is is_more


@pytest.mark.parametrize(("current", "new", "percent"), [(2.0, 2.5, 25.0), (2.0, 1.0, -50.0), (0.0, 1.0, 0.0)])
def test_a_change_is_in_percent_of_what_is(current: float, new: float, percent: float) -> None:
    assert line(current, new).change_percent == percent


@pytest.mark.parametrize(("off", "changes"), [(0.9e-9, False), (1.1e-9, True)])
def test_a_change_below_a_billionth_is_none(off: float, changes: bool) -> None:
    made = Plan(Scope.ALL, (), (), "n", "s", {}, {}, (line(0.1, 0.1 + off),), 1.0, 1.0, ())
    assert bool(made.changed) is changes
    (written,) = _lines(Part.ISF, Schedule.constant(0.1), {0: 0.1 + off}, "mmol/L/U")
    assert (written.new != written.current) is changes


def test_lines_go_from_block_to_block_and_from_hour_to_hour() -> None:
    old = Schedule((Block(0, 10.0), Block(390, 12.0)))
    found = list(_lines(Part.CARB_RATIO, old, {0: 11.0, 390: 12.0}, "g/U"))
    assert [(n.start, n.end, n.current, n.new) for n in found] == [
        ("00:00", "06:30", 10.0, 11.0),
        ("06:30", "24:00", 12.0, 12.0),
    ]
    rates = list(_lines(Part.BASAL, Schedule.constant(1.0), {0: 1.0, 60: 2.0, 120: 1.0}, "U/h"))
    assert [(n.start, n.end, n.new) for n in rates[:3]] == [
        ("00:00", "01:00", 1.0),
        ("01:00", "02:00", 2.0),
        ("02:00", "03:00", 1.0),
    ]
    assert (len(rates), rates[-1].start, rates[-1].end, rates[5].key) == (24, "23:00", "24:00", "basal_05")


@pytest.mark.parametrize(
    ("new", "current", "step", "is_allowed"),
    [
        (0.0, 0.01, 0.05, False),
        (0.01, 0.01, 0.05, True),
        (0.69 - 1e-9, 1.0, 0.0, True),
        (0.69 - 0.9e-9, 1.0, 0.0, True),
        (0.69 - 1.1e-9, 1.0, 0.0, False),
        (1.45 + 1e-9, 1.0, 0.0, True),
        (1.45 + 0.9e-9, 1.0, 0.0, True),
        (1.45 + 1.1e-9, 1.0, 0.0, False),
        (math.inf, 1.0, 0.0, False),
    ],
)
def test_the_caps_hold_to_a_billionth(new: float, current: float, step: float, is_allowed: bool) -> None:
    assert allowed(new, current, step) is is_allowed


def test_what_is_refused_is_named() -> None:
    with pytest.raises(Refused, match="carb ratio of 06:30"):
        _check(Part.CARB_RATIO, [line(10.0, 0.0, start="06:30")], 0.1)


@pytest.mark.parametrize(
    ("written", "new", "expected"),
    [
        (
            [{"time": "00:00", "value": 1, "a": 1}, {"time": "01:00", "value": 2, "timeAsSeconds": "3600"}],
            {0: 3.0, 60: 4.0},
            [{"time": "00:00", "value": 3.0, "a": 1}, {"time": "01:00", "value": 4.0, "timeAsSeconds": "3600"}],
        ),
        (
            [{"time": "00:00", "value": 1}, {"time": "01:00", "value": 2, "timeAsSeconds": 7200}],
            {0: 3.0, 60: 4.0},
            [{"time": "00:00", "value": 3.0}, {"time": "01:00", "value": 4.0, "timeAsSeconds": 3600}],
        ),
        (
            [{"time": "00:00", "value": 1, "a": 1}],
            {0: 3.0, 60: 4.0},
            [
                {"time": "00:00", "value": 3.0, "timeAsSeconds": 0},
                {"time": "01:00", "value": 4.0, "timeAsSeconds": 3600},
            ],
        ),
        (
            [{"time": "00:00", "value": 1, "a": 1}, {"time": "02:00", "value": 1}],
            {0: 3.0, 60: 4.0},
            [
                {"time": "00:00", "value": 3.0, "timeAsSeconds": 0},
                {"time": "01:00", "value": 4.0, "timeAsSeconds": 3600},
            ],
        ),
        (5, {0: 3.0}, [{"time": "00:00", "value": 3.0, "timeAsSeconds": 0}]),
    ],
)
def test_entries_keep_their_own_fields_where_they_are_at_the_same_times(written: Any, new: Any, expected: Any) -> None:
    assert as_entries(written, new) == expected


def pump(**changes: Any) -> dict[str, Any]:
    return {"basal": 1, "sens": 50, "carbratio": 10, "dia": 6, **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"dia": 5}, None),
        ({"dia": "9"}, None),
        ({"dia": 4.9}, "duration of insulin action"),
        ({"dia": 9.1}, "duration of insulin action"),
        ({"dia": None}, "duration of insulin action"),
        ({"dia": "long"}, "duration of insulin action"),
        ({"basal": 0.01}, None),
        ({"basal": 0.009}, "no basal below"),
        ({"basal": 10}, None),
        ({"basal": 10.1}, "no basal above 10"),
        ({"sens": 2}, None),
        ({"sens": 1.9}, "no insulin sensitivity outside"),
        ({"sens": 1000}, None),
        ({"sens": 1001}, "no insulin sensitivity outside"),
        ({"sens": 55.5, "units": "mmol"}, None),
        ({"sens": 55.7, "units": "mmol"}, "no insulin sensitivity outside"),
        ({"target_low": 80, "target_high": 90}, None),
        ({"target_low": 79, "target_high": 90}, "no target low outside 80–180"),
        ({"target_low": 80, "target_high": 89}, "no target high outside 90–200"),
        ({"target_low": 180, "target_high": 200}, None),
        ({"target_low": 181, "target_high": 200}, "no target low"),
        ({"target_low": 180, "target_high": 201}, "no target high"),
        ({"target_low": 4.4, "target_high": 5.0, "units": "mmol/L"}, None),
        ({"target_low": 4.3, "target_high": 5.0, "units": "mmol/L"}, "no target low"),
        ({"target_low": 100}, "same times"),
        ({"target_low": [{"time": "00:00", "value": 100}, {"time": "06:00", "value": 90}], "target_high": 110}, "same"),
        ({name: [{"time": "00:00", "value": 100}, {"time": "06:30", "value": 100}] for name in TARGETS}, "full hour"),
        ({"carbratio": 2}, None),
        ({"carbratio": 1.9}, "no carb ratio outside"),
        ({"carbratio": 100}, None),
        ({"carbratio": 100.1}, "no carb ratio outside"),
        ({"sens": [{"time": "00:00", "value": 50}, {"time": "01:00", "value": 50}]}, None),
        ({"sens": [{"time": "00:00", "value": 50}, {"time": "01:30", "value": 50}]}, "on a full hour"),
    ],
)
def test_what_aaps_would_refuse_is_said(changes: dict[str, Any], said: str | None) -> None:
    notes = refusals_of_aaps(pump(**changes), AAPS_LIMITS[AgeGroup.ADULT])
    assert len(notes) == (0 if said is None else 1)
    assert (said or "") in "".join(notes)


@pytest.mark.parametrize(
    ("rate", "named"),
    [
        (0.1, []),
        (0.09, ["Dana R Korean (0.1)"]),
        (0.05, ["Dana R Korean (0.1)"]),
        (0.04, ["Omnipod", "Medtronic 515", "Combo", "Medtrum", "Diaconn", "EOPatch", "Dana R Korean"]),
        (0.03, ["Omnipod", "Dana RS or Dana-i (0.04)", "Medtrum"]),
        (0.024, ["Medtronic 523"]),
        (0.019, ["Insight (0.02)"]),
    ],
)
def test_pumps_with_which_aaps_refuses_the_lowest_rate_are_named(rate: float, named: list[str]) -> None:
    notes = pumps_that_refuse(pump(basal=[{"time": "00:00", "value": 1}, {"time": "01:00", "value": rate}]))
    assert bool(notes) is bool(named)
    assert [name for name in named if name not in "".join(notes)] == []
    assert not any(name in "".join(notes) for name in ("Tandem", "Omnipod 5", "YpsoPump", "630G"))
    assert ("Insight" in "".join(notes)) is (rate < 0.02)


@pytest.mark.parametrize(
    ("sibling", "is_lost"),
    [
        ({}, False),
        ({"dia": 4}, True),
        ({"units": None}, False),  # the document's are taken
        ({"basal": "none"}, True),
        ({"carbratio": [{"time": "00:00", "value": 10}, {"time": "00:30", "value": 9}]}, True),
    ],
)
def test_a_profile_of_the_same_document_that_aaps_would_remove_is_named(sibling: dict[str, Any], is_lost: bool) -> None:
    store = {"New": pump(units="mg/dl"), "Old": {**pump(units="mg/dl"), **sibling}}
    notes = aaps_notes({"units": "mg/dl", "store": store}, "New", AAPS_LIMITS[AgeGroup.ADULT])
    assert [("'Old'" in note, "removes" in note) for note in notes] == [(True, True)] * is_lost
    assert len(aaps_notes({"store": {**store, "Old": "text"}}, "New", AAPS_LIMITS[AgeGroup.ADULT])) == 1


@pytest.mark.parametrize(("length", "is_taken"), [(1, True), (40, True), (41, False)])
def test_a_name_has_forty_characters_at_most(length: int, is_taken: bool) -> None:
    assert (refusal(check_name, "x" * length) is None) is is_taken


def test_a_switch_is_for_good_at_a_hundred_percent() -> None:
    found = switch_treatment("A", {"dia": 5}, NOW_MS + 1999, "why")
    assert (found["percentage"], found["timeshift"], found["duration"]) == (100, 0, 0)
    assert found["created_at"] == "2026-05-13T00:00:01.000Z"
    assert with_start_date({}, {"date": 1, "mills": "1"}, NOW_MS + 1999) == {
        "date": NOW_MS + 1999,
        "mills": str(NOW_MS + 1999),
        "startDate": "2026-05-13T00:00:01.000Z",
    }


# ---- who may write, and how far without a person


@pytest.mark.parametrize(("hours", "is_taken"), [(0, False), (0.5, True), (336, True), (336.5, False)])
def test_a_proposal_may_be_two_weeks_old_on_request(hours: float, is_taken: bool) -> None:
    made = SyncRequest.model_validate
    known = {"proposal_id": "x", "sha256": "0" * 64, "decision": Decision.APPROVE}
    if is_taken:
        assert made({**known, "max_age_h": hours}).max_age_h == hours
        assert made(known).max_age_h == 48
    else:
        with pytest.raises(ValidationError):
            made({**known, "max_age_h": hours})


@pytest.mark.parametrize(
    ("age", "is_taken"),
    [
        (timedelta(minutes=-5), True),
        (timedelta(minutes=-5, seconds=-1), False),
        (timedelta(hours=48), True),
        (timedelta(hours=48, seconds=1), False),
    ],
)
def test_a_proposal_is_young_and_not_of_the_future(age: timedelta, is_taken: bool) -> None:
    made = datetime(2026, 5, 13, tzinfo=UTC)
    curve = SimpleNamespace(dia_h=6, insulin_peak_min=75)
    verdict = SimpleNamespace(colour=Colour.GREEN, nothing_certain=False, reasons=())
    sealed: Any = SimpleNamespace(
        options={},
        created_at="2026-05-13T00:00:00",
        whole_verdict=verdict,
        current=curve,
        recommended=curve,
        step=SimpleNamespace(),
    )
    found = refusal(partial(check_may_be_written, scope=Scope.ALL), sealed, made + age, 48.0)
    assert found is (None if is_taken else Reason.PROPOSAL_OLD)


@pytest.mark.parametrize(
    ("night", "week", "is_read"),
    [
        (0, 10, False),
        (0.5, 10, True),
        (20, 10, True),
        (20.5, 10, False),
        (5, 0, False),
        (5, 0.5, True),
        (5, 40, True),
        (5, 40.5, False),
    ],
)
def test_a_policy_goes_no_further_than_this(night: float, week: float, is_read: bool) -> None:
    read = None
    with suppress(ValidationError):
        read = Policy(allow=True, max_change_percent_per_night=night, max_change_percent_per_week=week)
    assert (read is not None) is is_read


def policy_line(percent: float = 0.0, **changes: Any) -> Any:
    usual = {"part": Part.ISF, "start": "00:00", "key": "isf", "current": 50.0, "new": 50.0, "more_insulin": False}
    return SimpleNamespace(**{**usual, "change_percent": percent, **changes})


def says(
    monkeypatch: pytest.MonkeyPatch,
    *lines: Any,
    worth: tuple[str, ...] = ("isf",),
    week_ago: Any = None,
    week: float = 10,
) -> str | None:
    monkeypatch.setattr(policy, "_check_verdict", lambda _: None)
    monkeypatch.setattr(policy, "beyond_limits", lambda _: ())
    request = SimpleNamespace(activate=False, overwrite=False, only=[], hours=[], scope=Scope.STEP)
    rules = SimpleNamespace(activate=True, only=[], max_change_percent_per_night=5.0, max_change_percent_per_week=week)
    made: Any = SimpleNamespace(verdict=SimpleNamespace(worth_changing=worth))
    plan: Any = SimpleNamespace(changed=[n for n in lines if n.current != n.new], lines=lines, parts=(Part.BASAL,))
    try:
        check_policy(cast(Any, rules), made, cast(Any, request), plan, week_ago, [])
    except Refused as refused:
        return refused.sentence
    return None


@pytest.mark.parametrize(
    ("percent", "is_allowed"), [(5 + 1e-6, True), (-5 - 1e-6, True), (5 + 1.1e-6, False), (-5 - 1.1e-6, False)]
)
def test_a_night_s_limit_holds_to_a_millionth(
    percent: float, is_allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (says(monkeypatch, policy_line(percent)) is None) is is_allowed


@pytest.mark.parametrize(("percent", "is_allowed"), [(2 + 1e-6, True), (2 + 1.1e-6, False), (-2.1, False)])
def test_so_does_a_week_s(percent: float, is_allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    found = says(monkeypatch, policy_line(percent), week=2.0)
    assert found is None if is_allowed else found is not None and "in a week" in found


@pytest.mark.parametrize(
    ("worth", "part", "key", "is_allowed"),
    [
        (("isf",), Part.ISF, "isf", True),
        ((), Part.ISF, "isf", False),
        (("daily_basal",), Part.ISF, "isf", False),
        (("daily_basal",), Part.BASAL, "basal_00", True),
        (("basal_00",), Part.BASAL, "basal_00", True),
        (("basal_01",), Part.BASAL, "basal_00", False),
    ],
)
def test_only_what_is_worth_it_changes_without_a_person(
    worth: tuple[str, ...], part: Part, key: str, is_allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = says(monkeypatch, policy_line(part=part, key=key, new=51.0), worth=worth)
    assert found is None if is_allowed else found is not None and "not worth changing" in found


WEEK_AGO = {
    "basal": [{"time": "00:00", "value": 1}, {"time": "06:00", "value": 2}, {"time": "07:00", "value": 4},
              {"time": "08:30", "value": 8}],
    "sens": [{"time": "00:00", "value": 50}],
    "carbratio": [{"time": "00:00", "value": 10}, {"time": "06:30", "value": 12}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("part", "start", "new", "is_allowed"),
    [
        (Part.BASAL, "06:00", 2.0, True),
        (Part.BASAL, "06:00", 2.018, True),
        (Part.BASAL, "06:00", 2.0201, False),
        (Part.BASAL, "06:00", 1.98, True),
        (Part.BASAL, "06:00", 1.97, False),
        (Part.BASAL, "07:00", 4.0, True),
        (Part.BASAL, "08:00", 6.06, True),  # 4 for half an hour, 8 for the other half
        (Part.BASAL, "08:00", 5.94, True),
        (Part.BASAL, "08:00", 6.061, False),
        (Part.CARB_RATIO, "06:30", 12.0, True),
        (Part.CARB_RATIO, "00:00", 10.0, True),
        (Part.CARB_RATIO, "06:30", 10.0, False),
    ],
)
def test_a_week_s_limit_counts_from_what_was_set_then(
    part: Part, start: str, new: float, is_allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = policy_line(part=part, start=start, current=new, new=new)
    assert (says(monkeypatch, made, week_ago=WEEK_AGO, week=1.0) is None) is is_allowed


def test_from_nothing_a_week_ago_every_change_is_too_far(monkeypatch: pytest.MonkeyPatch) -> None:
    made = policy_line(part=Part.BASAL, current=1.0, new=1.0)
    assert "in a week" in str(says(monkeypatch, made, week_ago={**WEEK_AGO, "basal": 0}, week=40.0))


LIMIT = SimpleNamespace(rule="beyond_low_limit")
OTHER = SimpleNamespace(rule="coverage")
LOW, HIGH = GlucoseLimit.LOW, GlucoseLimit.HIGH


@pytest.mark.parametrize(
    ("colour", "reasons", "beyond", "sure", "known", "said"),
    [
        (Colour.GREEN, [], (), True, True, None),
        (Colour.GREEN, [], (LOW,), True, True, None),
        (Colour.AMBER, [LIMIT], (LOW,), True, True, None),
        (Colour.AMBER, [LIMIT], (LOW, HIGH), True, True, None),
        (Colour.AMBER, [LIMIT], (), True, True, "not green"),
        (Colour.AMBER, [], (LOW,), True, True, "not green"),
        (Colour.AMBER, [LIMIT, OTHER], (LOW,), True, True, "not green"),
        (Colour.RED, [LIMIT], (LOW,), True, True, "not green"),
        (Colour.GREEN, [], (), False, True, "repeatable enough"),
        (Colour.GREEN, [], (), True, False, "not known"),
        (Colour.GREEN, [], (HIGH,), True, True, "high limit"),
    ],
)
def test_a_policy_takes_green_or_a_low_limit_alone(
    colour: Colour,
    reasons: list[Any],
    beyond: Any,
    sure: bool,
    known: bool,
    said: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(policy, "beyond_limits", lambda _: beyond)
    monkeypatch.setattr(policy, "unknown", lambda _: not known)
    verdict = SimpleNamespace(colour=colour, reasons=reasons, nothing_certain=not sure)
    made: Any = SimpleNamespace(verdict=verdict, options={})
    if said is None:
        policy._check_verdict(made)
    else:
        with pytest.raises(Refused, match=said):
            policy._check_verdict(made)


def past(hours: float, **facts: Any) -> Any:
    when = datetime.fromtimestamp(NOW_MS / 1000 - hours * 3600, UTC).isoformat()
    outcome = facts.pop("outcome", ChangeOutcome.AFTER)
    return SimpleNamespace(
        outcome=outcome, facts={"at": when, "source": "Day", "name": "New", "how": "policy", **facts}
    )


@pytest.mark.parametrize(
    ("changes", "source", "hours", "knows"),
    [
        ([], "Day", [], False),
        ([past(168)], "Day", [168], True),
        ([past(168.01)], "Day", [], False),
        ([past(1, outcome=ChangeOutcome.BEFORE)], "Day", [], False),
        ([past(1, how="command line")], "Day", [], True),
        ([past(30), past(20)], "New", [30, 20], True),
        ([past(30)], "Other", None, True),
        ([past(30, source="Other")], "Other", None, True),
    ],
)
def test_a_week_s_changes_without_a_person_are_counted(
    changes: list[Any], source: str, hours: list[float] | None, knows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = SimpleNamespace(active_before={"body": {"dia": 5}, "name": "Day"})
    monkeypatch.setattr(policy, "intent_of", lambda _: before)
    now = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    if hours is None:
        assert refusal(policy._history, changes, source, now) is Reason.POLICY_FORBIDS
        return
    week_ago, since = policy._history(changes, source, now)
    assert (week_ago is not None) is knows
    assert since == pytest.approx(hours)


def test_what_was_in_use_before_has_to_be_the_profile_that_was_tuned(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    for active in ({"body": None, "name": "Day"}, {"body": {"dia": 5}, "name": "Other"}):
        monkeypatch.setattr(policy, "intent_of", lambda _, a=active: SimpleNamespace(active_before=a))
        assert refusal(policy._history, [past(1)], "Day", now) is Reason.POLICY_FORBIDS


@pytest.mark.parametrize(
    ("names", "is_ours", "written", "is_known"),
    [
        (["Day"], False, [], True),
        (["Day", "Autotune 2026"], False, [], False),
        (["Day", "Autotune 2026"], False, ["Autotune 2026"], True),
        (["Day"], True, [], False),
        (["Day"], True, ["Else"], True),
        (["Day"], False, ["Else"], True),
    ],
)
def test_a_journal_has_to_know_of_what_we_wrote(
    names: list[str], is_ours: bool, written: list[str], is_known: bool
) -> None:
    switches = [{"enteredBy": "autotune-flows" if is_ours else "me"}]
    state: Any = SimpleNamespace(store={name: {} for name in names}, switches=switches)
    changes: Any = [SimpleNamespace(facts={"name": name}) for name in written]
    found = refusal(policy._check_journal_knows, changes, state)
    assert found is (None if is_known else Reason.POLICY_FORBIDS)


# ---- what was kept


@pytest.mark.parametrize(
    ("minutes", "more", "follows"),
    [
        (-1000, {}, True),
        (15, {}, True),
        (15.02, {}, False),
        (0, {"date": NOW_MS, "mills": str(NOW_MS)}, True),
        (0, {"date": NOW_MS + 1}, False),
        (0, {"date": NOW_MS, "mills": 1}, False),
    ],
)
def test_a_kept_document_begins_when_it_was_made(minutes: float, more: dict[str, Any], follows: bool) -> None:
    document = {"startDate": at(NOW_MS + minutes * MINUTE), **more}
    assert kept_documents._begins_by(document, NOW_MS) is follows
    assert not kept_documents._begins_by({"startDate": "soon"}, NOW_MS)


@pytest.mark.parametrize(("minutes", "is_close"), [(-15.02, False), (-15, True), (0, True), (15, True), (15.02, False)])
def test_a_kept_switch_is_of_the_time_it_was_made(minutes: float, is_close: bool) -> None:
    made = NOW_MS + round(minutes * MINUTE)
    found = kept_documents._created_near({"created_at": datetime.fromtimestamp(made / 1000, UTC).isoformat()}, NOW_MS)
    assert found == (made if is_close else None)
    assert kept_documents._created_near({"created_at": None}, NOW_MS) is None


@pytest.mark.parametrize(
    ("kind", "switch", "hours", "until_h", "may"),
    [
        ("apply", {}, 48, 48, True),
        ("apply", {}, 48, 48.01, False),
        ("apply", {}, None, 1, False),
        ("apply", None, None, 1, True),
        ("rollback", {}, None, 1, True),
    ],
)
def test_a_kept_activation_is_no_longer_than_asked_for(
    kind: str, switch: Any, hours: Any, until_h: float, may: bool
) -> None:
    change = Change(cast(Any, None), "a change", [{"step": "begun", "kind": kind, "max_age_h": hours}])
    intent: Any = SimpleNamespace(switch=switch, activate_until_ms=NOW_MS + until_h * HOUR)
    assert kept_documents._expiry_follows(change, intent, NOW_MS) is may


def test_active_about_then_is_a_quarter_of_an_hour_either_way() -> None:
    switches = tuple(
        {"eventType": "Profile Switch", "created_at": at(NOW_MS + m * MINUTE), "profile": name}
        for m, name in ((-20, "B"), (15, "C"), (16, "D"))
    )
    store = {name: {"sens": 50} for name in "ABCD"}
    document = {"startDate": at(NOW_MS - HOUR), "defaultProfile": "A", "store": store}
    found = kept_documents._actives(SiteProfiles((document,), switches), NOW_MS)
    assert [a["name"] for a in found] == ["B", "C"]


def noted(*steps: tuple[Step, float]) -> Any:
    records = [{"step": step.value, "at": datetime.fromtimestamp(s, UTC).isoformat()} for step, s in steps]
    return SimpleNamespace(records=records)


def test_a_step_was_noted_when_it_was_last() -> None:
    change = noted((Step.CHECKED, 5), (Step.CHECKED, 7), (Step.WRITING, 9))
    assert kept_documents._noted_ms(change, Step.CHECKED) == 7000


@pytest.mark.parametrize(
    ("records", "is_altered"),
    [
        ([], False),
        ([{"step": "undoing", "why": "write_differs"}], True),
        ([{"step": "undoing", "why": "write_lost"}], False),
        ([{"step": "undoing", "why": "write_lost", "altered": True}], True),
        ([{"step": "writing", "altered": True}], False),
    ],
)
def test_what_the_site_altered_is_told_from_an_edit(records: list[dict[str, Any]], is_altered: bool) -> None:
    assert observe.altered_on_the_way(cast(Any, SimpleNamespace(records=records))) is is_altered


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["store.A"], "a whole profile"),
        (["store.A.dia"], "dia"),
        (["other.A"], "A"),
        (["a.b[3]", "c.b[4]"], "b"),
        (["x." + "y" * 50], "y" * 40),
        ([f"a.{n}" for n in range(7)], "0, 1, 2, 3, 4"),
    ],
)
def test_five_fields_are_named_by_their_last_part(paths: list[str], said: str) -> None:
    assert observe.named(paths) == said


@pytest.mark.parametrize(
    ("stored", "known", "altered", "count"),
    [
        ({"a": 1}, [], False, 1),
        ({"a": 2}, [], False, 0),
        ({"a": 2}, [], True, 1),
        ({"a": 1}, ["x"], True, 0),
        ({"a": 1, "startDate": at(0)}, [], True, 0),
    ],
)
def test_ours_is_new_and_says_what_was_sent(
    stored: dict[str, Any], known: list[str], altered: bool, count: int
) -> None:
    sent = {"a": 1, "startDate": at(NOW_MS)}
    documents = [{"_id": "x", "startDate": at(NOW_MS), **stored}]
    assert len(observe.ours_in(documents, sent, known, altered=altered)) == count


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({}, []),
        ({"profileJson": '{"dia": 5, "basal": 1, "sens": 50, "carbratio": 10}'}, ["what it brings into force"]),
        ({"profileJson": "{"}, ["what it brings into force"]),
    ],
)
def test_a_switch_without_a_profile_differs_from_one_that_carries_any(stored: dict[str, Any], said: list[str]) -> None:
    sent = {"eventType": "Profile Switch", "profile": "A", "created_at": at(NOW_MS)}
    assert observe.switch_differences(sent, {**sent, **stored}) == said


@pytest.mark.parametrize(
    ("names", "is_other"), [([], False), (["A"], False), (["B"], False), (["A", "A"], False), (["A", "B"], True)]
)
def test_another_switch_of_the_time_says_something_else(names: list[str], is_other: bool) -> None:
    sent = switch_treatment("A", {"dia": 5}, NOW_MS, "")
    then = tuple(switch_treatment(name, {"dia": 5}, NOW_MS, "") for name in names)
    later = switch_treatment("C", {"dia": 5}, NOW_MS + SECOND, "")
    assert observe.other_switch_then(SiteProfiles((), (*then, later)), sent) is is_other


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("1989-12-31T00:00:00+00:00", False),
        ("1990-01-01T00:00:00+00:00", True),
        ("2199-12-31T00:00:00+00:00", True),
        ("2200-01-01T00:00:00+00:00", False),
        ("2026-01-01T00:00:00", False),
        (5, False),
    ],
)
def test_a_note_s_time_is_of_our_days_and_names_its_offset(text: Any, is_one: bool) -> None:
    assert (applied.instant(text) is not None) is is_one


def test_a_lock_is_waited_for_half_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def acquire(_: Path, patience_s: float) -> Any:
        asked.append(patience_s)
        return SimpleNamespace(release=lambda: None)

    monkeypatch.setattr(journal, "acquire", acquire)
    with journal.Journal("https://my.site.example", tmp_path).locked():
        pass
    assert asked == [30.0]


# ---- a day's basal


def of_rates(**changed: float) -> Wanted:
    """Numbers for `UNEVEN`, whose hours become others where they are named (`h07=2.5`)."""
    now = UNEVEN.hourly()
    new = [changed.get(f"h{hour:02d}", rate) for hour, rate in enumerate(now)]
    return rates(now, new)


def rates(now: list[float], new: list[float]) -> Wanted:
    return Wanted(cast(Any, SimpleNamespace(basal_u_per_h=new)), now)


UNEVEN = Schedule((Block(0, 1.0), Block(360, 1.5), Block(390, 3.0), Block(419, 5.0), Block(420, 2.0), Block(421, 1.0)))


def test_an_hour_that_stays_keeps_its_blocks_and_no_other_does() -> None:
    found = new_basal(of_rates(h07=2.5, h08=2.5), UNEVEN)
    assert found == {0: 1.0, 360: 1.5, 390: 3.0, 419: 5.0, 420: 2.5, 540: 1.0}
    assert new_basal(of_rates(h06=2.5), UNEVEN) == {0: 1.0, 360: 2.5, 420: 2.0, 421: 1.0}


@pytest.mark.parametrize(
    ("blocks", "least"),
    [
        (((0, 0.5), (360, 1.0), (362, 2.0), (420, 0.4)), 1.0),
        (((0, 0.5), (360, 2.0), (419, 1.2), (420, 0.4)), 1.2),
        (((0, 0.5), (360, 2.0), (430, 0.4)), 2.0),
    ],
)
def test_the_least_rate_of_an_hour_is_within_it(blocks: tuple[tuple[int, float], ...], least: float) -> None:
    assert _least(Schedule(tuple(Block(m, v) for m, v in blocks)), 6) == least


@pytest.mark.parametrize(("new", "stays"), [(1.0 + EXACT, False), (1.0 + 3 * EXACT, True), (0.9, False)])
def test_with_only_less_no_rate_within_an_hour_rises(new: float, stays: bool) -> None:
    old = Schedule((Block(0, 1.0), Block(30, 2.0), Block(60, 1.0)))
    made = rates(old.hourly(), [new, *[1.0] * 23])
    assert (0 in unchanged_hours(made, old, only_less=True)) is stays
    assert 0 not in unchanged_hours(made, old)


@pytest.mark.parametrize(
    ("blocks", "hours"),
    [
        (((0, 1.0), (390, 2.0), (420, 2.5)), ["06:00"]),
        (((0, 1.0), (390, 1.0)), []),
        (((0, 1.0), (360, 2.0)), []),
        (((0, 1.0), (419, 2.0), (420, 1.0)), ["06:00"]),
        (((0, 1.0), (420, 2.0), (421, 1.0)), ["07:00"]),
    ],
)
def test_hours_that_lose_a_change_are_named(blocks: tuple[tuple[int, float], ...], hours: list[str]) -> None:
    old = Schedule(tuple(Block(m, v) for m, v in blocks))
    notes = _flattened(rates(old.hourly(), [9.0] * 24), old, False)
    assert [note.partition("the hour of ")[2][:5] for note in notes] == hours


@pytest.mark.parametrize(
    ("top", "default", "others", "units", "kept_default"),
    [
        ("mg/dL", "Day", False, "mg/dL", "Day"),
        (None, "Day", False, "mg/dl", "Day"),
        ("mmol", "Day", False, "mmol", "Day"),
        ("mg/dL", None, False, "mg/dL", "Day"),
        ("mg/dL", None, True, "mg/dL", None),
    ],
)
def test_a_profile_without_units_or_default_gets_the_document_s(
    top: Any, default: Any, others: bool, units: str, kept_default: Any
) -> None:
    source = profile_document()
    body = {k: v for k, v in source["store"]["Day"].items() if k != "units"}
    store = {"Day": body, **({"Other": body} if others else {})}
    document = {**source, "units": top, "defaultProfile": default, "store": store}
    found = planned(document, proposal(document))
    assert found.document["store"][found.name]["units"] == units
    assert found.document.get("defaultProfile") == kept_default


@pytest.mark.parametrize(("size", "is_read"), [(64_000_000, True), (64_000_001, False)])
def test_a_note_of_more_than_64_million_bytes_is_not_read(size: int, is_read: bool, tmp_path: Path) -> None:
    file = tmp_path / "applied.json"
    file.touch()
    os.truncate(file, size)
    assert len(applied._text(file)) == (size if is_read else 0)


# ---- what a change finds


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"at_ms": NOW_MS}, None),
        ({"at_ms": NOW_MS + 1}, Reason.SWITCH_AHEAD),
        ({"temporary": True}, Reason.SWITCH_IN_FORCE),
        ({"percentage": 101}, Reason.SWITCH_IN_FORCE),
        ({"percentage": 99}, Reason.SWITCH_IN_FORCE),
        ({"timeshift_h": -1}, Reason.SWITCH_IN_FORCE),
    ],
)
def test_a_special_switch_is_not_ended(changes: dict[str, Any], reason: Reason | None) -> None:
    plain = {"at_ms": NOW_MS - HOUR, "temporary": False, "percentage": 100.0, "timeshift_h": 0.0}
    state: Any = SimpleNamespace(deciding=lambda _: [SimpleNamespace(**{**plain, **changes})])
    site: Any = SimpleNamespace(now_ms=lambda: NOW_MS - MINUTE, late_ms=lambda: NOW_MS)
    assert refusal(apply.check_no_special_switch, site, state) is reason


def change_of(name: str, **facts: Any) -> Change:
    outcome, ended = facts.pop("outcome", ChangeOutcome.AFTER), facts.pop("ended", True)
    begun = {"step": "begun", "name": name, "kind": "apply", "proposal_sha256": "p", **facts}
    return Change(cast(Any, None), name, [begun, *([{"step": "done", "outcome": outcome}] if ended else [])])


@pytest.mark.parametrize(
    ("keep_last", "more", "names"),
    [
        (0, {}, ["A", "B", "C"]),
        (1, {}, ["A", "B"]),
        (3, {}, []),
        (5, {}, []),
        (0, {"default": "A"}, ["B", "C"]),
        (0, {"in_use": {"B"}}, ["A", "C"]),
        (0, {"edited": "C"}, ["A", "B"]),
    ],
)
def test_older_profiles_of_ours_are_tidied(
    keep_last: int, more: dict[str, Any], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = {name: {"dia": 5} for name in "ABCDE"}
    store = {**written, "Theirs": {"dia": 6}} | ({more["edited"]: {"dia": 7}} if "edited" in more else {})
    monkeypatch.setattr(tidy, "checked_intent", lambda _: SimpleNamespace(document={"store": written}))
    changes = [
        *(change_of(name) for name in "ABC"),
        change_of("D", kind="tidy"),
        change_of("E", outcome=ChangeOutcome.BEFORE),
        change_of("Gone"),
    ]
    state: Any = SimpleNamespace(
        newest={"store": store, "defaultProfile": more.get("default", "Theirs")},
        names_ahead=lambda _: more.get("in_use", set()),
    )
    journal_of: Any = SimpleNamespace(changes=lambda: changes)
    assert tidy.old_names(journal_of, state, keep_last, NOW_MS) == names


@pytest.mark.parametrize(
    ("facts", "is_found"),
    [
        ({}, True),
        ({"site_sha256": "s"}, True),
        ({"site_sha256": "other"}, False),
        ({"kind": "rollback"}, False),
        ({"proposal_sha256": "other"}, False),
        ({"outcome": ChangeOutcome.BEFORE}, False),
        ({"outcome": None, "ended": False}, True),
    ],
)
def test_what_was_applied_is_this_proposal_s_on_this_site(facts: dict[str, Any], is_found: bool) -> None:
    journal_of: Any = SimpleNamespace(changes=lambda: [change_of("A", **facts)])
    approved: Any = SimpleNamespace(sha256="p", site_sha256="s")
    found = refusal(rollback._applied, journal_of, approved)
    assert found is (None if is_found else Reason.NOTHING_APPLIED)


@pytest.mark.parametrize(
    ("changes", "is_one"),
    [
        ([], False),
        ([{"outcome": ChangeOutcome.AFTER, "ended": True}], False),
        ([{"outcome": None, "ended": False}], True),
        ([{"outcome": ChangeOutcome.BEFORE, "ended": True, "why": "write_lost"}], True),
        ([{"outcome": ChangeOutcome.AFTER, "ended": True, "why": "write_lost"}], False),
        ([{"outcome": ChangeOutcome.BEFORE, "ended": True, "why": "rejected"}], False),
    ],
)
def test_a_change_without_an_end_or_a_document_lost_is_to_be_settled(changes: list[Any], is_one: bool) -> None:
    made = [SimpleNamespace(records=[{"why": c.get("why")}], reached=lambda _: False, **c) for c in changes]
    assert reconcile.anything_to_settle(cast(Any, SimpleNamespace(changes=lambda: made))) is is_one


@pytest.mark.parametrize(
    ("sent", "stored", "paths"),
    [
        ({"a": 1}, [1], ["x"]),
        ([1], {"0": 1}, ["x"]),
        ([1], [1, 2], ["x"]),
        ([1, 2], [1, 3], ["x[1]"]),
        ({"a": 5}, {"a": 5.0}, []),
        ({"a": 1}, {"a": True}, ["x.a"]),
    ],
)
def test_differences_are_named_where_they_are(sent: Any, stored: Any, paths: list[str]) -> None:
    assert differences(sent, stored, "x") == paths


def test_a_switch_s_name_is_taken_as_it_is_written() -> None:
    store = {"A": {"sens": 50}, "A (80%)": {"sens": 40}}
    document = {"startDate": at(NOW_MS - HOUR), "defaultProfile": "A", "store": store}
    switch = {"eventType": "Profile Switch", "created_at": at(NOW_MS - MINUTE), "profile": "A (80%)"}
    assert SiteProfiles((document,), (switch,)).active(NOW_MS).name == "A (80%)"
    named = {**switch, "profile": "", "originalProfileName": "A"}
    assert SiteProfiles((document,), (named,)).active(NOW_MS).name == "A"


def test_of_documents_that_begin_together_the_last_made_is_newest() -> None:
    documents = tuple(
        {"startDate": at(NOW_MS), "created_at": at(NOW_MS + n * SECOND), "_id": str(9 - n)} for n in (0, 1)
    )
    assert SiteProfiles(documents, ()).newest["_id"] == "8"


@pytest.mark.parametrize(("duration", "differs"), [("", False), (0, False), (30, True), ("long", True)])
def test_a_switch_s_duration_is_compared_as_a_number(duration: Any, differs: bool) -> None:
    sent = switch_treatment("A", {"dia": 5}, NOW_MS, "")
    assert ("duration" in observe.switch_differences(sent, {**sent, "duration": duration})) is differs


def test_another_sha256_is_named_by_twelve_characters() -> None:
    with pytest.raises(Refused) as caught:
        approval_checks._check_named("0" * 64, "abcdef0123456789")
    assert "abcdef012345" in caught.value.sentence and "abcdef0123456" not in caught.value.sentence


@pytest.mark.parametrize(
    ("document", "app"),
    [
        ({"loopSettings": {"bundleIdentifier": "org.nightscout.x.trio"}}, "Trio"),
        ({"loopSettings": {}}, "Loop"),
        ({"bundleIdentifier": "ru.artpancreas.FreeAPS"}, "FreeAPS X"),
        ({"enteredBy": "AAPS"}, None),
        ({}, None),
    ],
)
def test_an_app_that_never_reads_a_profile_is_told(document: dict[str, Any], app: str | None) -> None:
    assert approval_checks.report_only_app(document) == app


@pytest.mark.parametrize(("site", "sha256"), [("https://my.site.example", None), (5, "x")])
def test_a_proposal_without_a_site_is_said_to_have_none(site: Any, sha256: Any) -> None:
    made: Any = SimpleNamespace(options={"site": site}, site_sha256=sha256)
    assert refusal(approval_checks.site_of, made) is Reason.PROPOSAL_WITHOUT_SITE


@pytest.mark.parametrize(
    ("wanted", "name", "documents"), [("x", "A", []), ("x", "A", [newest(NOW_MS)]), ("x", ["A"], [newest(NOW_MS)])]
)
def test_a_proposal_whose_source_is_not_there_is_refused(
    wanted: Any, name: Any, documents: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approval_checks, "served_documents", lambda _: documents)
    profile = {"document_sha256": wanted, "name": name}
    approved: Any = SimpleNamespace(run=None, proposal=SimpleNamespace(profile=profile))
    assert refusal(approval_checks.source_document, approved) is Reason.PROPOSAL_WITHOUT_SITE
