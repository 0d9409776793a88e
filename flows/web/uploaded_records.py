"""Records out of what a person uploads, one at a time, so that no file is ever held whole: what they are decides, and
no name does.

Knows no page and no disk. Each refusal is a sentence of the catalogue.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from flows.language.catalogue import to_translate
from flows.values.limits import DEPTH, is_deeper

MIB = 1 << 20
MOST_ENTRIES, MOST_RATIO = 200, 100
MOST_UNPACKED = 64 * MIB
MOST_DIRECTORY = MIB  # of a zip's list of files
SMALL = 64 * 1024  # below this no ratio is looked at
PIECE = 256 * 1024
LARGEST_RECORD = 4 * MIB  # a profile document with many profiles has some 100 KiB
KINDS = ("entries", "treatments", "profile")

NOT_A_ZIP = to_translate("The zip file is damaged. Make it again, or upload its files by themselves.")
TOO_MANY_FILES = to_translate("The zip file holds more than {most} files. Put only the exports into it.")
ENCRYPTED = to_translate("The zip file has a password. Make one without.")
METHOD = to_translate("The zip file is packed in a way that is not read here. Make it anew with the usual settings.")
TOO_LARGE = to_translate("Unpacked, the files hold more than {most} MiB. Export fewer days.")
TOO_DENSE = to_translate("A file is packed more than {most} times smaller than it is, as no export of records is.")
NESTED_ZIP = to_translate("There is a zip file in the zip file. Unpack it, and upload what is in it.")
NOT_JSON = to_translate(
    "One of the files is no JSON. Upload the exports of readings, treatments and profile as they are."
)
CUT_OFF = to_translate("One of the files is damaged or cut off. Export it again.")
NO_RECORDS = to_translate(
    "One of the files holds neither readings nor treatments nor a profile. Upload exports of Nightscout."
)
MIXED = to_translate("One of the files holds records of different kinds. Upload one file for each kind.")
EMPTY = to_translate("There is no file to read. Choose the exported files, or a zip of them.")


class NotTaken(Exception):
    """Why nothing of an upload was taken: a sentence of the catalogue, with its facts."""

    def __init__(self, words: str, **facts: object) -> None:
        super().__init__(words)
        self.words, self.facts = words, facts


class Unpacked:
    """How much has been unpacked of all files together."""

    def __init__(self, most: int = MOST_UNPACKED) -> None:
        self.most, self.count = most, 0

    def add(self, size: int) -> None:
        """Count a piece.

        Raises:
            NotTaken: it is too much.
        """
        self.count += size
        if self.count > self.most:
            raise NotTaken(TOO_LARGE, most=self.most // MIB)


def texts_in(upload: IO[bytes], unpacked: Unpacked) -> Iterator[Iterator[bytes]]:
    """The pieces of each JSON file in an upload: of a zip, of one that is gzipped, of one as it is.

    Raises:
        NotTaken: why it is not read.
    """
    upload.seek(0)
    head = upload.read(4)
    upload.seek(0)
    if head[:2] == b"PK":
        yield from _of_zip(upload, unpacked)
    elif head[:2] == b"\x1f\x8b":
        upload.seek(0, io.SEEK_END)
        packed = upload.tell()
        upload.seek(0)
        yield _pieces(gzip.GzipFile(fileobj=upload, mode="rb"), packed, unpacked)
    elif head:
        yield _pieces(upload, None, unpacked)


def _of_zip(upload: IO[bytes], unpacked: Unpacked) -> Iterator[Iterator[bytes]]:
    _check_list(upload)
    try:
        with zipfile.ZipFile(upload) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if len(infos) > MOST_ENTRIES:
                raise NotTaken(TOO_MANY_FILES, most=MOST_ENTRIES)
            for info in infos:
                if info.flag_bits & 0x1:
                    raise NotTaken(ENCRYPTED)
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise NotTaken(METHOD)
            for info in infos:
                with archive.open(info) as stream:
                    pieces = _pieces(stream, info.compress_size, unpacked)
                    first = next(pieces, b"")
                    if first[:2] == b"PK":
                        raise NotTaken(NESTED_ZIP)
                    if first[:4] == b"\x00\x05\x16\x07":  # what macOS puts beside each file
                        continue
                    yield _after(first, pieces)
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise NotTaken(NOT_A_ZIP) from error


def _check_list(upload: IO[bytes]) -> None:
    """Look at the zip's end before its list of files is read, which alone can fill the memory.

    Raises:
        NotTaken: it says too many, or is of the kind for very many.
    """
    size = upload.seek(0, io.SEEK_END)
    upload.seek(max(0, size - (1 << 16) - 22))
    tail = upload.read()
    upload.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise NotTaken(NOT_A_ZIP)
    entries, listed = (
        int.from_bytes(tail[at + 10 : at + 12], "little"),
        int.from_bytes(tail[at + 12 : at + 16], "little"),
    )
    if b"PK\x06\x07" in tail or entries > MOST_ENTRIES or listed > MOST_DIRECTORY:
        raise NotTaken(TOO_MANY_FILES, most=MOST_ENTRIES)


def _pieces(stream: Any, packed: int | None, unpacked: Unpacked) -> Iterator[bytes]:
    done = 0
    while True:
        try:
            piece = stream.read(PIECE)
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            raise NotTaken(CUT_OFF) from error
        if not piece:
            return
        done += len(piece)
        unpacked.add(len(piece))
        if packed is not None and done > SMALL and done > MOST_RATIO * packed:
            raise NotTaken(TOO_DENSE, most=MOST_RATIO)
        yield piece


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


# --- one record after another

_SPACE = re.compile(r"[\s,]*")
_WRAPPED = re.compile(r'\s*\{\s*(?:"status"\s*:\s*\d+\s*,\s*)?"result"\s*:\s*\[')


def records_in(pieces: Iterator[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each record of a JSON file as its text and what it holds: of a list, of one a line, of API v3, of a single one.

    Raises:
        NotTaken: it is no JSON, or cut off.
    """
    text = _Text(pieces)
    if not text.skip():  # all of it is read first: a file of spaces may be the largest there is
        return
    text.fill(SMALL)
    head = text.held[text.at]
    wrapped = _WRAPPED.match(text.held, text.at)
    if wrapped is not None:
        text.at = wrapped.end()
    elif head == "[":
        text.at += 1
    elif head != "{":
        raise NotTaken(NOT_JSON)
    closing = "]" if head == "[" or wrapped is not None else ""
    while True:
        following = text.skip()
        if not following and closing:
            raise NotTaken(CUT_OFF)
        if following == closing:
            return
        yield text.record()


