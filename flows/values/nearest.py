"""What somebody meant, perhaps, who typed a name that there is not. Light to import; knows nothing of what is named."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from flows.language.translatable import translatable


def perhaps(typed: str, names: Iterable[str]) -> str:
    """`; did you mean …?` of what is nearest; empty where nothing is near."""
    meant = nearest(typed, names)
    return translatable("; did you mean {name}?", name=meant) if meant else ""


def nearest(typed: str, names: Iterable[str]) -> str | None:
    """The name that what was typed is the beginning of, or is most like; `None` where none is near."""
    known = list(names)
    word = typed.casefold()
    begins = [name for name in known if len(word) > len("--") and name.casefold().startswith(word)]
    near = begins if len(begins) == 1 else get_close_matches(word, [name.casefold() for name in known], n=1)
    meant = [name for name in known if name.casefold() in [found.casefold() for found in near]]
    return meant[0] if meant else None
