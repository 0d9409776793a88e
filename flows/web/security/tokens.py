"""Tokens of machines: each with a name and what it may do, kept by its sha256, shown once, and revocable."""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from flows.web.security.cookies import new_value
from flows.web.security.sessions import SEEN_EVERY_S
from flows.web.state import PageState
from flows.web.store import Store

BEGINS = "autotune_"  # so that a scanner of published files knows one
FORM = re.compile(rf"{BEGINS}[A-Za-z0-9_-]{{43}}")
SHOWN_FOR_S = 300
TABLE = (
    "CREATE TABLE IF NOT EXISTS machine_tokens (id TEXT PRIMARY KEY, secret_sha256 BLOB NOT NULL UNIQUE, "
    "name TEXT NOT NULL, scopes TEXT NOT NULL, made REAL NOT NULL, used REAL)"
)


class MachineScope(StrEnum):
    """What a machine may do. None may approve or write."""

    READ, START = "read", "start"


@dataclass(frozen=True)
class MachineToken:
    """A token without its secret; `made` and `used` in seconds since 1970, `used` is `None` where it never was."""

    id: str
    name: str
    scopes: frozenset[MachineScope]
    made: float
    used: float | None


class MachineTokens:
    """The tokens of the page.

    Args:
        store: where they are kept.
        clock: seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock
        self._to_show: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()
        store.make(TABLE)

    def make(self, name: str, scopes: frozenset[MachineScope]) -> str:
        """A new token's secret, which nobody can be told again."""
        secret = BEGINS + new_value()
        values = (secrets.token_hex(8), _digest(secret), name, " ".join(sorted(scopes)), self._clock())
        with self._store.writing() as connection:
            connection.execute("INSERT INTO machine_tokens VALUES (?, ?, ?, ?, ?, NULL)", values)
        return secret

    def of_secret(self, secret: str) -> MachineToken | None:
        """The token of a secret; `None` where there is none."""
        if not FORM.fullmatch(secret):
            return None
        row = self._store.row("SELECT * FROM machine_tokens WHERE secret_sha256 = ?", _digest(secret))
        return _token(row) if row else None

    def is_stale(self, token: MachineToken) -> bool:
        """Whether its use was noted longer ago than a minute."""
        return token.used is None or self._clock() - token.used >= SEEN_EVERY_S

    def touch(self, token: MachineToken) -> None:
        """Note that it was used."""
        with self._store.writing() as connection:
            connection.execute("UPDATE machine_tokens SET used = ? WHERE id = ?", (self._clock(), token.id))

    def all(self) -> list[MachineToken]:
        """Every token, the newest first."""
        return [_token(row) for row in self._store.rows("SELECT * FROM machine_tokens ORDER BY made DESC, id")]

    def revoke(self, token_id: str) -> None:
        """Take one back."""
        with self._store.writing() as connection:
            connection.execute("DELETE FROM machine_tokens WHERE id = ?", (token_id,))

    def show_once(self, session_id: str, secret: str) -> None:
        """Let the session that made a token see it on its next page, and then nobody any more."""
        with self._lock:
            self._to_show[session_id] = secret, self._clock()

    def shown(self, session_id: str) -> str | None:
        """What a session just made; at the first asking only."""
        with self._lock:
            now = self._clock()
            self._to_show = {who: made for who, made in self._to_show.items() if now - made[1] < SHOWN_FOR_S}
            return self._to_show.pop(session_id, (None, 0.0))[0]


def tokens_of(page: PageState) -> MachineTokens:
    """The tokens of the page."""
    return cast(MachineTokens, page.rooms["tokens"])


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _token(row: sqlite3.Row) -> MachineToken:
    scopes = frozenset(MachineScope(scope) for scope in row["scopes"].split())
    return MachineToken(row["id"], row["name"], scopes, row["made"], row["used"])
