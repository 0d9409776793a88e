"""A stack of `docker compose` for the tests of this directory: built from nothing, always taken down again."""

from __future__ import annotations

import functools
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, docker_trouble, missing

TOKEN = "canary-" + secrets.token_hex(8)
SOCKET = Path("/var/run/docker.sock")
STAND_IN = "autotune-test-postgres:15"
UP_SECONDS, DOWN_SECONDS, COMMAND_SECONDS = 600, 120, 60


@functools.cache
def compose_trouble() -> str | None:
    """Why `docker compose` cannot be used, or `None`."""
    if trouble := docker_trouble():
        return trouble
    try:
        done = subprocess.run(
            ["docker", "compose", "version", "--short"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the command docker cannot be used ({type(error).__name__})"
    if done.returncode != 0 or not done.stdout.strip().lstrip("v").startswith(("2.", "3.", "4.", "5.")):
        return "`docker compose`, version 2 or newer, is not there"
    return None


@functools.cache
def database_image() -> str:
    """The image docker-compose.yml names, or one made here where it is not to be had."""
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    official = str(document["services"]["database"]["image"]).removeprefix("${AUTOTUNE_POSTGRES_IMAGE:-").rstrip("}")
    for ask in (["image", "inspect"], ["pull", "--quiet"]):
        try:
            done = subprocess.run(["docker", *ask, official], capture_output=True, timeout=180, check=False)
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0:
            return official
    build = ["docker", "build", "--quiet", "--tag", STAND_IN, str(ROOT / "tests" / "e2e" / "postgres")]
    subprocess.run(build, capture_output=True, timeout=UP_SECONDS, check=True)
    return STAND_IN


@dataclass(frozen=True)
class Stack:
    """One running project of docker-compose.yml."""

    project: str
    port: int
    environment: dict[str, str]

    @property
    def api(self) -> str:
        """The server's API, from this machine."""
        return f"http://127.0.0.1:{self.port}/api"

    def compose(self, *arguments: str, seconds: float = COMMAND_SECONDS, check: bool = True) -> str:
        """What `docker compose` prints; a failure shows all it said."""
        done = subprocess.run(
            ["docker", "compose", "--project-name", self.project, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if arguments[0] == "up" else subprocess.PIPE,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and done.returncode != 0:
            said = (done.stdout + (done.stderr or ""))[-4000:]
            pytest.fail(f"docker compose {' '.join(arguments)}: status {done.returncode}\n{said}", pytrace=False)
        return done.stdout

    def worker(self, *command: str) -> str:
        """What a command prints in the worker's container."""
        return self.compose("exec", "-T", "worker", *command)


@contextmanager
def running_stack(base: Path, profiles: str = "demo,docker") -> Iterator[Stack]:
    """A stack with an image, volumes and a port of its own, and a token nobody may see; taken down at the end."""
    # As docs/operations.md says: a readable file in a directory that only its owner can enter.
    token = base / "token"
    token.write_text(TOKEN + "\n", "utf-8")
    token.chmod(0o644)
    project = f"autotune-e2e-{secrets.token_hex(4)}"
    image = f"{project}:test"
    running = Stack(project, _free_port(), _environment(image, token))
    running.environment["COMPOSE_PROFILES"] = profiles
    running.environment["AUTOTUNE_PORT"] = str(running.port)
    running.environment["AUTOTUNE_POSTGRES_IMAGE"] = database_image()
    try:
        running.compose("up", "--detach", "--build", "--wait", "--wait-timeout", "300", seconds=UP_SECONDS)
        yield running
    finally:
        # The runs' containers are the worker's, not compose's.
        runs = ["docker", "ps", "--all", "--quiet", "--filter", f"network={project}_default"]
        runs += ["--filter", "label=io.prefect.flow-run-id"]
        left = subprocess.run(runs, capture_output=True, text=True, timeout=60, check=False).stdout.split()
        if left:
            subprocess.run(["docker", "rm", "--force", *left], capture_output=True, timeout=60, check=False)
        running.compose("down", "--volumes", "--remove-orphans", "--timeout", "5", seconds=DOWN_SECONDS, check=False)
        subprocess.run(["docker", "image", "rm", image], capture_output=True, timeout=60, check=False)


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack."""
    if trouble := compose_trouble():
        missing("docker", trouble)
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


def _environment(image: str, token: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOTUNE_", "COMPOSE_"))}
    return own | {
        "AUTOTUNE_IMAGE": image,
        "AUTOTUNE_NIGHTSCOUT_TOKEN_FILE": str(token),
        "AUTOTUNE_DOCKER_GID": str(SOCKET.stat().st_gid) if SOCKET.exists() else "0",
        "AUTOTUNE_POLL_SECONDS": "2",  # three workers that ask every second take a tenth of a processor
        "COMPOSE_DISABLE_ENV_FILE": "1",  # not the developer's own site
    }


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