class _Text:
    """The text that is read; `at` is where what is not yet taken begins."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.held, self.at, self._ended = "", 0, False
        self._pieces, self._decoder = pieces, codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder(parse_constant=_no_constant)

    def fill(self, least: int) -> None:
        """Hold at least so many characters that are not taken, or all there are."""
        while len(self.held) - self.at < least and not self._ended:
            piece = next(self._pieces, b"")
            self._ended = not piece
            try:
                self.held = self.held[self.at :] + self._decoder.decode(piece, final=self._ended)
            except UnicodeDecodeError as error:
                raise NotTaken(NOT_JSON) from error
            self.at = 0

    def skip(self) -> str:
        """Pass over spaces and commas between records; what follows, nothing at the end."""
        while True:
            found = _SPACE.match(self.held, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.held):
                return self.held[self.at]
            if self._ended:
                return ""
            self.fill(1)

    def record(self) -> tuple[str, dict[str, Any]]:
        """The next record as its text and what it holds."""
        wanted = SMALL
        while True:
            try:
                found, end = self._json.raw_decode(self.held, self.at)
                break
            except RecursionError as error:
                raise NotTaken(NOT_JSON) from error
            except ValueError as error:
                if self._ended or wanted > LARGEST_RECORD:
                    raise NotTaken(CUT_OFF) from error
                wanted *= 2
                self.fill(wanted)
        if not isinstance(found, dict):
            raise NotTaken(NO_RECORDS)
        text = self.held[self.at : end]
        if is_deeper(text.encode(errors="replace"), DEPTH.value):
            raise NotTaken(NOT_JSON)
        self.at = end
        return text, found


def kind_of(record: dict[str, Any]) -> str:
    """Whether a record is a reading, a treatment or a profile document; "" where it is none of them."""
    if isinstance(record.get("store"), dict | str) or ("basal" in record and "sens" in record):
        return "profile"
    if "eventType" in record or "_type" in record or ("created_at" in record and {"insulin", "carbs"} & set(record)):
        return "treatments"
    if {"sgv", "mbg", "glucose"} & set(record) or record.get("type") in ("sgv", "mbg", "cal"):
        return "entries"
    return ""


def _no_constant(_: str) -> Any:
    raise ValueError
