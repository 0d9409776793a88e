"""Where two files of upstream's part: the field, the day and the hour, and which step of a run differs first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from flows.values.units import HOURS_PER_DAY

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
MISSING = "missing"
SHOWN = 60  # characters of a value, or of a line of upstream's words


@dataclass(frozen=True)
class FileDifference:
    """One file that is not as upstream's commands make it, and the first place in it.

    Attributes:
        of: `node` or `docker` (computed anew), `stored` (in the run), `proposal` or `manifest`.
        file: its name.
        field: the place in it, such as `basalprofile[3].rate`; `None` of a missing file, or where only bytes differ.
        day: the local day of the file, where it has one.
        hour: the local hour that the field is for, where it is for one.
        upstream, found: both values in short; `missing` where there is none.
    """

    of: str
    file: str
    field: str | None = None
    day: str | None = None
    hour: int | None = None
    upstream: str | None = None
    found: str | None = None

    def __str__(self) -> str:
        where = "".join(
            (f", {self.field}" if self.field else "", f" at {self.hour:02d}:00" if self.hour is not None else "")
        )
        values = "" if self.found is None else f": {self.found}, upstream's is {self.upstream}"
        return f"DIFFERENT from upstream's commands: {self.of}: {self.file}{where}{values}"

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)

    @property
    def step(self) -> tuple[str, int]:
        """When in a run it is written: the day, then upstream's prep, then its core; what is of no day comes last."""
        return self.day or "9", 0 if self.file.startswith("autotune.") or ".prep." in self.file else 1


def difference(of: str, file: str, upstream: bytes | None, found: bytes | None) -> FileDifference | None:
    """Where a file differs first; `None` where it does not."""
    if upstream == found:
        return None
    match = DAY.search(file)
    day = match[0] if match else None
    if upstream is None or found is None:
        there = (MISSING if one is None else "there" for one in (upstream, found))
        return FileDifference(of, file, None, day, None, *there)
    try:
        place = next(_values(json.loads(upstream), json.loads(found)), None)
    except (ValueError, RecursionError):
        place = _lines(upstream, found)
    if place is None:
        return FileDifference(of, file, None, day)  # the same values, written otherwise
    field, hour, one, other = place
    return FileDifference(of, file, field, day, hour, one, other)


Place = tuple[str, int | None, str, str]  # field, hour, upstream's value, the one found


def _values(upstream: Any, found: Any, path: str = "", hour: int | None = None) -> Iterator[Place]:
    """Each field that differs, in the order upstream has them; a field of one side only is missing on the other."""
    if isinstance(upstream, dict) and isinstance(found, dict):
        for key in [*upstream, *(key for key in found if key not in upstream)]:
            here = f"{path}.{key}" if path else str(key)
            yield from _one_of(upstream, found, key, here, hour)
    elif isinstance(upstream, list) and isinstance(found, list):
        for n in range(max(len(upstream), len(found))):
            both = dict(enumerate(upstream)), dict(enumerate(found))
            yield from _one_of(*both, n, f"{path}[{n}]", _hour(upstream[n] if n < len(upstream) else None))
    elif type(upstream) is not type(found) or upstream != found:
        yield path, hour, _short(upstream), _short(found)


def _one_of(upstream: Any, found: Any, key: Any, path: str, hour: int | None) -> Iterator[Place]:
    if key not in found:
        yield path, hour, _short(upstream[key]), MISSING
    elif key not in upstream:
        yield path, hour, MISSING, _short(found[key])
    else:
        yield from _values(upstream[key], found[key], path, hour)


def _hour(row: Any) -> int | None:
    """The hour that a row of a schedule begins at."""
    minutes = row.get("minutes") if isinstance(row, dict) and "rate" in row else None
    return minutes // 60 if isinstance(minutes, int) and 0 <= minutes < HOURS_PER_DAY * 60 else None


def _lines(upstream: bytes, found: bytes) -> Place:
    both = [content.decode("utf-8", "replace").splitlines() for content in (upstream, found)]
    for n in range(max(map(len, both))):
        one, other = (lines[n] if n < len(lines) else MISSING for lines in both)
        if one != other:
            return f"line {n + 1}", None, _short(one), _short(other)
    return "the ends of its lines", None, "others", "others"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
