"""What would be written to a person's site: as the page shows it, with the digests by which what is written is held.

Every rule here is of what writes (`flows.writeback`): the page asks it beforehand, so that nobody types a name in vain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.profiles.stored import document_sha256
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory
from flows.writeback.active_on_site import differences, profile_content
from flows.writeback.approval import MAX_AGE_H, Decision, Scope, SyncRequest
from flows.writeback.approval_checks import (
    Approved,
    check_may_be_written,
    read_approved,
    report_only_app,
    source_document,
)
from flows.writeback.baseline import check_within_baseline, first_baseline, known_baseline
from flows.writeback.cool_down import TooSoon, too_soon_as_known, written_at
from flows.writeback.journal import Change, Journal
from flows.writeback.plan import Plan, plan
from flows.writeback.seen import content_sha256

PARTS = "parts"
# Of these no other choice of what to write would help.
WHATEVER_IS_CHOSEN = frozenset(
    {
        *(Reason.PROPOSAL_OLD, Reason.PROPOSAL_EARLIER, Reason.PROPOSAL_OF_BACKFILL, Reason.PROPOSAL_WITHOUT_SITE),
        *(Reason.PROPOSAL_ALTERED, Reason.PROPOSAL_UNREADABLE, Reason.REPORT_ONLY, Reason.RUN_DAMAGED),
        *(Reason.SITE_PROFILE_CHANGED, Reason.CHANGE_UNSETTLED, Reason.JOURNAL_ALTERED, Reason.BACKUP_UNUSABLE),
    }
)


@dataclass(frozen=True)
class Choice:
    """What of a proposal is to be written: `step`, `reductions`, or `parts` of upstream's numbers by their names."""

    what: str = Scope.STEP.value
    parts: tuple[Part, ...] = ()

    @classmethod
    def of(cls, what: str, parts: list[str]) -> Choice:
        """Of what a form sent; what it does not know is left out."""
        known = what if what in (Scope.STEP.value, Scope.REDUCTIONS.value, PARTS) else Scope.STEP.value
        return cls(known, tuple(part for part in Part if part.value in parts) if known == PARTS else ())

    @property
    def scope(self) -> Scope:
        """As a request has it."""
        return Scope.ALL if self.what == PARTS else Scope(self.what)

    def fields(self) -> dict[str, Any]:
        """Of a request."""
        only = [part.value for part in self.parts] if len(self.parts) < len(Part) else []
        return {"what": self.scope.value, "only": only}


@dataclass(frozen=True)
class SiteSeen:
    """The site's newest profile document, when it was read, and whether that was a look or the run itself."""

    document: Record
    read_at: datetime
    by_look: bool
    active: str = ""

    @property
    def sha256(self) -> str:
        """Of what it says."""
        return content_sha256(self.document)


@dataclass
class ShownApproval:
    """What is shown; `refusal` is why it may not be written.

    Attributes:
        approved: the proposal; `None` where it cannot be used.
        source: the document that it was computed from.
        planned: what would be written.
        site: what the site has, as far as it is known.
        refusal: why nothing may be written now.
        too_soon: what of the last changes should be waited for.
        unsure: whether it has to be said that it is wanted although nothing is repeatable.
        unfinished: an earlier change of the site without an end.
        written: when this proposal was written, where it still holds.
    """

    choice: Choice
    approved: Approved | None = None
    source: Record | None = None
    planned: Plan | None = None
    site: SiteSeen | None = None
    refusal: Refused | None = None
    too_soon: TooSoon | None = None
    unsure: bool = False
    unfinished: Change | None = None
    written: datetime | None = None
    changes: list[Change] = field(default_factory=list)

    @property
    def may_be_written(self) -> bool:
        """Whether a person may approve it now."""
        return self.refusal is None and self.planned is not None and self.site is not None and self.written is None

    @property
    def another_choice_may_help(self) -> bool:
        """Whether what is chosen is the reason why it may not be written."""
        return self.refusal is None or self.refusal.reason not in WHATEVER_IS_CHOSEN

    @property
    def same_as_run(self) -> bool:
        """Whether the site has the settings that the proposal was computed from."""
        return self.site is not None and self.source is not None and not _differ(self.site.document, self.source)

    def digests(self) -> dict[str, str]:
        """Of what is shown, for the form that approves it: proposal, profile with the change, the site's document."""
        if self.approved is None or self.planned is None or self.site is None:
            return {}
        return {
            "proposal_sha256": self.approved.sha256,
            "profile_sha256": content_sha256(self.planned.document),
            "site_sha256": self.site.sha256,
        }


