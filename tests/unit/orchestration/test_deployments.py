"""What a second set-up makes of a deployment: its own last wish moves on, what a person changed stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.orchestration.deployments import DEFAULTS, EARLIER_DAYS, merged
from flows.settings import AnalysisRequest

SITE = "https://my.site.example"


def deployment(request: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "description": "Tune.",
        "tags": ["autotune"],
        "parameters": {"request": {"site": SITE, "days": 14} if request is None else request},
        "concurrency_limit": 1,
        "collision_strategy": "ENQUEUE",
        "work_pool_name": "autotune",
        "work_queue_name": "autotune-manual",
        "job_variables": {},
        "enforce_parameter_schema": True,
        **fields,
    }


OF_THE_PAGE = {
    "description": "Mine.",
    "tags": [],
    "concurrency_limit": None,
    "collision_strategy": "CANCEL_NEW",
    "work_pool_name": "another",
    "work_queue_name": "default",
    "job_variables": {"env": {"A": "1"}},
    "enforce_parameter_schema": False,
}
OF_AN_UPDATE = {
    "description": "Tune now.",
    "tags": ["autotune", "new"],
    "concurrency_limit": 3,
    "collision_strategy": "GRACEFUL",
    "work_pool_name": "autotune-docker",
    "work_queue_name": "autotune-scheduled",
    "job_variables": {"env": {}},
    "enforce_parameter_schema": None,
}


@pytest.mark.parametrize("name", OF_THE_PAGE)
def test_a_field_moves_on_unless_it_was_changed(name: str) -> None:
    wish = deployment(**{name: OF_AN_UPDATE[name]})
    assert merged(deployment(), deployment(), wish) == wish
    page = deployment(**{name: OF_THE_PAGE[name]})
    assert merged(deployment(), page, wish) == page


NO_SITE = {"site": "", "days": 14}
TYPED = {"site": SITE, "days": 14}


@pytest.mark.parametrize(
    ("before", "found", "wish", "is_to_be"),
    [
        pytest.param({"days": 7}, {"days": 7}, {"days": 14}, {"days": 14}, id="nobody changed it"),
        pytest.param({"days": 7}, {"days": 21}, {"days": 14}, {"days": 21}, id="somebody changed it"),
        pytest.param({"days": 7}, {"days": 14}, {"days": 14}, {"days": 14}, id="somebody was first"),
        pytest.param({"days": 7}, {}, {"days": 14}, {}, id="somebody took it out"),
        pytest.param({}, {}, {"age_group": "child"}, {"age_group": "child"}, id="newly said"),
        pytest.param({"age_group": "child"}, {"age_group": "child"}, {}, {}, id="no longer said"),
        pytest.param({}, {"age_group": None}, {"age_group": "child"}, {"age_group": "child"}, id="an empty field"),
        pytest.param({}, {"compare": True}, {"compare": False}, {"compare": False}, id="a form's default"),
        pytest.param({}, {"compare": False}, {}, {"compare": False}, id="no default"),
        pytest.param(
            NO_SITE, {"site": SITE, "days": 14}, {"site": "", "days": 7}, {"site": SITE, "days": 14}, id="typed"
        ),
        pytest.param(
            {"site": SITE, "insulin": "rapid-acting"},
            {"site": SITE + ".other", "insulin": "rapid-acting"},
            {"site": SITE, "insulin": "ultra-rapid"},
            {"site": SITE + ".other", "insulin": "rapid-acting"},
            id="another person",
        ),
        pytest.param(
            {"site": SITE, "days": 7},
            {"site": SITE, "days": 21},
            {"site": SITE + ".new", "days": 14},
            {"site": SITE + ".new", "days": 21},
            id="the settings' site moved",
        ),
    ],
)
def test_a_request_is_brought_up_to_date_by_its_fields(
    before: dict[str, Any], found: dict[str, Any], wish: dict[str, Any], is_to_be: dict[str, Any]
) -> None:
    assert merged(*map(deployment, (before, found, wish)))["parameters"]["request"] == is_to_be


def test_where_the_last_wish_was_not_kept_the_settings_count_and_the_page_stays() -> None:
    wish = deployment({"site": SITE + ".new", "days": 14, "age_group": "adult"})
    earlier = {"site": SITE, "days": EARLIER_DAYS, "age_group": "child"}
    old = deployment(earlier, description="In old words.", collision_strategy="CANCEL_NEW")
    assert merged(None, old, wish) == wish
    for days in (EARLIER_DAYS - 1, EARLIER_DAYS + 1):
        page = deployment({**earlier, "days": days, "insulin": "ultra-rapid"}, tags=["mine"], concurrency_limit=2)
        request = {"site": SITE + ".new", "days": days, "age_group": "adult", "insulin": "ultra-rapid"}
        assert merged(None, page, wish) == deployment(request, tags=["mine"], concurrency_limit=2)
    ada = deployment({"site_block": "ada"})
    assert merged(None, ada, wish) == ada


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "days": st.sampled_from([7, 14, 21]),
        "age_group": st.sampled_from([None, "child", "adult"]),
        "compare": st.booleans(),
        "site": st.sampled_from([SITE, ""]),
    },
)


def said(request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if value not in (None, "", DEFAULTS[name])}


@given(FIELDS, FIELDS, FIELDS)
def test_a_set_up_after_the_same_settings_changes_nothing(
    before: dict[str, Any], found: dict[str, Any], wish: dict[str, Any]
) -> None:
    first = merged(deployment(before), deployment(found), deployment(wish))
    assert merged(deployment(wish), first, deployment(wish)) == first
    untouched = merged(deployment(before), deployment(before), deployment(wish))
    assert said(untouched["parameters"]["request"]) == said(wish)


def test_the_defaults_are_those_of_a_request_as_a_form_sends_them() -> None:
    assert AnalysisRequest(site=SITE).options() == {**DEFAULTS, "site": SITE}
