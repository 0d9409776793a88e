"""The proposal of a run as it may be written: sealed, the one that was approved, young enough, not red, from a site."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.profiles.raw_files import RawFiles
from flows.profiles.stored import document_sha256
from flows.proposal.document import Colour, Proposal
from flows.proposal.sealed import read_proposal
from flows.proposal.step_document import NextStep, StepKind
from flows.settings import AnalysisRequest, of_past, site_url
from flows.values.private_files import check_ours
from flows.values.run_directory import RunDirectory
from flows.writeback.active_on_site import SiteProfiles, store_of
from flows.writeback.approval import Scope

CLOCK_SLACK = timedelta(minutes=5)
# Rules of the verdict that are broken by more insulin alone.
AGAINST_MORE = frozenset({"lows", "unlogged_lows"})
# Apps that use Nightscout as a record only: they never read a profile from it.
REPORT_ONLY = {"loop": "Loop", "trio": "Trio", "iaps": "iAPS", "freeaps": "FreeAPS X"}


@dataclass(frozen=True)
class SealedRun:
    """A run by the seal of its proposal, with its site: all that is needed to undo what was applied.

    `sha256` is the seal, `options` are those of the run.
    """

    run: RunDirectory
    proposal_id: str
    sha256: str
    site: str
    options: Mapping[str, Any]

    @property
    def site_sha256(self) -> str:
        """Of the site's address, as proposals and journals have it."""
        return hashlib.sha256(self.site.encode()).hexdigest()

    def request(self) -> AnalysisRequest:
        """Whose site this is, for the credentials.

        Raises:
            Refused: `RUN_DAMAGED`: the options it was run with are none.
        """
        block, http = self.options.get("site_block"), bool(self.options.get("allow_http"))
        try:
            return AnalysisRequest(site=self.site, site_block=block, allow_http=http)
        except ValueError:  # pydantic's
            raise self.run.damaged("manifest.json", "its options say no site block") from None


@dataclass(frozen=True)
class Approved(SealedRun):
    """A proposal whose seal holds, with its run and its site."""

    proposal: Proposal


def read_approved(run: RunDirectory, sha256: str | None) -> Approved:
    """Read a run's proposal and check its seal, its name and its site.

    Args:
        run: the run directory.
        sha256: the proposal that was approved; `None` where it is only to be looked at.

    Raises:
        Refused: `PROPOSAL_UNREADABLE`, `PROPOSAL_ALTERED`, `PROPOSAL_OTHER_SHA256`, `PROPOSAL_WITHOUT_SITE`,
            `PRIVATE_DIRECTORY`.
    """
    for directory in (run.path, run.raw):
        if directory.is_dir():
            check_ours(directory.stat(), directory)
    proposal = read_proposal(run.file("proposal.json"))
    _check_named(sha256, proposal.sha256)
    return Approved(run, proposal.proposal_id, proposal.sha256, site_of(proposal), proposal.options, proposal)


