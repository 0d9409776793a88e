"""Every way Nightscout data writes an instant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.values.timestamps import instant_ms, iso_utc

MS = 1_778_662_800_000.0  # 2026-05-13T09:00:00Z


@pytest.mark.parametrize(
    "written",
    [
        1_778_662_800_000,
        1_778_662_800_000.0,
        1_778_662_800,
        "1778662800000",
        "1778662800",
        1_778_662_800_000_000,
        "2026-05-13T09:00:00Z",
        "2026-05-13T09:00:00.000Z",
        "2026-05-13T09:00:00.0000000Z",
        "2026-05-13T11:00:00+02:00",
        "2026-05-13T11:00:00+0200",
        "2026-05-13T11:00:00.000+0200",
        "2026-05-13 11:00:00+02:00",
        "2026-05-13T11:00:00 GMT+02:00",
        "2026-05-13T09:00:00 UTC",
        "2026-05-13T14:30+05:30",
    ],
)
def test_an_instant_is_read_however_it_is_written(written: Any) -> None:
    assert instant_ms(written, "America/Denver") == (MS, False)


@pytest.mark.parametrize("written", ["2026-05-13T11:00:00", "2026-05-13 11:00:00.000"])
def test_a_time_without_a_zone_is_the_persons_and_says_so(written: str) -> None:
    assert instant_ms(written, "Europe/Paris") == (MS, True)


@pytest.mark.parametrize(
    "written",
    [
        None,
        True,
        "",
        "yesterday",
        "13.05.2026",
        float("nan"),
        float("inf"),
        12,
        -5,
        10**18 * 9,
        [],
        {},
        "9" * 30,
        "2026-13-45T00:00:00Z",
    ],
)
def test_what_is_no_instant_is_none(written: Any) -> None:
    assert instant_ms(written, "UTC") is None


@given(st.integers(1_000_000_000_000, 4_000_000_000_000))
def test_there_and_back(ms: int) -> None:
    assert instant_ms(iso_utc(ms), "Asia/Tokyo") == (float(ms), False)


@given(st.text(max_size=40) | st.floats() | st.integers())
def test_nothing_raises(value: Any) -> None:
    found = instant_ms(value, "UTC")
    assert found is None or isinstance(found[0], float)
