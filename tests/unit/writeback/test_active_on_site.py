"""What Nightscout makes of a site's documents and switches, by its own rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.errors import Reason, Refused
from flows.writeback.active_on_site import SiteProfiles, differences, profile_content
from tests.proposals import profile_document

NOW = 1_795_608_000_000  # 2026-11-25T12:00:00Z


def document(number: int, start: Any, **more: Any) -> dict[str, Any]:
    made = profile_document(_id=f"{number:024x}", startDate=start, number=number, **more)
    return {k: v for k, v in made.items() if v is not None}


@pytest.mark.parametrize(
    ("starts", "newest"),
    [
        (["2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"], 1),
        (["2027-01-01T00:00:00Z", "2026-11-02T00:00:00Z"], 0),  # also one of the future
        (["2026-11-05T01:00:00+02:00", "2026-11-05T00:30:00Z"], 0),  # by its digits
        ([None, "1970-01-01T00:00:00.000Z"], 1),
        ([1_795_608_000_000, "2015-01-01T00:00:00Z"], 1),  # numbers below texts
        ([None, 5], 1),
        (["2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"], 1),  # of equal ones the last stored
    ],
)
def test_the_newest_document_is_the_one_nightscout_sorts_first(starts: list[Any], newest: int) -> None:
    documents = tuple(document(n, start) for n, start in enumerate(starts))
    for given_in in (documents, documents[::-1]):
        assert SiteProfiles(given_in, ()).newest["number"] == newest


def test_a_site_without_a_document_has_none() -> None:
    with pytest.raises(Refused) as caught:
        SiteProfiles((), ()).newest  # noqa: B018
    assert caught.value.reason is Reason.NO_PROFILE


def switch(at: str, profile: str = "Night shift", **more: Any) -> dict[str, Any]:
    return {"eventType": "Profile Switch", "created_at": f"2026-11-25T{at}:00.000Z", "profile": profile, **more}


BODY = '{"dia": 5, "basal": [{"time": "00:00", "value": 1}]}'


@pytest.mark.parametrize(
    ("switches", "active"),
    [
        ([], "Day"),
        ([switch("09:00")], "Night shift"),
        ([switch("07:00")], "Day"),  # older than the document of 08:00
        ([switch("08:00")], "Night shift"),
        ([switch("13:00")], "Day"),  # not yet
        ([switch("09:00"), switch("10:00", "Day")], "Day"),
        ([switch("11:30", duration=60)], "Night shift"),
        ([switch("10:30", duration=60)], "Day"),  # over
        ([switch("09:00", "Day"), switch("10:30", duration=60)], "Day"),
        ([switch("09:00", "Elsewhere")], "Day"),  # names nothing
        ([switch("09:00", "Elsewhere", profileJson=BODY)], "Elsewhere"),
        ([{**switch("09:00"), "eventType": "Note", "originalProfileName": "Night shift", "profileJson": BODY}], "Day"),
    ],
)
def test_what_is_active_is_what_nightscout_counts(switches: list[dict[str, Any]], active: str) -> None:
    state = SiteProfiles((document(1, "2026-11-25T08:00:00.000Z"),), tuple(switches))
    found = state.active(NOW)
    assert found.name == active
    assert found.body is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
@settings(max_examples=100)
def test_nothing_differs_exactly_where_both_are_the_same(left: Any, right: Any) -> None:
    assert differences(left, left) == []
    assert (differences(left, right) == []) is same(left, right)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return bool(left == right)


def test_a_document_is_the_same_whenever_it_was_stored() -> None:
    one, other = document(1, "2026-11-25T08:00:00.000Z", srvModified=1), document(2, "2027", date=5, isValid=True)
    assert differences(profile_content({**one, "number": 0}), profile_content({**other, "number": 0})) == []
    assert differences({"a": [{"b": 1}]}, {"a": [{"b": 2, "c": 0}]}) == ["a[0].b", "a[0].c"]
