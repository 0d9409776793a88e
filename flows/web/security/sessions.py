"""Who is signed in: sessions in the page's database, by the sha256 of a random value that only the browser has."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from flows.web.security.cookies import LONGEST_S, new_value
from flows.web.state import PageState
from flows.web.store import Store

IDLE_S = 12 * 3600
SEEN_EVERY_S = 60  # so that not every request writes
MOST = 200  # a client behind a signing-on proxy that keeps no cookie begins one with each request
TABLE = (
    "CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, secret_sha256 BLOB NOT NULL UNIQUE, "
    "signed_in_by TEXT NOT NULL, made REAL NOT NULL, used REAL NOT NULL, browser TEXT NOT NULL)"
)


class SignedInBy(StrEnum):
    """How somebody came in: by the page's password, or because a proxy said who it is."""

    PASSWORD, PROXY = "password", "proxy"


@dataclass(frozen=True)
class Session:
    """One browser that is signed in.

    Attributes:
        id: names it in a form; it opens nothing.
        signed_in_by: how it began.
        made, used: when it began and was used last, in seconds since 1970.
        browser: its short name, such as `Firefox, Linux`; empty where it said none.
    """

    id: str
    signed_in_by: SignedInBy
    made: float
    used: float
    browser: str


class Sessions:
    """The sessions of the page.

    Args:
        store: where they are kept.
        clock: seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock
        store.make(TABLE)

    def begin(self, signed_in_by: SignedInBy, user_agent: str = "") -> str:
        """Begin a session; its value, for the cookie. It is always a new one, whatever the browser had before."""
        value, now = new_value(), self._clock()
        with self._store.writing() as connection:
            connection.execute("DELETE FROM sessions WHERE used < ? OR made < ?", (now - IDLE_S, now - LONGEST_S))
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)",
                (secrets.token_hex(8), _digest(value), signed_in_by.value, now, now, browser_name(user_agent)),
            )
            connection.execute(
                "DELETE FROM sessions WHERE id NOT IN (SELECT id FROM sessions ORDER BY used DESC LIMIT ?)", (MOST,)
            )
        return value

    def of_value(self, value: str) -> Session | None:
        """The session of a cookie; `None` where it ended, or never was."""
        return self._alive("secret_sha256 = ?", _digest(value))

    def touch(self, session: Session) -> None:
        """Note that it was used; at most once a minute, so that a page mostly writes nothing."""
        if self.is_stale(session):
            with self._store.writing() as connection:
                connection.execute("UPDATE sessions SET used = ? WHERE id = ?", (self._clock(), session.id))

    def is_stale(self, session: Session) -> bool:
        """Whether its use was noted longer ago than a minute."""
        return self._clock() - session.used >= SEEN_EVERY_S

    def all(self) -> list[Session]:
        """Every session that is open, the one used last first."""
        found = [_session(row) for row in self._store.rows("SELECT * FROM sessions ORDER BY used DESC, id")]
        return [session for session in found if self._is_open(session)]

    def end(self, session_id: str) -> None:
        """End one."""
        with self._store.writing() as connection:
            connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,))

    def end_all(self, but: str | None = None) -> None:
        """End all, or all but one."""
        with self._store.writing() as connection:
            connection.execute("DELETE FROM sessions WHERE id IS NOT ?", (but,))

    def still_signed_in(self, session_id: str) -> bool:
        """Whether a session is open now: asked by what goes on for long, such as a stream."""
        return self._alive("id = ?", session_id) is not None

    def _alive(self, where: str, value: object) -> Session | None:
        row = self._store.row(f"SELECT * FROM sessions WHERE {where}", value)  # noqa: S608
        session = _session(row) if row else None
        return session if session and self._is_open(session) else None

    def _is_open(self, session: Session) -> bool:
        now = self._clock()
        return now - session.used < IDLE_S and now - session.made < LONGEST_S


def sessions_of(page: PageState) -> Sessions:
    """The sessions of the page."""
    return cast(Sessions, page.rooms["sessions"])


def still_signed_in(page: PageState, session_id: str) -> bool:
    """Whether a session is open now: a stream ends where it is not."""
    return sessions_of(page).still_signed_in(session_id)


def browser_name(user_agent: str) -> str:
    """A browser's and a system's name, to tell sessions apart; nothing more of what a browser says of itself."""
    browsers = {
        "Edg": "Edge",
        "OPR": "Opera",
        "SamsungBrowser": "Samsung Internet",
        "Firefox": "Firefox",
        "FxiOS": "Firefox",
        "CriOS": "Chrome",
        "Chrome": "Chrome",
        "Safari": "Safari",
    }
    systems = {
        "Android": "Android",
        "iPhone": "iPhone",
        "iPad": "iPad",
        "Windows": "Windows",
        "Mac OS X": "macOS",
        "CrOS": "ChromeOS",
        "Linux": "Linux",
    }
    named = (
        next((name for mark, name in browsers.items() if f"{mark}/" in user_agent), ""),
        next((name for mark, name in systems.items() if mark in user_agent), ""),
    )
    return ", ".join(name for name in named if name)


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()


def _session(row: sqlite3.Row) -> Session:
    return Session(row["id"], SignedInBy(row["signed_in_by"]), row["made"], row["used"], row["browser"])
