"""What people upload: exports of readings, treatments and profile, put into a directory that a run reads.

Everything of one upload is there, or nothing: it is written beside, and moved to its place at the end. There is a quota
for each person and for all, and an age; a run has its own copy of what it read.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from flows.errors import is_full_disk
from flows.language.catalogue import to_translate
from flows.values.private_files import make_private
from flows.web.people import Person
from flows.web.state import PageState
from flows.web.uploaded_records import (
    EMPTY,
    KINDS,
    MIB,
    MIXED,
    NO_RECORDS,
    NotTaken,
    Unpacked,
    kind_of,
    records_in,
    texts_in,
)

KEPT = timedelta(days=30)
QUOTA_OF_PERSON, QUOTA = 256 * MIB, 2048 * MIB
UPLOAD_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
UNFINISHED = "."  # begins the name of what is not whole yet
ABANDONED = timedelta(hours=1)
LOOKED_THROUGH_EVERY = timedelta(hours=1)

WITHOUT = {
    "entries": to_translate("There are no glucose readings in it. Upload Nightscout's entries too."),
    "treatments": to_translate("There are no treatments in it. Upload Nightscout's treatments too."),
    "profile": to_translate("There is no profile in it. Upload Nightscout's profile too."),
}
PERSON_FULL = to_translate(
    "The uploads of this person would hold more than {most} MiB. Older ones are removed after {days} days."
)
ALL_FULL = to_translate(
    "All uploads together would hold more than {most} MiB. Older ones are removed after {days} days."
)
DISK_FULL = to_translate("The disk is full: nothing was kept. Delete what is not needed, and upload again.")
_one_at_a_time = threading.Lock()


def take(page: PageState, person: Person, files: list[IO[bytes]], now: datetime) -> Path:
    """Keep what a person uploads.

    Args:
        page: the page.
        person: whose data they are.
        files: each a zip, a JSON file, or one that is gzipped; read once, from their beginning.
        now: the clock.

    Returns:
        The directory, as a run reads it.

    Raises:
        NotTaken: why nothing was kept.
    """
    root = page.settings.uploads
    with _one_at_a_time:
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            remove_old(root, now)
            make_private(root, person.id)
            upload_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
            beside = root / person.id / f"{UNFINISHED}{upload_id}"
            beside.mkdir(mode=0o700)
            try:
                _write(beside, files, _Quota(root, person))
                done = root / person.id / upload_id
                beside.rename(done)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
        except OSError as error:
            if is_full_disk(error):
                raise NotTaken(DISK_FULL) from error
            raise
        return done


def newest_upload(page: PageState, person: Person) -> Path | None:
    """The directory of a person's newest upload."""
    return next(iter(uploads_of(page, person)), None)


def uploads_of(page: PageState, person: Person) -> list[Path]:
    """The directories of a person's uploads, the newest first."""
    directory = page.settings.uploads / person.id
    with suppress(OSError):
        with os.scandir(directory) as entries:
            names = [e.name for e in entries if UPLOAD_ID.fullmatch(e.name) and e.is_dir(follow_symlinks=False)]
        return [directory / name for name in sorted(names, reverse=True)]
    return []


def remove_old(root: Path, now: datetime) -> None:
    """Remove uploads that are too old, and what was begun and not ended; nothing else, and no link is followed."""
    for person in _directories(root):
        for upload in _directories(person):
            unfinished = upload.name.startswith(UNFINISHED)
            if not unfinished and not UPLOAD_ID.fullmatch(upload.name):
                continue
            with suppress(OSError):
                age = now.timestamp() - upload.lstat().st_mtime
                if age > (ABANDONED if unfinished else KEPT).total_seconds():
                    shutil.rmtree(upload, ignore_errors=True)


def remove(page: PageState, person: Person, upload_id: str) -> None:
    """Remove one upload of a person, where it is there."""
    directory = page.settings.uploads / person.id / upload_id
    with _one_at_a_time:
        if directory in uploads_of(page, person):
            shutil.rmtree(directory, ignore_errors=True)


class OldUploads:
    """Has old uploads removed as long as the page runs, also where nobody uploads anything again."""

    def __init__(self, root: Path, every: timedelta = LOOKED_THROUGH_EVERY) -> None:
        self._root, self._every, self._stop = root, every, threading.Event()
        self._thread = threading.Thread(target=self._work, name="autotune-page-uploads", daemon=True)

    def begin(self) -> None:
        """Look at once, then again and again."""
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _work(self) -> None:
        while not self._stop.is_set():
            with _one_at_a_time:
                remove_old(self._root, datetime.now(UTC))
            self._stop.wait(self._every.total_seconds())


class _Quota:
    """How much may still be written, for the person and for all."""

    def __init__(self, root: Path, person: Person) -> None:
        mine = _size(root / person.id)
        others = sum(_size(directory) for directory in _directories(root) if directory.name != person.id)
        self._mine, self._all = QUOTA_OF_PERSON - mine, QUOTA - mine - others

    def take(self, size: int) -> None:
        self._mine -= size
        self._all -= size
        if self._mine < 0:
            raise NotTaken(PERSON_FULL, most=QUOTA_OF_PERSON // MIB, days=KEPT.days)
        if self._all < 0:
            raise NotTaken(ALL_FULL, most=QUOTA // MIB, days=KEPT.days)


def _write(directory: Path, files: list[IO[bytes]], quota: _Quota) -> None:
    counts = dict.fromkeys(KINDS, 0)
    unpacked = Unpacked()
    streams: dict[str, IO[bytes]] = {}
    try:
        for kind in KINDS:
            descriptor = os.open(directory / f"{kind}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            streams[kind] = os.fdopen(descriptor, "wb")
        any_file = False
        for file in files:
            for pieces in texts_in(file, unpacked):
                any_file = True
                for kind, text in _of_one_kind(pieces):
                    content = (b"[\n" if not counts[kind] else b",\n") + text.encode("utf-8", "replace")
                    quota.take(len(content))
                    streams[kind].write(content)
                    counts[kind] += 1
        if not any_file:
            raise NotTaken(EMPTY)
        for kind in KINDS:
            if not counts[kind]:
                raise NotTaken(WITHOUT[kind])
            streams[kind].write(b"\n]\n")
            streams[kind].flush()
            os.fsync(streams[kind].fileno())
    finally:
        for stream in streams.values():
            with suppress(OSError):  # what could not be written is said already
                stream.close()


def _of_one_kind(pieces: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    """The records of one file as text with their kind, which is the same for all that tell it."""
    kind = ""
    for text, record in records_in(pieces):
        found = kind_of(record)
        if not found and not kind:  # a later one may be a treatment with a note only: it is of its file's kind
            raise NotTaken(NO_RECORDS)
        if found and kind and found != kind:
            raise NotTaken(MIXED)
        kind = kind or found
        yield kind, text


def _directories(directory: Path) -> list[Path]:
    with suppress(OSError), os.scandir(directory) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _size(directory: Path) -> int:
    total = 0
    for upload in _directories(directory):
        with suppress(OSError), os.scandir(upload) as entries:
            total += sum(entry.stat(follow_symlinks=False).st_size for entry in entries)
    return total
