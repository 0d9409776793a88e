"""Undo what another journal applied, by what the site itself still has of it: the marker, and the document from before.

For a journal that is lost. What it alone knew is not known here: whether a Profile Switch from before was edited or
removed since, and what was active where the site does not say. Where that matters it is left to a person, in words.
"""

from __future__ import annotations

from dataclasses import dataclass

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.nightscout.documents import Record
from flows.writeback.active_on_site import SiteProfiles, is_switch, start_ms, store_of, switch_ms
from flows.writeback.apply import check_no_special_switch
from flows.writeback.approval import RollbackRequest
from flows.writeback.markers import MarkedChange, content_before, marked_change, newest_marked
from flows.writeback.session import Intent, SiteSession, reissue_switch, switch_back
from flows.writeback.site_documents import ENTERED_BY, with_start_date

REMOVED = to_translate("the site no longer has the profile document from before")


@dataclass(frozen=True)
class AppliedElsewhere:
    """What another journal applied of a proposal, as the site has it now.

    Attributes:
        marked: the change, by its marker.
        before: what the profile said before it; `None` where the site has no document of that any more.
    """

    marked: MarkedChange
    before: Record | None

    def refusal(self) -> Refused:
        """What is there, and what can be done about it from here."""
        what = (
            to_translate("applied")
            if self.before is not None
            else translatable("applied, and {detail}", detail=REMOVED)
        )
        return Refused(Reason.APPLIED_ELSEWHERE, what=what, change=self.marked.change, at=self.marked.begun)


def applied_elsewhere(state: SiteProfiles, proposal_sha256: str) -> AppliedElsewhere | None:
    """What the newest document says of a proposal whose change this journal does not know."""
    marked = newest_marked(state)
    if marked is None or (marked.kind, marked.proposal) != ("apply", proposal_sha256):
        return None
    return AppliedElsewhere(marked, content_before(state, marked))


def rolled_back_elsewhere(state: SiteProfiles, change: str | None, proposal_sha256: str) -> MarkedChange | None:
    """The rollback by another journal that wrote what is newest: of a change, or of any of a proposal."""
    marked = newest_marked(state)
    if marked is None or marked.kind != "rollback" or marked.proposal != proposal_sha256:
        return None
    return marked if change is None or marked.of == change else None


def intent_from_site(
    site: SiteSession, found: AppliedElsewhere, request: RollbackRequest, state: SiteProfiles
) -> Intent:
    """The document that puts back what was before, and the switch back where the change had switched.

    Raises:
        Refused: `EDITED_SINCE`, `ROLLBACK_BY_HAND`, `SWITCH_…`.
    """
    again = applied_elsewhere(state, found.marked.proposal)
    if again is None or again.marked.change != found.marked.change:
        raise Refused(Reason.EDITED_SINCE, detail="there is another profile document")
    if again.before is None:
        raise Refused(Reason.ROLLBACK_BY_HAND, detail=REMOVED)
    own = _own_switches(state, again.marked)
    others = [s for s in state.switches if is_switch(s) and not any(s is o for o in own)]
    if not request.even_if_edited and any(switch_ms(s) >= again.marked.at_ms for s in others):
        raise Refused(Reason.EDITED_SINCE, detail="there was another Profile Switch")
    document = with_start_date(again.before, state.newest, site.start_for(state, state.newest))
    now_ms = site.now_ms()
    if not own:
        return Intent.of(state, now_ms, document, None)
    check_no_special_switch(site, state)
    # A proxy may have delivered ours twice.
    ours = [d for d in state.documents if (one := marked_change(d)) is not None and one.change == again.marked.change]
    base = SiteProfiles(state.without(*ours).documents, tuple(others))
    active = base.active(now_ms)
    if active.switch is not None and active.switch.temporary:
        raise Refused(Reason.ROLLBACK_BY_HAND, detail="it was a Profile Switch of limited duration")
    if active.body is None:
        raise Refused(Reason.ROLLBACK_BY_HAND, detail="the site does not say which profile was in use before")
    raw = base.raw_switch(active.switch)
    at_ms = site.free_instant(state, document)
    named = {"name": active.name, "body": active.body}
    switch = reissue_switch(raw, at_ms) if raw is not None else switch_back(named, at_ms, "rolled back")
    return Intent.of(state, now_ms, document, switch)


def _own_switches(state: SiteProfiles, marked: MarkedChange) -> list[Record]:
    """Our Profile Switches to a profile of that document, made since it begins."""
    since, names = start_ms(marked.document), set(store_of(marked.document))
    ours = (s for s in state.switches if is_switch(s) and s.get("enteredBy") == ENTERED_BY)
    return [s for s in ours if s.get("profile") in names and switch_ms(s) >= since]
