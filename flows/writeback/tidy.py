"""Take our own older profiles out of a site's newest document: a new document without them."""

from __future__ import annotations

from flows.errors import Reason, Refused
from flows.values.run_directory import RunDirectory
from flows.writeback.active_on_site import SiteProfiles, differences, profile_content
from flows.writeback.apply import Tools, WritebackResult, audit, settle, writing_client
from flows.writeback.approval_checks import read_approved
from flows.writeback.journal import Journal
from flows.writeback.kept_documents import checked_intent
from flows.writeback.session import Intent
from flows.writeback.site_documents import with_start_date
from flows.writeback.transaction import carry_out


def tidy(run: RunDirectory, keep_last: int, tools: Tools, how: str) -> tuple[WritebackResult, list[str]]:
    """Take our older profiles out of the site's newest document: all that we wrote, nobody changed and nobody uses.

    Args:
        run: any run of the site.
        keep_last: how many of ours stay, the newest.
        tools: time, credentials.
        how: for the audit.

    Returns:
        What became of it, and the names taken out.

    Raises:
        Refused: as `flows.writeback.apply.apply`.
    """
    approved = read_approved(run, None)
    journal = tools.open_journal(approved.site)
    with journal.locked(), writing_client(tools, approved.site, activate=False) as client:
        site = tools.site(client)
        settle(journal, site, tools, lambda _: False)
        names = old_names(journal, site.read(), keep_last, site.now_ms())
        if not names:
            return WritebackResult("nothing-to-tidy"), []

        def make(state: SiteProfiles) -> Intent:
            now_ms = site.now_ms()
            if not set(names) <= set(old_names(journal, state, keep_last, now_ms)):
                raise Refused(Reason.SITE_PROFILE_CHANGED)
            start = site.start_for(state, state.newest)
            store = {k: v for k, v in state.newest["store"].items() if k not in names}
            document = with_start_date({**profile_content(state.newest), "store": store}, state.newest, start)
            return Intent.of(state, now_ms, document, None)

        change = carry_out(site, journal, make, kind="tidy", names=names, **audit(tools, approved, how))
    return WritebackResult("tidied", change=change.name), names


def old_names(journal: Journal, state: SiteProfiles, keep_last: int, now_ms: float) -> list[str]:
    """Our profiles in the newest document beyond the last `keep_last`, oldest first.

    Ours is what the journal says we wrote and what still is as we wrote it. One that is in use, or the document's
    default, stays.
    """
    store = state.newest.get("store")
    if not isinstance(store, dict):
        return []
    ours: list[str] = []
    for change in journal.changes():
        name = str(change.facts.get("name"))
        wrote_it = change.did("apply") and name in store
        if wrote_it and not differences(checked_intent(change).document["store"].get(name), store[name]):
            ours = [*(other for other in ours if other != name), name]
    in_use = {*state.names_ahead(now_ms), state.newest.get("defaultProfile")}
    return [name for name in ours[: max(0, len(ours) - keep_last)] if name not in in_use]
