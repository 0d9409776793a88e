"""Set the baseline by hand: the newest profile document once more, as it is, with the new baseline in its marker."""

from __future__ import annotations

from datetime import datetime, timedelta

from flows.errors import Reason, Refused
from flows.proposal.step_document import Baseline
from flows.settings import of_past
from flows.values.run_directory import RunDirectory
from flows.writeback.active_on_site import SiteProfiles, profile_content, store_of
from flows.writeback.apply import Tools, WritebackResult, audit, remembered, settle, writing_client
from flows.writeback.approval_checks import Approved, read_approved, source_document
from flows.writeback.baseline import known_baseline, settings_as_baseline
from flows.writeback.session import Intent
from flows.writeback.site_documents import with_start_date
from flows.writeback.transaction import carry_out

KIND = "baseline"


def set_baseline(run: RunDirectory, sha256: str | None, tools: Tools, how: str) -> WritebackResult:
    """Make the settings of a run's source profile the baseline of its site.

    Args:
        run: whose source profile it is.
        sha256: of its proposal, where that was named.
        tools: time, credentials.
        how: by which way it was approved, for the audit.

    Raises:
        Refused: as `flows.writeback.apply.apply`.
    """
    approved = read_approved(run, sha256)
    new = baseline_of_run(approved, tools.clock())
    journal = tools.open_journal(approved.site)
    with journal.locked(), writing_client(tools, approved.site, activate=False) as client:
        site = tools.site(client)
        settle(journal, site, tools, lambda _: False)

        def make(state: SiteProfiles) -> Intent:
            start = site.start_for(state, state.newest)
            document = with_start_date(profile_content(state.newest), state.newest, start)
            return Intent.of(state, site.now_ms(), document, None)

        with remembered(run, journal):
            change = carry_out(
                site,
                journal,
                make,
                baseline=lambda known: _later(new, known),
                kind=KIND,
                proposal_id=approved.proposal_id,
                proposal_sha256=approved.sha256,
                **audit(tools, approved, how),
            )
    return WritebackResult("baseline-set", change=change.name)


def baseline_of_run(approved: Approved, at: datetime) -> Baseline:
    """The settings in use in a run's source profile, as a baseline that a person sets.

    Raises:
        Refused: `PROPOSAL_WITHOUT_SITE`, `PROFILE_FIELD`; `PROPOSAL_OF_BACKFILL`: its profile was in use long ago.
    """
    if of_past(approved.options):
        raise Refused(Reason.PROPOSAL_OF_BACKFILL)
    body = store_of(source_document(approved))[str(approved.proposal.profile["name"])]
    return settings_as_baseline(body, approved.proposal.units, at, by_hand=True)


def baseline_on_site(site: str, tools: Tools) -> Baseline | None:
    """The baseline that counts, by the journal and by what the site serves now.

    Raises:
        Refused: a `SITE_…` reason; as `known_baseline`.
    """
    with tools.open_client(site) as client:
        return known_baseline(client.profiles(), tools.open_journal(site).changes())


def _later(new: Baseline, known: Baseline | None) -> Baseline:
    """The new one, set later than the known one even where that was set by a clock ahead of this one."""
    if known is None or datetime.fromisoformat(known.set_at) < datetime.fromisoformat(new.set_at):
        return new
    after = datetime.fromisoformat(known.set_at) + timedelta(milliseconds=1)
    return new.model_copy(update={"set_at": after.isoformat(timespec="milliseconds")})
