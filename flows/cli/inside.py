"""Asking a site from inside the worker's container: what is reached from this machine may not be reached from there."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ANSWER_S, BUILD_S = 180, 3600
OF_THE_SITE = ("site", "site-version", "site-reading", "clock")
LATER = "docker compose exec worker autotune doctor"


def why_not(directory: Path) -> str | None:
    """Why no container can be started on this machine, `None` where it can."""
    if (done := _docker(directory, "compose", "version")) is None or done.returncode:
        return "`docker compose` is not there"
    if (done := _docker(directory, "version", "--format", "{{.Server.Version}}")) is None or done.returncode:
        return "no Docker Engine answers"
    return None


def is_built(directory: Path) -> bool:
    """Whether the worker's image is on this machine."""
    named = _docker(directory, "compose", "config", "--images", "worker")
    images = named.stdout.split() if named is not None and not named.returncode else []
    found = [_docker(directory, "image", "inspect", image) for image in images[:1]]
    return bool(found) and found[0] is not None and not found[0].returncode


def build(directory: Path) -> bool:
    """Build the image, with its output for the person; whether that worked."""
    done = subprocess.run(["docker", "compose", "build", "server"], cwd=directory, check=False, timeout=BUILD_S)
    return done.returncode == 0


def checks(directory: Path, settings: Mapping[str, str], token: str | None) -> list[dict[str, Any]] | None:
    """What the doctor says of the site in the worker's container, with settings that are written nowhere yet.

    Returns:
        Its checks of the site; `None` where the container could not be started.
    """
    with tempfile.TemporaryDirectory(prefix="autotune-") as scratch:
        file = Path(scratch) / "token"
        file.write_text(token or "", "utf-8")
        file.chmod(0o644)  # the worker is another user; the directory keeps others out
        told = {**settings, "AUTOTUNE_NIGHTSCOUT_TOKEN_FILE": str(file)}
        command = ("compose", "run", "--rm", "--no-deps", "-T", "worker", "autotune", "doctor", "--json")
        done = _docker(directory, *command, settings=told)
    try:
        found = json.loads(done.stdout)["checks"] if done is not None else None
        return [check for check in found if check["name"] in OF_THE_SITE] or None if found else None
    except (ValueError, KeyError, TypeError):
        return None


def _docker(
    directory: Path, *arguments: str, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            ["docker", *arguments],
            cwd=directory,
            env={**os.environ, **(settings or {})},  # which count before those of `.env`
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
