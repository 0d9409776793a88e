"""The page's password, and the one-time code that sets it. Neither is kept as it is typed.

The password by Argon2id as a PHC string, which names its own cost: one that was kept at a lower cost than today's is
kept anew when it is typed next.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import threading
import unicodedata
from dataclasses import dataclass
from typing import cast

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from flows.language.catalogue import phrase
from flows.web.state import PageState
from flows.web.store import Store

SHORTEST, LONGEST = 12, 200  # characters
FEWEST_DIFFERENT = 6
CODE_CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read as another
CODE_GROUPS, GROUP = 4, 4
SALT_BYTES, HASH_BYTES = 16, 32
AT_ONCE = threading.BoundedSemaphore(2)  # each takes its memory while it computes
OBVIOUS = ("password", "passwort", "autotune", "nightscout", "diabetes", "qwertz", "qwerty", "letmein", "insulin")
SEQUENCES = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjkl")
TABLE = "CREATE TABLE IF NOT EXISTS access (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
PASSWORD, CODE = "password", "code"
_COST = re.compile(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$")


@dataclass(frozen=True)
class PasswordCost:
    """What one guess costs: memory in KiB, passes over it, lanes."""

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1

    def kept(self, password: str) -> str:
        """A password as a PHC string."""
        made = Argon2id(
            salt=os.urandom(SALT_BYTES),
            length=HASH_BYTES,
            iterations=self.passes,
            lanes=self.lanes,
            memory_cost=self.memory_kib,
        )
        with AT_ONCE:
            return made.derive_phc_encoded(_bytes(password))

    def is_above(self, kept: str) -> bool:
        """Whether a PHC string was made at a lower cost."""
        found = _COST.match(kept)
        return found is None or int(found[1]) < self.memory_kib or int(found[2]) < self.passes


class Passwords:
    """The password and the code of the page.

    Args:
        store: where they are kept.
        cost: of a guess, for what is kept from now on.
    """

    def __init__(self, store: Store, cost: PasswordCost | None = None) -> None:
        self._store = store
        self.cost = cost or PasswordCost()
        store.make(TABLE)

    @property
    def is_set(self) -> bool:
        """Whether there is a password."""
        return self._value(PASSWORD) is not None

    def is_right(self, password: str) -> bool:
        """Whether it is the password. It takes as long where there is none."""
        kept = self._value(PASSWORD)
        if kept is None:
            self.cost.kept(password)
            return False
        if len(password) > LONGEST or not _matches(password, kept):
            return False
        if self.cost.is_above(kept):
            self.set_password(password)
        return True

    def set_password(self, password: str) -> None:
        """Keep another password."""
        kept = self.cost.kept(password)
        with self._store.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO access VALUES (?, ?)", (PASSWORD, kept))

    def new_code(self) -> str:
        """A new one-time code; the one before it is no longer one."""
        groups = ["".join(secrets.choice(CODE_CHARACTERS) for _ in range(GROUP)) for _ in range(CODE_GROUPS)]
        code = "-".join(groups)
        with self._store.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO access VALUES (?, ?)", (CODE, _code_digest(code)))
        return code

    def is_code(self, code: str) -> bool:
        """Whether it is the code that was printed last, and nobody has used."""
        kept = self._value(CODE)
        return kept is not None and hmac.compare_digest(kept, _code_digest(code))

    def set_by_code(self, code: str, password: str) -> bool:
        """Set the first password; the code is used up by it. Whether it was done: of two at once only one is."""
        kept = self.cost.kept(password)
        with self._store.writing() as connection:
            is_set = connection.execute("SELECT 1 FROM access WHERE name = ?", (PASSWORD,)).fetchone()
            used = connection.execute("DELETE FROM access WHERE name = ? AND value = ?", (CODE, _code_digest(code)))
            if is_set or used.rowcount != 1:
                return False
            connection.execute("INSERT INTO access VALUES (?, ?)", (PASSWORD, kept))
        return True

    def forget(self) -> None:
        """Remove the password and the code: only a new code lets somebody set another."""
        with self._store.writing() as connection:
            connection.execute("DELETE FROM access")

    def _value(self, name: str) -> str | None:
        row = self._store.row("SELECT value FROM access WHERE name = ?", name)
        return str(row["value"]) if row else None


def passwords_of(page: PageState) -> Passwords:
    """The password of the page."""
    return cast(Passwords, page.rooms["passwords"])


def against(password: str) -> str | None:
    """Why a password is not taken, in a sentence; `None` where nothing is against it."""
    if len(password) < SHORTEST:
        return phrase("The password is too short: {least} characters are needed.", least=SHORTEST)
    if len(password) > LONGEST:
        return phrase("The password is too long: {most} characters are taken.", most=LONGEST)
    plain = password.casefold()
    if len(set(plain)) < FEWEST_DIFFERENT or any(_is_part(plain, sequence) for sequence in SEQUENCES):
        return phrase("The password is easily guessed: it repeats itself or follows the keyboard. Take several words.")
    rest = plain
    for word in OBVIOUS:
        rest = rest.replace(word, "")
    if len(set(rest)) < FEWEST_DIFFERENT - 1 or any(_is_part(rest, sequence) for sequence in SEQUENCES):
        return phrase("The password is easily guessed: it is mostly one well-known word. Take several words.")
    return None


def _is_part(text: str, sequence: str) -> bool:
    return len(text) > 1 and (text in sequence * 2 or text in sequence[::-1] * 2)


def _matches(password: str, kept: str) -> bool:
    with AT_ONCE:
        try:
            Argon2id.verify_phc_encoded(_bytes(password), kept)
        except (InvalidKey, ValueError):
            return False
    return True


def _bytes(password: str) -> bytes:
    """As keyboards differ in how they compose letters, in one form."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _code_digest(code: str) -> str:
    """Of its letters and digits alone, however they are grouped and written."""
    return hashlib.sha256("".join(filter(str.isalnum, code.lower())).encode("utf-8", "surrogatepass")).hexdigest()
