"""Steps between the readings of two texts: from two minutes on, what glucose does meanwhile is taken out of them."""

from __future__ import annotations

import pytest

from flows.history.sensor_curves import _everything, _is_one_curve, _roughness_mgdl, _steps_between

MINUTE = 60_000


@pytest.mark.parametrize(("after_ms", "step"), [(2 * MINUTE - 1, 4.0), (2 * MINUTE, 0.0), (3 * MINUTE, -2.0)])
def test_what_glucose_rises_by_in_two_minutes_is_no_step(after_ms: int, step: float) -> None:
    rising = [(float(after_ms), 104.0), (after_ms + 5.0 * MINUTE, 114.0)]  # 2 mg/dL a minute
    curves = {"a": [(0.0, 100.0)], "b": rising}
    (found,) = _steps_between(curves, _everything(curves))
    assert found.off_mgdl == pytest.approx(step)


@pytest.mark.parametrize(
    ("above", "own", "is_one"),
    [
        ([4.0, -4.0] * 3, 0.0, True),
        ([4.1, -4.1] * 3, 0.0, False),
        ([10.0, -10.0] * 3, 5.0, True),  # twice the text's own
        ([10.1, -10.1] * 3, 5.0, False),
        ([4.0] * 6, 5.0, True),  # but never higher than 4
        ([4.1] * 6, 5.0, False),
        ([8.0] * 5, 0.0, True),  # five steps are few
        ([8.0] * 6, 0.0, False),
        ([10.0] * 5, 0.0, True),
        ([10.1] * 5, 0.0, False),
        ([20.0] * 5, 5.0, True),  # four times the text's own
        ([20.1] * 5, 5.0, False),
    ],
)
def test_steps_between_two_texts_are_within_a_curve_up_to_here(above: list[float], own: float, is_one: bool) -> None:
    assert _is_one_curve(above, own) is is_one


@pytest.mark.parametrize(
    ("values", "every_min", "mgdl"),
    [
        ([n * n for n in range(9)], 5, 0),  # each step lies half way between those beside it
        ([n * n for n in range(8)], 5, None),  # five steps are too few
        ([10 * (n % 2) for n in range(9)], 5, 20),
        ([n * n for n in range(9)], 2, 0),
        ([n * n for n in range(9)], 1.99, None),
        ([n * n for n in range(9)], 20, 0),
        ([n * n for n in range(9)], 20.1, None),
    ],
)
def test_a_curve_is_as_rough_as_its_steps_are_off_those_beside_them(
    values: list[float], every_min: float, mgdl: float | None
) -> None:
    curve = [(n * every_min * MINUTE, 100.0 + value) for n, value in enumerate(values)]
    assert _roughness_mgdl(curve) == (None if mgdl is None else pytest.approx(mgdl))


def test_a_step_is_measured_by_the_slopes_beside_it() -> None:
    at = [(n * 5.0 * MINUTE, 100.0 + n * n) for n in range(6)]
    curves = {"a": at[:3], "b": at[3:]}
    assert [s.off_mgdl for s in _steps_between(curves, _everything(curves))] == [pytest.approx(0)]
    alone = {text: [reading] for text, reading in zip("abcd", at, strict=False)}  # then all texts' readings tell it
    found = {s.one + s.other: round(s.off_mgdl, 6) for s in _steps_between(alone, _everything(alone))}
    assert found == {"ab": -2, "ac": -6, "ad": 9, "bc": 0, "bd": 6, "cd": 2}
