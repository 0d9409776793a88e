"""The entry sheet of a run: its proposal as a system takes it, and first what is to be known of earlier changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from flows.entry.rows import SheetNote
from flows.entry.sheet import EntrySheet, entry_sheet
from flows.entry.system import EntrySystem
from flows.errors import Reason, Refused
from flows.language.translatable import translatable
from flows.proposal.document import Proposal
from flows.values.run_directory import RunDirectory
from flows.writeback.approval import Scope
from flows.writeback.approval_checks import served_documents, site_of, source_in
from flows.writeback.cool_down import last_changes, too_soon, written_at
from flows.writeback.journal import Journal
from flows.writeback.schedules_after import settings_to_enter


def sheet_to_type(
    run: RunDirectory,
    proposal: Proposal,
    system: EntrySystem,
    now: datetime,
    *,
    scope: Scope = Scope.STEP,
    journals: Path | None = None,
) -> EntrySheet:
    """The sheet of a proposal that may be written.

    Args:
        run: its directory.
        proposal: sealed.
        system: what is typed into.
        now: the time.
        scope: the step, or upstream's numbers whole.
        journals: where the journals of changes are, if not where they usually are.

    Raises:
        Refused: as `settings_to_enter`; `RUN_DAMAGED`, `FILE_NOT_JSON`, `FILE_NOT_RECORDS` of what the site served.
    """
    sheet = entry_sheet(settings_to_enter(proposal, source_in(run, proposal), scope), system)
    return replace(sheet, notes=(*_of_the_last_changes(run, proposal, scope, now, journals), *sheet.notes))


def _of_the_last_changes(
    run: RunDirectory, proposal: Proposal, scope: Scope, now: datetime, journals: Path | None
) -> Iterator[SheetNote]:
    """What is to be known first: whether the step is on the site already, and whether the last one is still watched.

    By what `apply` goes by: the site's journal on this machine, and the marks of the profiles that the run was served.
    """
    try:
        changes, documents = Journal(site_of(proposal), journals).changes(), served_documents(run)
    except Refused as refusal:
        if refusal.reason is not Reason.PROPOSAL_WITHOUT_SITE:
            said = translatable("Whether a step was written lately is not known: the journal or the run is damaged.")
            yield SheetNote("last_change_unknown", said)
        return
    if (at := written_at(changes, proposal.sha256)) is not None:
        said = translatable(
            "This proposal was written to the site on {at}: an app that reads profiles may have it already. Compare "
            "before you type.",
            at=at.date().isoformat(),
        )
        yield SheetNote("written_already", said)
    found = too_soon(scope, last_changes(changes, documents, but=proposal.sha256), now)
    if found is not None:
        facts = {"at": f"{found.at:%Y-%m-%d}", "until": f"{found.until:%Y-%m-%d %H:%M} UTC"}
        said = (
            translatable(
                "Wait: the last change was applied on {at}, and what it does is not known before {until}. Type no "
                "further step until then.",
                **facts,
            )
            if found.what == "applied"
            else translatable("Wait: the last change was rolled back on {at}. Type no step before {until}.", **facts)
        )
        yield SheetNote("last_change_watched", said)
