"""`raw/`: what was loaded, as it came, with an index that says what each file is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.nightscout.client import Answer
from flows.nightscout.documents import DirectoryAllowance, parse_records
from flows.profiles.parse import named_zone
from flows.settings import AnalysisRequest
from flows.values.limits import check_depth
from flows.values.local_days import canonical_zone
from flows.values.run_directory import RunDirectory, write_atomically

NEWEST = "newest-entry"  # the kind of a site's newest reading, asked for where there is none on the days of the run


@dataclass(frozen=True)
class Loaded:
    """What was loaded, in counts."""

    files: int
    entries: int
    treatments: int
    profiles: int
    requests: int


class RawFiles:
    """raw/: files as they came and `index.json`, which says what each is."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.files: list[dict[str, Any]] = []
        self._read: dict[str, list[Any]] = {}

    def has(self, kind: str) -> bool:
        return any(f["kind"] == kind for f in self.files)

    def write(self, kind: str, content: bytes, records: int, **more: Any) -> None:
        name = f"{len(self.files) + 1:03d}-{kind}.json"
        write_atomically(self.run.raw / name, content)
        self._read.pop(kind, None)
        self.files.append({"file": name, "kind": kind, "records": records, **more})

    def copy(self, kind: str, source: Path) -> None:
        if not source.is_file():
            raise Refused(
                Reason.FILE_MISSING,
                file=source.name,
                remedy="Check the path, or pass --profile-file or --openaps-profile.",
            )
        allowance = DirectoryAllowance()
        allowance.check([source])
        with source.open("rb") as stream:
            content = allowance.read(stream, source.name)
        check_depth(content, source.name)
        self.write(kind, content, 1)

    def answer(self, kind: str, answer: Answer, date: str | None = None) -> None:
        asked = {"path": answer.path, "query": answer.query}
        self.write(kind, answer.body, answer.records, asked=asked, **({"date": date} if date else {}))

    def close(self, requests: int) -> Loaded:
        self.run.write_json("raw/index.json", {"files": self.files})
        count = {
            kind: sum(f["records"] for f in self.files if f["kind"] == kind)
            for kind in ("entries", "treatments", "profile")
        }
        return Loaded(len(self.files), count["entries"], count["treatments"], count["profile"], requests)

    @classmethod
    def open(cls, run: RunDirectory) -> RawFiles:
        """What a run loaded.

        Raises:
            Refused: `RUN_DAMAGED`.
        """
        raw, index = cls(run), run.read_json("raw/index.json")
        files = index.get("files") if isinstance(index, dict) else None
        if not isinstance(files, list) or not all(isinstance(f, dict) and _is_entry(f) for f in files):
            raise run.damaged("raw/index.json", "it is no list of files")
        raw.files = files
        return raw

    def bytes_of(self, kind: str, date: str | None = None) -> bytes | None:
        found = next((f for f in self.files if f["kind"] == kind and f.get("date") == date), None)
        return None if found is None else self.run.read_bytes(f"raw/{found['file']}")

    def records(self, kind: str) -> list[Any]:
        """All records of a kind, without those that two pages share; read once, and not to be changed."""
        if kind not in self._read:
            names = [f["file"] for f in self.files if f["kind"] == kind]
            pages = [parse_records(self._text(name), name) for name in names]
            self._read[kind] = pages[0] if len(pages) == 1 else _each_once(chain.from_iterable(pages))
        return self._read[kind]

    def _text(self, name: str) -> str:
        try:
            return self.run.read_bytes(f"raw/{name}").decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Refused(Reason.FILE_NOT_JSON, file=name, detail="it is not UTF-8") from None

    @property
    def dates(self) -> list[str]:
        return sorted({f["date"] for f in self.files if "date" in f})


def _is_entry(entry: dict[str, Any]) -> bool:
    """Whether it names a file of `raw/`, and of which kind."""
    name = entry.get("file")
    return isinstance(name, str) and Path(name).name == name and isinstance(entry.get("kind"), str)


def _each_once(records: Iterable[Any]) -> list[Any]:
    found: dict[str, Any] = {}
    for record in records:
        found.setdefault(json.dumps(record, sort_keys=True), record)
    return list(found.values())


def zone_of(request: AnalysisRequest, raw: RawFiles, until_ms: float | None) -> str:
    """The run's time zone: the one asked for, else the profile's own.

    Raises:
        Refused: `NO_TIMEZONE`, `UNKNOWN_TIMEZONE`, or why the profile cannot be read.
    """
    if request.timezone:
        return request.timezone
    if pump := raw.bytes_of("pumpprofile"):
        named = json_object(pump, "the pump profile").get("timezone")
        if isinstance(named, str) and named:
            return canonical_zone(named)
        raise Refused(Reason.NO_TIMEZONE, where="the pump profile")
    named_by_profile = named_zone(raw.records("profile"), name=request.profile, until_ms=until_ms)
    if named_by_profile is None:
        raise Refused(Reason.NO_TIMEZONE, where="the profile")
    return named_by_profile


def json_object(content: bytes, name: str) -> dict[str, Any]:
    """A JSON object read from bytes; `name` says whose in the refusal."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise Refused(Reason.FILE_NOT_JSON, file=name, detail="cut off or no JSON") from None
    if not isinstance(document, dict):
        raise Refused(Reason.FILE_NOT_RECORDS, file=name, detail="not an object")
    return document
