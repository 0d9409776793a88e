"""The container gives the bytes of our runner, which has those of upstream's commands: `test_engines.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.oref0.docker import DockerEngine
from flows.oref0.node import NodeEngine
from flows.pipeline.parity import compare
from tests.parity.test_engines import CASES, Case, computed, prepared_job

pytestmark = [pytest.mark.oref0, pytest.mark.docker]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_container_gives_the_bytes_of_the_runner(case: Case, tmp_path: Path) -> None:
    job = prepared_job(case, tmp_path)
    ours, contained = (computed(e, job, tmp_path / e.name) for e in (NodeEngine(), DockerEngine()))
    files, differing = compare(ours, contained)
    assert files >= 5 * len(job.days)
    assert differing == []