def read_sealed(run: RunDirectory, sha256: str | None) -> SealedRun:
    """As `read_approved`, also where the proposal itself can no longer be read: by the run's manifest.

    For what undoes and settles only, which ask the site's journal first: nothing is sent to a site of whose changes it
    does not know.

    Raises:
        Refused: as `read_approved`, where the manifest cannot be read either.
    """
    try:
        return read_approved(run, sha256)
    except Refused as refusal:
        if refusal.reason not in (Reason.PROPOSAL_UNREADABLE, Reason.PROPOSAL_ALTERED):
            raise
        try:
            manifest = run.read_json("manifest.json")
            sealed, options = manifest["proposal_sha256"], manifest["options"]
            site = site_url(options["site"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, Refused):
            raise refusal from None
        if not isinstance(sealed, str):
            raise
    _check_named(sha256, sealed)
    return SealedRun(run, run.path.name, sealed, site, options)


def _check_named(sha256: str | None, found_sha256: str) -> None:
    if sha256 is not None and sha256.lower() != found_sha256:
        raise Refused(Reason.PROPOSAL_OTHER_SHA256, found_sha256=found_sha256[:12])


def check_may_be_written(
    proposal: Proposal, now: datetime, max_age_h: float, *, scope: Scope = Scope.STEP, although_unsure: bool = False
) -> None:
    """Refuse what the verdict forbids of what is to be written, and an old proposal.

    A step is held against its own verdict, upstream's numbers against theirs; the reductions among them may be written
    where all that makes theirs red is that others give more insulin.

    Args:
        proposal: sealed.
        now: the time.
        max_age_h: how old it may be.
        scope: what of it is to be written.
        although_unsure: the person said so on purpose.

    Raises:
        Refused: `PROPOSAL_EARLIER`, `PROPOSAL_RED`, `PROPOSAL_TAKE_BACK`, `PROPOSAL_NO_STEP`, `PROPOSAL_UNSURE`,
            `PROPOSAL_OTHER_CURVE`, `PROPOSAL_OLD`, `PROPOSAL_OF_BACKFILL`.
    """
    if of_past(proposal.options):
        raise Refused(Reason.PROPOSAL_OF_BACKFILL)
    made = datetime.fromisoformat(proposal.created_at)
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    if (step := proposal.step) is None:
        raise Refused(Reason.PROPOSAL_EARLIER)
    if scope is Scope.STEP:
        _check_step(proposal, step)
    else:
        _check_numbers(proposal, scope, although_unsure=although_unsure)
    if not -CLOCK_SLACK <= now - made <= timedelta(hours=max_age_h):
        raise Refused(Reason.PROPOSAL_OLD, made=made.strftime("%Y-%m-%d %H:%M UTC"), limit=max_age_h)


def _check_step(proposal: Proposal, step: NextStep) -> None:
    if step.kind is StepKind.TAKE_BACK:
        raise Refused(Reason.PROPOSAL_TAKE_BACK)
    if proposal.verdict.colour is Colour.RED:
        raise Refused(Reason.PROPOSAL_RED)
    if step.kind is not StepKind.CHANGE:
        why = step.said.because.replace("_", " ") if step.said else "nothing wanted"
        raise Refused(Reason.PROPOSAL_NO_STEP, does=step.kind.value, why=why, days=step.look_again_after_days)


def _check_numbers(proposal: Proposal, scope: Scope, *, although_unsure: bool) -> None:
    verdict, before, after = proposal.whole_verdict, proposal.current, proposal.recommended
    against = {reason.rule for reason in verdict.reasons if reason.colour is Colour.RED}
    less_will_do = scope is Scope.REDUCTIONS and bool(against) and against <= AGAINST_MORE
    for holds, reason in (
        (verdict.colour is Colour.RED and not less_will_do, Reason.PROPOSAL_RED),
        (verdict.nothing_certain and not although_unsure, Reason.PROPOSAL_UNSURE),
        ((before.dia_h, before.insulin_peak_min) != (after.dia_h, after.insulin_peak_min), Reason.PROPOSAL_OTHER_CURVE),
    ):
        if holds:
            raise Refused(reason)


def source_document(approved: Approved) -> Record:
    """The profile document the proposal was computed from, as the site served it then.

    A proposal for a profile that a Profile Switch carried is one of the newest document's, where that has the very
    same profile: so it is after a proposal was activated.

    Raises:
        Refused: `PROPOSAL_WITHOUT_SITE`; `RUN_DAMAGED`, `FILE_NOT_JSON`, `FILE_NOT_RECORDS`: of what the site served.
    """
    if (found := source_in(approved.run, approved.proposal)) is not None:
        return found
    raise Refused(Reason.PROPOSAL_WITHOUT_SITE, detail="its source is not among the site's profile documents")


def source_in(run: RunDirectory, proposal: Proposal) -> Record | None:
    """As `source_document`, of any run; `None` where the source is not among the profile documents it was given.

    Raises:
        Refused: `RUN_DAMAGED`, `FILE_NOT_JSON`, `FILE_NOT_RECORDS`.
    """
    wanted, name = proposal.profile.get("document_sha256"), proposal.profile.get("name")
    documents = served_documents(run)
    if not (isinstance(wanted, str) and isinstance(name, str) and documents):
        return None
    if (found := next((d for d in documents if document_sha256(d) == wanted), None)) is not None:
        return found
    newest = SiteProfiles(tuple(documents), ()).newest
    return newest if document_sha256(store_of(newest).get(name)) == wanted else None


def report_only_app(document: Record) -> str | None:
    """The app that wrote a profile document and never reads one from Nightscout."""
    loop = document.get("loopSettings")
    bundle = str(loop.get("bundleIdentifier") or "") if isinstance(loop, dict) else ""
    written = f"{document.get('enteredBy') or ''} {bundle} {document.get('bundleIdentifier') or ''}".lower()
    named = (app for word, app in reversed(REPORT_ONLY.items()) if word in written)
    return next(named, "Loop" if isinstance(loop, dict) else None)


def served_documents(run: RunDirectory) -> list[Record]:
    """The profile documents that the site served for a run.

    Raises:
        Refused: `RUN_DAMAGED`, `FILE_NOT_JSON`, `FILE_NOT_RECORDS`.
    """
    return [d for d in RawFiles.open(run).records("profile") if isinstance(d, dict)]


def site_of(proposal: Proposal) -> str:
    """The address of the site that a proposal is of.

    Raises:
        Refused: `PROPOSAL_WITHOUT_SITE`, `PROPOSAL_ALTERED`.
    """
    written: Any = proposal.options.get("site")
    if proposal.site_sha256 is None or not isinstance(written, str):
        raise Refused(Reason.PROPOSAL_WITHOUT_SITE, detail="its data came from a directory")
    site = site_url(written)
    if hashlib.sha256(site.encode()).hexdigest() != proposal.site_sha256:
        raise Refused(Reason.PROPOSAL_ALTERED)
    return site
