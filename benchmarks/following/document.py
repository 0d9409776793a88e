"""Measured tables inside a document: each study between marks of its own, replaced by the next one of its name."""

from __future__ import annotations

from pathlib import Path

END = "<!-- end of what was measured -->"


def mark(name: str, command: str) -> str:
    """The line that a section begins with."""
    return f"<!-- measured {name}: `{command}` writes what follows -->"


def put(document: Path, name: str, command: str, text: str) -> None:
    """Write a section in place of the one of this name; at the end of the document where there is none."""
    before = document.read_text("utf-8")
    section = f"{mark(name, command)}\n\n{text}\n\n{END}"
    start = before.find(f"<!-- measured {name}: ")
    if start < 0:
        document.write_text(f"{before.rstrip()}\n\n{section}\n", "utf-8")
        return
    stop = before.index(END, start) + len(END)
    document.write_text(before[:start] + section + before[stop:], "utf-8")
