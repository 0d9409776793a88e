"""The `docker` engine: the same runner in a container without network, rights or a writable root.

The work directory goes in and out as an archive, so it works with a remote Docker host and from inside a container.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.oref0.engine import EngineReport, OnDay, TuneJob, follow, node_options
from flows.oref0.node import Deadline
from flows.oref0.runtime import image_context, require_pinned

IMAGE = "autotune-flows-oref0"
USER_ID = 1001
MEMORY_MB = 512
PIDS = 64
JOB = "/openaps/job"


def image_tag() -> str:
    """The image's name with a tag that changes whenever anything it is built from does."""
    digest = hashlib.sha256()
    context = image_context()
    files = [context / "Dockerfile", context / "package.json", context / "package-lock.json"]
    for file in [*files, *sorted((context / "runner").rglob("*.js"))]:
        digest.update(file.relative_to(context).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return f"{IMAGE}:{digest.hexdigest()[:12]}"


def hardening(memory_mb: int = MEMORY_MB, pids: int = PIDS) -> dict[str, Any]:
    """What a container may not do; the arguments for the Docker SDK."""
    return {
        "network_mode": "none",
        "read_only": True,
        "user": f"{USER_ID}:{USER_ID}",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": f"{memory_mb}m",
        "memswap_limit": f"{memory_mb}m",
        "pids_limit": pids,
        "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=64m"},
    }


class DockerEngine:
    """Runs the image built from `images/oref0`; builds it first when it is missing."""

    name = "docker"

    def __init__(self, memory_mb: int = MEMORY_MB, pids: int = PIDS, command: list[str] | None = None) -> None:
        self.memory_mb = memory_mb
        self.pids = pids
        self.command = command or [
            "node",
            *node_options(max(16, memory_mb * 3 // 4)),
            "/opt/oref0/runner/run.js",
            "--oref0",
            "/opt/oref0/node_modules/oref0",
            "--jobs",
            f"{JOB}/job.json",
            "--tell-installed",
        ]

    def run(self, job: TuneJob, on_day: OnDay) -> EngineReport:
        """See `Engine.run`."""
        import docker  # imported here: it costs time, and other engines do not need it
        from docker.errors import DockerException

        try:
            client = docker.from_env()
            client.ping()
        except DockerException as error:
            raise Refused(
                Reason.ENGINE_MISSING,
                what="Docker",
                detail=type(error).__name__,
                remedy="Start Docker, or use --engine node.",
            ) from None
        try:
            return self._run(client, job, on_day)
        finally:
            client.close()

    def _run(self, client: Any, job: TuneJob, on_day: OnDay) -> EngineReport:
        report = EngineReport(engine=self.name)
        image = ensure_image(client)

        def compare(packages: dict[str, str]) -> str:
            remedy = f"Remove the image with `docker image rm --force {image}` and run again: it is built again."
            return require_pinned(packages, place=f"the image {image}", remedy=remedy)

        container = client.containers.create(
            image,
            self.command,
            working_dir=JOB,
            environment={"TZ": job.zone},
            labels={"autotune-flows": "engine"},
            log_config={"Type": "json-file", "Config": {}},
            **hardening(self.memory_mb, self.pids),
        )
        try:
            container.put_archive("/openaps", _pack(job))
            container.start()
            with Deadline(job.timeout_seconds, container.kill) as deadline:
                follow(_lines(container), report, on_day, compare)
                container.wait()
            if deadline.passed:
                raise Refused(Reason.TIMED_OUT, seconds=job.timeout_seconds)
            if not report.finished:
                raise self._broken(container)
            if not report.upstream_sha256:
                raise Refused(Reason.ENGINE_BROKEN, detail="the container did not say which upstream it ran")
            _unpack(container, job.work)
        finally:
            container.remove(v=True, force=True)
        return report

    def _broken(self, container: Any) -> Refused:
        container.reload()
        state = container.attrs["State"]
        words = container.logs(stdout=False, stderr=True, tail=50)
        if state.get("OOMKilled") or b"heap out of memory" in words or state["ExitCode"] == 137:
            return Refused(Reason.OUT_OF_MEMORY, limit=f"{self.memory_mb} MB")
        return Refused(Reason.ENGINE_BROKEN, detail=f"container status {state['ExitCode']}")


def ensure_image(client: Any) -> str:
    """The image's name; built now from `images/oref0` when this machine has none of this content.

    Raises:
        Refused: `ENGINE_MISSING`.
    """
    from docker.errors import APIError, BuildError, ImageNotFound

    tag = image_tag()
    try:
        client.images.get(tag)
    except ImageNotFound:
        try:
            client.images.build(path=str(image_context()), tag=tag, rm=True, forcerm=True)
        except (BuildError, APIError) as error:
            raise Refused(
                Reason.ENGINE_MISSING,
                what=f"the image {tag}",
                detail=f"it could not be built ({type(error).__name__})",
                remedy=f"Run `docker build -t {tag} images/oref0` and look at its output.",
            ) from None
    return tag


def _pack(job: TuneJob) -> bytes:
    """job/: the work directory and job.json, owned by the container's user, readable by nobody else."""
    contents: dict[str, bytes | None] = {
        "job": None,
        "job/job.json": json.dumps(job.document(JOB)).encode(),
        "job/autotune": None,
        **{f"job/autotune/{file.name}": file.read_bytes() for file in sorted((job.work / "autotune").iterdir())},
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.uid = info.gid = USER_ID
            info.mode, info.type = (0o700, tarfile.DIRTYPE) if content is None else (0o600, tarfile.REGTYPE)
            info.size = len(content or b"")
            archive.addfile(info, None if content is None else io.BytesIO(content))
    return buffer.getvalue()


def _unpack(container: Any, work: Path) -> None:
    chunks, _ = container.get_archive(f"{JOB}/autotune")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        for member in archive.getmembers():
            if not member.isfile():
                continue
            stream = archive.extractfile(member)
            assert stream is not None
            # Names only: nothing in the archive decides where a file goes.
            name = Path(member.name).name
            if not name.startswith("ns-"):  # which went in from here
                _replace(work / "autotune" / name, stream.read())


def _replace(file: Path, content: bytes) -> None:
    # As the node engine writes them: whether they are whole is judged by what is in them, the manifest vouches.
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)


def _lines(container: Any) -> Iterator[str]:
    rest = b""
    for chunk in container.logs(stream=True, follow=True, stdout=True, stderr=False):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode("utf-8") for line in whole)
    if rest:
        yield rest.decode("utf-8")
