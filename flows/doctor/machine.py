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
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
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
            translatable(
                "AUTOTUNE_NODE names {named}, which is no Node.js {oldest_node} or newer; runs take {executable}.",
                named=named,
                oldest_node=OLDEST_NODE,
                executable=found.executable,
            ),
            to_translate("Correct AUTOTUNE_NODE, or unset it."),
        )
    return ok(
        translatable(
            "{executable} is Node.js {version} ({source})",
            executable=found.executable,
            version=found.version,
            source=found.source,
        )
    )


def oref0(_: CheckContext) -> CheckResult:
    """Whether the files of upstream and of its packages are those the lock pins, byte for byte, as every run asks."""
    upstream = check_upstream(find_oref0())
    return ok(
        translatable(
            "oref0 {pinned_version} in {package}, every file and package as the lock pins them",
            pinned_version=pinned_version(),
            package=upstream.package,
        )
    )


def docker(context: CheckContext) -> CheckResult:
    """Whether a Docker Engine answers; only the `docker` engine needs one."""
    client = _docker_client()
    if isinstance(client, str):
        sentence = translatable("No Docker Engine answers ({client}).", client=client)
        if context.engine == "docker":
            return fail(sentence, to_translate("Start Docker, or use --engine node."))
        return warn(
            sentence,
            to_translate("Nothing to do for --engine node; start Docker for --engine docker or docker compose."),
        )
    try:
        return ok(translatable("Docker Engine {what}", what=client.version().get("Version", "of an unknown version")))
    finally:
        client.close()


def image(context: CheckContext) -> CheckResult:
    """Whether the image of the `docker` engine is there, built from these very files."""
    from docker.errors import DockerException, ImageNotFound

    from flows.oref0.docker import image_tag

    client = _docker_client()
    if isinstance(client, str):
        return skipped(to_translate("no Docker Engine answers"))
    try:
        client.images.get(image_tag())
    except ImageNotFound:
        sentence = translatable(
            "The image {image_tag} is not there; the first run with --engine docker builds it.", image_tag=image_tag()
        )
        remedy = translatable(
            "Run `docker build -t {image_tag} images/oref0`, or let that run do it.", image_tag=image_tag()
        )
        return warn(sentence, remedy) if context.engine == "docker" else skipped(sentence)
    except DockerException as error:
        return warn(
            translatable("The images cannot be listed ({name}).", name=type(error).__name__),
            to_translate("Look at `docker images`."),
        )
    finally:
        client.close()
    return ok(translatable("{image_tag} is there", image_tag=image_tag()))


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
        return fail(
            translatable("{root} cannot be written to, and runs belong into it.", root=root),
            to_translate("Change its owner, or set AUTOTUNE_RUNS."),
        )
    free_mb = shutil.disk_usage(root).free // MB
    if free_mb < LITTLE_MB:
        level = fail if free_mb < TOO_LITTLE_MB else warn
        return level(f"Only {free_mb} MB are free for runs in {root}.", "Delete old runs, or set AUTOTUNE_RUNS.")
    return ok(translatable("{free_mb} GB free in {root}", free_mb=free_mb // 1024, root=root))


def runs_mode(context: CheckContext) -> CheckResult:
    """Whether other users of the machine can look into runs, which are health data."""
    root = context.runs_root
    if not root.is_dir():
        return ok(translatable("{root} is made by the first run, mode 0700", root=root))
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (root, *_runs(root))}
    if open_to_others := [path for path, mode in modes.items() if mode & 0o077]:
        first, *others = open_to_others
        more = translatable(", and {count} more", count=len(others)) if others else ""
        return fail(
            translatable(
                "Other users of this machine can look into {first} (mode {modes:04o}{more}).",
                first=first,
                modes=modes[first],
                more=more,
            ),
            translatable("Run `chmod -R go-rwx {root}`; runs are health data.", root=root),
        )
    return ok(translatable("{root} is for its owner only", root=root))


def clock(context: CheckContext) -> CheckResult:
    """This computer's clock against that of the site: upstream ignores insulin that lies in the future."""
    if context.site is None or (theirs := context.site.clock) is None:
        return skipped(to_translate("there is no site to compare this computer's clock with"))
    apart_s = (context.now - theirs).total_seconds()
    if abs(apart_s) >= CLOCK_WARN_S:
        ahead = to_translate("ahead of") if apart_s > 0 else to_translate("behind")
        sentence = translatable(
            "This computer's clock is {apart_s:.0f} s {ahead} the site's.", apart_s=abs(apart_s), ahead=ahead
        )
        remedy = to_translate("Set this computer's clock by the network (or the site's, if that is the wrong one).")
        return (fail if abs(apart_s) >= CLOCK_FAIL_S else warn)(sentence, remedy)
    return ok(to_translate("this computer's clock and the site's agree"))


def zone(context: CheckContext) -> CheckResult:
    """Whether the person's time zone is known, and Node.js reads it as this program does."""
    name, where = context.timezone, to_translate("as it was named")
    if name is None and context.site is not None:
        name, where = context.site.profile_zone, to_translate("the profile's")
    if not name:
        return skipped(to_translate("no time zone is named; the profile's own will count"))
    canonical = canonical_zone(name)
    try:
        executable = find_node().executable
    except Refused:
        return skipped(to_translate("there is no Node.js to compare with"))
    theirs = _offsets_in_node(executable, canonical)
    if theirs != [utc_offset_min(instant_ms, canonical) for instant_ms in _INSTANTS_MS]:
        return fail(
            translatable("Node.js reads the time zone {canonical} differently from this program.", canonical=canonical),
            to_translate("Update Node.js or its time-zone data, or name an equivalent zone both know."),
        )
    return ok(translatable("{canonical} ({where}); Node.js agrees over a year", canonical=canonical, where=where))


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
