"""Looks again and again at runs and schedules, and tells what there is to tell. Knows no Prefect: it is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from flows.environment import Environment, environment_now, reports_at
from flows.errors import Refused
from flows.values.lock import acquire
from flows.values.loopback import is_loopback
from flows.values.private_files import make_private_way
from flows.values.user_directories import notices_root
from flows.watch.addresses import NoticeAddress, addresses_of, ping
from flows.watch.deliver import deliver, enqueue
from flows.watch.look import look, remembering, standings
from flows.watch.memory import keep_memory, read_memory
from flows.watch.nights import Expected, Standing
from flows.watch.results import RunResults
from flows.watch.words import Notice

PATIENCE_S = 0.2  # another watch that looks at the same runs tells what there is to tell


@dataclass(frozen=True)
class Service:
    """What the server says: who is expected, and the addresses that its blocks hold."""

    expected: tuple[Expected, ...]
    addresses: tuple[NoticeAddress, ...] = ()


@dataclass(frozen=True)
class Outlook:
    """What a look would tell now."""

    people: tuple[Standing, ...]
    notices: tuple[Notice, ...]
    waiting: int


class Watcher:
    """Looks at one directory of runs. What it told is kept in a file, under a lock between processes."""

    def __init__(self, runs: Path, say: Callable[[str], object], kept: Path | None = None) -> None:
        """Look at nothing yet.

        Args:
            runs: the runs' root.
            say: is told each notice and each failure, for the log.
            kept: the directory of what was told, by default the environment's.
        """
        self.results, self.say = RunResults(runs), say
        self.kept = notices_root(runs) if kept is None else kept
        self._blocks: tuple[NoticeAddress, ...] = ()

    def look(self, service: Service | None, now: datetime) -> bool:
        """Look once, tell, and ping the outside monitor where all is well; whether it is.

        Args:
            service: `None` where the server does not answer.
            now: this computer's clock.

        Raises:
            OSError: what was told cannot be kept; nothing is sent then.
        """
        with self._alone() as alone:
            return alone and self._look(service, now)

    def outlook(self, service: Service | None, now: datetime) -> Outlook:
        """What a look would tell; nothing is sent and nothing kept."""
        memory, results = read_memory(self.kept), self.results.read()
        expected = None if service is None else remembering(service.expected, memory, now)
        notices, _ = look(results, expected, memory, now)
        return Outlook(standings(results, expected, memory, now), tuple(notices), len(memory.waiting))

    def _look(self, service: Service | None, now: datetime) -> bool:
        environment = environment_now()
        before, results = read_memory(self.kept), self.results.read()
        expected = None if service is None else remembering(service.expected, before, now)
        notices, memory = look(results, expected, before, now, _reports(environment))
        if service is not None:
            self._blocks = service.addresses
            memory.blocks = [address.key for address in service.addresses]
        addresses = self._addresses(environment)
        for notice in notices:
            self.say(f"{notice.title}. {notice.text}")
        enqueue(memory, notices, addresses, now)
        if memory != before:  # a memory card is not to be worn by a look that found nothing new
            keep_memory(self.kept, memory)  # before anything is sent: what is told twice is less bad than what is lost
        if memory.waiting:
            sent = deliver(memory, addresses, now, self.say)
            keep_memory(self.kept, memory)
        else:
            sent = True
        missed = any(one.missed for one in standings(results, expected, memory, now))
        well = sent and service is not None and not missed
        if well:
            self._ping(environment)
        return well

    def _addresses(self, environment: Environment) -> tuple[NoticeAddress, ...]:
        try:
            found = addresses_of(environment)
        except Refused as refusal:
            self.say(f"{refusal.sentence} {refusal.remedy}")
            return self._blocks
        except UnicodeDecodeError:
            self.say("A file with addresses for notices is no text in UTF-8.")
            return self._blocks
        for number in found.not_understood:
            self.say(f"Line {number} of the addresses for notices is none that apprise knows.")
        return tuple({address.key: address for address in (*self._blocks, *found.known)}.values())

    def _ping(self, environment: Environment) -> None:
        try:
            trouble = ping(environment)
        except Refused as refusal:
            trouble = refusal.sentence
        except UnicodeDecodeError:
            trouble = "its file is no text in UTF-8"
        if trouble:
            self.say(f"The outside monitor could not be told that all is well ({trouble}).")

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        make_private_way(self.kept)
        try:
            lock = acquire(self.kept / "lock", PATIENCE_S)
        except TimeoutError:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def _reports(environment: Environment) -> str | None:
    """Where the links of notices lead; nowhere where only this machine could follow them."""
    address = reports_at(environment)
    return None if address is None or is_loopback(urlsplit(address).hostname or "") else address
