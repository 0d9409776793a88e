"""What writing a proposal back would change, as text: every number before and after, in the person's own units."""

from __future__ import annotations

from flows.language.catalogue import phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.proposal.document import Colour, Proposal, Units
from flows.report.numbers_to_enter import AS_NOW, KEEP, TOO_SMALL
from flows.report.planned_rows import HEADINGS, about, planned_entries, verdict_of
from flows.report.rows import RowEntry, joined
from flows.report.text.verdict import colour_word
from flows.report.wording import in_one_unit, setting, signed
from flows.values.parts import Part
from flows.writeback.approval import Scope
from flows.writeback.plan import Plan

WRITTEN = {
    Scope.STEP: to_translate("The step to take now."),
    Scope.REDUCTIONS: to_translate("What of upstream's numbers gives less insulin, whole."),
    Scope.ALL: to_translate("Upstream's numbers, whole, not the step."),
}


def changes_text(plan: Plan, proposal: Proposal, *, activate: bool) -> str:
    """The diff for a terminal, with the daily basal before and after, and what becomes active.

    Neighbouring hours with the same two numbers are one line. A change that is too small or not repeatable is marked.
    """
    proposal = about(proposal, plan.what)
    rows = [
        translated(WRITTEN[plan.what]),
        phrase(
            "New profile {name!r} beside {source!r}, from which it was computed:",
            name=plan.name,
            source=plan.source_name,
        ),
    ]
    entries = planned_entries(plan, proposal)
    for part, lines in entries.items():
        rows += ["", _heading(part, lines[0].unit), *map(_row, joined(lines))]
        if part is Part.BASAL:
            old, new = plan.daily_basal_current_u, plan.daily_basal_new_u
            rows.append(
                phrase("  whole day    {old:>8.2f} → {new:>8.2f} U", old=old, new=new) + f"  {_percent(old, new)}"
            )
    left = ", ".join(translated(HEADINGS[p]) for p in Part if p not in entries)
    if left:
        rows += ["", phrase("Not written, as it is: {settings}", settings=left)]
    if any(entry.keep_label == KEEP for lines in entries.values() for entry in lines):
        marked = phrase("A change marked like this may be left out: --only and --hours write just what you name.")
        rows += ["", marked]
    mmol = proposal.units is Units.MMOL_PER_L
    rows += ["", *(phrase("Note: {note}", note=in_one_unit(in_spoken(note), mmol=mmol)) for note in plan.notes)]
    rows.append(
        phrase("{name!r} becomes ACTIVE by a Profile Switch.", name=plan.name)
        if activate
        else phrase("Nothing becomes active: the profile in use stays in use until you switch.")
    )
    return "\n".join(rows)


def verdict_text(proposal: Proposal, what: Scope = Scope.STEP) -> str:
    """The verdict about what is written and every reason for it, one line each."""
    (colour, headline), *reasons = verdict_of(proposal, what)
    rows = [phrase("Verdict   {colour}: {headline}", colour=_loud(colour), headline=headline)]
    rows += [f"  {_loud(of_reason)}: {sentence}" for of_reason, sentence in reasons]
    return "\n".join(in_one_unit(row, mmol=proposal.units is Units.MMOL_PER_L) for row in rows)


def _loud(colour: Colour) -> str:
    return colour_word(colour).upper()


def to_type_in(plan: Plan) -> str:
    """The new numbers alone, for those whose app reads no profile from Nightscout."""
    rows = [phrase("Numbers to type in yourself:")]
    for part, entries in planned_entries(plan).items():
        rows += ["", _heading(part, entries[0].unit)]
        rows += [f"  {entry.start}  {setting(entry.to_enter)}" for entry in joined(entries)]
        if part is Part.BASAL:
            rows.append(
                phrase(
                    "  whole day {new:.2f} U (now {now:.2f} U)",
                    new=plan.daily_basal_new_u,
                    now=plan.daily_basal_current_u,
                )
            )
    return "\n".join(rows)


def _heading(part: Part, unit: str) -> str:
    return f"{translated(HEADINGS[part])} [{in_spoken(unit)}]"


def _row(entry: RowEntry) -> str:
    span = f"{entry.start}–{entry.end}"
    if entry.keep_label == AS_NOW:
        return f"  {span}  {setting(entry.current):>8}   {phrase('unchanged')}"
    mark = f"   {translated(TOO_SMALL)}" if entry.keep_label else ""
    change = _percent(entry.current, entry.to_enter)
    return f"  {span}  {setting(entry.current):>8} → {setting(entry.to_enter):>8}   {change}{mark}"


def _percent(now: float, new: float) -> str:
    return f"{signed(100 * (new / now - 1) if now else 0.0, 1)} %"
