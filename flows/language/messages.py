"""Every sentence that has to be in the catalogues, found in the code and the templates.

python -m flows.language.messages      # writes the new ones into each LANGUAGE.po, untranslated, and drops the unused
"""

from __future__ import annotations

import ast
import io
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from flows.language.catalogue import CATALOGUES, Language

TOP = Path(__file__).resolve().parents[1]
# What marks a sentence, and which of its arguments are one; in templates `trans` blocks are found as well.
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "phrase": None,
    "to_translate": None,
    "translated": None,
    "translatable": None,
    "in_spoken": None,
    "count_phrase": (1, 2),
}
WIDTH = 120


def messages() -> Catalog:
    """All of them; a pair of singular and plural is one message."""
    catalogue = Catalog(fuzzy=False)
    for message in _found():
        catalogue.add(message)
    return catalogue


def _found() -> Iterator[str | tuple[str, str]]:
    for path in sorted(TOP.rglob("*.py")):
        if "_bundled" not in path.parts:
            yield from _called(ast.parse(path.read_bytes()))
    for text in json.loads((TOP / "refusals.json").read_text("utf-8")).values():
        yield from (words for words in text.values() if words != "{remedy}")  # that is the fact itself
    for path in (path for room in ("report", "web") for path in sorted((TOP / room).rglob("*.html"))):
        options = {"trim_blocks": "true", "lstrip_blocks": "true"}
        yield from _of(babel_extract(path.open("rb"), (*KEYWORDS, "gettext", "ngettext"), (), options))


def _called(tree: ast.AST) -> Iterator[str | tuple[str, str]]:
    """What is written out in calls, nested ones too. Facts of a refusal count; a name of a file has no space."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        if call.func.id == "Refused":
            given = (text for fact in call.keywords for text in _texts(fact.value))
            yield from (text for text in given if " " in text)
        elif call.func.id in ("count_phrase", "translatable_count"):
            one, more = (next(_texts(words), "") for words in call.args[:2])
            if one and more:
                yield one, more
        elif call.func.id in KEYWORDS and call.args:
            yield from _texts(call.args[0])


def _texts(words: ast.expr) -> Iterator[str]:
    """Only literals count: what a name stands for was marked with `to_translate` where it is defined."""
    if isinstance(words, ast.Constant) and isinstance(words.value, str) and words.value:
        yield words.value
    elif isinstance(words, ast.IfExp):
        yield from (*_texts(words.body), *_texts(words.orelse))


def _of(extracted: Iterable[tuple[Any, ...]]) -> Iterator[str | tuple[str, str]]:
    for _, function, message, _ in extracted:
        several = message if isinstance(message, tuple | list) else (message,)
        texts = [text for text in several if isinstance(text, str) and text]
        if function in ("count_phrase", "ngettext") and len(texts) > 1:
            yield texts[0], texts[1]
        elif texts:
            yield texts[0]


def main() -> int:
    """Bring each language's file up to date."""
    for language in Language:
        if language is Language.ENGLISH:
            continue
        path = CATALOGUES / f"{language.value}.po"
        head, *_ = path.read_text("utf-8").partition("\n\n")  # as it was, so that no date in it changes
        known = read_po(io.BytesIO(path.read_bytes()), locale=language.value)
        known.update(messages(), no_fuzzy_matching=True)
        known.obsolete.clear()
        written = io.BytesIO()
        write_po(written, known, width=WIDTH, no_location=True, omit_header=True, sort_output=True)
        path.write_text(f"{head}\n\n{written.getvalue().decode()}", "utf-8")
        missing = sum(not message.string for message in known if message.id)
        sys.stderr.write(f"{path.name}: {len(known)} sentences, {missing} not translated\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
