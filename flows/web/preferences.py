"""What people chose for the whole page: its language. Kept in the page's database; the environment's where none was."""

from __future__ import annotations

from contextlib import AbstractContextManager

from starlette.types import ASGIApp, Receive, Scope, Send

from flows.environment import speaking_as_set
from flows.language.catalogue import Language, speaking
from flows.web.store import Store

ROOM = "preferences"
TABLE = "CREATE TABLE IF NOT EXISTS preferences (name TEXT PRIMARY KEY, value TEXT NOT NULL)"


class Preferences:
    """The choices, read at every request: another process may have made them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.make(TABLE)

    @property
    def language(self) -> Language | None:
        """That was chosen; `None` where the environment's counts."""
        row = self._store.row("SELECT value FROM preferences WHERE name = 'language'")
        return next((one for one in Language if row and one.value == row["value"]), None)

    @language.setter
    def language(self, chosen: Language) -> None:
        with self._store.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO preferences VALUES ('language', ?)", (chosen.value,))

    def spoken_outside_requests(self) -> AbstractContextManager[None]:
        """Within it the language is that of the page: for what is made in the background."""
        language = self.language
        return speaking(language) if language is not None else speaking_as_set()


class InChosenLanguage:
    """Has every answer made in the language that was chosen on the page."""

    def __init__(self, app: ASGIApp, preferences: Preferences) -> None:
        self._app, self._preferences = app, preferences

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        language = self._preferences.language if scope["type"] == "http" else None
        if language is None:
            await self._app(scope, receive, send)
            return
        with speaking(language):
            await self._app(scope, receive, send)
