"""A real Nightscout behind a network that fails: the very records of a direct fetch, or a typed refusal."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from flows.errors import Reason, Refused
from flows.nightscout import fetch
from flows.nightscout.authentication import Credentials
from flows.nightscout.client import Answer, NightscoutClient
from flows.nightscout.fetch import fetch_entries, fetch_profiles, fetch_treatments
from flows.nightscout.wait import wait_for_readings
from flows.values.local_days import Window
from flows.values.timestamps import iso_utc
from tests.integration.conftest import Nightscout, real_only
from tests.integration.faults import FAULTS, LASTING, PASSING, Faulty, faulty, seeded

pytestmark = pytest.mark.nightscout

# A time of its own, which no other test fills: 1 May to 3 June 2024.
START_MS = 1_714_521_600_000
READINGS, TREATMENTS = 9_300, 3_300
WINDOW = Window(START_MS, START_MS + 33 * 86_400_000)
RANGE = {
    "entries": f"find[date][$gte]={WINDOW.start_ms}&find[date][$lte]={WINDOW.end_ms}",
    "treatments": f"find[created_at][$gte]={iso_utc(WINDOW.start_ms)}&find[created_at][$lte]={iso_utc(WINDOW.end_ms)}",
}
READ = ["api:entries:read", "api:treatments:read", "api:profile:read"]
SITE_REASONS = {reason for reason in Reason if reason.name.startswith("SITE_")}


@dataclass(frozen=True)
class Filled:
    """What the site holds within the window, as posted and as a direct fetch gives it."""

    readings: list[dict[str, Any]]
    treatments: list[dict[str, Any]]
    fetched: set[str]


def clear(site: Nightscout) -> None:
    for name, query in RANGE.items():
        url = f"{site.url}/api/v1/{name}.json?{query}&count=1000000"
        assert requests.delete(url, headers=site.headers, timeout=120).status_code == 200


@pytest.fixture(scope="module")
def filled(nightscout: Nightscout) -> Iterator[Filled]:
    """Readings every five minutes; a bolus, carbs or temporary basal every fourteen."""
    readings = [
        {"type": "sgv", "sgv": 90 + n % 80, "device": "faults", "date": ms, "dateString": iso_utc(ms)}
        for n in range(READINGS)
        for ms in [START_MS + n * 300_000]
    ]
    kinds: list[dict[str, Any]] = [
        {"eventType": "Correction Bolus", "insulin": 0.25},
        {"eventType": "Carb Correction", "carbs": 12},
        {"eventType": "Temp Basal", "absolute": 0.5, "duration": 30},
    ]
    treatments = [
        {**kinds[n % 3], "enteredBy": "faults", "notes": str(n), "created_at": iso_utc(START_MS + n * 840_000 + 123)}
        for n in range(TREATMENTS)
    ]
    clear(nightscout)
    nightscout.fill(readings, treatments)
    entries, events = everything(reader(nightscout.url, nightscout.api_secret))
    yield Filled(readings, treatments, identity(entries) | identity(events))
    clear(nightscout)


@pytest.fixture(scope="module")
def reading_of_today(nightscout: Nightscout) -> Iterator[None]:
    """A reading outside the window, for a server that answers its newest whatever it is asked."""
    status = requests.get(f"{nightscout.url}/api/v1/status.json", headers=nightscout.headers, timeout=30).json()
    now_ms = int(status["serverTimeEpoch"])
    nightscout.post("v1/entries.json", [{"type": "sgv", "sgv": 100, "date": now_ms, "dateString": iso_utc(now_ms)}])
    yield
    url = f"{nightscout.url}/api/v1/entries.json?find[date][$gte]={now_ms}&find[date][$lte]={now_ms}&count=10"
    assert requests.delete(url, headers=nightscout.headers, timeout=30).status_code == 200


def reader(url: str, api_secret: str) -> NightscoutClient:
    return NightscoutClient(url, Credentials(api_secret=api_secret), sleep=lambda _: None)


def everything(client: NightscoutClient) -> tuple[list[Answer], list[Answer]]:
    return fetch_entries(client, WINDOW), fetch_treatments(client, WINDOW)


def identity(answers: list[Answer]) -> set[str]:
    return {json.dumps(record, sort_keys=True) for answer in answers for record in answer.document}


@pytest.mark.parametrize("page", [5000, 1000])
def test_a_month_of_a_closed_loop_is_fetched_completely(
    nightscout: Nightscout, filled: Filled, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "PAGE", page)
    client = reader(nightscout.url, nightscout.api_secret)
    entries, events = everything(client)
    read = {e["date"]: e["sgv"] for a in entries for e in a.document if e["device"] == "faults"}
    assert read == {e["date"]: e["sgv"] for e in filled.readings}
    notes = {t["notes"]: t for a in events for t in a.document if t.get("enteredBy") == "faults"}
    assert sorted(map(int, notes)) == list(range(TREATMENTS))
    for name in ("insulin", "carbs"):
        assert sum(t.get(name) or 0 for t in notes.values()) == sum(t.get(name) or 0 for t in filled.treatments)
    assert identity(entries) | identity(events) == filled.fetched
    assert all(answer.records < page for answer in entries + events)
    assert client.requests_made <= (20 if page == 5000 else 60)


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize(("seed", "share"), [(0, 0.3), (1, 0.5), (2, 0.95)])
@real_only
def test_faults_change_nothing_or_end_in_a_refusal(
    nightscout: Nightscout, filled: Filled, seed: int, share: float, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MAX_CONNECTIONS", at_once)
    with faulty(nightscout.url, seeded(seed, share, PASSING)) as proxy:
        outcome = fetched_or_refused(proxy, nightscout)
    assert outcome == filled.fetched or outcome in SITE_REASONS
    assert sum(proxy.done.values()) > proxy.done[None]
    if at_once == 1:  # then it is known which request meets which fault
        assert (outcome == filled.fetched) is (share < 0.9)


@pytest.mark.parametrize("fault", [fault.__name__ for fault in PASSING])
@real_only
def test_a_fault_before_every_answer_changes_nothing(nightscout: Nightscout, filled: Filled, fault: str) -> None:
    # In parallel a request may meet the fault twice in a row, never five times: two of three are answered.
    with faulty(nightscout.url, itertools.cycle([fault, None, None])) as proxy:
        assert fetched_or_refused(proxy, nightscout) == filled.fetched
    assert proxy.done[fault] >= 2


REFUSALS = {
    "drop": Reason.SITE_UNREACHABLE,
    "drop_after_the_headers": Reason.SITE_UNREACHABLE,
    "internal_error": Reason.SITE_FAILS,
    "application_error": Reason.SITE_FAILS,
    "slow_down": Reason.SITE_BUSY,
    "slow_down_until": Reason.SITE_BUSY,
    "cut_off": Reason.SITE_UNREACHABLE,
    "cut_off_without_a_word": Reason.SITE_NOT_DATA,
    "cut_off_compressed": Reason.SITE_NOT_DATA,
    "cut_off_in_chunks": Reason.SITE_UNREACHABLE,
    "empty": Reason.SITE_NOT_DATA,
    "page": Reason.SITE_NOT_DATA,
    "null": Reason.SITE_NOT_DATA,
    "without_the_question": Reason.SITE_INCOMPLETE,
}


@pytest.mark.usefixtures("reading_of_today")
@pytest.mark.parametrize("fault", sorted(FAULTS))
@real_only
def test_a_fault_that_stays_is_named(nightscout: Nightscout, filled: Filled, fault: str) -> None:
    with faulty(nightscout.url, itertools.repeat(fault)) as proxy:
        outcome = fetched_or_refused(proxy, nightscout)
    assert outcome == REFUSALS.get(fault, filled.fetched)


@pytest.mark.usefixtures("reading_of_today")
@pytest.mark.parametrize("seed", range(3))
@real_only
def test_pages_of_another_kind_end_in_a_refusal(nightscout: Nightscout, filled: Filled, seed: int) -> None:
    with faulty(nightscout.url, seeded(seed, 0.3, LASTING)) as proxy:
        outcome = fetched_or_refused(proxy, nightscout)
    assert outcome == filled.fetched or outcome in (Reason.SITE_NOT_DATA, Reason.SITE_INCOMPLETE)


def fetched_or_refused(proxy: Faulty, site: Nightscout) -> set[str] | Reason:
    try:
        entries, events = everything(reader(proxy.url, site.api_secret))
    except Refused as refusal:
        assert site.api_secret not in str(refusal)
        return refusal.reason
    return identity(entries) | identity(events)


def test_who_may_read_is_told_from_who_may_not(nightscout: Nightscout, filled: Filled) -> None:
    readable = nightscout.token("faults-readable", ["*:*:read"])
    enough = nightscout.token("faults-enough", READ)
    entries_only = nightscout.token("faults-entries", ["api:entries:read"])
    for token in (readable, enough):
        client = NightscoutClient(nightscout.url, Credentials(token=token))
        entries, events = everything(client)
        assert identity(entries) | identity(events) == filled.fetched
        assert fetch_profiles(client).records >= 0
    client = NightscoutClient(nightscout.url, Credentials(token=entries_only))
    assert identity(fetch_entries(client, WINDOW)) <= filled.fetched
    with pytest.raises(Refused) as caught:
        fetch_treatments(client, WINDOW)
    assert caught.value.reason is Reason.SITE_UNAUTHORIZED
    for credentials in (
        Credentials(),
        Credentials(token="nobody-0123456789abcdef"),
        Credentials(token="nobody-0123456789abcdef", basic="me:password"),
        Credentials(api_secret="not-the-secret-of-this-site"),
        Credentials(basic="me:password"),
    ):
        with pytest.raises(Refused) as caught:
            everything(NightscoutClient(nightscout.url, credentials))
        assert caught.value.reason is Reason.SITE_UNAUTHORIZED
        assert "nobody" not in str(caught.value)


def test_a_password_of_a_server_in_front_goes_with_every_credential(nightscout: Nightscout, filled: Filled) -> None:
    token = nightscout.token("faults-basic", READ)
    for credentials in (
        Credentials(token=token, basic="me:password"),
        Credentials(api_secret=nightscout.api_secret, basic="me:password"),
    ):
        answers = fetch_entries(NightscoutClient(nightscout.url, credentials), WINDOW)
        assert identity(answers) <= filled.fetched
        assert sum(answer.records for answer in answers) >= READINGS
        assert not any(token in answer.query for answer in answers)


def test_readings_are_waited_for(nightscout: Nightscout, filled: Filled) -> None:
    client = reader(nightscout.url, nightscout.api_secret)
    last = filled.readings[-1]["date"]
    clock = last / 1000
    for until_ms, arrived in ((last, True), (last + 600_000, True), (last + 600_001, False)):
        found = wait_for_readings(client, until_ms, at_most_s=0, every_s=60, clock=lambda: clock)
        assert found is arrived
