"""What lies in a private directory is read only where it is a file of ours, and never through a link."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.errors import Reason, Refused
from flows.values.limits import DEPTH
from flows.values.private_files import (
    Damaged,
    check_ours,
    make_private,
    make_private_way,
    parse_document,
    read_private,
    write_private,
)

ME, OTHER = 1001, 1002


def elsewhere(path: Path) -> Path:
    """The same content, at another place."""
    moved = path.with_name("elsewhere")
    path.rename(moved)
    return moved


INSTEAD: dict[str, Callable[[Path], object]] = {
    "a link": lambda p: p.symlink_to(elsewhere(p)),
    "a directory": lambda p: (elsewhere(p), p.mkdir()),
    "a pipe": lambda p: (elsewhere(p), os.mkfifo(p)),
    "missing": elsewhere,
}


@pytest.mark.parametrize("kind", INSTEAD)
def test_what_is_no_file_is_said_and_not_read(tmp_path: Path, kind: str) -> None:
    write_private(tmp_path, "site", "change", "backup.json", content=b"1")
    assert read_private(tmp_path, "site", "change", "backup.json") == b"1"
    INSTEAD[kind](tmp_path / "site" / "change" / "backup.json")
    with pytest.raises(Damaged, match=kind):
        read_private(tmp_path, "site", "change", "backup.json")


@pytest.mark.parametrize("name", ["site", "site/change"])
@pytest.mark.parametrize("kind", ["a link", "a pipe"])
def test_no_directory_on_the_way_is_a_link(tmp_path: Path, name: str, kind: str) -> None:
    write_private(tmp_path, "site", "change", "backup.json", content=b"1")
    INSTEAD[kind](tmp_path / name)
    with pytest.raises(Damaged, match=f"its directory is {kind}"):
        read_private(tmp_path, "site", "change", "backup.json")
    with pytest.raises(Damaged, match=f"its directory is {kind}"):
        write_private(tmp_path, "site", "change", "backup.json", content=b"2")
    assert b"2" not in [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()]


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"theirs")
    make_private(tmp_path, "site")
    (tmp_path / "site" / "file").symlink_to(tmp_path / "theirs")
    write_private(tmp_path, "site", "file", content=b"ours")
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    assert read_private(tmp_path, "site", "file") == b"ours"


def test_modes_are_kept(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        write_private(tmp_path, "site", "change", "file", content=b"1")
        (tmp_path / "site").chmod(0o755)
        write_private(tmp_path, "site", "change", "file", content=b"2")
    finally:
        os.umask(mask)
    found = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")}
    assert found == {"site": 0o700, "change": 0o700, "file": 0o600}


@pytest.mark.parametrize(("size", "read"), [(1 << 20, True), ((1 << 20) + 1, False)])
def test_more_than_the_limit_is_not_read(tmp_path: Path, size: int, read: bool) -> None:
    write_private(tmp_path, "site", "file", content=b"x" * size)
    if read:
        assert len(read_private(tmp_path, "site", "file", largest_bytes=1 << 20)) == size
    else:
        with pytest.raises(Damaged, match="more than 1 MiB"):
            read_private(tmp_path, "site", "file", largest_bytes=1 << 20)


@pytest.mark.parametrize(
    ("me", "owner", "group", "mode", "refused"),
    [
        (ME, ME, ME, 0o700, None),
        (ME, ME, OTHER, 0o755, None),  # it can be read by others, and is closed
        (ME, ME, OTHER, 0o720, "written by other users"),
        (ME, ME, ME, 0o770, None),  # as a volume's group is given it
        (ME, ME, ME, 0o702, "written by other users"),
        (ME, OTHER, ME, 0o700, "another user"),
        (ME, 0, 0, 0o700, None),
        (0, OTHER, OTHER, 0o700, None),  # a volume mounted into a container that runs as root
        (0, OTHER, OTHER, 0o702, "written by other users"),
    ],
)
def test_whose_a_directory_may_be(
    me: int, owner: int, group: int, mode: int, refused: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: me)
    monkeypatch.setattr(os, "getegid", lambda: me)
    found = os.stat_result((stat.S_IFDIR | mode, 0, 0, 1, owner, group, 0, 0, 0, 0))
    if refused is None:
        check_ours(found, Path("/site"))
        return
    with pytest.raises(Refused) as caught:
        check_ours(found, Path("/site"))
    assert caught.value.reason is Reason.PRIVATE_DIRECTORY
    assert refused in caught.value.sentence
    assert "/site`" in caught.value.remedy


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not readable JSON"),
        (b'{"a": 1', "not readable JSON"),
        (b'{"a": NaN}', "not readable JSON"),
        (b'{"a": -Infinity}', "not readable JSON"),
        (b'{"\xff": 1}', "not UTF-8"),
        (nested(DEPTH.usual + 1), "nested too deeply"),
        (nested(100_000), "nested too deeply"),
        (b'{"a": ' * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_document_of_ours_is_said(content: bytes, why: str) -> None:
    with pytest.raises(Damaged, match=why):
        parse_document(content)


def test_a_document_may_be_nested() -> None:
    assert parse_document(nested(DEPTH.usual)) is not None


def test_what_is_made_on_the_way_is_private_and_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o755)
    made = [tmp_path / "open" / "a", tmp_path / "open" / "a" / "b", tmp_path / "open" / "a" / "b" / "c"]
    for _ in range(2):
        make_private_way(made[-1])
    assert [directory.stat().st_mode & 0o777 for directory in made] == [0o700] * 3
    assert (tmp_path / "open").stat().st_mode & 0o777 == 0o755
