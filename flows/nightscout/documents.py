"""Reads Nightscout documents in the shapes people have them: arrays, single documents, NDJSON, mongoexport, API v3.

Only the wrapping is undone here; what a record says is not touched.
"""

from __future__ import annotations

import gzip
import json
import math
import re
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import IO, Any

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.values.limits import DIRECTORY, check_depth

Record = dict[str, Any]
PIECE_BYTES = 4 << 20
LONGEST_INTEGER = 308  # digits that fit in a float
NESTED = to_translate("it is nested too deeply")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class DirectoryAllowance:
    """How much the files of one directory may still hold, unpacked; a year of a looping person is some 300 MiB."""

    def __init__(self) -> None:
        self.left_bytes = DIRECTORY.size_bytes

    def check(self, files: Iterable[Path]) -> None:
        """Look at the sizes of files before any is read; one that is not there has none.

        Raises:
            Refused: `LIMIT_EXCEEDED`.
        """
        present = [file for file in files if file.is_file()]
        if sum(file.stat().st_size for file in present) > self.left_bytes:
            raise DIRECTORY.exceeded(f"What {', '.join(file.name for file in present)} hold together")

    def read(self, stream: IO[bytes] | gzip.GzipFile, name: str) -> bytes:
        """All of a file, unpacked as it is read, so that no more than is left is ever held.

        Raises:
            Refused: `LIMIT_EXCEEDED`.
        """
        pieces = []
        while piece := stream.read(PIECE_BYTES):
            self.left_bytes -= len(piece)
            if self.left_bytes < 0:
                raise DIRECTORY.exceeded(name)
            pieces.append(piece)
        return b"".join(pieces)


def packed(path: Path) -> Path:
    """The compressed file that may stand for another."""
    return path.with_name(path.name + ".gz")


def read_records(path: Path, allowance: DirectoryAllowance | None = None) -> list[Any]:
    """The records of a file: an array, a single document, one document a line, or `{"result": [...]}`.

    Args:
        path: a `.json` file; with the same name and `.gz` appended it may be compressed.
        allowance: of its directory, where other files of it are read too.

    Raises:
        Refused: `FILE_MISSING`, `FILE_NOT_JSON`, `FILE_NOT_RECORDS`, `LIMIT_EXCEEDED`.
    """
    return parse_records(_text(path, allowance or DirectoryAllowance()), path.name)


def parse_records(text: str, name: str) -> list[Any]:
    """As `read_records`, for text already read; `name` goes into error messages."""
    try:
        parsed = _loads(text)
    except ValueError as error:
        parsed = _json_lines(text)
        if parsed is None:
            raise Refused(Reason.FILE_NOT_JSON, file=name, detail=_where(error)) from None
    try:
        return [plain(record) for record in _as_list(parsed, name)]
    except RecursionError:
        raise Refused(Reason.FILE_NOT_JSON, file=name, detail=NESTED) from None


def plain(value: Any) -> Any:
    """MongoDB's extended JSON (`$oid`, `$date`, `$numberLong`, …) as the plain values Nightscout would serve."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, inner),) = value.items()
        if (convert := _EXTENDED.get(key)) is not None:
            return convert(inner)
    return {k: plain(v) for k, v in value.items()}


def _text(path: Path, allowance: DirectoryAllowance) -> str:
    try:
        for file, opened in ((path, Path.open), (packed(path), gzip.open)):
            if file.is_file():
                allowance.check([file])
                with opened(file, "rb") as stream:
                    content = allowance.read(stream, file.name)
                text = content.decode("utf-8-sig")
                check_depth(content, file.name)
                return text
    except UnicodeDecodeError:
        raise Refused(Reason.FILE_NOT_JSON, file=path.name, detail="it is not UTF-8") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Refused(Reason.FILE_NOT_JSON, file=f"{path.name}.gz", detail="it cannot be unpacked") from None
    except OSError as error:
        raise Refused(Reason.FILE_NOT_JSON, file=path.name, detail=type(error).__name__) from None
    raise Refused(
        Reason.FILE_MISSING,
        file=path.name,
        remedy=translatable("Put {file} into the directory, as Nightscout's API serves it.", file=path.name),
    )


def _loads(text: str) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    try:
        parsed = json.loads(text, parse_constant=refuse, parse_float=_finite, parse_int=_finite_int)
        return _without_lone_surrogates(parsed) if "\\ud" in text.lower() else parsed
    except RecursionError:
        raise ValueError(NESTED) from None


def _finite(text: str) -> float | str:
    """A number too large for any computer stays text: the one record that needs it is then not understood."""
    return value if math.isfinite(value := float(text)) else text


def _finite_int(text: str) -> int | str:
    return text if len(text) > LONGEST_INTEGER else int(text)


def _without_lone_surrogates(value: Any) -> Any:
    """Half a character (a surrogate by itself, which JSON can write) as U+FFFD: no file and no hash can hold one."""
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_lone_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {_without_lone_surrogates(k): _without_lone_surrogates(v) for k, v in value.items()}
    return value


def _json_lines(text: str) -> list[Any] | None:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return None
    try:
        records = [_loads(line) for line in lines]
    except ValueError:
        return None
    return records if all(isinstance(r, dict) for r in records) else None


def _as_list(parsed: Any, name: str) -> list[Any]:
    result = parsed.get("result") if isinstance(parsed, dict) else parsed
    if isinstance(result, list):
        return result
    if isinstance(result, dict):
        return [result]
    if isinstance(parsed, dict) and not is_error_answer(parsed):
        return [parsed]
    raise Refused(Reason.FILE_NOT_RECORDS, file=name, detail=json_type(parsed))


def is_deleted(record: Record) -> bool:
    """Whether its uploader deleted the record; AAPS marks it, and API v1 serves it all the same."""
    valid = record.get("isValid")
    return valid is False or (isinstance(valid, str) and valid.strip().lower() == "false")


def is_error_answer(document: Any) -> bool:
    """Whether a document is a server's error answer (`{"status": 401, …}`) rather than a record."""
    return isinstance(document, dict) and isinstance(document.get("status"), int) and document["status"] >= 400


def json_type(value: Any) -> str:
    """What a parsed JSON value is, in words that hold none of it."""
    if is_error_answer(value):
        return f"an error answer with status {value['status']}"
    names = {dict: "an object", list: "a list", str: "a text", type(None): "null", bool: "a yes/no"}
    return names.get(type(value), "a number")


def _number(value: Any, kind: type[int] | type[float]) -> Any:
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        return value
    return number if math.isfinite(number) else value


_EXTENDED: dict[str, Callable[[Any], Any]] = {
    "$oid": lambda inner: inner,
    "$date": plain,
    "$numberInt": partial(_number, kind=int),
    "$numberLong": partial(_number, kind=int),
    "$numberDouble": partial(_number, kind=float),
    "$numberDecimal": partial(_number, kind=float),
}


def _where(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}"
    return NESTED if str(error) == NESTED else "it holds NaN or Infinity"
