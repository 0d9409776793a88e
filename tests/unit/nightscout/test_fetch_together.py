"""Readings, treatments and switches are asked for at once, and one refusal ends them all."""

from __future__ import annotations

import threading
import time

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.client import Answer, NightscoutClient
from flows.nightscout.fetch import fetch_together


def client() -> NightscoutClient:
    return NightscoutClient("http://127.0.0.1:9", Credentials())


def answer(name: str) -> list[Answer]:
    return [Answer(name, "", b"[]", [])]


def test_the_parts_are_under_way_at_once_and_come_back_in_their_order() -> None:
    meeting = threading.Barrier(3, timeout=20)

    def part(name: str, pause_s: float) -> list[Answer]:
        meeting.wait()  # which breaks unless all three are here
        time.sleep(pause_s)
        return answer(name)

    found = fetch_together(client(), lambda: part("a", 0.05), lambda: part("b", 0.0), lambda: part("c", 0.02))
    assert [a.path for answers in found for a in answers] == ["a", "b", "c"]


def test_the_first_refusal_stops_the_others() -> None:
    site = client()
    began = threading.Event()

    def endless() -> list[Answer]:
        began.set()
        assert site._stopped.wait(20)
        raise Refused(Reason.SITE_UNREACHABLE, what="x", detail="the run was stopped", attempts=0)

    def refused() -> list[Answer]:
        assert began.wait(20)
        raise Refused(Reason.SITE_FORBIDDEN, what="treatments.json", status=403)

    with pytest.raises(Refused) as caught:
        fetch_together(site, endless, refused)
    assert caught.value.reason is Reason.SITE_FORBIDDEN
