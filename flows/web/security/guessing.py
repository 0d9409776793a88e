"""How often a password or a code may be tried: by one address, and by all together.

Buckets in the page's database, so that a restart fills none. An attempt takes its token before it is looked at, and
gets it back if it was right. Only entering is held up: whoever is signed in stays so.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flows.web.state import PageState
from flows.web.store import Store

HOUR_S = 3600.0
BY_ADDRESS, BY_ALL = 10, 60  # attempts an hour
ALL = "all"
IPV6_NETWORK = 64  # whoever has one address there has all of it
TABLE = "CREATE TABLE IF NOT EXISTS guesses (who TEXT PRIMARY KEY, remaining REAL NOT NULL, at REAL NOT NULL)"


@dataclass
class Guesses:
    """The attempts that are left.

    Attributes:
        store: where they are counted.
        answer_s: no attempt is answered sooner, right or wrong, so that how long it took says nothing.
        clock: seconds since 1970.
    """

    store: Store
    answer_s: float = 0.4
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        """Make the table."""
        self.store.make(TABLE)

    def take(self, who: str) -> bool:
        """Take an attempt of somebody at an address from those left; whether there was one."""
        return self._take(_of_address(who))

    def give_back(self, who: str) -> None:
        """The attempt was right: it does not count."""
        self._give_back(_of_address(who))

    def take_of_session(self, session_id: str) -> bool:
        """Likewise of somebody who is signed in and types the old password; strangers cannot use these up."""
        return self._take({f"session {session_id}": BY_ADDRESS})

    def give_back_of_session(self, session_id: str) -> None:
        """The attempt was right: it does not count."""
        self._give_back({f"session {session_id}": BY_ADDRESS})

    def _give_back(self, buckets: dict[str, int]) -> None:
        with self.store.writing() as connection:
            for name, most in buckets.items():
                connection.execute("UPDATE guesses SET remaining = min(?, remaining + 1) WHERE who = ?", (most, name))

    def _take(self, buckets: dict[str, int]) -> bool:
        now = self.clock()
        with self.store.writing() as connection:
            connection.execute("DELETE FROM guesses WHERE at < ?", (now - HOUR_S,))  # these are full again
            left: dict[str, float] = {}
            for name, most in buckets.items():
                row = connection.execute("SELECT remaining, at FROM guesses WHERE who = ?", (name,)).fetchone()
                left[name] = min(most, row["remaining"] + max(0.0, now - row["at"]) * most / HOUR_S) if row else most
            taken = all(number >= 1 for number in left.values())
            for name, number in left.items():
                connection.execute("INSERT OR REPLACE INTO guesses VALUES (?, ?, ?)", (name, number - taken, now))
        return taken


def guesses_of(page: PageState) -> Guesses:
    """The attempts of the page."""
    return cast(Guesses, page.rooms["guesses"])


def _of_address(who: str) -> dict[str, int]:
    return {_network(who): BY_ADDRESS, ALL: BY_ALL}


def _network(who: str) -> str:
    """One name for all the addresses that one person has."""
    try:
        address = ipaddress.ip_address(who)
    except ValueError:
        return who
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), IPV6_NETWORK), strict=False))
    return str(address)
