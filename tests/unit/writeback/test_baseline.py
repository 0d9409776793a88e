"""The baseline: where it is read from, which one counts, and that no chain of changes goes beyond its limits."""

from __future__ import annotations

import copy
import json
import math
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.errors import Reason, Refused
from flows.proposal.document import Units
from flows.proposal.step_document import Baseline
from flows.proposal.step_limits import OF
from flows.report.text.baseline import NONE_YET, baseline_text
from flows.values.units import MGDL_PER_MMOLL
from flows.writeback.active_on_site import MARKER, SiteProfiles, profile_content
from flows.writeback.approval import Decision, SyncRequest
from flows.writeback.baseline import (
    check_within_baseline,
    first_baseline,
    known_baseline,
    marker_fields,
    settings_as_baseline,
)
from flows.writeback.markers import with_marker
from flows.writeback.plan import plan
from flows.writeback.site_documents import with_start_date
from tests.proposals import mmol_document, profile_document, proposal

AT = datetime(2026, 11, 1, tzinfo=UTC)
BODY = profile_document()["store"]["Day"]
FIRST = settings_as_baseline(BODY, Units.MG_PER_DL, AT)


def later(hours: float, *, by_hand: bool = False) -> Baseline:
    return settings_as_baseline(BODY, Units.MG_PER_DL, AT + timedelta(hours=hours), by_hand=by_hand)


def document_with(baseline: Baseline | None) -> dict[str, Any]:
    return {**profile_document(), MARKER: {"kind": "apply", **marker_fields(baseline)}}


def test_a_profile_is_read_as_a_baseline() -> None:
    assert FIRST.basal_u_per_h == (*[0.8] * 6, *[1.0] * 18)
    assert [(b.start, b.value) for b in FIRST.isf_mgdl_per_u] == [("00:00", 50), ("06:00", 50)]
    assert [(b.start, b.value) for b in FIRST.carb_ratio_g_per_u] == [("00:00", 10), ("12:00", 10)]
    in_mmol = settings_as_baseline(mmol_document()["store"]["Day"], Units.MMOL_PER_L, AT)
    assert in_mmol.isf_mgdl_per_u[0].value == pytest.approx(2.8 * MGDL_PER_MMOLL, abs=1e-4)


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        ([], None),
        ([None], None),
        ([FIRST], FIRST),
        ([later(1), FIRST, later(2)], later(2)),
        ([later(2), later(1, by_hand=True)], later(2)),
        ([later(1), later(1, by_hand=True)], later(1, by_hand=True)),
    ],
)
def test_the_one_set_last_counts(found: list[Baseline | None], counts: Baseline | None) -> None:
    documents = [document_with(one) for one in found]
    assert known_baseline(documents) == counts
    assert known_baseline(documents[::-1]) == counts


TEXT = marker_fields(FIRST)["baseline"]


@pytest.mark.parametrize(
    "marker",
    [
        {"baseline": TEXT.replace("0.8", "0.9")},
        {"baseline_sha256": "0" * 64},
        {"baseline": json.loads(TEXT)},
        {"baseline": None},
        marker_fields(FIRST.model_copy(update={"set_at": "2026-11-01T00:00:00"})),
        marker_fields(FIRST.model_copy(update={"set_at": "yesterday"})),
        marker_fields(FIRST.model_copy(update={"carb_ratio_g_per_u": ()})),
        marker_fields(FIRST.model_copy(update={"basal_u_per_h": (1.0,)})),
    ],
    ids=str,
)
def test_a_damaged_one_does_not_count(marker: dict[str, Any]) -> None:
    document = document_with(FIRST)
    document[MARKER] |= marker
    assert known_baseline([document]) is None
    assert known_baseline([{**profile_document(), MARKER: "autotune"}]) is None


def test_it_counts_in_a_document_that_somebody_edited() -> None:
    edited = document_with(FIRST)
    edited["store"]["Day"]["basal"][0]["value"] = 3
    assert known_baseline([edited]) == FIRST


def test_the_baseline_is_said_with_its_limits() -> None:
    text = baseline_text(FIRST)
    assert "set by the first change" in text
    assert "Basal 00:00–06:00 0.8 (0.64–1) U/h" in text
    assert "Carb ratio 00:00 10 (8–12.5) g/U" in text
    assert "ISF 00:00 50 (40–62.5) mg/dL/U, 2.78 (2.22–3.47) mmol/L/U" in text
    assert "set by hand" in baseline_text(later(1, by_hand=True))
    assert baseline_text(None) == NONE_YET


def check(now: dict[str, Any], new: dict[str, Any], baseline: Baseline = FIRST) -> str | None:
    """What is refused of a plan that brings these values, each of all its blocks."""
    source, then = profile_document(), profile_document()
    for document, values in ((source, now), (then, new)):
        for field, value in values.items():
            for entry in document["store"]["Day"][field]:
                entry["value"] = value
    planned: Any = SimpleNamespace(profile_json=then["store"]["Day"])
    try:
        check_within_baseline(baseline, planned, proposal(source), source)
    except Refused as refusal:
        assert refusal.reason is Reason.BEYOND_BASELINE
        return refusal.sentence
    return None


FLAT = FIRST.model_copy(update={"basal_u_per_h": (1.0,) * 24})


