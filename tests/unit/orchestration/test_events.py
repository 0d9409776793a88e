"""What is told of a run's end: a proposal and a refusal; nothing of a run that was postponed, or is of days gone by."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed, Failed

from flows.orchestration import events
from flows.orchestration.postponing import POSTPONED
from flows.settings import AnalysisRequest

NOW, PAST = AnalysisRequest(site="https://a.example"), AnalysisRequest(site="https://a.example", past=True)


@pytest.mark.parametrize(
    ("request_of_run", "name", "told"),
    [
        (NOW, "Completed", [events.PROPOSAL_READY]),
        (NOW, POSTPONED, []),
        (PAST, "Completed", []),
        (NOW.options(), "Completed", [events.PROPOSAL_READY]),  # as the server has it
        (PAST.options(), "Completed", []),
        (NOW, "Failed", [events.FAILED]),
        (PAST.options(), "Failed", []),
    ],
)
def test_what_is_told_of_a_run_s_end(
    request_of_run: Any, name: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []
    monkeypatch.setattr(events, "_emit", lambda event, *_: found.append(event))
    run = FlowRun(flow_id=uuid4(), parameters={"request": request_of_run})
    if name == "Failed":
        events.on_failure(None, run, Failed())  # type: ignore[arg-type]
    else:
        events.on_completion(None, run, Completed(name=name))  # type: ignore[arg-type]
    assert found == told
