"""What a change finds on its site after a write: what it sent, what others did, and what is active by that."""

from __future__ import annotations

import json
from typing import NoReturn

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.nightscout.writer import Fate, Sent
from flows.profiles.on_site import SERVER_OWNED, SiteProfiles, content, differences, same_ahead, store_of
from flows.profiles.switches import read_switches
from flows.proposal.journal import Change, Outcome
from flows.steps.site import Intent, Site, comparable

LOOK_AGAIN_S = (0.5, 2.0, 5.0)  # for a write whose answer was lost: it may still be on its way


def beside_ours(state: SiteProfiles, intent: Intent) -> Record:
    """What the newest document says that is not ours, which is the newest; as before where there is no other."""
    others = state.without(state.newest)
    return intent.before if intent.stands or not others.documents else content(others.newest)


def without_ours(state: SiteProfiles, change: Change, *own: Record | None) -> SiteProfiles:
    """The site as it were without what this change wrote: its documents, and `own`, Profile Switches it sent.

    As it was backed up, where somebody removed all other documents.
    """
    intent = Intent.from_json(change.read("intent"))
    starts = set() if intent.stands else {intent.document["startDate"]}
    if change.has("undo") and (undone := change.read("undo")["document"]) is not None:
        starts.add(undone["startDate"])
    known = set(intent.known_ids)
    documents = [d for d in state.documents if str(d.get("_id")) in known or d.get("startDate") not in starts]
    if not documents:
        documents = [SiteProfiles.from_document(change.read("backup")).newest]
    ours = [found for switch in own if switch and (found := switch_in(state, switch)) is not None]
    return SiteProfiles(tuple(documents), tuple(s for s in state.switches if not any(s is o for o in ours)))


def leaves_active(
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
        return same_ahead(base, state, from_ms)
    dates = {k: v for k, v in base.newest.items() if k in SERVER_OWNED or k == "startDate"}
    as_said = {**dates, **content(document)}
    others = base.without(base.newest).documents
    return same_ahead(SiteProfiles((*others, as_said), base.switches), state, from_ms)


def switch_in(state: SiteProfiles, switch: Record) -> Record | None:
    """A Profile Switch we sent, as the site has it."""
    at = read_switches([switch], "UTC")[0].at_ms
    return next((s for s in state.switches if any(r.at_ms == at for r in read_switches([s], "UTC"))), None)


def switch_differences(sent: Record, stored: Record) -> list[str]:
    """What of a switch matters and is not as it was sent; times and numbers as Nightscout writes them."""
    found: list[str] = [k for k in ("eventType", "profile", "percentage") if k in sent and sent[k] != stored.get(k)]
    if float(stored.get("duration") or 0) != float(sent.get("duration") or 0):
        found.append("duration")
    if not sent.get("profileJson"):
        return found
    try:
        carried = json.loads(stored.get("profileJson") or "")
    except (TypeError, ValueError):
        return [*found, "profileJson"]
    return found + differences(json.loads(sent["profileJson"]), carried, "profileJson")


def find(
    site: Site, what: str, document: Record, known_ids: tuple[str, ...], sent: Sent | None
) -> tuple[SiteProfiles, Record | None]:
    """The document we sent, as the site has it; looked for more than once where it may still be on its way."""
    pauses = () if sent is not None and sent.fate is Fate.REFUSED else LOOK_AGAIN_S
    for pause_s in (*pauses, None):
        state = read_again(site, what)
        unknown = [d for d in state.newest_first if str(d.get("_id")) not in known_ids]
        ours = [d for d in unknown if not differences(comparable(document), comparable(d))]
        if not ours and sent is not None and sent.document_id is not None:
            ours = [d for d in unknown if d.get("_id") == sent.document_id]
        if not ours:  # one that the site changed on the way
            names = set(store_of(document))
            alike = [d for d in unknown if d.get("startDate") == document["startDate"]]
            ours = [d for d in alike if set(store_of(d)) == names]
        if ours:
            return state, ours[0]
        if pause_s is not None:
            site.sleep(pause_s)
    return state, None


def read_again(site: Site, what: str) -> SiteProfiles:
    """The site after a write of `what`.

    Raises:
        Refused: `WRITE_UNKNOWN`.
    """
    try:
        return site.read()
    except Refused as refusal:
        raise Refused(Reason.WRITE_UNKNOWN, what=what, detail=refusal.reason.code) from None


def named(paths: list[str]) -> str:
    """Field names for a sentence: the last part of each path, which holds no number and no name of a profile."""
    paths = ["a whole profile" if p.startswith("store.") and p.count(".") == 1 else p for p in paths]
    return ", ".join(dict.fromkeys(p.rsplit(".", 1)[-1].partition("[")[0][:40] for p in paths[:5]))


def end(change: Change, outcome: Outcome, refusal: Refused) -> NoReturn:
    """Write down how a change ended, and refuse."""
    change.end(outcome, refusal.reason.code)
    raise refusal
