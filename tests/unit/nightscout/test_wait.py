"""Waiting until last night's readings have arrived: one small request a time, and never for longer than asked."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.client import Answer, NightscoutClient
from flows.nightscout.wait import wait_for_readings

NOW_S = 1_795_385_600.0
NOW_MS = int(NOW_S * 1000)
MINUTE_MS = 60_000


class Site(NightscoutClient):
    """A site whose readings arrive as time passes: `(arrives_after_s, date)`."""

    def __init__(self, readings: list[tuple[float, Any]], request_s: float = 0.0) -> None:
        super().__init__("https://my.site.example", Credentials())
        self.readings = readings
        self.request_s = request_s
        self.now_s = NOW_S
        self.asked: list[dict[str, list[str]]] = []
        self.ignores_the_question = False

    def records(self, path: str, query: str = "") -> Answer:
        self.now_s += self.request_s
        assert path == "entries/sgv.json"
        question = parse_qs(query)
        self.asked.append(question)
        low, high = (int(question[f"find[date][{operator}]"][0]) for operator in ("$gte", "$lte"))
        here = [date for after_s, date in self.readings if self.now_s >= NOW_S + after_s]
        if not self.ignores_the_question:
            here = [date for date in here if low <= date <= high]
        return Answer(path, query, b"", [{"date": date} for date in sorted(here, reverse=True)[:1]])

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def wait(self, until_ms: int, at_most_s: float = 1800, every_s: float = 300) -> bool:
        return wait_for_readings(
            self, until_ms, at_most_s=at_most_s, every_s=every_s, clock=lambda: self.now_s, sleep=self.sleep
        )


@pytest.mark.parametrize(
    ("readings", "arrived", "requests"),
    [
        ([(0, NOW_MS)], True, 1),
        ([(0, NOW_MS - 10 * MINUTE_MS)], True, 1),
        ([(0, NOW_MS - 10 * MINUTE_MS - 1)], False, 7),
        ([], False, 7),
        ([(0, NOW_MS - 3_600_000), (700, NOW_MS)], True, 4),
        ([(1800, NOW_MS)], True, 7),
        ([(1801, NOW_MS)], False, 7),
        ([(0, NOW_MS + 86_400_000)], False, 7),  # a sensor whose clock is a day ahead proves nothing
        ([(0, NOW_MS + 86_400_000), (0, NOW_MS)], True, 1),
    ],
)
def test_the_newest_reading_is_waited_for(readings: list[tuple[float, Any]], arrived: bool, requests: int) -> None:
    site = Site(readings)
    assert site.wait(NOW_MS) is arrived
    assert len(site.asked) == requests
    assert site.now_s - NOW_S <= 1800
    assert all(question["count"] == ["1"] for question in site.asked)


@pytest.mark.parametrize("date", [NOW_MS - 86_400_000, "2026-11-22", None, True, NOW_MS + 86_400_000])
def test_a_server_that_ignores_the_question_is_not_believed(date: Any) -> None:
    site = Site([(0, date)])
    site.ignores_the_question = True
    assert not site.wait(NOW_MS, at_most_s=0)
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("at_most_s", "every_s", "request_s", "requests"),
    [(0, 300, 0, 1), (100, 300, 0, 2), (600, 300, 0, 3), (700, 300, 0, 4), (600, 300, 400, 2)],
)
def test_the_wait_is_bounded(at_most_s: float, every_s: float, request_s: float, requests: int) -> None:
    site = Site([], request_s)
    assert not site.wait(NOW_MS, at_most_s, every_s)
    assert len(site.asked) == requests


def test_a_clock_that_is_set_back_does_not_make_the_wait_endless() -> None:
    site = Site([])

    def set_back(_: float) -> None:
        site.now_s -= 3600

    assert not wait_for_readings(site, NOW_MS, at_most_s=1800, every_s=300, clock=lambda: site.now_s, sleep=set_back)
    assert len(site.asked) == 7


@pytest.mark.parametrize("every_s", [0, -1, float("nan")])
def test_asking_without_a_pause_is_not_possible(every_s: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Site([]).wait(NOW_MS, every_s=every_s)


def test_a_refusal_ends_the_wait() -> None:
    class Locked(Site):
        def records(self, path: str, query: str = "") -> Answer:
            raise Refused(Reason.SITE_UNAUTHORIZED, what=path)

    with pytest.raises(Refused):
        Locked([]).wait(NOW_MS)
