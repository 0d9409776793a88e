"""What a step changes as rows: neighbouring hours with the same two numbers are one; every form shows these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.language.catalogue import phrase, to_translate, translated
from flows.proposal.step_document import NextStep, StepChange
from flows.report.wording import setting
from flows.values.parts import Part

NAMES_OF_PARTS = {
    Part.BASAL: to_translate("basal"),
    Part.ISF: to_translate("ISF"),
    Part.CARB_RATIO: to_translate("carb ratio"),
}
UNITS_OF_PARTS = {Part.BASAL: "U/h", Part.CARB_RATIO: "g/U", Part.ISF: "mg/dL/U"}


@dataclass(frozen=True)
class StepRow:
    """A number that changes: of what, when in the local day, from what to what, and the least decimals shown."""

    part: Part
    when: str
    current: float
    recommended: float
    decimals: int = 0

    @property
    def name(self) -> str:
        """Of what."""
        return translated(NAMES_OF_PARTS[self.part])

    @property
    def now(self) -> str:
        """The setting as it is, as text."""
        return setting(self.current, self.decimals)

    @property
    def new(self) -> str:
        """As it becomes."""
        return setting(self.recommended, self.decimals)

    @property
    def unit(self) -> str:
        """Of both."""
        return translated(UNITS_OF_PARTS[self.part])

    @property
    def is_up(self) -> bool:
        """Which way."""
        return self.recommended > self.current

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
    if first.part is Part.BASAL:
        when = f"{first.start}–{int(changes[-1].start[:2]) + 1:02d}:00"
    else:
        when = phrase("{start} on", start=first.start)
    return StepRow(first.part, when, first.current, first.new)


def _continues(before: StepChange, change: StepChange) -> bool:
    next_hour = change.part is Part.BASAL and int(change.start[:2]) == int(before.start[:2]) + 1
    return next_hour and (change.part, change.current, change.new) == (before.part, before.current, before.new)
