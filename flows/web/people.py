"""Whose data: the people of the page, each with a name to call and to type, and a random id that stands in addresses.

A person is the site of the service's settings, a saved site (a Nightscout Site block of Prefect's server), or the
uploads given under a name. The page knows addresses and names of blocks; what may read or write is never here.
"""

from __future__ import annotations

import secrets
import sqlite3
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from flows.report.trend.past_runs import site_key
from flows.settings import site_url
from flows.web.store import Store

TABLE = """
CREATE TABLE IF NOT EXISTS people (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, block TEXT UNIQUE, site TEXT, units TEXT, zone TEXT,
  gone INTEGER NOT NULL DEFAULT 0
)
"""
ID_CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read as another
ID_LENGTH = 6


class PersonKind(StrEnum):
    """Where a person's data are from."""

    SETTINGS, BLOCK, UPLOADS, DEMO = "settings", "block", "uploads", "demo"


@dataclass(frozen=True)
class Person:
    """One person. `block` names the saved site, `site` is its address; uploads have neither."""

    id: str
    name: str
    kind: PersonKind
    block: str | None
    site: str | None
    units: str | None
    zone: str | None

    @property
    def source_key(self) -> str | None:
        """What runs of this person's site have as their source's key; `None` for uploads."""
        return site_key(self.site) if self.site else None

    def request(self) -> dict[str, Any]:
        """Whose data a run is of, as fields of its request; of uploads the caller says which."""
        if self.block:
            return {"site_block": self.block}
        return {"site": self.site} if self.site else {}


class People:
    """The people that the page knows, kept in its database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.make(TABLE)

    def all(self) -> list[Person]:
        """Everybody, by name."""
        found = [_person(row) for row in self._store.rows("SELECT * FROM people WHERE gone = 0")]
        return sorted(found, key=lambda person: (person.name.casefold(), person.id))

    def by_id(self, person_id: str) -> Person | None:
        """One by the id in an address."""
        row = self._store.row("SELECT * FROM people WHERE id = ? AND gone = 0", person_id)
        return _person(row) if row else None

    def add(self, name: str, kind: PersonKind, *, block: str | None = None, site: str | None = None) -> Person:
        """A new person with an id that nobody had, and a name that nobody has."""
        with self._store.writing() as connection:
            known = {row["id"] for row in connection.execute("SELECT id FROM people")}
            row = connection.execute("SELECT * FROM people WHERE block = ? AND gone = 0", (block,)).fetchone()
            name = _free_name(connection, name, but=row["id"] if row is not None else "")
            if row is not None:  # whoever brought people up to date saw the saved site just before
                connection.execute("UPDATE people SET name = ? WHERE id = ?", (name, row["id"]))
                return replace(_person(row), name=name)
            # A saved site that was made anew under the name of one that is gone with its person.
            connection.execute("UPDATE people SET block = NULL WHERE block = ? AND gone = 1", (block,))
            person_id = next(new for new in iter(_new_id, "") if new not in known)
            connection.execute(
                "INSERT INTO people (id, name, kind, block, site) VALUES (?, ?, ?, ?, ?)",
                (person_id, name, kind.value, block, site),
            )
        return Person(person_id, name, kind, block, site, None, None)

    def change(self, person_id: str, **fields: str | None) -> None:
        """Give a person another name, unit or time zone."""
        if unknown := set(fields) - {"name", "units", "zone"}:
            raise ValueError(f"of a person not to be changed here: {sorted(unknown)}")
        with self._store.writing() as connection:
            if fields.get("name") is not None:
                fields["name"] = _free_name(connection, str(fields["name"]), but=person_id)
            for field, value in fields.items():
                connection.execute(f"UPDATE people SET {field} = ? WHERE id = ?", (value, person_id))  # noqa: S608

    def remove(self, person_id: str) -> None:
        """Show a person no more; the runs and the saved site stay."""
        with self._store.writing() as connection:
            connection.execute("UPDATE people SET gone = 1 WHERE id = ?", (person_id,))

    def bring_up_to_date(self, site: str | None, saved: dict[str, str]) -> None:
        """Know the site of the settings and every saved site; one that was removed stays away.

        Args:
            site: of the service's settings.
            saved: the address of each saved site by its block's name.
        """
        rows = self._store.rows("SELECT * FROM people")
        blocks = {row["block"]: row for row in rows if row["block"]}
        of_settings = next((row for row in rows if row["kind"] == PersonKind.SETTINGS), None)
        if site and of_settings is None:
            self.add(name_of(site), PersonKind.SETTINGS, site=site_url(site))
        elif site and of_settings is not None and of_settings["site"] != site_url(site):
            self._move(of_settings["id"], site_url(site))
        for block, address in saved.items():
            if block not in blocks:
                self.add(block, PersonKind.BLOCK, block=block, site=address)
            elif blocks[block]["site"] != address:
                self._move(blocks[block]["id"], address)

    def _move(self, person_id: str, site: str) -> None:
        with self._store.writing() as connection:
            connection.execute("UPDATE people SET site = ? WHERE id = ?", (site, person_id))


def plain_name(name: str) -> str:
    """A name as it is compared: however it is spaced, capitalised or composed."""
    folded = unicodedata.normalize("NFC", " ".join(name.split())).casefold()
    return unicodedata.normalize("NFC", folded)


def _free_name(connection: sqlite3.Connection, name: str, but: str = "") -> str:
    """A name that nobody else has: it is typed to say on whose site something is written."""
    rows = connection.execute("SELECT name FROM people WHERE gone = 0 AND id != ?", (but,))
    taken = {plain_name(row["name"]) for row in rows}
    return next(
        one for one in (name, *(f"{name} {n}" for n in range(2, len(taken) + 3))) if plain_name(one) not in taken
    )


def name_of(site: str) -> str:
    """What to call whom nobody named: the first part of the site's host, else all of it."""
    host = urlsplit(site_url(site)).hostname or site
    first = host.partition(".")[0]
    return host if first.isdigit() or not first else first


def _new_id() -> str:
    return "".join(secrets.choice(ID_CHARACTERS) for _ in range(ID_LENGTH))


def _person(row: Any) -> Person:
    return Person(
        *(row["id"], row["name"], PersonKind(row["kind"]), row["block"], row["site"], row["units"], row["zone"])
    )
