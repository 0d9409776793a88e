"""What writing a proposal back would change, as text: every number before and after, in the person's own units."""

from __future__ import annotations

from itertools import groupby

from flows.judgement.verdict_today import verdict_today
from flows.proposal.document import Proposal
from flows.report.entering import MAY_STAY, worth_changing
from flows.report.wording import exact
from flows.values.parts import Part
from flows.writeback.plan import Line, Plan

HEADINGS = {Part.BASAL: "Basal", Part.ISF: "Insulin sensitivity (ISF)", Part.CARB_RATIO: "Carb ratio"}


def changes_text(plan: Plan, proposal: Proposal, *, activate: bool) -> str:
    """The diff for a terminal, with the daily basal before and after, and what becomes active.

    Neighbouring hours with the same two numbers are one line. A number that is small or unsure is marked.
    """
    unsure = {line.key for line in plan.changed if worth_changing(proposal, line.key) is False}
    rows = [f"New profile {plan.name!r} beside {plan.source_name!r}, from which it was computed:"]
    for part, lines in groupby(plan.lines, key=lambda line: line.part):
        joined = _joined(list(lines), unsure)
        rows += ["", f"{HEADINGS[part]} [{joined[0].unit}]"]
        rows += [_row(line, marked=line.key in unsure) for line in joined]
        if part is Part.BASAL:
            old, new = plan.daily_basal_current_u, plan.daily_basal_new_u
            rows.append(f"  whole day    {old:>8.2f} → {new:>8.2f} U  {_percent(100 * (new / old - 1) if old else 0)}")
    left = [HEADINGS[p] for p in Part if p not in {line.part for line in plan.lines}]
    if left:
        rows += ["", f"Not written, as it is: {', '.join(left)}"]
    if unsure:
        rows += ["", f"{MAY_STAY[0].upper()}{MAY_STAY[1:]} as it is. --only writes the parts that you name."]
    rows += ["", *(f"Note: {note}" for note in plan.notes)]
    rows.append(
        f"{plan.name!r} becomes ACTIVE by a Profile Switch."
        if activate
        else "Nothing becomes active: the profile in use stays in use until you switch."
    )
    return "\n".join(rows)


def verdict_text(proposal: Proposal) -> str:
    """The verdict and every reason for it, one line each."""
    verdict = verdict_today(proposal)
    rows = [f"Verdict   {verdict.colour.upper()}: {verdict.headline}"]
    return "\n".join([*rows, *(f"  {r.colour.upper()}: {r.sentence}" for r in verdict.reasons)])


def to_type_in(plan: Plan) -> str:
    """The new numbers alone, for those whose app reads no profile from Nightscout."""
    rows = ["Numbers to type in yourself:"]
    for part, lines in groupby(plan.lines, key=lambda line: line.part):
        joined = _joined(list(lines), set())
        rows += ["", f"{HEADINGS[part]} [{joined[0].unit}]"]
        rows += [f"  {line.start}  {_number(line.new)}" for line in joined]
        if part is Part.BASAL:
            rows.append(f"  whole day {plan.daily_basal_new_u:.2f} U (now {plan.daily_basal_current_u:.2f} U)")
    return "\n".join(rows)


def _joined(lines: list[Line], unsure: set[str]) -> list[Line]:
    def alike(line: Line) -> tuple[float, float, bool]:
        return line.current, line.new, line.key in unsure

    found: list[Line] = []
    for line in lines:
        if found and alike(found[-1]) == alike(line):
            last = found.pop()
            line = Line(last.part, last.start, line.end, last.current, last.new, last.unit)
        found.append(line)
    return found


def _row(line: Line, *, marked: bool) -> str:
    span = f"{line.start}–{line.end}"
    if line.new == line.current:
        return f"  {span}  {_number(line.current):>8}   unchanged"
    mark = f"   {MAY_STAY}" if marked else ""
    return f"  {span}  {_number(line.current):>8} → {_number(line.new):>8}   {_percent(line.change_percent)}{mark}"


def _percent(change: float) -> str:
    return f"{change:+.1f} %"


def _number(value: float) -> str:
    # Six decimals: the noise of a conversion between units goes, no digit of a setting does.
    return exact(round(value, 6))
