"""Which characters may be shown: a profile's name or a note may hold anything a person or a program wrote."""

from __future__ import annotations

import json
import re
from typing import Any

# Marks, embeddings, overrides and isolates of bidirectional text, and characters without a width that hide in words.
_BIDI = "\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
HIDDEN = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{_BIDI}\U000e0000-\U000e007f]")


def visible(text: str) -> str:
    """Text for a terminal: its lines and tabs, without characters that move the cursor, turn text round or hide."""
    return HIDDEN.sub("", text)


def json_text(document: Any) -> str:
    """A JSON document whose text holds no such character but as an escape, so that it reads back as it was."""
    written = json.dumps(document, indent=1, ensure_ascii=False)
    return HIDDEN.sub(lambda found: json.dumps(found.group())[1:-1], written)
