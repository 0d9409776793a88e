"""The page's own database: one SQLite file, readable by its owner only. Each room makes its own tables in it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "page.sqlite"
BUSY_S = 10.0


class Store:
    """A connection for each thread. What is written is on disk when the block ends."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = directory / FILE
        self.path.touch(mode=0o600)
        self._own = threading.local()

    def make(self, *tables: str) -> None:
        """Make what is missing: `CREATE … IF NOT EXISTS` statements."""
        with self.writing() as connection:
            for statement in tables:
                connection.execute(statement)

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """All rows that a query finds."""
        return self._connection().execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        """The first row that a query finds."""
        found: sqlite3.Row | None = self._connection().execute(query, values).fetchone()
        return found

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all that is written in the block, or nothing."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()

    def _connection(self) -> sqlite3.Connection:
        if (known := getattr(self._own, "connection", None)) is None:
            known = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
            known.row_factory = sqlite3.Row
            known.execute("PRAGMA journal_mode=WAL")
            known.execute("PRAGMA foreign_keys=ON")
            known.execute("PRAGMA secure_delete=ON")
            self._own.connection = known
        return known
