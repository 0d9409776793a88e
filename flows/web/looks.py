"""Looks: short runs in the worker that read a site for the page, kept for minutes. None is asked for twice.

Nothing in a request waits for one: it is asked for in the background, and its document is read where it lies.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from flows.pipeline.look import FILE, LOOK_ID, LOOKS, VERSION, LookKind
from flows.values.private_files import Damaged, parse_document, read_private
from flows.web.people import Person
from flows.web.prefect_server import PrefectServer, ServerAway
from flows.web.state import PageState

DEPLOYMENT = "site-look/look"
ROOM = "looks"
FRESH = timedelta(minutes=15)
KEPT = timedelta(days=1)
REPEAT_AFTER = timedelta(seconds=10)  # a look that did not reach the server
TABLE = """
CREATE TABLE IF NOT EXISTS looks (
  id TEXT PRIMARY KEY, person TEXT NOT NULL, kind TEXT NOT NULL, wanted TEXT NOT NULL, asked_at REAL NOT NULL,
  trouble TEXT
)
"""


@dataclass(frozen=True)
class PersonLook:
    """One look. `document` is what it left (`flows.pipeline.look`), `trouble` why it could not be asked for."""

    id: str
    kind: LookKind
    asked_at: datetime
    document: dict[str, Any] | None
    trouble: str | None
    now: datetime

    @property
    def age(self) -> timedelta:
        """Since when it was asked for."""
        return self.now - self.asked_at

    @property
    def fresh(self) -> bool:
        """Whether it is not too old to be gone by."""
        return self.age < FRESH

    @property
    def refused(self) -> dict[str, str] | None:
        """Why there was nothing to see: `code`, `sentence`, `remedy`."""
        found = self.document.get("refused") if self.document else None
        return found if isinstance(found, dict) else None

    @property
    def seen(self) -> dict[str, Any] | None:
        """What was seen; `None` before it ended, and where there was nothing to see."""
        return self.document if self.document and not self.refused else None

    @property
    def to_repeat(self) -> bool:
        """Whether it could not be asked for, some time ago."""
        return self.trouble is not None and self.age > REPEAT_AFTER

    @property
    def under_way(self) -> bool:
        """Whether it may still end; whether its run has ended without a word, only the server knows."""
        return self.document is None and self.trouble is None and self.fresh


class PersonLooks:
    """The looks that the page asked for."""

    def __init__(self, page: PageState) -> None:
        self._page = page
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="looks")
        self._asking: list[Future[None]] = []
        page.store.make(TABLE)

    def start(
        self,
        person: Person,
        kind: LookKind,
        request: dict[str, Any] | None = None,
        *,
        again: bool = False,
        now: datetime | None = None,
    ) -> PersonLook:
        """The look that is fresh or under way, else a new one, which is asked for in the background.

        Args:
            person: of whom.
            kind: what to look at.
            request: the run's request; the person's own where it is left out.
            again: also where one that has ended is fresh, as after a refusal.
            now: the clock, for tests.
        """
        at, asked = now or datetime.now(UTC), request if request is not None else person.request()
        known = self.newest(person, kind, asked, at)
        if known is not None and (known.under_way or (known.fresh and not again and not known.to_repeat)):
            return known
        look_id = secrets.token_hex(16)
        with self._page.store.writing() as connection:
            since = max((at - FRESH).timestamp(), known.asked_at.timestamp() if known else 0.0)
            row = connection.execute(
                "SELECT id FROM looks WHERE person = ? AND kind = ? AND wanted = ? AND asked_at > ?",
                (person.id, kind.value, _digest(asked), since),
            ).fetchone()
            if row is None:
                connection.execute("DELETE FROM looks WHERE asked_at < ?", ((at - KEPT).timestamp(),))
                connection.execute(
                    "INSERT INTO looks (id, person, kind, wanted, asked_at) VALUES (?, ?, ?, ?, ?)",
                    (look_id, person.id, kind.value, _digest(asked), at.timestamp()),
                )
        if row is None:
            self._asking = [future for future in self._asking if not future.done()]
            self._asking.append(self._pool.submit(self._ask, look_id, kind, asked))
        else:
            look_id = str(row["id"])
        return PersonLook(look_id, kind, at, None, None, at)

    def newest(
        self, person: Person, kind: LookKind, request: dict[str, Any] | None = None, now: datetime | None = None
    ) -> PersonLook | None:
        """The newest look at what a request asks for; of any request of the person where it is left out."""
        query, values = "SELECT * FROM looks WHERE person = ? AND kind = ?", [person.id, kind.value]
        if request is not None:
            query, values = f"{query} AND wanted = ?", [*values, _digest(request)]
        row = self._page.store.row(f"{query} ORDER BY asked_at DESC LIMIT 1", *values)
        if row is None:
            return None
        at = datetime.fromtimestamp(row["asked_at"], UTC)
        return PersonLook(row["id"], kind, at, self._document(row["id"]), row["trouble"], now or datetime.now(UTC))

    def still_under_way(self, look: PersonLook) -> bool:
        """Ask the server whether a look may still end; one whose run ended without a document is none any more.

        Raises:
            ServerAway: nobody knows.
        """
        if not look.under_way:
            return False
        run = self._page.server.run_named(look.id)
        if run is not None and run.ended and self._document(look.id) is None:
            self._note(look.id, run.state_name)
            return False
        return True

    def wait(self) -> None:
        """Until everything that was asked for reached the server, or could not; for tests and at the end."""
        for future in self._asking:
            future.result()

    def end(self) -> None:
        """Ask for nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, look_id: str, kind: LookKind, request: dict[str, Any]) -> None:
        server: PrefectServer = self._page.server
        try:
            server.start(DEPLOYMENT, request, key=look_id, name=look_id, look_id=look_id, kind=kind.value)
        except ServerAway as away:
            self._note(look_id, away.why)

    def _note(self, look_id: str, trouble: str) -> None:
        with self._page.store.writing() as connection:
            connection.execute("UPDATE looks SET trouble = ? WHERE id = ?", (trouble, look_id))

    def _document(self, look_id: str) -> dict[str, Any] | None:
        if not LOOK_ID.fullmatch(look_id):
            return None
        with suppress(Damaged, OSError):
            found = parse_document(read_private(self._page.settings.runs, LOOKS, look_id, FILE))
            return found if isinstance(found, dict) and found.get("version") == VERSION else None
        return None


def looks_of(page: PageState) -> PersonLooks:
    """The looks of the page."""
    return cast(PersonLooks, page.rooms[ROOM])


def _digest(request: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
