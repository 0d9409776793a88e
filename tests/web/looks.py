"""What every page of the site must not have, and its words without its markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class _Look(HTMLParser):
    """Everything that a strict content security policy would stop, and what is not well formed."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.headings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids += [named["id"]] if named.get("id") else []
        self.headings += tag == "h1"
        if tag == "style" or (tag == "script" and "src" not in named):
            self.wrong.append(f"<{tag}>")
        self.wrong += [f"{tag} {name}" for name in named if name == "style" or name.startswith("on")]
        self.wrong += [
            f"{tag} {name}={value}"
            for name, value in attrs
            if name in ("href", "src", "action", "formaction")
            and not (value or "").startswith(("/", "#", "?", "https://"))
        ]


def nothing_inline(text: str) -> None:
    """No style, script or handler inside the page, one first heading, no id twice."""
    look = _Look()
    look.feed(text)
    twice = {name for name in look.ids if look.ids.count(name) > 1}
    assert (look.wrong, look.headings, twice) == ([], 1, set())


def first_words(text: str) -> str:
    """The text of a page's main part."""
    main = text[text.index("<main") : text.index("</main>")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)).replace(" .", ".")
