"""How a command ends. Light to import."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit status: a result, a fault of this program, wrong usage, or a refusal with its reason."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    REFUSED = 3


class UsageError(Exception):
    """What was typed cannot be done; its text is the line for the person."""
