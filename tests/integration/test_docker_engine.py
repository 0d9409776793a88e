"""The container's limits, tested by breaking them; and nothing left behind, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun

from flows.errors import Reason, Refused
from flows.orchestration.lost_runs import container_exists
from flows.oref0 import docker as docker_module
from flows.oref0.docker import DockerEngine, ensure_image, hardening, image_tag
from flows.oref0.engine import TuneJob
from flows.oref0.provenance import tree_sha256
from flows.oref0.runtime import pinned_packages
from flows.oref0.work_dir import copy_openaps_directory
from flows.values.local_days import LocalDay
from tests.people import DAY, ZONE, openaps_directory

pytestmark = pytest.mark.docker


@pytest.fixture
def client() -> Iterator[Any]:
    import docker

    connected = docker.from_env()
    ensure_image(connected)
    yield connected
    ours = connected.containers.list(all=True, filters={"label": "autotune-flows=engine"})
    left = [c for c in ours if c.image.tags == [image_tag()]]
    connected.close()
    assert left == [], "a container was left behind"


@pytest.fixture
def job(tmp_path: Path) -> TuneJob:
    copy_openaps_directory(openaps_directory(tmp_path / "openaps"), tmp_path / "work")
    return TuneJob(tmp_path / "work", (LocalDay(DAY, ZONE),), timeout_seconds=120)


def volumes(client: Any) -> set[str]:
    return {v.name for v in client.volumes.list()}


def inside(client: Any, script: str) -> tuple[int, str]:
    """Run a Node script in a container hardened as the engine's."""
    container = client.containers.create(ensure_image(client), ["node", "-e", script], **hardening())
    try:
        container.start()
        status = container.wait(timeout=60)["StatusCode"]
        return int(status), container.logs().decode()
    finally:
        container.remove(v=True, force=True)


def test_a_job_runs_and_leaves_neither_container_nor_volume(client: Any, job: TuneJob) -> None:
    before = volumes(client)
    report = DockerEngine().run(job, lambda *_: None)
    assert report.days_done == [str(DAY)]
    assert report.oref0 == "0.7.1"
    assert report.upstream_sha256 == tree_sha256(pinned_packages())
    assert (job.work / "autotune" / f"newprofile.{DAY}.json").is_file()
    assert volumes(client) == before


@pytest.fixture
def changed_image(client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The engine's image with one digit of upstream changed in it."""
    name = f"{docker_module.IMAGE}:changed"
    edit = "/opt/oref0/node_modules/oref0/lib/autotune/index.js"
    container = client.containers.create(ensure_image(client), ["sed", "-i", "0,/0\\.8/s//0.9/", edit], user="0:0")
    try:
        container.start()
        assert container.wait(timeout=60)["StatusCode"] == 0
        container.commit(repository=docker_module.IMAGE, tag="changed")
    finally:
        container.remove(v=True, force=True)
    monkeypatch.setattr(docker_module, "ensure_image", lambda _: name)
    yield name
    client.images.remove(name, force=True)


def test_a_changed_upstream_in_the_image_is_refused(changed_image: str, job: TuneJob) -> None:
    with pytest.raises(Refused) as caught:
        DockerEngine().run(job, lambda *_: None)
    assert caught.value.reason is Reason.UPSTREAM_CHANGED
    assert "oref0 was changed" in caught.value.sentence
    assert f"docker image rm --force {changed_image}" in caught.value.remedy
    assert not (job.work / "autotune" / f"newprofile.{DAY}.json").exists()


def test_a_container_that_does_not_say_what_it_runs_is_no_result(client: Any, job: TuneJob) -> None:
    silent = [word for word in DockerEngine().command if word != "--tell-installed"]
    with pytest.raises(Refused) as caught:
        DockerEngine(command=silent).run(job, lambda *_: None)
    assert caught.value.reason is Reason.ENGINE_BROKEN
    assert not (job.work / "autotune" / f"newprofile.{DAY}.json").exists()


BROKEN: list[tuple[str, str, str]] = [
    (
        "the network",
        "fetch('http://1.1.1.1').then(() => console.log('REACHED'), e => console.log(e.cause.code))",
        "ENETUNREACH",
    ),
    ("writing to the root", "require('fs').writeFileSync('/opt/x', '1')", "EROFS"),
    ("writing into upstream", "require('fs').writeFileSync('/opt/oref0/runner/run.js', '1')", "EROFS"),
    ("being root", "console.log(process.getuid())", "1001"),
    ("becoming root", "process.setuid(0)", "EPERM"),
    (
        "executing from /tmp",
        "require('fs').writeFileSync('/tmp/x', '#!/bin/sh\\n', {mode: 0o755});"
        "console.log(require('child_process').spawnSync('/tmp/x').error.code)",
        "EACCES",
    ),
    (
        "capabilities",
        "console.log(require('fs').readFileSync('/proc/self/status', 'utf8').match(/CapEff:\\s*(\\w+)/)[1])",
        "0000000000000000",
    ),
]


@pytest.mark.parametrize(("what", "script", "answer"), BROKEN, ids=[b[0] for b in BROKEN])
def test_the_container_may_not(what: str, script: str, answer: str, client: Any) -> None:
    _, output = inside(client, script)
    assert answer in output
    assert "REACHED" not in output


def test_more_processes_than_allowed_cannot_be_started(client: Any) -> None:
    script = (
        "const {spawn} = require('child_process'); let failed = 0, asked = 200;"
        "for (let i = 0; i < asked; i++) spawn('sleep', ['20']).on('error', () => { failed++; });"
        "setTimeout(() => { console.log('FAILED', failed > 0); process.exit(0); }, 2000);"
    )
    _, output = inside(client, script)
    assert "FAILED true" in output or "EAGAIN" in output


def test_memory_beyond_the_limit_is_a_typed_refusal(client: Any, job: TuneJob) -> None:
    eater = ["node", "-e", "const kept = []; for (;;) kept.push(Buffer.alloc(8 << 20, 1));"]
    with pytest.raises(Refused) as caught:
        DockerEngine(memory_mb=64, command=eater).run(job, lambda *_: None)
    assert caught.value.reason is Reason.OUT_OF_MEMORY


def test_time_beyond_the_limit_is_a_typed_refusal(client: Any, job: TuneJob) -> None:
    began = time.monotonic()
    hanging = TuneJob(job.work, job.days, timeout_seconds=1.5)
    with pytest.raises(Refused) as caught:
        DockerEngine(command=["node", "-e", "setInterval(() => {}, 1000)"]).run(hanging, lambda *_: None)
    assert caught.value.reason is Reason.TIMED_OUT
    assert time.monotonic() - began < 20


def test_a_container_that_says_nothing_is_no_result(client: Any, job: TuneJob) -> None:
    with pytest.raises(Refused) as caught:
        DockerEngine(command=["node", "-e", "process.exit(0)"]).run(job, lambda *_: None)
    assert caught.value.reason is Reason.ENGINE_BROKEN
    assert not (job.work / "autotune" / f"newprofile.{DAY}.json").exists()


def test_without_an_engine_the_refusal_says_what_to_do(job: TuneJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(Refused) as caught:
        DockerEngine().run(job, lambda *_: None)
    assert caught.value.reason is Reason.ENGINE_MISSING
    assert "--engine node" in caught.value.remedy


def test_a_run_s_container_is_known_to_its_engine_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    run = FlowRun(flow_id=uuid4(), infrastructure_pid=f"http+docker://localhost:{'0' * 64}")
    assert not container_exists(run)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert container_exists(run)  # an engine that does not answer says nothing
