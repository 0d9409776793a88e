"""How much is read of what others made: bytes of an answer, of a directory, levels of JSON. Each can be set.

A few bytes can hold very many, and a few more can nest deeper than any program goes; neither may take this machine's
memory. What is beyond a limit is one refusal that names it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import accumulate

from flows.environment import environment_now, variable
from flows.errors import Reason, Refused

MIB = 1 << 20
PASSES = 8  # what is nested no deeper than records are; the rest is counted bracket by bracket
_OUTSIDE = bytes(set(range(256)) - set(b'[]{}"'))
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # +1 and -1 as signed bytes


@dataclass(frozen=True)
class ReadLimit:
    """One limit: its field of the environment, what it is unless set, the most it can be set to, its unit in words."""

    field: str
    usual: int
    highest: int
    unit: str

    @property
    def value(self) -> int:
        """What holds now.

        Raises:
            Refused: `LIMIT_UNREADABLE`.
        """
        text: str | None = getattr(environment_now(), self.field)
        if text is None:
            return self.usual
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:12]) <= self.highest or len(text) > 12:
            raise Refused(Reason.LIMIT_UNREADABLE, variable=variable(self.field), highest=self.highest)
        return int(text)

    @property
    def size_bytes(self) -> int:
        """What holds now, of a limit in MiB."""
        return self.value * MIB

    def exceeded(self, what: str) -> Refused:
        """The refusal of what is beyond it; `what` names it without a secret."""
        return Refused(
            Reason.LIMIT_EXCEEDED, what=what, limit=f"{self.value} {self.unit}", variable=variable(self.field)
        )


ANSWER = ReadLimit("max_answer_mib", 64, 1_000_000, "MiB for one answer, unpacked")
DIRECTORY = ReadLimit("max_files_mib", 1024, 1_000_000, "MiB for one directory of files, unpacked")
# Upstream's own documents have 6. Python's functions end at a thousand calls in one another, some two for each level.
DEPTH = ReadLimit("max_json_depth", 100, 300, "levels of nesting in JSON")


def check_depth(content: bytes, what: str) -> None:
    """Refuse JSON that is nested too deeply, before it is parsed.

    Args:
        content: JSON in any of its encodings; of what is none, nothing is said.
        what: names it in the refusal.

    Raises:
        Refused: `LIMIT_EXCEEDED`.
    """
    if is_deeper(content, DEPTH.value):
        raise DEPTH.exceeded(what)


def is_deeper(content: bytes, levels: int) -> bool:
    """Whether JSON is nested deeper than so many levels; never false for JSON that is.

    It takes a twentieth of the time that the parsing of usual records takes, since the innermost brackets are taken
    away everywhere at once, a level at a time.
    """
    encoding = json.detect_encoding(content)
    if not encoding.startswith("utf-8"):
        content = content.decode(encoding, "replace").encode("utf-8", "replace")
    if b"\\" in content:
        content = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = content.translate(None, _OUTSIDE)
    # A text without brackets has left nothing but its two quotes; one with some keeps a quote that has no neighbour.
    structure = left.replace(b'""', b"")
    if b'"' in structure:
        structure = b"".join(left.split(b'"')[::2])
    peeled = structure
    for _ in range(min(levels // 2, PASSES)):  # a pass takes one or two levels away: of [] and then of {}
        if not peeled:
            return False
        peeled = peeled.replace(b"[]", b"").replace(b"{}", b"")
    return bool(peeled) and max(accumulate(memoryview(structure.translate(_STEPS)).cast("b"))) > levels
