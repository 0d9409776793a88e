"""Uploads: what is taken and how it lies there, and every reason for which nothing is taken and nothing is left."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import struct
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import UploadFile

from flows.nightscout.documents import read_records
from flows.web import uploaded_records, uploads
from flows.web.people import PersonKind
from flows.web.uploaded_records import MIB, NotTaken, kind_of
from flows.web.uploads import ABANDONED, KEPT, OldUploads, newest_upload, remove_old, take
from tests.people import entries, profile_document, treatments
from tests.web.conftest import Page, opened

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
ENTRIES, TREATMENTS, PROFILE = (json.dumps(d).encode() for d in (entries(), treatments(), [profile_document()]))
GOOD = (ENTRIES, TREATMENTS, PROFILE)


def zipped(*contents: bytes, names: list[str] | None = None, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for n, content in enumerate(contents):
            archive.writestr(names[n] if names else f"{n}.json", content)
    return held.getvalue()


def patched(archive: bytes, flags: int = 0, method: int | None = None) -> bytes:
    """A zip whose entries say that they are encrypted, or packed in another way."""
    data = bytearray(archive)
    for mark, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        begin = data.find(mark)
        while begin >= 0:
            data[begin + at] |= flags
            if method is not None:
                struct.pack_into("<H", data, begin + at + 2, method)
            begin = data.find(mark, begin + 4)
    return bytes(data)


def keep(page: Page, *files: bytes, now: datetime = NOW) -> Path:
    (ada,) = page.state.people.all()
    return take(page.state, ada, [io.BytesIO(file) for file in files], now)


def left(page: Page) -> list[str]:
    root = page.state.settings.uploads
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()) if root.exists() else []


@pytest.mark.parametrize(
    "files",
    [
        GOOD,
        tuple(gzip.compress(content) for content in GOOD),
        (zipped(*GOOD),),
        (zipped(*GOOD, method=zipfile.ZIP_STORED),),
        (zipped(ENTRIES, TREATMENTS), PROFILE),
        (zipped(*GOOD, names=["../../etc/passwd", "/absolute", "a\\b\x00c"]),),
        (zipped(b"\x00\x05\x16\x07 of macOS", *GOOD),),
        (
            b"\xef\xbb\xbf" + ENTRIES,
            b' {"status": 200, "result": ' + TREATMENTS + b"}",
            json.dumps(profile_document()).encode(),
        ),
        ("\n".join(json.dumps(e, indent=None) for e in entries()).encode(), TREATMENTS, PROFILE),
        (json.dumps(entries(), indent=4).encode(), TREATMENTS, PROFILE),
    ],
    ids=["files", "gzipped", "zip", "stored", "both", "names", "macos", "wrapped", "lines", "indented"],
)
def test_what_they_are_decides_and_a_run_reads_them_as_they_were(page: Page, files: tuple[bytes, ...]) -> None:
    directory = keep(page, *files)
    (ada,) = page.state.people.all()
    assert directory.parent == page.state.settings.uploads / ada.id
    assert read_records(directory / "entries.json") == entries()
    assert read_records(directory / "treatments.json") == treatments()
    assert read_records(directory / "profile.json") == [profile_document()]
    assert sorted(path.name for path in directory.iterdir()) == ["entries.json", "profile.json", "treatments.json"]
    assert [path.stat().st_mode & 0o777 for path in (directory, *directory.iterdir())] == [0o700, *[0o600] * 3]
    assert len(left(page)) == 3
    assert newest_upload(page.state, ada) == directory


def bomb() -> bytes:
    return zipped(b" " * (80 * MIB))


def deep() -> bytes:
    return b'[{"sgv": ' + b"[" * 5000 + b"]" * 5000 + b"}]"


REFUSED: list[tuple[str, Any, str]] = [
    ("nothing", (), "no file to read"),
    ("empty", (b"",), "no file to read"),
    ("zip bomb", lambda: (bomb(),), "packed more than 100 times"),
    ("gzip bomb", lambda: (gzip.compress(b" " * (80 * MIB)),), "packed more than 100 times"),
    ("201 files", lambda: (zipped(*[b"[]"] * 201),), "more than 200 files"),
    ("nested", lambda: (zipped(zipped(*GOOD)),), "zip file in the zip file"),
    ("password", lambda: (patched(zipped(*GOOD), flags=1),), "has a password"),
    ("deflate64", lambda: (patched(zipped(*GOOD), method=9),), "not read here"),
    ("bzip2", lambda: (zipped(*GOOD, method=zipfile.ZIP_BZIP2),), "not read here"),
    ("cut off zip", lambda: (zipped(*GOOD)[:-200],), "damaged"),
    ("only a beginning", (b"PK\x03\x04",), "damaged"),
    ("text", (b"hello",), "no JSON"),
    ("picture", (b"\x89PNG\r\n",), "no JSON"),
    ("not utf-8", (b'[{"sgv": 1, "x": "\xff"}]',), "no JSON"),
    ("cut off", (ENTRIES[:-40],), "cut off"),
    ("cut off gzip", lambda: (gzip.compress(ENTRIES)[:-40],), "cut off"),
    ("NaN", (b'[{"sgv": NaN}]',), "cut off"),
    ("deep", lambda: (deep(),), "no JSON"),
    ("a list of numbers", (b"[1, 2, 3]",), "neither readings nor"),
    ("device status", (b'[{"device": "x", "openaps": {}}]',), "neither readings nor"),
    ("mixed", (json.dumps([*entries()[:3], treatments()[0]]).encode(),), "different kinds"),
    ("no readings", (TREATMENTS, PROFILE), "no glucose readings"),
    ("no treatments", (ENTRIES, PROFILE), "no treatments"),
    ("no profile", (ENTRIES, TREATMENTS), "no profile"),
]


@pytest.mark.parametrize(("files", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_nothing_is_left_of_what_is_not_taken(page: Page, files: Any, said: str) -> None:
    with pytest.raises(NotTaken) as refused:
        keep(page, *(files() if callable(files) else files))
    assert said in refused.value.words.format(**refused.value.facts)
    assert left(page) == []


def test_what_all_files_hold_together_is_counted(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "Unpacked", lambda: uploaded_records.Unpacked(len(ENTRIES) + 10))
    with pytest.raises(NotTaken) as refused:
        keep(page, *GOOD)
    assert refused.value.words == uploaded_records.TOO_LARGE
    assert left(page) == []


def test_a_list_of_files_that_alone_fills_the_memory_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = bytearray(zipped(*GOOD))
    end = archive.rfind(b"PK\x05\x06")
    struct.pack_into("<L", archive, end + 12, 50 * MIB)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(NotTaken) as refused:
        list(uploaded_records.texts_in(io.BytesIO(bytes(archive)), uploaded_records.Unpacked()))
    assert refused.value.words == uploaded_records.TOO_MANY_FILES


def test_a_size_that_a_zip_only_says_is_not_believed(page: Page) -> None:
    archive = bytearray(zipped(b" " * (2 * MIB)))
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<L", archive, archive.find(mark) + at, 10)
    with pytest.raises(NotTaken):
        keep(page, bytes(archive))
    assert left(page) == []


@pytest.mark.parametrize(("limit", "words"), [("QUOTA_OF_PERSON", uploads.PERSON_FULL), ("QUOTA", uploads.ALL_FULL)])
def test_there_is_a_quota(page: Page, monkeypatch: pytest.MonkeyPatch, limit: str, words: str) -> None:
    keep(page, *GOOD)
    before = left(page)
    monkeypatch.setattr(uploads, limit, int(1.5 * sum(map(len, GOOD))))
    with pytest.raises(NotTaken) as refused:
        keep(page, *GOOD)
    assert refused.value.words == words
    assert left(page) == before


def test_a_full_disk_leaves_nothing(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotTaken) as refused:
        keep(page, *GOOD)
    assert refused.value.words == uploads.DISK_FULL
    assert left(page) == []


def test_old_uploads_are_removed_and_nothing_else_is(page: Page, tmp_path: Path) -> None:
    root = page.state.settings.uploads
    old, new = keep(page, *GOOD), keep(page, *GOOD, now=NOW + timedelta(seconds=1))
    elsewhere = tmp_path / "mine"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("mine")
    link, own, begun = old.parent / "20200101-000000-abcdef", root / "notes" / "mine", old.parent / ".20260101-000000-a"
    link.symlink_to(elsewhere)
    own.mkdir(parents=True)
    begun.mkdir()
    for path, age in ((old, KEPT), (own, KEPT), (begun, ABANDONED), (link, KEPT)):
        at = (NOW - age - timedelta(minutes=1)).timestamp()
        os.utime(path, (at, at), follow_symlinks=False)
    os.utime(new, (NOW.timestamp(), NOW.timestamp()))
    remove_old(root, NOW)
    assert [path.exists() for path in (old, new, own, begun, elsewhere / "kept")] == [False, True, True, False, True]
    (ada,) = page.state.people.all()
    assert newest_upload(page.state, ada) == new


def test_old_uploads_go_while_the_page_runs_though_nobody_uploads_again(tmp_path: Path) -> None:
    with opened(tmp_path) as page:
        old = keep(page, *GOOD)
        new = keep(page, *GOOD, now=NOW + timedelta(seconds=1))
        at = (datetime.now(UTC) - KEPT - timedelta(minutes=1)).timestamp()
        os.utime(old, (at, at))
    with opened(tmp_path):
        for _ in range(100):
            if not old.exists():
                break
            time.sleep(0.05)
        assert [old.exists(), new.exists()] == [False, True]


def test_it_looks_again_and_again(tmp_path: Path) -> None:
    old = tmp_path / "abcdef" / "20260101-000000-abcdef"
    watch = OldUploads(tmp_path, every=timedelta(milliseconds=20))
    watch.begin()
    try:
        time.sleep(0.05)
        old.mkdir(parents=True)
        os.utime(old, (0, 0))
        for _ in range(100):
            if not old.exists():
                break
            time.sleep(0.05)
        assert not old.exists()
    finally:
        watch.end()


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"sgv": 100, "date": 1}, "entries"),
        ({"type": "mbg", "date": 1}, "entries"),
        ({"eventType": "Note", "glucose": 100}, "treatments"),
        ({"created_at": "x", "insulin": 1}, "treatments"),
        ({"eventType": "Profile Switch", "profileJson": "{}"}, "treatments"),
        ({"defaultProfile": "a", "store": {}}, "profile"),
        ({"basal": [], "sens": [], "created_at": "x"}, "profile"),
        ({"created_at": "x", "device": "y"}, ""),
        ({}, ""),
    ],
)
def test_a_record_tells_its_kind(record: dict[str, Any], kind: str) -> None:
    assert kind_of(record) == kind


# --- the pages


def send(page: Page, path: str, *files: bytes) -> Any:
    text = page.get(path).text
    token = text.split('name="form_token" value="')[1].split('"')[0]
    parts: list[tuple[str, Any]] = [("form_token", (None, token))]
    parts += [("files", ("../../x.json", file)) for file in files]
    return page.client.post(path, files=parts, follow_redirects=False)


def test_an_upload_leads_to_a_run_of_it(page: Page) -> None:
    (ada,) = page.state.people.all()
    answer = send(page, f"/p/{ada.id}/uploads", zipped(*GOOD))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/p/{ada.id}/new?from=files")
    directory = newest_upload(page.state, ada)
    assert directory is not None
    form = page.get(f"/p/{ada.id}/new?from=files").text
    assert 'name="from" value="files"' in form
    sent = page.post(
        f"/p/{ada.id}/new", {"do": "start", "from": "files", "range": "all", "compare": "yes", "resamples": "70"}
    )
    assert sent.status_code == 303
    request = next(r["parameters"]["request"] for r in page.server.runs if "run_path" in r["parameters"])
    assert request == {"from_directory": str(directory)}
    shown = page.get(f"/p/{ada.id}/uploads").text
    assert directory.name in shown
    assert page.post(f"/p/{ada.id}/uploads/remove", {"upload": directory.name}).status_code == 303
    assert not directory.exists()


def test_what_is_not_taken_is_said_at_the_field(page: Page) -> None:
    (ada,) = page.state.people.all()
    for files, said in (((b"hello",), "no JSON"), ((), "no file to read")):
        answer = send(page, f"/p/{ada.id}/uploads", *files)
        assert answer.status_code == 422
        assert 'href="#f-files"' in answer.text
        assert said in answer.text
    answer = send(page, f"/p/{ada.id}/uploads", *[b"[]"] * 21)
    assert answer.status_code == 422
    assert "more than 20 files" in answer.text


def test_no_room_for_what_arrives_is_said_too(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    (ada,) = page.state.people.all()
    monkeypatch.setattr(UploadFile, "write", full)
    answer = send(page, f"/p/{ada.id}/uploads", *GOOD)
    assert answer.status_code == 422
    assert "The disk is full" in answer.text
    assert left(page) == []


def test_somebody_without_a_site_is_made_by_a_name(page: Page) -> None:
    answer = page.post("/uploads", {"name": "  Cem   K. "}, from_page="/uploads")
    assert answer.status_code == 303
    cem = next(person for person in page.state.people.all() if person.kind is PersonKind.UPLOADS)
    assert (cem.name, answer.headers["location"]) == ("Cem K.", f"/p/{cem.id}/uploads")
    assert "Nothing is uploaded yet" in page.get(f"/p/{cem.id}/new").text
    assert page.post(f"/p/{cem.id}/new", {"do": "start"}).status_code == 422
    for name, said in (
        ("", "Give a name"),
        ("cem k.", "has this name"),
        ("x" * 61, "shorter name"),
        ("C\u202eem", "shorter name"),
    ):
        again = page.post("/uploads", {"name": name}, from_page="/uploads")
        assert again.status_code == 422
        assert said in again.text


@pytest.mark.parametrize("upload", ["../../../x", "", "20261128-090000-abcdef/.."])
def test_nothing_else_is_removed(page: Page, upload: str) -> None:
    (ada,) = page.state.people.all()
    assert page.post(f"/p/{ada.id}/uploads/remove", {"upload": upload}).status_code == 404
