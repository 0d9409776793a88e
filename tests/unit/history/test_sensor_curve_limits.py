"""Steps between the readings of two texts: from two minutes on, what glucose does meanwhile is taken out of them."""

from __future__ import annotations

import pytest

from flows.history.sensor_curves import _everything, _steps_between

MINUTE = 60_000


@pytest.mark.parametrize(("after_ms", "step"), [(2 * MINUTE - 1, 4.0), (2 * MINUTE, 0.0), (3 * MINUTE, -2.0)])
def test_what_glucose_rises_by_in_two_minutes_is_no_step(after_ms: int, step: float) -> None:
    rising = [(float(after_ms), 104.0), (after_ms + 5.0 * MINUTE, 114.0)]  # 2 mg/dL a minute
    curves = {"a": [(0.0, 100.0)], "b": rising}
    (found,) = _steps_between(curves, _everything(curves))
    assert found.off_mgdl == pytest.approx(step)
