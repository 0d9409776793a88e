"""The documents of a change as the journal keeps them: only what it still says what was written is ever acted on.

A journal of an earlier version has no hash of a file, but of what the site's profile was and was to be: then those are
compared, and all else that may be sent has to be what the code makes of the backup, of these, or of the site: a number
that nobody gave must not reach a pump.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from flows.errors import Refused
from flows.language.catalogue import to_translate
from flows.nightscout.documents import Record
from flows.oref0.several_values import NAMES, different
from flows.profiles.schedule_blocks import read_schedule
from flows.profiles.stored import document_sha256
from flows.profiles.switches import read_switches
from flows.values.parts import Part
from flows.values.timestamps import instant_ms
from flows.values.units import HOUR_MS, MINUTE_MS, SECOND_MS
from flows.writeback.active_on_site import (
    OF_A_DELIVERY,
    SiteProfiles,
    differences,
    profile_content,
    store_of,
    switch_key,
)
from flows.writeback.journal import BACKUP, BASELINE, INTENT, UNDO, Change, ChangeOutcome, Step, altered
from flows.writeback.plan import FIELDS
from flows.writeback.session import Intent, comparable, reissue_switch, switch_back
from flows.writeback.site_documents import carried_profile, switch_treatment

NOT_THE_CONTENT = to_translate("what it says is not what the journal has the hash of")
NOT_DERIVED = to_translate("what it says does not follow from the backup or the site")
NOT_THE_SHAPE = to_translate("it does not hold what it should")


def check_kept(change: Change) -> None:
    """Check every document of a change, before anything is done about it.

    Raises:
        Refused: `JOURNAL_ALTERED`, `BACKUP_UNUSABLE`.
    """
    for step, read in ((Step.BACKED_UP, backup_of), (Step.CHECKED, intent_of), (Step.UNDOING, undo_of)):
        if change.reached(step):
            read(change)
    if change.kept_sha256(BASELINE):
        change.read(BASELINE)


def checked_intent(change: Change) -> Intent:
    """`intent_of`, once every document of the change is checked.

    Raises:
        Refused: as `check_kept`.
    """
    check_kept(change)
    return intent_of(change)


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
        _check_derived(change, INTENT, lambda: intent_follows(change, intent, backup_of(change), _undone_by(change)))
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


def undone_without_hash(changes: Iterable[Change]) -> list[Change]:
    """The changes of an earlier version that are being taken back: what takes them back follows from the site."""
    return [c for c in changes if not c.ended and c.reached(Step.UNDOING) and c.kept_sha256(UNDO) is None]


def check_undo(change: Change, site: SiteProfiles) -> None:
    """Check, against the site too, what takes a change back where the journal has no hash of it.

    Raises:
        Refused: as `check_kept`.
    """
    if not change.kept_sha256(UNDO):
        _check_derived(
            change, UNDO, lambda: undo_follows(change, undo_of(change), intent_of(change), backup_of(change), site)
        )


def _check_derived(change: Change, name: str, follows: Callable[[], bool]) -> None:
    try:
        found = follows()
    except (TypeError, KeyError, AttributeError, ValueError):
        raise altered(change, name, NOT_THE_SHAPE) from None
    if not found:
        raise altered(change, name, NOT_DERIVED)


def _undone_by(change: Change) -> Intent | None:
    """What the change that a rollback undoes was to bring about."""
    if not change.is_a("rollback"):
        return None
    undone = [c for c in change.journal.changes() if c.name == change.facts.get("of")]
    return intent_of(undone[0]) if undone else None


def _compare(change: Change, name: str, found: dict[str, str]) -> None:
    for key, sha256 in found.items():
        if any(r.get(key, sha256) != sha256 for r in change.records):
            raise altered(change, name, NOT_THE_CONTENT)


# --- what an earlier journal's documents must follow from


APART_MS = 15 * MINUTE_MS  # of a step's line and what was made for it: clocks may differ by five minutes
REASONS = ("rolled back", "taken back", "another profile was saved")


def intent_follows(change: Change, intent: Intent, backup: SiteProfiles, before: Intent | None) -> bool:
    """Whether an intent is what its change's backup gives.

    Args:
        change: the change.
        intent: its own.
        backup: what the site was.
        before: of the change that a rollback undoes; `None` for any other kind.
    """
    made_ms = _noted_ms(change, Step.CHECKED)
    ids = {str(d.get("_id")) for d in backup.documents}
    alike = (d for d in backup.documents if not differences(comparable(intent.document), comparable(d)))
    standing = {str(d.get("_id")) for d in alike} if intent.stands else set()
    known = set(intent.known_ids)
    return (
        known <= ids
        and ids - known <= standing
        and set(intent.known_switches) == {switch_key(s) for s in backup.switches}
        and any(not differences(intent.active_before, active) for active in _actives(backup, made_ms))
        and _switch_follows(change, intent, before, made_ms)
        and _expiry_follows(change, intent, made_ms)
    )


def undo_follows(change: Change, undone: Record, intent: Intent, backup: SiteProfiles, site: SiteProfiles) -> bool:
    """Whether what takes a change back is made of its backup or of the site."""
    document, switch = undone["document"], undone["switch"]
    states = (backup, site)
    others = [d for s in states for d in s.documents if differences(comparable(intent.document), comparable(d))]
    if undone["outcome"] not in set(ChangeOutcome) or (undone.get("own") or intent.switch) != intent.switch:
        return False
    if document is not None:
        said = [intent.before, *(profile_content(d) for d in others)]
        is_said = any(not differences(profile_content(document), one) for one in said)
        if not is_said or not _begins_by(document, _noted_ms(change, Step.UNDOING)):
            return False
    if switch is None:
        return True
    own = (intent.switch or {}).get("created_at")
    raws = [s for state in states for s in state.switches if s.get("created_at") != own]
    named = [(name, body) for d in others for name, body in store_of(d).items()]
    named += [(str(s.get("profile")), body) for s in raws if isinstance(body := carried_profile(s), dict)]
    return _is_one_of(switch, raws, named, _noted_ms(change, Step.UNDOING))


def _begins_by(document: Record, made_ms: float) -> bool:
    """Whether a document begins when it was made at the latest, and says so in each way."""
    start = instant_ms(document.get("startDate"), "UTC")
    if start is None or start[0] > made_ms + APART_MS:
        return False
    return all(str(document[key]) == str(int(start[0])) for key in ("date", "mills") if key in document)


def _actives(backup: SiteProfiles, made_ms: float) -> Iterator[Record]:
    """What was active about then, as `Intent.of` writes it."""
    for at_ms in backup.moments(made_ms - APART_MS):
        if at_ms <= made_ms + APART_MS:
            active = backup.active(at_ms)
            yield {"name": active.name, "body": active.body, "switch": backup.raw_switch(active.switch)}


def _switch_follows(change: Change, intent: Intent, before: Intent | None, made_ms: float) -> bool:
    kind, switch = change.facts.get("kind"), intent.switch
    if switch is None:
        return kind != "apply" or not change.facts.get("activate")
    if kind == "rollback":
        active = before.active_before if before is not None else {}
        raws = [raw] if (raw := active.get("switch")) else []
        return _is_one_of(switch, raws, [(str(active.get("name")), active.get("body"))], made_ms)
    name = str(change.facts.get("name"))
    at_ms = _created_near(switch, made_ms)
    body = store_of(intent.document).get(name)
    if kind != "apply" or at_ms is None or body is None:
        return False
    notes = f"autotune-flows proposal {str(change.facts.get('proposal_sha256'))[:12]}"
    return not differences(_parsed(switch_treatment(name, body, at_ms, notes)), _parsed(switch))


def _expiry_follows(change: Change, intent: Intent, made_ms: float) -> bool:
    hours = change.facts.get("max_age_h")
    in_time = isinstance(hours, int | float) and intent.activate_until_ms <= made_ms + hours * HOUR_MS
    return in_time or intent.switch is None or not change.is_a("apply")


def _is_one_of(switch: Record, raws: Iterable[Record], named: Iterable[tuple[str, Any]], made_ms: float) -> bool:
    """Whether a Profile Switch is one of these once more, or one to one of these profiles."""
    at_ms = _created_near(switch, made_ms)
    if at_ms is None:
        return False
    made = [reissue_switch(raw, at_ms) for raw in raws if read_switches([raw], "UTC")]
    made += [
        switch_back({"name": name, "body": body}, at_ms, why)
        for name, body in named
        for why in REASONS
        if isinstance(body, dict)
    ]
    return any(not differences(_parsed(one), _parsed(switch)) for one in made)


def _created_near(switch: Record, made_ms: float) -> int | None:
    found = instant_ms(switch.get("created_at"), "UTC")
    return int(found[0]) if found and abs(found[0] - made_ms) <= APART_MS else None


def _noted_ms(change: Change, step: Step) -> float:
    return max(datetime.fromisoformat(r["at"]).timestamp() * SECOND_MS for r in change.records if r["step"] == step)


def _parsed(switch: Record) -> Record:
    return {**{k: v for k, v in switch.items() if k not in OF_A_DELIVERY}, "profileJson": carried_profile(switch)}


# --- settings that no recommendation is trusted for


def untrusted_parts(change: Change, intent: Intent) -> tuple[Part, ...]:
    """The settings that a change of a proposal writes, and of which the profile it was computed from has several.

    Only those tuned as their mean over the day: of others the change's facts say so (`one_for_several`). `plan` refuses
    these since `PROPOSAL_SEVERAL` is there; what was begun before that has them in its kept documents. A rollback
    writes what the person had, and has none.
    """
    if not change.is_a("apply"):
        return ()
    written = change.facts.get("parts") or [part.value for part in NAMES]
    was = store_of(intent.before).get(str(change.facts.get("source")))
    will = store_of(intent.document).get(str(change.facts.get("name")))
    bodies = [body for body in (was, will) if body is not None]  # both: a profile may be written over its own source
    doubtful = [part for part in NAMES if part in written and part not in change.facts.get("one_for_several", ())]
    return tuple(part for part in doubtful if any(_several(body, part) for body in bodies))


def _several(body: Record, part: Part) -> bool:
    try:
        schedule = read_schedule(body.get(FIELDS[part]), FIELDS[part], [])
    except Refused:
        return True  # what cannot be read is not trusted
    return different(schedule.distinct) > 1
