"""Go on after a journal was damaged: what is damaged, what the site is now, and the damaged journal set aside.

It is moved and never deleted. What the site is at that moment is the beginning of the new one: changes that only the
old one knew can then no longer be rolled back by it. Reads the site and writes nothing to it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.nightscout.documents import Record
from flows.profiles.stored import document_sha256
from flows.values.private_files import (
    Damaged,
    make_private,
    opened_directory,
    parse_document,
    read_private,
    write_private,
)
from flows.writeback.active_on_site import SiteProfiles, differences, profile_content, store_of
from flows.writeback.apply import Tools
from flows.writeback.journal import BACKUP, INTENT, LINES, LOCK, ChangeOutcome, Journal, Step
from flows.writeback.kept_documents import check_kept, check_undo, undone_without_hash
from flows.writeback.session import SiteSession
from flows.writeback.site_documents import ENTERED_BY

KIND = "set-aside"  # of the change that a new journal begins with
NOTE_FILE = "NOTE.txt"
NOTE = """This journal was set aside on {at} UTC by `autotune recover`, because:

{damage}

Nothing was deleted. What each change found on the site is in CHANGE/backup.json, where CHANGE is a directory here.
The program does not read this any more. The last change can be undone by `autotune rollback RUN --from-site`, if the
site still has what was before it; else choose the earlier profile on the phone or in Nightscout (docs/writing-back.md).
"""


class Origin(StrEnum):
    """Whose the active profile is, as far as it can be known. Each value is the end of a sentence about it."""

    OURS = to_translate("written by this program, and unchanged since")
    EDITED = to_translate("of a name that this program gave, and says something else than was written")
    SWITCHED = to_translate("switched to by this program; whether it was changed since is not known")
    UNKNOWN = to_translate("not known to be of this program")


@dataclass(frozen=True)
class SiteNow:
    """What a site has at one moment: names and times, no number of anybody's therapy."""

    active: str
    origin: Origin
    newest_start: str
    documents: int


@dataclass(frozen=True)
class Recovered:
    """A damaged journal that was set aside: where it lies now, and what the new one began with."""

    set_aside: Path
    site: SiteNow
    change: str


def damage(journal: Journal, read_site: Callable[[], SiteProfiles]) -> Refused | None:
    """What is damaged of a journal, the first of it; `None` where all of it is as it was written.

    Args:
        journal: of a site.
        read_site: what the site is; asked only where an earlier version's undo has to follow from it.

    Raises:
        Refused: `BACKUP_UNUSABLE`, `PRIVATE_DIRECTORY`; a `SITE_…` reason.
    """
    try:
        _check_lock(journal)
        changes = journal.changes()
        for change in changes:
            check_kept(change)
        for change in undone_without_hash(changes):
            check_undo(change, read_site())
    except Refused as refusal:
        if refusal.reason is not Reason.JOURNAL_ALTERED:
            raise
        return refusal
    return None


def site_now(journal: Journal, site: SiteSession) -> SiteNow:
    """What is active on the site, and whether it is ours by what of the journal can still be read.

    Raises:
        Refused: a `SITE_…` reason, `NO_PROFILE`.
    """
    return _described(journal, site.read(), site.now_ms())


def recover(site_address: str, tools: Tools, facts: dict[str, Any]) -> Recovered:
    """Set a damaged journal aside and begin a new one with what the site is.

    Args:
        site_address: of the site.
        tools: time, credentials that can read the site.
        facts: who, for the audit.

    Raises:
        Refused: `NOTHING_DAMAGED`; a `SITE_…` reason, with nothing moved; as `damage`.
    """
    journal = tools.open_journal(site_address)
    with tools.open_client(site_address) as client:
        site = tools.site(client)
        if (found := damage(journal, site.read)) is None:
            raise Refused(Reason.NOTHING_DAMAGED)
        state = site.read()
        seen = _described(journal, state, site.now_ms())
        moved = None if _has_lock(journal) else _moved(journal, tools, found, _whole)
        with journal.locked():
            if moved is None:
                if (found := damage(journal, site.read)) is None:  # somebody else did it
                    raise Refused(Reason.NOTHING_DAMAGED)
                moved = _moved(journal, tools, found, _content)
            begun = journal.begin(kind=KIND, set_aside=moved.name, **facts)
            begun.keep(BACKUP, state.document())
            begun.note(Step.BACKED_UP, before_sha256=document_sha256(profile_content(state.newest)))
            begun.end(ChangeOutcome.BEFORE, KIND)
    return Recovered(moved, seen, begun.name)


