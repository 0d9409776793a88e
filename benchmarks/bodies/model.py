"""What every family of bodies can do, whatever its equations: the rest of the benchmark knows bodies by this only.

A column of a state is one body; its rows are the affair of its family. Glucose is in mg/dL, insulin in U, carbs in g.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Family(StrEnum):
    """Which population a body is drawn from."""

    OHSU, CAMBRIDGE, PADOVA = "ohsu", "cambridge", "padova"


class Bodies(Protocol):
    """Some bodies of one family."""

    @property
    def weight_kg(self) -> Array:
        """Body weight."""

    def __len__(self) -> int:
        """How many."""

    def only(self, which: Flags | list[int]) -> Self:
        """Some of them, in the order asked for; one may come several times."""

    def can_rest(self, glucose: float | Array, sensitivity: float | Array = 1.0) -> Flags:
        """Whether some insulin rate keeps a body at this glucose (mg/dL)."""

    def at_rest(self, glucose: float | Array, sensitivity: float | Array = 1.0) -> tuple[Array, Array]:
        """The state in which glucose (mg/dL) stays as it is, and the basal (U/h) that keeps it there.

        Raises:
            ValueError: no insulin rate keeps one of them there.
        """

    def advance(
        self, state: Array, basal_u_per_h: Array, sensitivity: Array, minutes: float, step_min: float = 1.0
    ) -> Array:
        """The state some minutes later.

        Args:
            state: now; it is not changed.
            basal_u_per_h: insulin that flows all the while.
            sensitivity: of this time, 1 for the mean. The lower, the more insulin a body needs to stay where it is.
            minutes: how many, a multiple of `step_min`.
            step_min: of the computation.
        """

    def eat(self, state: Array, carbs_g: Array) -> None:
        """Put carbs into the stomach, in place."""

    def inject(self, state: Array, insulin_u: Array) -> None:
        """Put a bolus under the skin, in place."""

    def exercising(self, intensity: Array) -> Self:
        """The same bodies while they exercise; 0 for not at all."""

    def glucose_mgdl(self, state: Array) -> Array:
        """The glucose of the blood."""

    def sensed_mgdl(self, state: Array) -> Array:
        """The glucose under the skin, where a sensor is."""


Some = TypeVar("Some", bound=Bodies)


def together(several: Sequence[Some]) -> Some:
    """All of them, one after the other; they are of one family."""
    kind: Any = type(several[0])
    found: Some = kind(**{f.name: np.concatenate([getattr(one, f.name) for one in several]) for f in fields(kind)})
    return found
