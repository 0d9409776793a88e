"""The files that `autotune setup` writes: `.env` and the tokens apart from it, all of them or none."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flows.cli.exit_code import UsageError


@dataclass(frozen=True)
class NewFile:
    """A file to be written: where, what, and its mode."""

    path: Path
    content: bytes
    mode: int


def settings_in(file: Path) -> dict[str, str]:
    """The settings of a `.env`, none where it is not there."""
    if not file.is_file():
        return {}
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(file, interpolate=False).items() if value}


def settings_file(file: Path, settings: Mapping[str, str]) -> NewFile:
    """The `.env` with these settings in it.

    Raises:
        UsageError: for a value that cannot be written into such a file.
    """
    before = file.read_text("utf-8") if file.is_file() else ""
    try:
        return NewFile(file, with_settings(before, settings).encode("utf-8"), 0o600)
    except ValueError as error:
        raise UsageError(f"autotune setup: {error}") from None


def token_file(file: Path, token: str) -> NewFile:
    """A token's own file: the worker is another user, who may read it; its directory keeps others out."""
    return NewFile(file, token.encode("utf-8") + b"\n", 0o644)


def with_settings(text: str, settings: Mapping[str, str]) -> str:
    """The text of a `.env` with these settings in it; every other line stays as it is.

    Raises:
        ValueError: for a value that cannot be written into such a file.
    """
    written = {name: f"{name}={_quoted(value)}" for name, value in settings.items()}
    lines = []
    for line in text.splitlines():
        name = line.partition("=")[0].removeprefix("export ").strip()
        lines.append(written.pop(name) if name in written else line)
    return "\n".join([*lines, *written.values()]) + "\n"


def _quoted(value: str) -> str:
    if re.fullmatch(r"[\w@%+=:,./-]*", value):
        return value
    if re.search(r"['\r\n]", value):
        raise ValueError("a quotation mark or a line's end cannot be written into .env")
    return f"'{value}'"


def write_together(files: list[NewFile]) -> None:
    """Write all files whole, or leave all as they were.

    Raises:
        UsageError: one of them cannot be written.
    """
    beside = {file.path: file.path.with_name(f".{file.path.name}.{secrets.token_hex(4)}") for file in files}
    before = {file.path: file.path.read_bytes() if file.path.is_file() else None for file in files}
    modes = {path: path.stat().st_mode & 0o777 for path, content in before.items() if content is not None}
    made: list[Path] = []
    placed: list[Path] = []
    try:
        for file in files:
            made += _private_directory(file.path.parent)
            _write(beside[file.path], file.content, file.mode)
        for file in files:
            beside[file.path].replace(file.path)
            placed.append(file.path)
    except OSError as error:
        for path in placed:
            content = before[path]
            with suppress(OSError):
                path.unlink() if content is None else _write(path, content, modes[path])
        for neighbour in beside.values():
            neighbour.unlink(missing_ok=True)
        for directory in reversed(made):
            with suppress(OSError):
                directory.rmdir()
        raise UsageError(
            f"autotune setup: {error.filename} cannot be written ({error.strerror}); nothing was."
        ) from None


def _private_directory(directory: Path) -> list[Path]:
    made = [one for one in reversed([directory, *directory.parents]) if not one.exists()]
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if directory.name == "autotune" and directory.stat().st_uid == os.getuid():
        directory.chmod(0o700)
    return made


def _write(path: Path, content: bytes, mode: int) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    path.chmod(mode)
