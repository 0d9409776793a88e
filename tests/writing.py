"""A site to write to, with what tests of writing back need around it: runs, tools, and what the site is for others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.nightscout.authentication import Credentials
from flows.nightscout.writer import NightscoutWriter
from flows.proposal.document import Proposal
from flows.values.run_directory import RunDirectory
from flows.writeback.active_on_site import SiteProfiles, profile_content
from flows.writeback.apply import Tools, WritebackResult, apply, resume
from flows.writeback.approval import Decision, RollbackRequest, Scope, SyncRequest
from flows.writeback.journal import Journal
from flows.writeback.rollback import rollback
from tests.proposals import proposal, run_with


def client(site: str, credentials: Credentials) -> NightscoutWriter:
    """Without a pace and without waiting."""
    return NightscoutWriter(site, credentials, sleep=lambda _: None)


class Clock:
    """The real time and what was slept: who waits waits no time."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def sleep(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass
class Person:
    """One run with a proposal for one site."""

    run: RunDirectory
    made: Proposal
    site: str
    tools: Tools
    root: Path = field(default_factory=Path)

    def request(self, **options: Any) -> SyncRequest:
        """Of upstream's numbers whole, where nothing else is said; of the step where a policy decides."""
        known = {"proposal_id": self.made.proposal_id, "sha256": self.made.sha256, "decision": Decision.APPROVE}
        policy = options.get("decision") == Decision.POLICY
        return SyncRequest(**{**known, "what": Scope.STEP if policy else Scope.ALL, **options})

    def apply(self, **options: Any) -> WritebackResult:
        return apply(self.run, self.request(**options), self.tools, "test")

    def roll_back(self, **options: Any) -> WritebackResult:
        known = {"proposal_id": self.made.proposal_id, "sha256": self.made.sha256, "decision": Decision.APPROVE}
        return rollback(self.run, RollbackRequest(**{**known, **options}), self.tools, "test")

    def resume(self) -> list[WritebackResult]:
        return resume(self.run, self.tools)

    @property
    def journal(self) -> Journal:
        return self.tools.open_journal(self.site)

    def outcomes(self) -> list[str | None]:
        return [c.outcome for c in self.journal.changes()]

    def reading(self, credentials: Credentials | None = None) -> SiteProfiles:
        """What the site is now, for anybody."""
        reader = client(self.site_itself, credentials or self.tools.credentials)
        return SiteProfiles(tuple(reader.profiles()), tuple(reader.profile_switches(0)))

    site_itself: str = ""

    def with_(self, **changes: Any) -> Person:
        return replace(self, tools=replace(self.tools, **changes))


def person(
    path: Path,
    site: str,
    source: dict[str, Any],
    credentials: Credentials,
    *,
    site_itself: str | None = None,
    clock: Clock | None = None,
    **made: Any,
) -> Person:
    """A run directory whose proposal rests on `source`, as the site serves it."""
    made.setdefault("created_at", datetime.now(UTC) - timedelta(minutes=1))
    document = proposal(source, site=site, **made)
    run = run_with(path, document, [source])
    clock = clock or Clock()
    tools = Tools(
        clock=clock.now,
        credentials=credentials,
        journals=path / "applied",
        sleep=clock.sleep,
        client=client,
        who="a test",
    )
    return Person(run, document, site, tools, path, site_itself or site)


def active_name(state: SiteProfiles) -> str:
    """What Nightscout counts as active now."""
    return state.active((datetime.now(UTC) + timedelta(minutes=5)).timestamp() * 1000).name


def newest_content(state: SiteProfiles) -> dict[str, Any]:
    return profile_content(state.newest)
