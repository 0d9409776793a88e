"""Files of private directories: opened without following a link, and only what is a file of a size that can be.

Each directory below a base is opened by its name in the one above, so that nothing can be put in between. What a person
named (the base) may be a link; what this program made never is. Knows nothing of what the files hold.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.values.limits import DEPTH, is_deeper

LARGEST_BYTES = 64 << 20  # of a document of ours: a proposal of a year has some megabytes
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFREG: "a file",
}
WRITABLE = to_translate("it can be written by other users")
FOREIGN = to_translate("it belongs to another user (number {uid})")


class Damaged(ValueError):
    """Something is not what this program wrote there; its text says of which kind, and holds nothing of it."""


class Missing(Damaged):
    """There is nothing of that name."""

    def __init__(self) -> None:
        super().__init__("it is missing")


@contextmanager
def opened_directory(base: Path, *names: str, ours: bool = False) -> Iterator[int]:
    """The descriptor of a directory below `base`, for `dir_fd`; no name on the way is followed if it is a link.

    Args:
        base: an existing directory; itself taken as the operating system does.
        names: from there on.
        ours: refuse each of `names` that others can write or that is another user's.

    Raises:
        Damaged: one of the names is missing, a link or no directory.
        Refused: `PRIVATE_DIRECTORY`.
        OSError: it cannot be opened otherwise.
    """
    held = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for n, name in enumerate(names, 1):
            above, held = held, _open(name, _DIRECTORY, held, "a directory")
            os.close(above)
            if ours:
                check_ours(os.fstat(held), base.joinpath(*names[:n]))
        yield held
    finally:
        os.close(held)


def read_private(base: Path, *names: str, ours: bool = False, largest_bytes: int = LARGEST_BYTES) -> bytes:
    """What a file below `base` holds.

    Raises:
        Damaged: it is missing, too large, or no file; or a directory on the way is none.
        Refused: `PRIVATE_DIRECTORY`, with `ours` only.
        OSError: it cannot be read otherwise.
    """
    with opened_directory(base, *names[:-1], ours=ours) as directory:
        descriptor = _open(names[-1], os.O_RDONLY | os.O_NONBLOCK, directory, "a file")
        with os.fdopen(descriptor, "rb") as stream:
            if ours:
                check_ours(os.fstat(descriptor), base.joinpath(*names))
            content = stream.read(largest_bytes + 1)
    if len(content) > largest_bytes:
        raise Damaged(f"it holds more than {largest_bytes >> 20} MiB")
    return content


def open_private(directory: int, name: str, flags: int) -> int:
    """A file of an opened directory, for reading or writing, made with mode 0600 where `flags` say so; mode 0600 then.

    Raises:
        Damaged: it is missing or no file.
        OSError: it cannot be opened otherwise.
    """
    descriptor = _open(name, flags | os.O_NONBLOCK, directory, "a file")
    try:
        os.fchmod(descriptor, 0o600)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def write_private(base: Path, *names: str, content: bytes) -> None:
    """Put a whole file on disk below `base`, or nothing: directories 0700, the file 0600, each entry synced.

    Raises:
        Damaged: a directory on the way is none, or a link.
        Refused: `PRIVATE_DIRECTORY`.
        OSError: it cannot be written.
    """
    for n in range(1, len(names)):
        make_private(base, *names[:n])
    with opened_directory(base, *names[:-1], ours=True) as directory:
        neighbour = f".{names[-1]}.{secrets.token_hex(4)}"
        descriptor = os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=directory)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(neighbour, names[-1], src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            os.unlink(neighbour, dir_fd=directory)
            raise
        os.fsync(directory)


def make_private_way(directory: Path) -> None:
    """Make a directory and what is missing above it, each for its owner only; what is there stays as it is.

    `mkdir(parents=True, mode=0o700)` leaves those above open to others.

    Raises:
        OSError: it cannot be made.
    """
    for each in (*reversed(directory.parents), directory):
        if not each.is_dir():
            each.mkdir(mode=0o700, exist_ok=True)


def make_private(base: Path, *names: str) -> None:
    """Make a directory below `base` where there is none; mode 0700 then, as of one that is there.

    Raises:
        Damaged: there is something else.
        Refused: `PRIVATE_DIRECTORY`: it is another user's, or others can write it.
        OSError: it cannot be made.
    """
    with opened_directory(base, *names[:-1], ours=True) as above:
        try:
            os.mkdir(names[-1], 0o700, dir_fd=above)
        except FileExistsError:
            pass
        else:
            os.fsync(above)
    with opened_directory(base, *names, ours=True) as made:
        os.fchmod(made, 0o700)


def check_ours(found: os.stat_result, path: Path) -> None:
    """Refuse what another user could have put there: what lies in it may not be what was written.

    The administrator's is ours too (no one is kept out by it), and for the administrator everything is: a directory
    that is mounted into a container has the owner it has outside. The own group may write: a volume's group
    (`fsGroup`) can.

    Raises:
        Refused: `PRIVATE_DIRECTORY`.
    """
    me = os.geteuid()
    if me != 0 and found.st_uid not in (me, 0):
        detail = translatable(FOREIGN, uid=found.st_uid)
        remedy = translatable(
            "Run this as that user; if you know it is yours, have the administrator run `chown -R {me} {path}`",
            me=me,
            path=path,
        )
        raise Refused(Reason.PRIVATE_DIRECTORY, path=path, detail=detail, remedy=remedy)
    others = stat.S_IWOTH | (stat.S_IWGRP if found.st_gid != os.getegid() else 0)
    if found.st_mode & others:
        remedy = translatable("See that nobody has changed it, then run `chmod -R go-rwx {path}`", path=path)
        raise Refused(Reason.PRIVATE_DIRECTORY, path=path, detail=WRITABLE, remedy=remedy)


def parse_document(content: bytes) -> Any:
    """A JSON document as this program writes them: UTF-8, no NaN, not nested without end.

    Raises:
        Damaged: it is none.
    """
    if is_deeper(content, DEPTH.usual):  # ours have about ten levels, and Python's own limit depends on who calls
        raise Damaged("it is nested too deeply")
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise Damaged("it is not UTF-8") from None
    except RecursionError:
        raise Damaged("it is nested too deeply") from None
    except ValueError as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Damaged(f"it is not readable JSON{where}") from None


def _no_constant(_: str) -> Any:
    raise ValueError


def _open(name: str, flags: int, directory: int, wanted: str) -> int:
    """Open one name; what is there instead is said. A pipe or a device is not waited for, and never read."""
    try:
        descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory)
    except FileNotFoundError:
        raise Missing from None
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.EMLINK):
            raise _another_kind(os.lstat(name, dir_fd=directory).st_mode, wanted) from None
        raise
    mode = os.fstat(descriptor).st_mode
    if wanted == "a file" and not stat.S_ISREG(mode):
        os.close(descriptor)
        raise _another_kind(mode, wanted)
    return descriptor


def _another_kind(mode: int, wanted: str) -> Damaged:
    what = "its directory" if wanted == "a directory" else "it"
    return Damaged(f"{what} is {_KINDS.get(stat.S_IFMT(mode), 'a device')}, not {wanted}")
