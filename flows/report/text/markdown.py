"""Text of a person's data inside Markdown: shown as it reads, never as markup. Knows nothing of what the text means."""

from __future__ import annotations

import re
import unicodedata

from flows.language.catalogue import phrase
from flows.report.wording import cut, harmless

LONGEST = 80
ISOLATE, END_ISOLATE = "\u2068", "\u2069"

UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: str, longest: int = LONGEST) -> str:
    """One line of visible text, at most so many characters; a name that is nothing else says so."""
    return cut(harmless(text), longest).strip("\u200c\u200d") or phrase("(without a name)")


def escaped(text: str, longest: int = LONGEST) -> str:
    """`plain`, so that Markdown takes none of it for markup: every ASCII punctuation mark gets a backslash.

    That is the rule of CommonMark (2.4); it covers pipes of tables, HTML, entities and addresses that would become
    links. Text written from right to left is isolated, so that it cannot reorder its neighbours.
    """
    line = plain(text, longest)
    marked = _PUNCTUATION.sub(r"\\\1", line)
    if any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in line):
        return f"{ISOLATE}{marked}{END_ISOLATE}"
    return marked


def code_block(lines: list[str]) -> str:
    """Lines to copy, in a fence longer than any run of backticks in them; what cannot be seen is shown as `�`."""
    body = ["".join("�" if unicodedata.category(c) in UNSEEN else c for c in line) for line in lines]
    fence = "`" * max(3, 1 + max((len(run) for line in body for run in re.findall("`+", line)), default=0))
    return "\n".join([fence, *body, fence])
