"""Who decides a number: the slope of upstream's answer on the setting it starts from."""

from __future__ import annotations

import pytest

from flows.proposal.evidence_document import DecidedBy
from flows.proposal.start_probe import decided_by, start_probes
from flows.report.text.certainty import start_probe_sentence
from flows.values.parts import Part

NOW = {Part.BASAL: 24.0, Part.ISF: 50.0, Part.CARB_RATIO: 10.0}


def answers(part: Part, low: float, high: float) -> list[dict[str, object]]:
    numbers = {"daily_basal_u": 24.0, "isf_mgdl_per_u": 50.0, "carb_ratio_g_per_u": 10.0}
    name = {Part.BASAL: "daily_basal_u", Part.ISF: "isf_mgdl_per_u", Part.CARB_RATIO: "carb_ratio_g_per_u"}[part]
    return [{"part": part.value, "factor": f, **numbers, name: a} for f, a in ((0.8, low), (1.25, high))]


@pytest.mark.parametrize(
    ("low", "high", "slope", "by"),
    [
        (50.0, 50.0, 0.0, DecidedBy.DAYS),
        (40.0, 62.5, 1.0, DecidedBy.START),
        (45.0, 56.0, 0.49, DecidedBy.BOTH),
    ],
)
def test_the_slope_says_who_decides(low: float, high: float, slope: float, by: DecidedBy) -> None:
    (probe,) = start_probes(answers(Part.ISF, low, high), NOW, deliveries_recorded=True)
    assert (probe.slope, probe.decided_by, probe.starts) == (slope, by, (40.0, 62.5))
    assert start_probe_sentence(probe, mmol=False).startswith("From 40 and 62.5 mg/dL/U in place of the ISF in use")


@pytest.mark.parametrize(
    ("slope", "by"),
    [(0.35, DecidedBy.DAYS), (0.36, DecidedBy.BOTH), (0.64, DecidedBy.BOTH), (0.65, DecidedBy.START)],
)
def test_between_a_third_and_two_thirds_both_decide(slope: float, by: DecidedBy) -> None:
    assert decided_by(slope) is by


def test_without_records_of_delivery_basal_is_not_probed() -> None:
    found = answers(Part.BASAL, 20.0, 30.0)
    assert start_probes(found, NOW, deliveries_recorded=False) == ()
    assert len(start_probes(found, NOW, deliveries_recorded=True)) == 1


def test_one_answer_is_no_probe() -> None:
    assert start_probes(answers(Part.ISF, 50.0, 50.0)[:1], NOW, deliveries_recorded=True) == ()