@pytest.mark.parametrize(
    ("field", "now", "new", "is_within"),
    [
        # 50 mg/dL/U, a step of 1; 10 g/U, a step of 0.1; 1 U/h, a step of 0.05, of which a day has its own limits
        ("sens", 50, 39.01, True),
        ("sens", 50, 38.99, False),
        ("sens", 50, 63.49, True),
        ("sens", 50, 63.51, False),
        ("carbratio", 10, 7.91, True),
        ("carbratio", 10, 7.89, False),
        ("carbratio", 10, 12.59, True),
        ("carbratio", 10, 12.61, False),
        ("basal", 1, (24 * 0.85 - 0.04) / 24, True),
        ("basal", 1, (24 * 0.85 - 0.06) / 24, False),
        ("basal", 1, (24 * 1.18 + 0.04) / 24, True),
        ("basal", 1, (24 * 1.18 + 0.06) / 24, False),
        # beyond it already, by somebody's own hand
        ("sens", 80, 80, True),
        ("sens", 80, 75, True),
        ("sens", 80, 80.1, False),
        ("sens", 30, 31, True),
        ("sens", 30, 29.9, False),
        ("basal", 2, 1.9, True),
        ("basal", 2, 2.05, False),
    ],
)
def test_nothing_goes_further_beyond_the_baseline(field: str, now: float, new: float, is_within: bool) -> None:
    said = check({field: now}, {field: new}, FLAT)
    assert (said is None) is is_within, said


def test_an_hour_has_limits_of_its_own() -> None:
    source = profile_document()
    source["store"]["Day"]["basal"] = [{"time": f"{hour:02d}:00", "value": 1.0} for hour in range(24)]
    for value, is_within in ((0.751, True), (0.749, False), (1.299, True), (1.301, False)):
        then = copy.deepcopy(source["store"]["Day"])
        then["basal"][3]["value"] = value
        planned: Any = SimpleNamespace(profile_json=then)
        try:
            check_within_baseline(FLAT, planned, proposal(source), source)
            found = True
        except Refused as refusal:
            assert "the basal of 03:00" in refusal.sentence
            assert str(value) not in str(refusal)
            found = False
        assert found is is_within, value


CHANGES = st.tuples(
    st.sampled_from(["step", "all", "reductions", "isf", "hours", "rollback"]),
    st.sampled_from([0.7, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.4]),
)


@given(st.lists(CHANGES, min_size=1, max_size=14))
@settings(max_examples=60, deadline=None)
def test_no_chain_of_changes_leaves_the_limits_without_a_new_baseline(chain: list[tuple[str, float]]) -> None:
    """Each by another journal, which knows nothing but what the site has."""
    site = [profile_document()]
    for number, (what, factor) in enumerate(chain):
        at = AT + timedelta(days=number)
        newest = SiteProfiles(tuple(site), ()).newest
        source, known = profile_content(newest), known_baseline(site)
        if what == "rollback":
            content = profile_content(site[-2] if len(site) > 1 else site[-1])
        else:
            made = proposal(source, factor=factor)
            named: dict[str, Any] = {"isf": {"only": ["isf"]}, "hours": {"hours": [3, 4]}}.get(what, {"what": what})
            asked = {"proposal_id": "x", "sha256": made.sha256, "decision": Decision.APPROVE, "name": "Day"}
            known = known or first_baseline(made, source, at)
            try:
                planned = plan(made, source, SyncRequest(**asked, **named, overwrite=True, activate=True))
                check_within_baseline(known, planned, made, source)
            except Refused as refusal:
                assert refusal.reason in (
                    Reason.BEYOND_BASELINE,
                    Reason.NOTHING_TO_WRITE,
                    Reason.NOTHING_LESS_TO_WRITE,
                    Reason.WRITE_VALUE,
                )
                continue
            content = planned.document
        change = cast(Any, SimpleNamespace(facts={"kind": "apply", "at": at.isoformat()}, name=str(number)))
        document = with_start_date(content, newest, int(at.timestamp() * 1000) + 1000)
        site.append(with_marker(document, change, profile_content(newest), known))
        _check_within(site[-1]["store"]["Day"])
    found = known_baseline(site)
    assert found is None or found.model_copy(update={"set_at": FIRST.set_at}) == FIRST


def _check_within(body: dict[str, Any]) -> None:
    then = settings_as_baseline(body, Units.MG_PER_DL, AT)
    least, most = OF["least_of_baseline"], OF["most_of_baseline"]
    for rate, of in zip(then.basal_u_per_h, FIRST.basal_u_per_h, strict=True):
        assert least * of - 0.0501 <= rate <= most * of + 0.0501
    total, of_total = math.fsum(then.basal_u_per_h), math.fsum(FIRST.basal_u_per_h)
    assert OF["least_daily_of_baseline"] * of_total - 0.0501 <= total
    assert total <= OF["most_daily_of_baseline"] * of_total + 0.0501
    assert all(50 * least - 1.001 <= b.value <= 50 * most + 1.001 for b in then.isf_mgdl_per_u)
    assert all(10 * least - 0.1001 <= b.value <= 10 * most + 0.1001 for b in then.carb_ratio_g_per_u)
