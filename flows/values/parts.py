"""The parts of a person's settings that are tuned, shown and written each by itself."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """What can be written by itself."""

    BASAL, ISF, CARB_RATIO = "basal", "isf", "cr"
