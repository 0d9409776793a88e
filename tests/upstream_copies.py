"""The installed upstream as files that a test may change: a whole `node_modules`, made in a moment."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from flows.oref0.runtime import find_oref0

CORE = "oref0/lib/autotune/index.js"


def copy_installed(root: Path) -> Path:
    """A root as `_install_roots` gives them, with all packages; what is changed in it must go through `rewrite`."""
    shutil.copytree(find_oref0().parent, root / "node_modules", symlinks=True, copy_function=_link)
    return root


def rewrite(file: Path, old: str, new: str) -> None:
    """Put a new file in a file's place: the old one is also that of the real installation."""
    text = file.read_text("utf-8")
    assert old in text
    file.unlink()
    file.write_text(text.replace(old, new, 1), "utf-8")


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)
