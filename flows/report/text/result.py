"""The result in about ten lines: the verdict, how glucose is, what to do now, what stays, and where the rest is.

Each line is a sentence that the longer forms have too, in the person's own unit of glucose. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote

from flows.judgement.verdict_today import verdict_today
from flows.language.catalogue import count_phrase, phrase, translated
from flows.proposal.consensus_limits import age_group, below_70_percent
from flows.proposal.document import Glucose, Proposal, Units, Verdict
from flows.proposal.step_document import StepKind
from flows.report.numbers_to_enter import may_be_entered
from flows.report.step_rows import StepRow
from flows.report.text.run_page import report_file
from flows.report.text.step import kept_in_short, step_in_words
from flows.report.text.terminal import NOTHING_YET, fate
from flows.report.text.verdict import reason_title, verdict_line
from flows.report.wording import cut, fixed, harmless, in_one_unit
from flows.settings import AgeGroup, of_past
from flows.values.run_directory import RunDirectory
from flows.values.units import MGDL_PER_MMOLL

MOST_ROWS = 4  # of changes, a line each; of more, several share a line, and none is left out
TOGETHER = 3
MOST_REASONS = 3
RANGE, RANGE_IN_PREGNANCY = (70, 180), (63, 140)  # mg/dL: Diabetes Care 2019;42:1593


def result(run: RunDirectory, proposal: Proposal, name: str) -> str:
    """What `autotune propose` prints where nobody asks for more.

    Args:
        run: its directory.
        proposal: that lies in it.
        name: by which a command finds the run.
    """
    mmol = proposal.units is Units.MMOL_PER_L
    verdict, became = verdict_today(proposal), fate(run, proposal, name)
    lines = [
        verdict_line(verdict),
        *reasons(verdict),
        *glucose_line(proposal),
        *_step_lines(proposal),
        became,
        phrase(
            "Report: {file} (in the terminal: `{command}`)",
            file=run.file(report_file(run.path)),
            command=f"autotune show {quote(name)} -v",
        ),
        *(_next(proposal, name) if became == translated(NOTHING_YET) else ()),
    ]
    return "\n".join(in_one_unit(line, mmol=mmol) for line in lines)


def reasons(verdict: Verdict) -> Iterator[str]:
    """The titles of the reasons, in one line; their sentences are in the longer form."""
    titles = [cut(harmless(reason_title(reason)), 100) for reason in verdict.reasons]
    if not titles:
        return
    more = len(titles) - MOST_REASONS
    said = "; ".join(titles[:MOST_REASONS])
    yield (
        phrase("Reasons: {titles}; and {more} more.", titles=said, more=more)
        if more > 0
        else phrase("Reasons: {titles}.", titles=said)
    )


def glucose_line(proposal: Proposal) -> Iterator[str]:
    """How glucose was on the days used: in the range, below it, and the mean; nothing where it is not known."""
    if (glucose := proposal.glucose) is None:
        return
    low, high, within, below = _in_range(glucose, pregnant=age_group(proposal.options) is AgeGroup.PREGNANT)
    if proposal.units is Units.MMOL_PER_L:
        least, most = fixed(low / MGDL_PER_MMOLL, 1), fixed(high / MGDL_PER_MMOLL, 1)
        mean = fixed(glucose.mean_mmoll, 1)
    else:
        least, most, mean = str(low), str(high), fixed(glucose.mean_mgdl, 0)
    yield count_phrase(
        "Glucose: {within:.0f} % in range ({least}–{most} {unit}), {below:.1f} % below {least}, mean {mean} {unit}, "
        "in {count} day.",
        "Glucose: {within:.0f} % in range ({least}–{most} {unit}), {below:.1f} % below {least}, mean {mean} {unit}, "
        "in {count} days.",
        glucose.days,
        within=within,
        least=least,
        most=most,
        below=below,
        mean=mean,
        unit=proposal.units.value,
    )


def _in_range(glucose: Glucose, *, pregnant: bool) -> tuple[int, int, float, float]:
    """The range's ends, and the shares in it and below it in percent; pregnancy's own where they are known."""
    below, above = glucose.below_63_percent, glucose.above_140_percent
    if pregnant and below is not None and above is not None:
        return *RANGE_IN_PREGNANCY, max(0.0, 100 - below - above), below
    return *RANGE, glucose.in_range_70_180_percent, below_70_percent(glucose)


def _step_lines(proposal: Proposal) -> Iterator[str]:
    said, step = step_in_words(proposal), proposal.step
    if said is None or step is None:
        return
    yield said.what
    yield from (f"  {line}" for line in _changes(said.rows))
    if said.day:
        yield phrase("  basal a day: {day}", day=said.day)
    if said.last:
        yield said.last
    if step.kept:
        yield kept_in_short(step.kept)
    yield said.next


def _changes(rows: Sequence[StepRow]) -> Iterator[str]:
    """Every number that changes: a line each while they are few, else those of a setting side by side."""
    if len(rows) <= MOST_ROWS:
        yield from map(str, rows)
        return
    for name, unit in dict.fromkeys((row.name, row.unit) for row in rows):
        of_it = [f"{row.when} {row.now} → {row.new} {row.arrow}" for row in rows if row.name == name]
        for n in range(0, len(of_it), TOGETHER):
            head = f"{name} [{unit}]" if n == 0 else " " * len(f"{name} [{unit}]")
            yield f"{head} {', '.join(of_it[n : n + TOGETHER])}"


def _next(proposal: Proposal, name: str) -> Iterator[str]:
    """The command that acts on the step, where there is one."""
    step = proposal.step
    if step is None or proposal.site_sha256 is None or of_past(proposal.options):
        return
    if step.kind is StepKind.CHANGE and may_be_entered(proposal):
        yield phrase(
            "Next: `{command}` shows it again, asks, and writes it; --dry-run only shows it.",
            command=f"autotune apply {quote(name)}",
        )
