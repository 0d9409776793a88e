"""What a step changes as rows: neighbouring hours with the same two numbers are one; every form shows these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.proposal.step_document import NextStep, StepChange
from flows.report.wording import setting
from flows.values.parts import Part

NAMES_OF_PARTS = {Part.BASAL: "basal", Part.ISF: "ISF", Part.CARB_RATIO: "carb ratio"}
UNITS_OF_PARTS = {Part.BASAL: "U/h", Part.CARB_RATIO: "g/U", Part.ISF: "mg/dL/U"}


@dataclass(frozen=True)
class StepRow:
    """A number that changes, as text: of what, when in the local day, from what to what, in which unit, which way."""

    name: str
    when: str
    now: str
    new: str
    unit: str
    is_up: bool

    @property
    def arrow(self) -> str:
        """Up or down, to be read without colour."""
        return "▲" if self.is_up else "▼"

    def __str__(self) -> str:
        return f"{self.name} {self.when}: {self.now} → {self.new} {self.unit} {self.arrow}"


def step_rows(step: NextStep) -> list[StepRow]:
    """In the order of the step."""
    together: list[list[StepChange]] = []
    for change in step.changes:
        if together and _continues(together[-1][-1], change):
            together[-1].append(change)
        else:
            together.append([change])
    return [_row(changes) for changes in together]


def _row(changes: Sequence[StepChange]) -> StepRow:
    first = changes[0]
    until = f"–{int(changes[-1].start[:2]) + 1:02d}:00" if first.part is Part.BASAL else " on"
    return StepRow(
        name=NAMES_OF_PARTS[first.part],
        when=f"{first.start}{until}",
        now=setting(first.current),
        new=setting(first.new),
        unit=UNITS_OF_PARTS[first.part],
        is_up=first.new > first.current,
    )


def _continues(before: StepChange, change: StepChange) -> bool:
    next_hour = change.part is Part.BASAL and int(change.start[:2]) == int(before.start[:2]) + 1
    return next_hour and (change.part, change.current, change.new) == (before.part, before.current, before.new)
