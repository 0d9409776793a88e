"""Each number of the evidence that decides something, just below and just above; written out here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from flows.judgement.case import Case, _daily_basal_agreed
from flows.proposal.evidence_document import Agreement
from flows.proposal.uncertainty import spread


@pytest.mark.parametrize(("value", "moves"), [(1.0011, (1, 0)), (1.001, (0, 0)), (0.9989, (0, 1)), (0.999, (0, 0))])
def test_a_repetition_moves_a_number_by_more_than_a_thousandth(value: float, moves: tuple[int, int]) -> None:
    found = spread(1.0, [value])
    assert (found.moves_up, found.moves_down) == moves


@pytest.mark.parametrize(("agreed_percent", "is_agreed"), [(10.0, True), (9.9, False)])
def test_half_of_the_day_s_change_is_agreed_on(agreed_percent: float, is_agreed: bool) -> None:
    unsure = cast(Agreement, SimpleNamespace(share=0.1))
    hours = [(agreed_percent, None), (20.0 - agreed_percent, unsure), (-50.0, None)]
    basal = [SimpleNamespace(change_percent=change, agreement=agreement) for change, agreement in hours]
    case: Any = SimpleNamespace(daily_basal_change=0.1, evidence=SimpleNamespace(basal=basal))
    assert _daily_basal_agreed(cast(Case, case)) is is_agreed
