"""The container gives the bytes of our runner, which has those of upstream's commands: `test_engines.py`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.cli.main import main
from flows.oref0.docker import DockerEngine
from flows.oref0.node import NodeEngine
from flows.pipeline.parity import compare
from tests.parity.test_engines import CASES, Case, computed, prepared_job
from tests.people import export_directory

pytestmark = [pytest.mark.oref0, pytest.mark.docker]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_container_gives_the_bytes_of_the_runner(case: Case, tmp_path: Path) -> None:
    job = prepared_job(case, tmp_path)
    ours, contained = (computed(e, job, tmp_path / e.name) for e in (NodeEngine(), DockerEngine()))
    files, differing = compare(ours, contained)
    assert files >= 5 * len(job.days)
    assert differing == []


def test_a_proposal_by_the_container_is_the_runner_s(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_directory(tmp_path / "data", days=2)
    told = []
    for engine in ("docker", "node"):
        arguments = ["--from", str(tmp_path / "data"), "--json", "--out", str(tmp_path / engine), "--engine", engine]
        assert main(["propose", "--no-prefect", *arguments]) == 0
        told.append(json.loads(capsys.readouterr().out))
    contained, ours = told
    assert contained["status"] == "proposal"
    assert (contained["engine"]["engine"], contained["engine"]["check"]["same"]) == ("docker", True)
    assert (contained["recommended"], contained["verdict"]) == (ours["recommended"], ours["verdict"])
