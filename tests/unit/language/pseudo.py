"""A language that exists for tests only: each text of the catalogue in brackets, so that what is outside is in none."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from gettext import NullTranslations
from unittest.mock import patch

from flows.language import catalogue
from flows.language.catalogue import Language, speaking
from flows.language.messages import messages

_INNERMOST = re.compile(r"⟦[^⟦⟧]*⟧")


class Bracketed(NullTranslations):
    """Knows what `messages` finds, and nothing else: what is said without being found stays outside."""

    def __init__(self) -> None:
        super().__init__()
        self.known = _known()

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message in self.known else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@functools.cache
def _known() -> frozenset[str]:
    found = [message.id for message in messages() if message.id]
    return frozenset(one for each in found for one in ([each] if isinstance(each, str) else each))


@contextmanager
def bracketed() -> Iterator[None]:
    """Within it every text of the catalogue is in brackets; numbers and dates are as in German."""
    known = Bracketed()
    with patch.object(catalogue, "translations", lambda _: known), speaking(Language.GERMAN):
        yield


def outside(text: str, *data: str) -> list[str]:
    """The words outside all brackets, but for those of the data."""
    while (left := _INNERMOST.sub(" ", text)) != text:
        text = left
    for one in sorted(data, key=len, reverse=True):
        text = text.replace(one, " ")
    return re.findall(r"[^\W\d_]+", text)


def shown(page: str, ignored: Iterable[str] = ("style", "title")) -> str:
    """The text of an HTML page, with what its labels say."""
    for tag in ignored:
        page = re.sub(rf"<{tag}\b.*?</{tag}>", " ", page, flags=re.DOTALL)
    labels = re.findall(r'aria-label="([^"]*)"', page)
    return " ".join([re.sub(r"<[^>]*>", " ", page), *labels])
