"""The installed tree of upstream and its packages as digests, a package at a time, to compare with the pinned ones.

Everything that Node.js could resolve a module to counts: the path and content of every file, the path and target of
every link. File modes do not, and neither do empty directories: no module is found by them.
`images/oref0/runner/tree.js` computes the same digests inside a container.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

NPMS_OWN = ".package-lock.json"  # npm's note of what it installed; Node.js never reads it
UNREADABLE = "unreadable"
_FILE, _LINK, _OTHER = b"F", b"L", b"O"


def package_digests(modules: Path) -> dict[str, str]:
    """The sha256 of each entry of a `node_modules` directory, or `UNREADABLE`; empty where there is no directory."""
    try:
        entries = _sorted(modules)
    except OSError:
        return {}
    return {e.name: _digest(e) for e in entries if not (e.name == NPMS_OWN and e.is_file(follow_symlinks=False))}


def tree_sha256(packages: dict[str, str]) -> str:
    """One sha256 for the whole tree: of its `package_digests`, as the lines of a sha256sum file in order of name."""
    lines = [f"{packages[name]}  {name}\n" for name in sorted(packages)]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def differences(found: dict[str, str], pinned: dict[str, str]) -> list[str]:
    """What is wrong with each package that is not as pinned, in order of name."""

    def how(name: str) -> str:
        if name not in found:
            return "is missing"
        if name not in pinned:
            return "does not belong there"
        return "cannot be read" if found[name] == UNREADABLE else "was changed"

    names = sorted(found.keys() | pinned.keys())
    return [f"{_printable(name)} {how(name)}" for name in names if found.get(name) != pinned.get(name)]


def _digest(entry: os.DirEntry[str]) -> str:
    digest = hashlib.sha256()
    try:
        _add(digest, entry, os.fsencode(entry.name))
    except OSError:
        return UNREADABLE
    return digest.hexdigest()


def _add(digest: Any, entry: os.DirEntry[str], path: bytes) -> None:
    # A link is not followed: where it leads is not what npm laid out.
    if entry.is_symlink():
        kind, content = _LINK, os.fsencode(os.readlink(entry.path))  # noqa: PTH115 - Path alters the target
    elif entry.is_dir(follow_symlinks=False):
        for below in _sorted(entry.path):
            _add(digest, below, path + b"/" + os.fsencode(below.name))
        return
    elif entry.is_file(follow_symlinks=False):
        kind, content = _FILE, Path(entry.path).read_bytes()
    else:  # a pipe or a device: nothing to read
        kind, content = _OTHER, b""
    digest.update(kind + path + b"\0" + hashlib.sha256(content).digest())


def _sorted(directory: str | Path) -> list[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        return sorted(entries, key=lambda entry: os.fsencode(entry.name))


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)