def set_aside_before(journal: Journal) -> list[Path]:
    """Where the journals lie that were set aside before this one, the oldest first.

    Raises:
        Refused: as `Journal.changes`.
    """
    begun = [c.facts.get("set_aside") for c in journal.changes() if c.is_a(KIND)]
    return [journal.root / name for name in begun if isinstance(name, str)]


# --- what is there


def _described(journal: Journal, state: SiteProfiles, now_ms: float) -> SiteNow:
    active = state.active(now_ms)
    origin = Origin.UNKNOWN
    if active.switch is not None and (state.raw_switch(active.switch) or {}).get("enteredBy") == ENTERED_BY:
        origin = Origin.SWITCHED
    written = _written(journal).get(active.name, [])
    if written:
        origin = Origin.EDITED if all(differences(body, active.body) for body in written) else Origin.OURS
    start = str(state.newest.get("startDate") or "an unknown time")
    return SiteNow(active.name, origin, start, len(state.documents))


def _written(journal: Journal) -> dict[str, list[Record]]:
    """Each profile that a change of ours was to write, by its name, as far as its documents can be read."""
    found: dict[str, list[Record]] = {}
    try:
        with opened_directory(journal.root, journal.key) as directory:
            changes = [entry.name for entry in os.scandir(directory)]
    except (OSError, Damaged):
        return found
    for change in changes:
        try:
            intent = parse_document(read_private(journal.root, journal.key, change, f"{INTENT}.json", ours=True))
            was, will = store_of(intent["before"]), store_of(intent["document"])
        except (OSError, Refused, ValueError, TypeError, KeyError, AttributeError):
            continue
        for name, body in will.items():
            if differences(was.get(name), body):
                found.setdefault(name, []).append(body)
    return found


def _check_lock(journal: Journal) -> None:
    """Refuse a lock that is none; a site without a directory is whole.

    Raises:
        Refused: `JOURNAL_ALTERED`.
    """
    if not _has_lock(journal):
        raise journal.damaged("it is no file, or its directory is none", file=LOCK)


def _has_lock(journal: Journal) -> bool:
    """Whether the lock can be held: it is a file in a directory, or there is nothing yet."""
    held, lock = journal.directory, journal.directory / LOCK
    if not held.is_symlink() and not held.exists():
        return True
    real = held.is_dir() and not held.is_symlink()
    return real and not lock.is_symlink() and (lock.is_file() or not lock.exists())


# --- moving it


def _moved(journal: Journal, tools: Tools, found: Refused, move: Callable[[Journal, int], None]) -> Path:
    """Move a journal beside its place, with a note that says why; on disk before this ends.

    Raises:
        Refused: `BACKUP_UNUSABLE`.
    """
    at = tools.clock()
    aside = f"{journal.key}.{KIND}-{at:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    try:
        make_private(journal.root, aside)
        note = NOTE.format(at=f"{at:%Y-%m-%d %H:%M}", damage=found.sentence)
        write_private(journal.root, aside, NOTE_FILE, content=note.encode("utf-8", "replace"))
        with opened_directory(journal.root, aside) as there:
            move(journal, there)
            os.fsync(there)
        with opened_directory(journal.root) as root:
            os.fsync(root)
    except OSError as error:
        raise Refused(Reason.BACKUP_UNUSABLE, detail=type(error).__name__) from None
    return journal.root / aside


def _content(journal: Journal, there: int) -> None:
    """All but the lock, which is held. The lines first: without them, what is left after a crash is damage, too."""
    with opened_directory(journal.root, journal.key) as here:
        names = [entry.name for entry in os.scandir(here)]
        for name in sorted(names, key=lambda name: (name != LINES, name)):
            if name != LOCK:
                os.rename(name, name, src_dir_fd=here, dst_dir_fd=there)
        os.fsync(here)


def _whole(journal: Journal, there: int) -> None:
    """What lies in the place of the site's directory, or a directory whose lock nobody can hold."""
    with opened_directory(journal.root) as root:
        os.rename(journal.key, "directory", src_dir_fd=root, dst_dir_fd=there)
