"""What a check is given, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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
class CheckResult:
    """One sentence on what was found and, unless all is well, the remedy. Holds no secret and no health data."""

    level: Level
    sentence: str
    remedy: str = ""


@dataclass(frozen=True)
class CheckContext:
    """What is looked over.

    Attributes:
        runs_root: where runs keep their evidence.
        engine: the engine that is meant to be used; Docker is needed for `docker` only.
        timezone: the person's zone as it was named, `None` where the profile's own counts.
        prefect_api: address of Prefect's API, `None` where none is named.
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
    look: Callable[[CheckContext], CheckResult]


@dataclass(frozen=True)
class ExaminedCheck:
    """A check and its finding. Scripts read it: `finding` is documented, `mend` is what `--json` calls the remedy."""

    name: str
    looks_at: str
    finding: CheckResult

    def document(self) -> dict[str, str]:
        """For `--json`."""
        said = {"level": self.finding.level, "sentence": self.finding.sentence, "mend": self.finding.remedy}
        return {"name": self.name, "looks_at": self.looks_at, **said}


def ok(sentence: str) -> CheckResult:
    """All is well."""
    return CheckResult(Level.OK, sentence)


def warn(sentence: str, remedy: str) -> CheckResult:
    """It works, but look at it."""
    return CheckResult(Level.WARN, sentence, remedy)


def fail(sentence: str, remedy: str) -> CheckResult:
    """A run would fail, or harm."""
    return CheckResult(Level.FAIL, sentence, remedy)


def skipped(sentence: str) -> CheckResult:
    """There was nothing to look at."""
    return CheckResult(Level.SKIPPED, sentence)
