"""Pages from the templates: one self-contained HTML file each, its style inside, with nothing to load and no script."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from flows.language.catalogue import count_phrase, number_text, phrase, spoken, translated
from flows.language.translatable import in_spoken
from flows.report.wording import glucose, isolated, lang_of, number, whole_sentence
from flows.values.sentence import Worded, stored_in_spoken

TEMPLATES = Path(__file__).parent / "templates"


def page(template: str, **values: Any) -> bytes:
    """A page in UTF-8.

    Args:
        template: its file under `templates/`, which extends `base.html`.
        values: what it shows; strings are escaped.
    """
    drawn = environment().get_template(template).render(layout="base.html", language=spoken().value, **values)
    return drawn.encode("utf-8")


@functools.cache
def environment() -> Environment:
    """The templates, with autoescape always on and unknown names an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Ours, and inside <style>, where escaping would break it.
    made.globals["style"] = Markup((TEMPLATES / "style.css").read_text("utf-8"))  # noqa: S704
    made.globals.update(number=number, glucose=glucose, phrase=_phrase, count_phrase=_count_phrase)
    made.globals["translated"] = translated
    made.filters["text"] = isolated
    made.filters.update(sentence=whole_sentence, said=_said, stored=_stored, decimal=_decimal)
    made.globals["stored_all"] = _stored_all
    return made


def _phrase(words: str, /, **facts: Any) -> Markup:
    """As `phrase`: the words are the catalogue's, so ours, and may hold markup; the facts are escaped."""
    return Markup(phrase(words, **_escaped(facts)))  # noqa: S704


def _count_phrase(one: str, more: str, count: int, /, **facts: Any) -> Markup:
    """As `count_phrase`, likewise."""
    return Markup(count_phrase(one, more, count, **_escaped(facts)))  # noqa: S704


def _escaped(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: fact if isinstance(fact, int | float) else escape(fact) for name, fact in facts.items()}


# A filter that depends on the language takes the context, or the template would keep what it made of a constant in the
# language that was spoken when it was compiled.


@pass_context
def _said(_context: Context, text: str) -> str:
    return in_spoken(text)


@pass_context
def _decimal(_context: Context, text: str) -> str:
    return number_text(text)


@pass_context
def _stored(_context: Context, text: Any, said: Sequence[Worded] = ()) -> Markup:
    return _stored_one(text, said)


def _stored_one(text: Any, said: Sequence[Worded]) -> Markup:
    """A sentence of a document in the language that is spoken; marked as English where its words are not known."""
    shown = stored_in_spoken(str(text), said)
    return whole_sentence(shown, lang_of(shown, str(text)))


def _stored_all(texts: Sequence[str], said: Sequence[Worded]) -> list[Markup]:
    return [_stored_one(text, said[n : n + 1] if len(said) == len(texts) else ()) for n, text in enumerate(texts)]
