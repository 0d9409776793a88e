"""The proposal of a run as it may be written: sealed, the one that was approved, young enough, not red, from a site."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.profiles.raw_files import RawFiles
from flows.profiles.stored import document_sha256
from flows.proposal.document import Colour, Proposal, read_proposal
from flows.settings import AnalysisRequest, site_url
from flows.values.run_directory import RunDirectory
from flows.writeback.active_on_site import SiteProfiles, store_of

CLOCK_SLACK = timedelta(minutes=5)
# Apps that use Nightscout as a record only: they never read a profile from it.
REPORT_ONLY = {"loop": "Loop", "trio": "Trio", "iaps": "iAPS", "freeaps": "FreeAPS X"}


@dataclass(frozen=True)
class Approved:
    """A proposal whose seal holds, with its run and its site."""

    run: RunDirectory
    proposal: Proposal
    site: str

    @property
    def sha256(self) -> str:
        """The seal."""
        return self.proposal.sha256

    def request(self) -> AnalysisRequest:
        """Whose site this is, for the credentials."""
        options = self.proposal.options
        return AnalysisRequest(
            site=self.site, site_block=options.get("site_block"), allow_http=bool(options.get("allow_http"))
        )


def read_approved(run: RunDirectory, sha256: str | None) -> Approved:
    """Read a run's proposal and check its seal, its name and its site.

    Args:
        run: the run directory.
        sha256: the proposal that was approved; `None` where it is only to be looked at.

    Raises:
        Refused: `PROPOSAL_UNREADABLE`, `PROPOSAL_ALTERED`, `PROPOSAL_OTHER_SHA256`, `PROPOSAL_WITHOUT_SITE`.
    """
    proposal = read_proposal(run.file("proposal.json"))
    if sha256 is not None and sha256.lower() != proposal.sha256:
        raise Refused(Reason.PROPOSAL_OTHER_SHA256, found_sha256=proposal.sha256[:12])
    return Approved(run, proposal, _site(proposal))


def check_may_be_written(proposal: Proposal, now: datetime, max_age_h: float, *, although_unsure: bool = False) -> None:
    """Refuse a red verdict, an old proposal, one tuned under another insulin curve, one with nothing sure in it.

    Args:
        proposal: sealed.
        now: the time.
        max_age_h: how old it may be.
        although_unsure: the person said so on purpose.

    Raises:
        Refused: `PROPOSAL_RED`, `PROPOSAL_UNSURE`, `PROPOSAL_OTHER_CURVE`, `PROPOSAL_OLD`.
    """
    made = datetime.fromisoformat(proposal.created_at)
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    if proposal.verdict.colour is Colour.RED:
        raise Refused(Reason.PROPOSAL_RED)
    if proposal.verdict.nothing_sure and not although_unsure:
        raise Refused(Reason.PROPOSAL_UNSURE)
    before, after = proposal.current, proposal.recommended
    if (before.dia_h, before.insulin_peak_min) != (after.dia_h, after.insulin_peak_min):
        raise Refused(Reason.PROPOSAL_OTHER_CURVE)
    if not -CLOCK_SLACK <= now - made <= timedelta(hours=max_age_h):
        raise Refused(Reason.PROPOSAL_OLD, made=made.strftime("%Y-%m-%d %H:%M UTC"), limit=max_age_h)


def source_document(approved: Approved) -> Record:
    """The profile document the proposal was computed from, as the site served it then.

    A proposal for a profile that a Profile Switch carried is one of the newest document's, where that has the very
    same profile: so it is after a proposal was activated.

    Raises:
        Refused: `PROPOSAL_WITHOUT_SITE`.
    """
    identity = approved.proposal.profile
    wanted, name = identity.get("document_sha256"), identity.get("name")
    documents = _served(approved.run)
    if isinstance(wanted, str) and isinstance(name, str) and documents:
        for document in documents:
            if document_sha256(document) == wanted:
                return document
        newest = SiteProfiles(tuple(documents), ()).newest
        if document_sha256(store_of(newest).get(name)) == wanted:
            return newest
    raise Refused(Reason.PROPOSAL_WITHOUT_SITE, detail="its source is not among the site's profile documents")


def report_only_app(document: Record) -> str | None:
    """The app that wrote a profile document and never reads one from Nightscout."""
    loop = document.get("loopSettings")
    bundle = str(loop.get("bundleIdentifier") or "") if isinstance(loop, dict) else ""
    written = f"{document.get('enteredBy') or ''} {bundle} {document.get('bundleIdentifier') or ''}".lower()
    for word, app in reversed(REPORT_ONLY.items()):
        if word in written:
            return app
    return "Loop" if isinstance(loop, dict) else None


def _served(run: RunDirectory) -> list[Record]:
    try:
        documents = RawFiles.open(run).records("profile")
    except (OSError, ValueError, KeyError):
        return []
    return [d for d in documents if isinstance(d, dict)]


def _site(proposal: Proposal) -> str:
    written: Any = proposal.options.get("site")
    if proposal.site_sha256 is None or not isinstance(written, str):
        raise Refused(Reason.PROPOSAL_WITHOUT_SITE, detail="its data came from a directory")
    site = site_url(written)
    if hashlib.sha256(site.encode()).hexdigest() != proposal.site_sha256:
        raise Refused(Reason.PROPOSAL_ALTERED)
    return site
