"""What the watch remembers, so that a restart tells nothing twice: one file, written whole or not at all.

It holds names of people and runs, and of addresses a hash. A file that cannot be read is begun anew.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from flows.values.private_files import make_private_way
from flows.values.run_directory import dump, write_atomically
from flows.watch.nights import Expected
from flows.watch.results import WatchedPerson
from flows.watch.words import Notice, Weight

FILE = "notices.json"
LARGEST_BYTES = 16 << 20


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Told(_Document):
    """What a person's addresses were last told: of which night, on which day, and whether all was well then."""

    night: str = ""
    day: str = ""
    without_result: bool = False


class KeptPerson(_Document):
    """A person who was expected when the server last answered."""

    key: str
    name: str
    zone: str
    due: list[AwareDatetime]
    patience_s: float

    @classmethod
    def of(cls, one: Expected) -> KeptPerson:
        """As it is kept; what became of runs is asked anew."""
        return cls(
            key=one.person.key,
            name=one.person.name,
            zone=one.zone,
            due=list(one.due),
            patience_s=one.patience.total_seconds(),
        )

    def expected(self) -> Expected:
        """As it is judged."""
        return Expected(
            WatchedPerson(self.key, self.name), self.zone, tuple(self.due), timedelta(seconds=self.patience_s)
        )


class Waiting(_Document):
    """A notice that some addresses have not taken yet."""

    title: str
    text: str
    weight: Weight
    made_at: AwareDatetime
    to: list[str]
    tries: int = 0
    not_before: AwareDatetime | None = None

    def notice(self) -> Notice:
        """To send."""
        return Notice(self.title, self.text, self.weight)


class Memory(_Document):
    """All of it.

    Attributes:
        runs: names of the runs that were looked at; `None` before the first look.
        people: by the person's key.
        expected: as the server said last; `None` where it never did.
        blocks: keys of the addresses that the server's blocks hold.
        unreachable_since: the server does not answer since then.
        unreachable_told: the day on which that was last told.
        waiting: what is still to be sent.
    """

    runs: list[str] | None = None
    people: dict[str, Told] = Field(default_factory=dict)
    expected: list[KeptPerson] | None = None
    blocks: list[str] = Field(default_factory=list)
    unreachable_since: AwareDatetime | None = None
    unreachable_told: str = ""
    waiting: list[Waiting] = Field(default_factory=list)


def read_memory(directory: Path) -> Memory:
    """What was kept; nothing where there is none, or none that can be read."""
    with suppress(OSError, ValidationError, ValueError):
        file = directory / FILE
        if file.stat().st_size <= LARGEST_BYTES:
            return Memory.model_validate_json(file.read_bytes())
    return Memory()


def keep_memory(directory: Path, memory: Memory) -> None:
    """Write it, where only this user can read it.

    Raises:
        OSError: it cannot be written.
    """
    make_private_way(directory)
    directory.chmod(0o700)
    write_atomically(directory / FILE, dump(memory.model_dump(mode="json")))


def day_text(moment: datetime) -> str:
    """A day, as it is kept."""
    return moment.date().isoformat()
