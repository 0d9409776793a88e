"""What version 15's purifier makes of the strings that are posted: values change, keys do not."""

from __future__ import annotations

import html
import re
from typing import Any

KEPT_TAGS = re.compile(r"</?(?:b|i|em|strong|p|br|a|div|span|ul|ol|li)(?:\s[^<>]*)?/?>", re.IGNORECASE)
DROPPED = re.compile(r"<(script|style|iframe|object|embed)\b.*?(?:</\1\s*>|$)", re.IGNORECASE | re.DOTALL)
OTHER_TAGS = re.compile(r"</?[a-zA-Z][^<>]*>")


def purified(value: Any) -> Any:
    """The value as it is stored."""
    if isinstance(value, dict):
        return {key: purified(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [purified(inner) for inner in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    if not any(sign in text for sign in "<>&"):
        return text
    text = DROPPED.sub("", text)
    kept = KEPT_TAGS.findall(text)
    between = [OTHER_TAGS.sub("", part) for part in KEPT_TAGS.split(text)]
    # An entity stays what it is; a sign that stands for itself becomes one.
    between = [html.escape(html.unescape(part), quote=False) for part in between]
    return between[0] + "".join(tag + part for tag, part in zip(kept, between[1:], strict=True))
