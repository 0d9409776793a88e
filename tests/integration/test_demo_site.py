"""The demonstration's site answers as a real Nightscout does, to the questions this application asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.demo import READ_TOKEN, WRITE_TOKEN, demo_site
from tests.integration.conftest import Nightscout

pytestmark = pytest.mark.nightscout

Sites = tuple[str, Nightscout, list[Any]]


def demo(site: str, path: str, token: str | None = READ_TOKEN) -> requests.Response:
    exchanged = requests.get(f"{site}/api/v2/authorization/request/{token}", timeout=30).json() if token else {}
    headers = {"Authorization": f"Bearer {exchanged.get('token')}"} if token else {}
    return requests.get(f"{site}/api/v1/{path}", headers=headers, timeout=30)


@pytest.fixture(scope="module")
def sites(nightscout: Nightscout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """The demonstration's site, and a real one that was given the same day of it; with the day's readings."""
    with demo_site(tmp_path_factory.mktemp("demo")) as site:
        readings = demo(site, "entries/sgv.json?count=288").json()
        since = readings[-1]["dateString"]
        events = demo(site, f"treatments.json?find[created_at][$gte]={since}&count=0").json()
        nightscout.clear("entries", "treatments")
        nightscout.fill(readings, events)
        yield site, nightscout, readings


def told(documents: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What a run reads of documents, in the order they came."""
    return [tuple(d.get(k) for k in ("date", "sgv", "created_at", "eventType", "insulin", "carbs")) for d in documents]


QUESTIONS = [
    "entries/sgv.json",
    "entries/sgv.json?count=5",
    "entries/sgv.json?find[date][$gte]={first}&find[date][$lte]={middle}&count=0",
    "entries/sgv.json?find[date][$gte]={first}&find[date][$lte]={middle}&count=7",
    "treatments.json?find[created_at][$gte]={since}&count=5000",
    "treatments.json?find[created_at][$gte]={since}&find[created_at][$lte]={until}&count=3",
    "treatments.json?find[eventType]=Meal%20Bolus&find[created_at][$gte]={since}&count=1000",
    "treatments.json?find[originalProfileName][$exists]=true&find[created_at][$gte]={since}&count=1000",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_the_same_answer(question: str, sites: Sites) -> None:
    site, real, readings = sites
    middle = readings[len(readings) // 2]
    asked = question.format(
        first=readings[-1]["date"], middle=middle["date"], since=readings[-1]["dateString"], until=middle["dateString"]
    )
    theirs = requests.get(f"{real.url}/api/v1/{asked}", headers=real.headers, timeout=30).json()
    assert told(demo(site, asked).json()) == told(theirs)
    assert theirs or "originalProfileName" in question


def test_who_may_not_is_refused_as_there(sites: Sites) -> None:
    site, real, _ = sites
    assert demo(site, "entries.json", None).status_code == 401
    assert requests.get(f"{real.url}/api/v1/entries.json", timeout=30).status_code == 401
    for url in (site, real.url):
        unknown = requests.get(f"{url}/api/v2/authorization/request/nobody-0123456789abcdef", timeout=30)
        assert unknown.status_code == 401
    posted = requests.post(f"{site}/api/v1/profile.json?token={READ_TOKEN}", json={}, timeout=30)
    assert posted.status_code == 401


def test_a_profile_is_added_and_is_the_current_one_and_stays(tmp_path: Path) -> None:
    with demo_site(tmp_path) as site:
        before = demo(site, "profile.json").json()
        document = {**{k: v for k, v in before[0].items() if k != "_id"}, "startDate": "2099-01-01T00:00:00Z"}
        (added,) = requests.post(f"{site}/api/v1/profile.json?token={WRITE_TOKEN}", json=document, timeout=30).json()
        assert [d["_id"] for d in demo(site, "profile.json").json()] == [added["_id"], *(d["_id"] for d in before)]
        assert demo(site, "profile/current.json").json()["_id"] == added["_id"]
    with demo_site(tmp_path) as again:
        assert demo(again, "profile/current.json").json()["_id"] == added["_id"]
        switch = {
            "eventType": "Profile Switch",
            "profile": "A",
            "created_at": "2026-01-01T02:00:00+02:00",
            "duration": 0,
        }
        for _ in range(2):  # the same event twice is one
            requests.post(f"{again}/api/v1/treatments.json?token={WRITE_TOKEN}", json=switch, timeout=30)
        (found,) = demo(
            again, "treatments.json?find[eventType]=Profile%20Switch&find[created_at][$gte]=2000-01-01"
        ).json()
        assert found["created_at"] == "2026-01-01T00:00:00.000Z"
