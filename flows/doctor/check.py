"""What a check is given, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.doctor.site import SiteProbe


class Level(StrEnum):
    """`warn`: it works, but look at it. `fail`: a run would fail, or harm. `skipped`: there was nothing to look at."""

    OK, WARN, FAIL, SKIPPED = "ok", "warn", "fail", "skipped"


@dataclass(frozen=True)
class Finding:
    """One sentence on what was found and, unless all is well, the mend. Holds no secret and no health data."""

    level: Level
    sentence: str
    mend: str = ""


@dataclass(frozen=True)
class Circumstances:
    """What is looked over.

    Attributes:
        runs_root: where runs keep their evidence.
        engine: the engine that is meant to be used; Docker is needed for `docker` only.
        timezone: the person's zone as it was named, `None` where the profile's own counts.
        prefect_api: address of Prefect's API, `None` where each run starts a server of its own.
        prefect_auth: `user:password` for it.
        site: the Nightscout site, `None` where none is named.
        now: this computer's clock.
    """

    runs_root: Path
    now: datetime
    engine: str = "node"
    timezone: str | None = None
    prefect_api: str | None = None
    prefect_auth: str | None = field(default=None, repr=False)
    site: SiteProbe | None = None


@dataclass(frozen=True)
class Check:
    """One row of the table: a name, what it looks at, and the function that does."""

    name: str
    looks_at: str
    look: Callable[[Circumstances], Finding]


@dataclass(frozen=True)
class Result:
    """A check and its finding."""

    name: str
    looks_at: str
    finding: Finding

    def document(self) -> dict[str, str]:
        """For `--json`."""
        return {"name": self.name, "looks_at": self.looks_at, **asdict(self.finding)}


def ok(sentence: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, sentence)


def warn(sentence: str, mend: str) -> Finding:
    """It works, but look at it."""
    return Finding(Level.WARN, sentence, mend)


def fail(sentence: str, mend: str) -> Finding:
    """A run would fail, or harm."""
    return Finding(Level.FAIL, sentence, mend)


def skipped(sentence: str) -> Finding:
    """There was nothing to look at."""
    return Finding(Level.SKIPPED, sentence)
