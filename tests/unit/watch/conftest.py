from __future__ import annotations

from collections.abc import Iterator

import pytest

from flows.environment import Environment, variable
from tests.unit.watch.receiver import Receiver, receiver

ADDRESSES = ("webhook", "webhook_file", "notices", "notices_file", "ping", "ping_file", "report_url", "state")


@pytest.fixture(autouse=True)
def no_address_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(ADDRESSES) <= set(Environment.model_fields)
    for name in ADDRESSES:
        monkeypatch.delenv(variable(name), raising=False)


@pytest.fixture
def received() -> Iterator[Receiver]:
    with receiver() as here:
        yield here
