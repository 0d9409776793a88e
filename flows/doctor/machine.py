"""Checks of this machine: Node.js, upstream as installed, Docker, the runs' directory, the clock and the time zone."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.doctor.check import CheckContext, CheckResult, fail, ok, skipped, warn
from flows.environment import environment_now
from flows.errors import Refused
from flows.oref0.node import scrubbed_environment
from flows.oref0.runtime import OLDEST_NODE, check_upstream, find_node, find_oref0, pinned_version
from flows.values.local_days import canonical_zone, utc_offset_min
from flows.values.units import SECOND_MS
from flows.values.user_directories import nearest_existing

MB = 1024 * 1024
LITTLE_MB, TOO_LITTLE_MB = 1000, 100  # a run keeps some tens of MB; the database and the images grow beside it
CLOCK_WARN_S, CLOCK_FAIL_S = 30, 300
# Winter and summer of a year: what the two programs disagree on is the rule for the clock change.
_INSTANTS_MS = [round(datetime(2026, month, 15, 12, tzinfo=UTC).timestamp() * SECOND_MS) for month in range(1, 13)]


def node(_: CheckContext) -> CheckResult:
    """Which Node.js is used, and whether it is the one that was named."""
    found = find_node()
    named = environment_now().node
    if named and found.source != "environment":
        return fail(
            f"AUTOTUNE_NODE names {named}, which is no Node.js {OLDEST_NODE} or newer; runs take {found.executable}.",
            "Correct AUTOTUNE_NODE, or unset it.",
        )
    return ok(f"{found.executable} is Node.js {found.version} ({found.source})")


def oref0(_: CheckContext) -> CheckResult:
    """Whether the files of upstream and of its packages are those the lock pins, byte for byte, as every run asks."""
    upstream = check_upstream(find_oref0())
    return ok(f"oref0 {pinned_version()} in {upstream.package}, every file and package as the lock pins them")


def docker(context: CheckContext) -> CheckResult:
    """Whether a Docker Engine answers; only the `docker` engine needs one."""
    client = _docker_client()
    if isinstance(client, str):
        sentence = f"No Docker Engine answers ({client})."
        if context.engine == "docker":
            return fail(sentence, "Start Docker, or use --engine node.")
        return warn(sentence, "Nothing to do for --engine node; start Docker for --engine docker or docker compose.")
    try:
        return ok(f"Docker Engine {client.version().get('Version', 'of an unknown version')}")
    finally:
        client.close()


def image(context: CheckContext) -> CheckResult:
    """Whether the image of the `docker` engine is there, built from these very files."""
    from docker.errors import DockerException, ImageNotFound

    from flows.oref0.docker import image_tag

    client = _docker_client()
    if isinstance(client, str):
        return skipped("no Docker Engine answers")
    try:
        client.images.get(image_tag())
    except ImageNotFound:
        sentence = f"The image {image_tag()} is not there; the first run with --engine docker builds it."
        remedy = f"Run `docker build -t {image_tag()} images/oref0`, or let that run do it."
        return warn(sentence, remedy) if context.engine == "docker" else skipped(sentence)
    except DockerException as error:
        return warn(f"The images cannot be listed ({type(error).__name__}).", "Look at `docker images`.")
    finally:
        client.close()
    return ok(f"{image_tag()} is there")


def _docker_client() -> Any:  # or why there is none, as text
    import docker as sdk
    from docker.errors import DockerException

    try:
        client = sdk.from_env(timeout=10)
        client.ping()
    except DockerException as error:
        return type(error).__name__
    return client


def runs_disk(context: CheckContext) -> CheckResult:
    """Whether runs can be written, and how much room there is."""
    root = nearest_existing(context.runs_root)
    if not os.access(root, os.W_OK | os.X_OK):
        return fail(f"{root} cannot be written to, and runs belong into it.", "Change its owner, or set AUTOTUNE_RUNS.")
    free_mb = shutil.disk_usage(root).free // MB
    if free_mb < LITTLE_MB:
        level = fail if free_mb < TOO_LITTLE_MB else warn
        return level(f"Only {free_mb} MB are free for runs in {root}.", "Delete old runs, or set AUTOTUNE_RUNS.")
    return ok(f"{free_mb // 1024} GB free in {root}")


def runs_mode(context: CheckContext) -> CheckResult:
    """Whether other users of the machine can look into runs, which are health data."""
    root = context.runs_root
    if not root.is_dir():
        return ok(f"{root} is made by the first run, mode 0700")
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (root, *_runs(root))}
    if open_to_others := [path for path, mode in modes.items() if mode & 0o077]:
        first, *others = open_to_others
        more = f", and {len(others)} more" if others else ""
        return fail(
            f"Other users of this machine can look into {first} (mode {modes[first]:04o}{more}).",
            f"Run `chmod -R go-rwx {root}`; runs are health data.",
        )
    return ok(f"{root} is for its owner only")


def clock(context: CheckContext) -> CheckResult:
    """This computer's clock against that of the site: upstream ignores insulin that lies in the future."""
    if context.site is None or (theirs := context.site.clock) is None:
        return skipped("there is no site to compare this computer's clock with")
    apart_s = (context.now - theirs).total_seconds()
    if abs(apart_s) >= CLOCK_WARN_S:
        ahead = "ahead of" if apart_s > 0 else "behind"
        sentence = f"This computer's clock is {abs(apart_s):.0f} s {ahead} the site's."
        remedy = "Set this computer's clock by the network (or the site's, if that is the wrong one)."
        return (fail if abs(apart_s) >= CLOCK_FAIL_S else warn)(sentence, remedy)
    return ok("this computer's clock and the site's agree")


def zone(context: CheckContext) -> CheckResult:
    """Whether the person's time zone is known, and Node.js reads it as this program does."""
    name, where = context.timezone, "as it was named"
    if name is None and context.site is not None:
        name, where = context.site.profile_zone, "the profile's"
    if not name:
        return skipped("no time zone is named; the profile's own will count")
    canonical = canonical_zone(name)
    try:
        executable = find_node().executable
    except Refused:
        return skipped("there is no Node.js to compare with")
    theirs = _offsets_in_node(executable, canonical)
    if theirs != [utc_offset_min(instant_ms, canonical) for instant_ms in _INSTANTS_MS]:
        return fail(
            f"Node.js reads the time zone {canonical} differently from this program.",
            "Update Node.js or its time-zone data, or name an equivalent zone both know.",
        )
    return ok(f"{canonical} ({where}); Node.js agrees over a year")


def _offsets_in_node(executable: Path, zone_name: str) -> list[int]:
    script = f"console.log({_INSTANTS_MS}.map(t => -new Date(t).getTimezoneOffset()).join(' '))"
    try:
        done = subprocess.run(
            [str(executable), "-e", script],
            env=scrubbed_environment(zone_name),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [int(part) for part in done.stdout.split()] if done.returncode == 0 else []


def _runs(root: Path) -> list[Path]:
    files = sorted(root.iterdir()) if os.access(root, os.R_OK | os.X_OK) else []
    return [p for p in files if p.is_dir() and not p.is_symlink()]