def shown_approval(
    run: RunDirectory, choice: Choice, journals: Path, now: datetime, look: dict[str, Any] | None
) -> ShownApproval:
    """What would be written of a run's proposal.

    Args:
        run: of the proposal.
        choice: what of it.
        journals: where the journals of changes lie; only read.
        now: the time.
        look: what a look at the site saw (`flows.pipeline.look`); `None` where there is none, and then the run's own
            copy is gone by.
    """
    shown = ShownApproval(choice)
    try:
        _fill(shown, run, journals, now, look)
    except Refused as refusal:
        shown.refusal = refusal
    return shown


def _fill(shown: ShownApproval, run: RunDirectory, journals: Path, now: datetime, look: dict[str, Any] | None) -> None:
    approved = shown.approved = read_approved(run, None)
    proposal, scope = approved.proposal, shown.choice.scope
    shown.unsure = scope is not Scope.STEP and proposal.whole_verdict.nothing_certain
    source = shown.source = source_document(approved)
    shown.site = _site_seen(look) or SiteSeen(source, _made(proposal.created_at), by_look=False)
    if (app := report_only_app(source)) is not None:
        raise Refused(Reason.REPORT_ONLY, app=app)
    shown.changes = Journal(approved.site, journals).changes()
    shown.unfinished = next((change for change in shown.changes if not change.ended), None)
    shown.written = written_at(shown.changes, approved.sha256)
    check_may_be_written(proposal, now, MAX_AGE_H, scope=scope, although_unsure=True)
    if shown.choice.what == PARTS and not shown.choice.parts:
        return  # nothing is chosen yet
    planned = shown.planned = plan(proposal, source, request_of(approved, shown.choice))
    if shown.written is not None:
        return
    if shown.unfinished is not None:
        raise Refused(Reason.CHANGE_UNSETTLED, detail=shown.unfinished.step.value)
    if not shown.same_as_run:
        raise Refused(Reason.SITE_PROFILE_CHANGED)
    documents = [shown.site.document]
    shown.too_soon = too_soon_as_known(approved, scope, now, journals, documents)
    if shown.too_soon is not None and shown.too_soon.forbids:
        raise shown.too_soon.refusal
    baseline = known_baseline(documents, shown.changes) or first_baseline(proposal, source, now)
    check_within_baseline(baseline, planned, proposal, source)


def request_of(approved: Approved, choice: Choice, **more: Any) -> SyncRequest:
    """The request that a person approves."""
    known = {"proposal_id": approved.proposal_id, "sha256": approved.sha256, "decision": Decision.APPROVE}
    return SyncRequest(**{**known, **choice.fields(), **more})


def _site_seen(look: dict[str, Any] | None) -> SiteSeen | None:
    """The site by a look, if that is whole."""
    found = look.get("site") if look else None
    if not isinstance(found, dict) or not isinstance(document := found.get("document"), dict):
        return None
    if document_sha256(document) != found.get("document_sha256"):
        return None
    try:
        read_at = datetime.fromisoformat(str(found.get("read_at")))
        return SiteSeen(document, read_at, by_look=True, active=str(found.get("active_profile") or ""))
    except ValueError:
        return None


def _made(created_at: str) -> datetime:
    return datetime.fromisoformat(created_at)


def _differ(one: Record, other: Record) -> bool:
    return bool(differences(profile_content(one), profile_content(other)))
