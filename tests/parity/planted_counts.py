"""What planted faults came to, counted: by fault, in a table, and what risk is left. Computes nothing with upstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.judged import wilson
from flows.oref0.profile import PumpSettings
from tests.parity.planted_faults import Fault

BEGIN = "<!-- planted: `python -m tests.parity.planted --write docs/performance.md` writes what follows -->"
END = "<!-- planted: end -->"

MATTERS = 0.01  # a number that is wrong by more than so much of itself

Numbers = Mapping[str, PumpSettings | None]  # by the name of the computation; none where there was no result


@dataclass(frozen=True)
class Planted:
    """What a fault did in one run.

    Attributes:
        fault, person, days: what run it is; `days` as "first to last".
        change: by how much a number changed at the most, as a share of the right one.
        caught: whether the self-check found a difference.
    """

    fault: str
    person: str
    days: str
    change: float
    caught: bool


def largest_change(right: Numbers, wrong: Numbers) -> float:
    """The largest change of a number, as a share of the right one; infinite where only one of the two has a result."""
    found = 0.0
    for name, settings in right.items():
        other = wrong[name]
        if settings is None or other is None:
            found = max(found, 0.0 if settings is other else float("inf"))
            continue
        pairs = zip(_numbers(settings), _numbers(other), strict=True)
        found = max(found, *(abs(b / a - 1) if a else float(b != a) for a, b in pairs))
    return found


def _numbers(settings: PumpSettings) -> list[float]:
    return [settings.isf_mgdl_per_u, settings.carb_ratio_g_per_u, *settings.basal_u_per_h]


@dataclass(frozen=True)
class Counted:
    """Runs with a fault: all, those in which a number changed, or by what matters, and how many of them were caught."""

    runs: int
    changed: int
    changed_caught: int
    mattering: int
    mattering_caught: int

    @classmethod
    def of(cls, found: Sequence[Planted]) -> Counted:
        """Count runs, of one fault or of many."""
        changed = [one for one in found if one.change > 0]
        mattering = [one for one in found if one.change > MATTERS]
        return cls(
            len(found),
            len(changed),
            sum(one.caught for one in changed),
            len(mattering),
            sum(one.caught for one in mattering),
        )

    def cells(self) -> list[str]:
        """For a row of the table."""
        return [
            str(self.runs),
            str(self.changed),
            _share(self.changed_caught, self.changed),
            str(self.mattering),
            _share(self.mattering_caught, self.mattering),
        ]


def _share(part: int, of: int) -> str:
    return f"{part} ({100 * part / of:.0f} %)" if of else "–"


def rows(found: Sequence[Planted], faults: Sequence[Fault]) -> list[list[str]]:
    """A row for each fault, and one for all faults of runs and all of trials."""
    made = [
        ["fault", "what is wrong", "runs", "a number changed", "of those caught", "by more than 1 %", "of those caught"]
    ]
    for of_trials, all_of_them in ((False, "all of runs"), (True, "all of trials")):
        names = {fault.name: fault.sentence for fault in faults if fault.of_trials is of_trials}
        for name, sentence in names.items():
            made.append([name, sentence, *Counted.of([one for one in found if one.fault == name]).cells()])
        if names:
            of_these = Counted.of([one for one in found if one.fault in names])
            made.append([f"**{all_of_them}**", "", *of_these.cells()])
    return made


def residual(found: Sequence[Planted], faults: Sequence[Fault]) -> str:
    """What is left, in two sentences: of faults of runs, whose numbers are the proposed ones."""
    names = {fault.name for fault in faults if not fault.of_trials}
    mattering = [one for one in found if one.fault in names and one.change > MATTERS]
    missed = [one for one in mattering if not one.caught]
    if not mattering:
        return "No planted fault changed a proposed number by more than 1 %, so nothing is known of the residual risk."
    low, high = wilson(len(missed), len(mattering))
    which = sorted({one.fault for one in missed})
    worst = f", at worst by {100 * max(one.change for one in missed):.0f} % ({', '.join(which)})" if missed else ""
    return (
        f"Of {len(mattering)} runs in which a planted fault changed a proposed number by more than 1 %, {len(missed)} "
        f"passed their self-check{worst}: {100 * len(missed) / len(mattering):.1f} %, and between {100 * low:.1f} and "
        f"{100 * high:.1f} % as far as so many runs can tell. "
        "The residual risk is a fault that shows in a few readings only, and one in what both processes do alike, "
        "which no run can see in itself: the comparison with upstream's own commands in CI is for both."
    )


def written(found: Sequence[Planted], faults: Sequence[Fault]) -> str:
    """The table with what it is of, as Markdown."""
    first, *others = rows(found, faults)
    table = ["| " + " | ".join(row) + " |" for row in (first, ["---"] * 2 + ["---:"] * 5, *others)]
    people = len({one.person for one in found})
    runs = max(Counted.of([one for one in found if one.fault == fault.name]).runs for fault in faults)
    return "\n".join([f"{people} people, up to {runs} runs with each fault.", "", *table, "", residual(found, faults)])


def put_into(document: str, text: str) -> str:
    """The document with the text between the marks.

    Raises:
        ValueError: a mark is missing.
    """
    before, after = document.index(BEGIN), document.index(END)
    return f"{document[:before]}{BEGIN}\n\n{text}\n\n{document[after:]}"
