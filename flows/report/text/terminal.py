"""The recommendation on the terminal: the verdict first, then the numbers, what they rest on, and where the rest is."""

from __future__ import annotations

from shlex import quote

from flows.judgement.verdict_today import verdict_today
from flows.proposal.document import Proposal, Units
from flows.report.text.certainty import certainty, day_weights_sentence
from flows.report.text.numbers import numbers_table
from flows.report.text.step import step_lines
from flows.report.wording import in_one_unit, many
from flows.values.run_directory import RunDirectory
from flows.writeback.applied import applications, changes_of, damaged_records

UPSTREAMS = "What the step rests on. The columns of upstream are evidence, not what to enter:"
NOTHING_YET = "This is a proposal: nothing was changed in Nightscout or on a pump. Discuss it with your diabetes team."


def summary(run: RunDirectory, proposal: Proposal) -> str:
    """What `autotune propose -v` prints; `flows.report.text.result` is the short form."""
    used = [d.date for d in proposal.days if d.status == "used"]
    verdict = verdict_today(proposal)
    rules = proposal.ledger.get("rules", {}).values()
    without = proposal.without_correction
    changed = list(without.changed) if without else ["not computed (--no-compare)"]
    lines = [
        f"Verdict: {verdict.colour.value}. {verdict.headline}",
        *step_lines(proposal),
        *(f"  - {r.sentence}" for r in verdict.reasons),
        "",
        f"Recommendation of oref0 {proposal.engine['oref0']} autotune from {many(len(used), 'day')} "
        f"({used[0] if len(used) == 1 else f'{used[0]} to {used[-1]}'}, {proposal.timezone}, inputs {proposal.inputs})",
        *([weights] if (weights := day_weights_sentence(len(used))) else []),
        "",
        *([UPSTREAMS] if proposal.step is not None else []),
        numbers_table(proposal),
        *_section("Repeatability of the numbers:", certainty(proposal)),
        *_section(
            "Corrected before tuning (each record is in ledger.json):",
            [f"{rule['records']:>6} × {rule['description']}" for rule in rules],
        ),
        *_section("What that changed in the recommendation:", _shortened(changed) if rules else []),
        *_section("Please note:", [f"- {warning}" for warning in proposal.warnings]),
        "",
        fate(run, proposal, str(run.path)),
        f"Report: {run.file('report.html')}",
    ]
    return "\n".join(in_one_unit(line, mmol=proposal.units is Units.MMOL_PER_L) for line in lines)


def _section(title: str, lines: list[str]) -> list[str]:
    """Lines under their title, apart from what stands before; nothing where there are none."""
    return ["", title, *(f"  {line}" for line in lines)] if lines else []


def fate(run: RunDirectory, proposal: Proposal, name: str) -> str:
    """What became of the proposal, in one line: nothing yet, or written, and how to undo that.

    Args:
        run: its directory.
        proposal: that lies in it.
        name: by which a command finds the run.
    """
    done = applications(proposal.sha256, changes_of([run.path]))
    if damaged := damaged_records(run.path):
        return (
            f"What became of this proposal is not known: {', '.join(map(str, damaged))} is damaged. "
            f"`autotune recover {quote(name)}` says what the site has."
        )
    if not done:
        return NOTHING_YET
    last = done[-1]
    applied = f"This proposal was written to the site on {last.at:%Y-%m-%d %H:%M} UTC ({', '.join(last.parts)})"
    if last.undone_at is not None:
        return f"{applied} and rolled back on {last.undone_at:%Y-%m-%d %H:%M} UTC."
    active = "and activated" if last.activated else "and not activated"
    return f"{applied} {active}. `autotune rollback {quote(name)}` undoes it."


def _shortened(lines: list[str], most: int = 8) -> list[str]:
    rest = len(lines) - most
    return [*lines[:most], f"and {rest} more in report.json"] if rest > 1 else lines
