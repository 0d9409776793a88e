"""The documents of a change as the journal keeps them: only what it still says what was written is ever acted on.

A journal of an earlier version has no hash of a file, but of what the site's profile was and was to be: then those are
compared, and all else has to follow from the backup or the site (`flows.writeback.derived_documents`).
"""

from __future__ import annotations

from typing import Any

from flows.errors import Refused
from flows.nightscout.documents import Record
from flows.profiles.stored import document_sha256
from flows.writeback.active_on_site import SiteProfiles, profile_content
from flows.writeback.derived_documents import intent_follows, undo_follows
from flows.writeback.journal import BACKUP, INTENT, UNDO, Change, Step, altered
from flows.writeback.session import Intent

NOT_THE_CONTENT = "what it says is not what the journal has the hash of"
NOT_DERIVED = "what it says does not follow from the backup or the site"
NOT_THE_SHAPE = "it does not hold what it should"


def check_kept(change: Change) -> None:
    """Check every document of a change, before anything is done about it.

    Raises:
        Refused: `JOURNAL_ALTERED`, `BACKUP_UNUSABLE`.
    """
    if change.reached(Step.BACKED_UP):
        backup_of(change)
    if change.reached(Step.CHECKED):
        intent_of(change)
    if change.reached(Step.UNDOING):
        undo_of(change)


def intent_of(change: Change) -> Intent:
    """What a change was to bring about.

    Raises:
        Refused: as `check_kept`.
    """
    document = change.read(INTENT)
    try:
        intent = Intent.from_json(document)
        after, before = document_sha256(profile_content(intent.document)), document_sha256(intent.before)
    except (TypeError, KeyError, AttributeError):
        raise altered(change, INTENT, NOT_THE_SHAPE) from None
    if not change.kept_sha256(INTENT):
        _compare(change, INTENT, {"before_sha256": before, "after_sha256": after})
        _check_derived(change, intent)
    return intent


def backup_of(change: Change) -> SiteProfiles:
    """What the site was before a change.

    Raises:
        Refused: as `check_kept`.
    """
    document = change.read(BACKUP)
    try:
        state = SiteProfiles.from_document(document)
        before = document_sha256(profile_content(state.newest))
    except (TypeError, KeyError, AttributeError, Refused):
        raise altered(change, BACKUP, NOT_THE_SHAPE) from None
    if not change.kept_sha256(BACKUP):
        _compare(change, BACKUP, {"before_sha256": before})
    return state


def undo_of(change: Change) -> Record:
    """What takes a change back: `document` with its `known_ids`, `switch`, `own`, `outcome`, `why`.

    Raises:
        Refused: as `check_kept`.
    """
    undone: Any = change.read(UNDO)
    wanted = {"document", "switch", "outcome", "why"}
    if isinstance(undone, dict) and undone.get("document") is not None:
        wanted.add("known_ids")
    if not isinstance(undone, dict) or not wanted <= set(undone):
        raise altered(change, UNDO, NOT_THE_SHAPE)
    return undone


def check_undo(change: Change, site: SiteProfiles) -> None:
    """Check, against the site too, what takes a change back where the journal has no hash of it.

    Raises:
        Refused: as `check_kept`.
    """
    if change.kept_sha256(UNDO):
        return
    try:
        follows = undo_follows(change, undo_of(change), intent_of(change), backup_of(change), site)
    except (TypeError, KeyError, AttributeError, ValueError):
        raise altered(change, UNDO, NOT_THE_SHAPE) from None
    if not follows:
        raise altered(change, UNDO, NOT_DERIVED)


def _check_derived(change: Change, intent: Intent) -> None:
    before = None
    if change.facts.get("kind") == "rollback":
        undone = [c for c in change.journal.changes() if c.name == change.facts.get("of")]
        before = intent_of(undone[0]) if undone else None
    try:
        follows = intent_follows(change, intent, backup_of(change), before)
    except (TypeError, KeyError, AttributeError, ValueError):
        raise altered(change, INTENT, NOT_THE_SHAPE) from None
    if not follows:
        raise altered(change, INTENT, NOT_DERIVED)


def _compare(change: Change, name: str, found: dict[str, str]) -> None:
    for key, sha256 in found.items():
        if any(r.get(key, sha256) != sha256 for r in change.records):
            raise altered(change, name, NOT_THE_CONTENT)
