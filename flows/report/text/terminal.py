"""The recommendation on the terminal: the verdict first, then the numbers, what they rest on, and where the rest is."""

from __future__ import annotations

from shlex import quote

from flows.judgement.verdict_today import verdict_today
from flows.language.catalogue import count_phrase, phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.proposal.document import Proposal, Units
from flows.report.text.certainty import certainty, day_weights_sentence
from flows.report.text.numbers import numbers_table
from flows.report.text.step import step_lines
from flows.report.text.verdict import reason_sentence, verdict_line
from flows.report.wording import in_one_unit
from flows.values.run_directory import RunDirectory
from flows.writeback.applied import applications, changes_of, damaged_records

UPSTREAMS = to_translate("What the step rests on. The columns of upstream are evidence, not what to enter:")
NOTHING_YET = to_translate(
    "This is a proposal: nothing was changed in Nightscout or on a pump. Discuss it with your diabetes team."
)
ACTIVATED = to_translate(
    "This proposal was written to the site on {at} UTC ({parts}) and activated. `{command}` undoes it."
)
NOT_ACTIVATED = to_translate(
    "This proposal was written to the site on {at} UTC ({parts}) and not activated. `{command}` undoes it."
)
NOT_COMPARED = to_translate("not computed (--no-compare)")


def summary(run: RunDirectory, proposal: Proposal) -> str:
    """What `autotune propose -v` prints; `flows.report.text.result` is the short form."""
    used = [d.date for d in proposal.days if d.status == "used"]
    verdict = verdict_today(proposal)
    rules = proposal.ledger.get("rules", {}).values()
    without = proposal.without_correction
    changed = [in_spoken(line) for line in (without.changed if without else [NOT_COMPARED])]
    lines = [
        verdict_line(verdict),
        *step_lines(proposal),
        *(f"  - {reason_sentence(reason)}" for reason in verdict.reasons),
        "",
        count_phrase(
            "Recommendation of oref0 {version} autotune from {count} day ({first}, {zone}, inputs {inputs})",
            "Recommendation of oref0 {version} autotune from {count} days ({first} to {last}, {zone}, inputs {inputs})",
            len(used),
            version=proposal.engine["oref0"],
            first=used[0],
            last=used[-1],
            zone=proposal.timezone,
            inputs=proposal.inputs,
        ),
        *([weights] if (weights := day_weights_sentence(len(used))) else []),
        "",
        *([translated(UPSTREAMS)] if proposal.step is not None else []),
        numbers_table(proposal),
        *_section(phrase("Repeatability of the numbers:"), certainty(proposal)),
        *_section(
            phrase("Corrected before tuning (each record is in ledger.json):"),
            [f"{rule['records']:>6} × {in_spoken(rule['description'])}" for rule in rules],
        ),
        *_section(phrase("What that changed in the recommendation:"), _shortened(changed) if rules else []),
        *_section(phrase("Please note:"), [f"- {in_spoken(warning)}" for warning in proposal.warnings]),
        "",
        fate(run, proposal, str(run.path)),
        phrase("Report: {file}", file=run.file("report.html")),
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
        return phrase(
            "What became of this proposal is not known: {files} is damaged. `{command}` says what the site has.",
            files=", ".join(map(str, damaged)),
            command=f"autotune recover {quote(name)}",
        )
    if not done:
        return translated(NOTHING_YET)
    last = done[-1]
    facts = {"at": f"{last.at:%Y-%m-%d %H:%M}", "parts": ", ".join(last.parts)}
    if last.undone_at is not None:
        return phrase(
            "This proposal was written to the site on {at} UTC ({parts}) and rolled back on {undone} UTC.",
            undone=f"{last.undone_at:%Y-%m-%d %H:%M}",
            **facts,
        )
    return phrase(ACTIVATED if last.activated else NOT_ACTIVATED, command=f"autotune rollback {quote(name)}", **facts)


def _shortened(lines: list[str], most: int = 8) -> list[str]:
    rest = len(lines) - most
    return [*lines[:most], phrase("and {count} more in report.json", count=rest)] if rest > 1 else lines
