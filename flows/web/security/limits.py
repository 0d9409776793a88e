"""How large a request's body may be: small, but for an upload."""

from __future__ import annotations

import re

MIB = 1024 * 1024
BODY_BYTES = MIB // 4  # of a form
UPLOAD_BYTES = 64 * MIB  # of an upload with all its fields; what a zip holds is counted where it is unpacked
UPLOAD_PATH = re.compile(r"/p/[^/]+/uploads")


def most_bytes(path: str) -> int:
    """The most bytes that a request to a path below the prefix may bring."""
    return UPLOAD_BYTES if UPLOAD_PATH.fullmatch(path) else BODY_BYTES
