"""What a change finds on its site after a write: what it sent, what others did, and what is active by that."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.nightscout.writer import WriteAttempt, WriteStatus
from flows.profiles.switches import Switch, read_switches
from flows.writeback.active_on_site import (
    SERVER_OWNED,
    SiteProfiles,
    differences,
    profile_content,
    same_active_from,
    store_of,
    switch_ms,
)
from flows.writeback.journal import Change, ChangeOutcome, Step
from flows.writeback.kept_documents import backup_of, intent_of, undo_of
from flows.writeback.session import Intent, SiteSession, comparable, document_id
from flows.writeback.site_documents import carried_profile

LOOK_AGAIN_S = (0.5, 2.0, 5.0)  # for a write whose answer was lost: it may still be on its way


class ObservedChange:
    """A change, and what its site has of it: looks, and writes nothing.

    Args:
        change: begun in its journal, without an end.
        site: with its lock held by the caller.
    """

    def __init__(self, change: Change, site: SiteSession) -> None:
        self.change = change
        self.site = site

    @functools.cached_property
    def intent(self) -> Intent:
        """What the change was to bring about, as its journal keeps it.

        Raises:
            Refused: `JOURNAL_ALTERED`, `BACKUP_UNUSABLE`.
        """
        return intent_of(self.change)

    def own_switch(self, state: SiteProfiles, *, refused: bool = False) -> Record | None:
        """Our Profile Switch, where the site has it or may still get it.

        Args:
            state: what the site is.
            refused: the site has just refused it, plainly; then it is ours only where it was sent before too.
        """
        if self.intent.switch is None or not self.change.reached(Step.ACTIVATING):
            return None
        sent = sum(record["step"] == Step.ACTIVATING for record in self.change.records)
        if refused and sent == 1 and switch_in(state, self.intent.switch) is None:
            return None
        return self.intent.switch

    def active_without(self, base: SiteProfiles, outcome: ChangeOutcome) -> Record:
        """What is active by the default of the document that is written back: somebody may have chosen another one."""
        if outcome is not ChangeOutcome.THEIRS:
            return self.intent.active_before
        active = base.active(self.site.now_ms())
        return {"name": active.name, "body": active.body}

    def is_as_without(self, state: SiteProfiles, undone: Record) -> bool:
        """Whether the same is active, now and after each running switch, as if this change had never been."""
        base = self.state_without_change(state, undone.get("own"), undone["switch"])
        sent_ms = switch_ms(undone["switch"]) if undone["switch"] else 0.0
        return same_active_from(base, state, max(self.site.now_ms(), sent_ms))

    def newest_other_content(self, state: SiteProfiles, *, altered: bool = False) -> Record:
        """What the newest document says that is not ours, which is the newest; as before where there is no other."""
        others = state.without(*self.ours(state, altered=altered))
        return self.intent.before if self.intent.stands or not others.documents else profile_content(others.newest)

    def state_without_change(self, state: SiteProfiles, *own: Record | None, altered: bool = False) -> SiteProfiles:
        """The site as it were without what this change wrote: its documents, and `own`, Profile Switches it sent.

        As it was backed up, where somebody removed all other documents.
        """
        altered = altered or altered_on_the_way(self.change)
        ours = [] if self.intent.stands else self.ours(state, altered=altered)
        if self.change.reached(Step.UNDOING) and (undone := undo_of(self.change))["document"] is not None:
            ours += ours_in(state.documents, undone["document"], undone["known_ids"])
        documents = state.without(*ours).documents
        if not documents:
            documents = (backup_of(self.change).newest,)
        sent = [s for switch in own if switch for s in switches_in(state, switch)]
        return SiteProfiles(documents, tuple(s for s in state.switches if not any(s is o for o in sent)))

    def find(
        self, what: str, document: Record, known_ids: tuple[str, ...], sent: WriteAttempt | None
    ) -> tuple[SiteProfiles, Record | None]:
        """The document we sent, as the site has it; looked for more than once where it may still be on its way.

        Where none says what it says, one that begins when it does: the site changed it on the way, or a person since.
        Only who has just sent it can take it for the first.
        """
        pauses = () if sent is not None and sent.status is WriteStatus.REFUSED else LOOK_AGAIN_S
        for pause_s in (*pauses, None):
            state = self.read_again(what)
            unknown = [d for d in state.newest_first if document_id(d) not in known_ids]
            ours = [d for d in unknown if not differences(comparable(document), comparable(d))]
            if not ours and sent is not None and sent.document_id is not None:
                answered = [d for d in unknown if d.get("_id") == sent.document_id]
                ours = [d for d in unknown if any(not differences(comparable(a), comparable(d)) for a in answered)]
            if not ours:
                names = set(store_of(document))
                alike = [d for d in unknown if d.get("startDate") == document["startDate"]]
                ours = alike if sent is None else [d for d in alike if set(store_of(d)) == names]
            if ours:
                return state, ours[0]
            if pause_s is not None:
                self.site.sleep(pause_s)
        return state, None

    def read_again(self, what: str) -> SiteProfiles:
        """The site after a write of `what`.

        Raises:
            Refused: `WRITE_UNKNOWN`.
        """
        try:
            return self.site.read()
        except Refused as refusal:
            raise Refused(Reason.WRITE_UNKNOWN, what=what, detail=refusal.reason.code) from None

    def read_documents(self, what: str) -> SiteProfiles:
        """`read_again`, more than once where the site has no document: one wrong answer does not say it was emptied.

        Raises:
            Refused: `WRITE_UNKNOWN`.
        """
        for pause_s in LOOK_AGAIN_S:
            state = self.read_again(what)
            if state.documents:
                return state
            self.site.sleep(pause_s)
        return self.read_again(what)

    def ours(self, state: SiteProfiles, *, altered: bool = False) -> list[Record]:
        """`ours_in`, for the document of this change."""
        return ours_in(state.documents, self.intent.document, self.intent.known_ids, altered=altered)


def ours_in(
    documents: Iterable[Record], sent: Record, known_ids: Iterable[str], *, altered: bool = False
) -> list[Record]:
    """Which documents are the one we sent: each that says what it says, for a proxy may have delivered it twice.

    Nightscout gives each delivery an id of its own.

    Args:
        documents: those of the site.
        sent: as it was sent.
        known_ids: of the documents that were there before.
        altered: the site changed it on the way: where none says the same, those that begin when ours does are ours.
            Without this they are somebody's edit of it.
    """
    known = set(known_ids)
    alike = [d for d in documents if document_id(d) not in known and d.get("startDate") == sent["startDate"]]
    return [d for d in alike if not differences(comparable(sent), comparable(d))] or (alike if altered else [])


def altered_on_the_way(change: Change) -> bool:
    """Whether the process that wrote it found our document changed by the site, and began to take it back.

    Any other difference is somebody's edit. An earlier version noted the reason only.
    """
    undoing = [r for r in change.records if r["step"] == Step.UNDOING]
    return any(r.get("altered", r.get("why") == Reason.WRITE_DIFFERS.code) for r in undoing)


def keeps_active(
    base: SiteProfiles, state: SiteProfiles, document: Record, from_ms: float, *, new_content: bool
) -> bool:
    """Whether a new document leaves active what was: now, and after each Profile Switch that begins or ends later.

    Args:
        base: the site without it.
        state: the site with it.
        document: the new document.
        from_ms: now, by the earlier clock.
        new_content: it may say something else of what is active, and only must end no switch.
    """
    if not new_content:
        return same_active_from(base, state, from_ms)
    dates = {k: v for k, v in base.newest.items() if k in SERVER_OWNED or k == "startDate"}
    as_said = {**dates, **profile_content(document)}
    others = base.without(base.newest).documents
    return same_active_from(SiteProfiles((*others, as_said), base.switches), state, from_ms)


def switches_in(state: SiteProfiles, switch: Record) -> list[Record]:
    """A Profile Switch we sent, as the site has it: each delivery that says the same, else what has its time."""
    then = _switches_then(state, switch)
    return [s for s in then if not switch_differences(switch, s)] or then


def switch_in(state: SiteProfiles, switch: Record) -> Record | None:
    """One of `switches_in`."""
    return next(iter(switches_in(state, switch)), None)


def other_switch_then(state: SiteProfiles, switch: Record) -> bool:
    """Whether beside a Profile Switch we sent there is another one of the same time, which says something else."""
    different = [bool(switch_differences(switch, s)) for s in _switches_then(state, switch)]
    return any(different) and not all(different)


def _switches_then(state: SiteProfiles, switch: Record) -> list[Record]:
    at = _read_ignoring_deletion(switch)[0].at_ms
    return [s for s in state.switches if any(r.at_ms == at for r in _read_ignoring_deletion(s))]


def switch_differences(sent: Record, stored: Record) -> list[str]:
    """What of a switch matters and is not as it was sent; times and numbers as Nightscout writes them.

    As it stands in the record, and as it is read: a time shift, a duration and what is deleted have several forms.
    """
    found: list[str] = [k for k in ("eventType", "profile", "percentage") if k in sent and sent[k] != stored.get(k)]
    if _minutes(stored) != _minutes(sent):
        found.append("duration")
    if bool(read_switches([sent], "UTC")) != bool(read_switches([stored], "UTC")):
        found.append("isValid")
    ours, theirs = _read_ignoring_deletion(sent), _read_ignoring_deletion(stored)
    if [_in_force(s) for s in ours] != [_in_force(s) for s in theirs]:
        found += [] if found else ["what it brings into force"]
    if not sent.get("profileJson"):
        return found
    carried = carried_profile(stored) if isinstance(stored.get("profileJson"), str) else None
    return found + differences(carried_profile(sent), carried, "profileJson")


def _read_ignoring_deletion(switch: Record) -> list[Switch]:
    return read_switches([{k: v for k, v in switch.items() if k != "isValid"}], "UTC")


def _in_force(switch: Switch) -> tuple[object, ...]:
    """All that a switch brings into force, but the profile it carries."""
    carries = switch.body is not None or switch.unreadable
    scaled = switch.percentage, switch.timeshift_h, switch.trouble
    return switch.at_ms, switch.end_ms, switch.name, *scaled, switch.effective, carries


def _minutes(switch: Record) -> float | None:
    try:
        return float(switch.get("duration") or 0)
    except (TypeError, ValueError):
        return None


def named(paths: list[str]) -> str:
    """Field names for a sentence: the last part of each path, which holds no number and no name of a profile."""
    paths = ["a whole profile" if p.startswith("store.") and p.count(".") == 1 else p for p in paths]
    return ", ".join(dict.fromkeys(p.rpartition(".")[2].partition("[")[0][:40] for p in paths[:5]))
