"""What became of the changes that were approved on the page: by the site's journal first, then by Prefect's server.

The journal says before each effect what is about to be done, so that what it does not have was not done. The page only
reads it; it has a table of its own of what it asked for, so that it knows a run again that the server has forgotten.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from flows.errors import Reason, Refused
from flows.web.people import Person
from flows.web.prefect_server import APPLY, ROLLBACK, PrefectServer, ServerAway, ServerRun
from flows.web.refusals_said import refusal_in
from flows.web.run_files import run_of
from flows.web.state import PageState
from flows.web.store import Store
from flows.writeback.approval_checks import SealedRun, read_sealed
from flows.writeback.journal import Change, ChangeOutcome, Journal

TAKEN_UP_WITHIN = timedelta(seconds=60)
ASKED_AGAIN_S = 10.0  # where the server was away when something was to be withdrawn
MAY_STILL_WRITE = timedelta(minutes=2)  # since the journal's last line, while Prefect's server cannot be asked
POOL = "autotune-apply"
BY_PREFECT = "prefect flow run "
TABLE = """
CREATE TABLE IF NOT EXISTS asked_changes (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, run TEXT NOT NULL, asked_at REAL NOT NULL, until REAL NOT NULL
)
"""


class ChangeKind(StrEnum):
    """What was asked for."""

    APPLY, ROLLBACK, REJECT = "apply", "rollback", "reject"


class ChangeState(StrEnum):
    """What is known of a change."""

    WAITING, WRITING, NOT_TAKEN_UP, DONE, ALREADY, REFUSED, OVERTAKEN, UNFINISHED, UNKNOWN = (
        *("waiting", "writing", "not_taken_up", "done", "already", "refused", "overtaken", "unfinished", "unknown"),
    )


UNDER_WAY = frozenset({ChangeState.WAITING, ChangeState.WRITING})


@dataclass(frozen=True)
class AskedChange:
    """A run that writes, as the page asked for it."""

    id: UUID
    kind: ChangeKind
    run: str
    asked_at: datetime
    until: datetime


@dataclass
class ChangeSeen:
    """One change with what is known of it.

    Attributes:
        id: of the flow run.
        kind: what was asked for.
        run: the name of the run whose proposal it is of.
        state: what became of it.
        change: as the journal has it; `None` where it has nothing of it.
        reason, sentence, remedy: why it was refused, in the language that is spoken.
        server_away: why Prefect's server could not be asked.
        journal_trouble: why the journal could not be read.
        may_be_undone: whether it is what counts of its proposal on the site.
        later: the change that put it back.
    """

    id: UUID
    kind: ChangeKind
    run: str
    state: ChangeState = ChangeState.UNKNOWN
    change: Change | None = None
    reason: Reason | None = None
    sentence: str = ""
    remedy: str = ""
    server_away: str = ""
    journal_trouble: Refused | None = None
    may_be_undone: bool = False
    later: Change | None = None
    changes: list[Change] = field(default_factory=list)

    @property
    def at(self) -> datetime | None:
        """When it ended, by the journal."""
        return ended_at(self.change) if self.change is not None else None


@dataclass(frozen=True)
class PersonChange:
    """One change of a person's site that holds or was put back, for a list.

    Attributes:
        at: when it was done.
        kind: applied or rolled back.
        run: the name of the run.
        page: below the prefix, the page of the change; empty where it was not made through Prefect.
        undo: below the prefix, where it is undone; empty where there is nothing to undo.
    """

    at: datetime
    kind: ChangeKind
    run: str
    name: str
    page: str
    undo: str


class Changes:
    """The changes that the page asked for.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        store.make(TABLE)

    def remember(self, asked: AskedChange) -> None:
        """Keep what was asked for; a second time changes nothing."""
        with self._store.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO asked_changes VALUES (?, ?, ?, ?, ?)",
                (asked.id.hex, asked.kind.value, asked.run, asked.asked_at.timestamp(), asked.until.timestamp()),
            )

    def asked(self, change_id: UUID) -> AskedChange | None:
        """What was asked for, by the flow run's id."""
        row = self._store.row("SELECT * FROM asked_changes WHERE id = ?", change_id.hex)
        if row is None:
            return None
        return _asked(row)

    def not_run_out(self, now: datetime) -> list[AskedChange]:
        """What was asked for, and whose approval still holds."""
        return [_asked(r) for r in self._store.rows("SELECT * FROM asked_changes WHERE until > ?", now.timestamp())]


def _asked(row: sqlite3.Row) -> AskedChange:
    times = (datetime.fromtimestamp(row[name], UTC) for name in ("asked_at", "until"))
    return AskedChange(UUID(row["id"]), ChangeKind(row["kind"]), row["run"], *times)


def changes_asked(page: PageState) -> Changes:
    """The changes of the page."""
    if "changes" not in page.rooms:
        page.rooms["changes"] = Changes(page.store)
    found: Changes = page.rooms["changes"]
    return found


def start_change(
    page: PageState, kind: ChangeKind, run: str, request: dict[str, Any], *, key: str, until: datetime
) -> UUID | None:
    """Ask for a change now, or not at all.

    Args:
        page: the page.
        kind: what is asked for.
        run: the name of the run whose proposal it is of.
        request: of the deployment.
        key: of the form; with the same one nothing is asked for twice.
        until: when the approval runs out.

    Returns:
        The flow run's id; `None` where no worker listens, and nothing was asked for.

    Raises:
        ServerAway: nothing was asked for; where it `may_be_done`, nobody knows.
    """
    if not page.server.worker_listens(POOL):
        return None
    deployment = ROLLBACK if kind is ChangeKind.ROLLBACK else APPLY
    asked = page.server.start(deployment, request, key=key)
    changes_asked(page).remember(AskedChange(asked.id, kind, run, datetime.now(UTC), until))
    _withdraw_later(TAKEN_UP_WITHIN.total_seconds(), page.server, asked.id, until)
    return asked.id


def withdraw_what_waits(page: PageState, now: datetime) -> None:
    """After a restart: what was asked for before it is withdrawn as well, where no worker takes it up.

    Args:
        page: the page.
        now: the time.
    """
    for asked in changes_asked(page).not_run_out(now):
        left_s = (asked.asked_at + TAKEN_UP_WITHIN - now).total_seconds()
        _withdraw_later(max(left_s, 0.0), page.server, asked.id, asked.until)


def _withdraw_later(seconds: float, server: PrefectServer, change_id: UUID, until: datetime) -> None:
    timer = threading.Timer(seconds, _withdraw, (server, change_id, until))
    timer.daemon = True
    timer.start()


def _withdraw(server: PrefectServer, change_id: UUID, until: datetime) -> None:
    """Cancel what no worker took up; where the server is away it is asked again, until the approval runs out."""
    try:
        server.withdraw(change_id)
    except ServerAway:
        if datetime.now(UTC) < until:
            _withdraw_later(ASKED_AGAIN_S, server, change_id, until)


def change_seen(page: PageState, change_id: UUID, now: datetime) -> ChangeSeen | None:
    """What is known of a change; `None` where nobody knows of it.

    Args:
        page: the page.
        change_id: of the flow run.
        now: the time.
    """
    asked, run, away = changes_asked(page).asked(change_id), None, ""
    try:
        run = page.server.run(change_id)
        too_late = asked is not None and now - asked.asked_at > TAKEN_UP_WITHIN
        if run is not None and run.state_type == "SCHEDULED" and too_late:
            page.server.withdraw(change_id)
            run = page.server.run(change_id)
    except ServerAway as trouble:
        away = trouble.why
    known = asked or (_asked_elsewhere(page, run) if run is not None else None)
    if known is None:
        return None
    seen = ChangeSeen(change_id, known.kind, known.run, server_away=away)
    sealed = _read_journal(page, seen)
    who = f"{BY_PREFECT}{change_id}"
    seen.change = next((c for c in reversed(seen.changes) if c.facts.get("who") == who), None)
    if seen.change is None:
        seen.state = _state_by_server(seen, run, run_out=asked is not None and now > asked.until)
    else:
        seen.state = _state_by_journal(seen, seen.change, run)
    if sealed is not None and seen.change is not None and seen.kind is ChangeKind.APPLY:
        seen.later = undone_by(seen.change, seen.changes)
        seen.may_be_undone = applied_now(seen.changes, sealed.sha256) is seen.change
    return seen


def _read_journal(page: PageState, seen: ChangeSeen) -> SealedRun | None:
    directory = run_of(page.settings.runs, seen.run)
    if directory is None:
        return None
    try:
        sealed = read_sealed(directory, None)
        seen.changes = Journal(sealed.site, page.settings.journals).changes()
    except Refused as refusal:
        seen.journal_trouble = refusal
        return None
    return sealed


def _state_by_journal(seen: ChangeSeen, change: Change, run: ServerRun | None) -> ChangeState:
    if not change.ended:
        alive = not run.ended if run is not None else datetime.now(UTC) - ended_at(change) < MAY_STILL_WRITE
        return ChangeState.WRITING if alive else ChangeState.UNFINISHED
    if change.facts.get("kind") == "reject" or change.outcome is ChangeOutcome.AFTER:
        return ChangeState.DONE
    _take_reason(seen, run, str(change.records[-1].get("why") or ""))
    return ChangeState.OVERTAKEN if change.outcome is ChangeOutcome.THEIRS else ChangeState.REFUSED


def _state_by_server(seen: ChangeSeen, run: ServerRun | None, *, run_out: bool) -> ChangeState:
    """`run_out` says that the approval no longer holds: whoever took it up and stands still would write nothing."""
    if run is None or seen.journal_trouble is not None:
        return ChangeState.UNKNOWN
    if run.waiting:
        return ChangeState.NOT_TAKEN_UP if run_out else ChangeState.WAITING
    if not run.ended:
        return ChangeState.WRITING
    if run.state_type == "COMPLETED":
        return ChangeState.ALREADY if seen.changes else ChangeState.UNKNOWN
    if run.state_type == "CANCELLED" and run.began is None:
        return ChangeState.NOT_TAKEN_UP
    _take_reason(seen, run, "")
    return ChangeState.REFUSED


def _take_reason(seen: ChangeSeen, run: ServerRun | None, code: str) -> None:
    seen.reason, seen.sentence, seen.remedy = refusal_in(run.message if run is not None else "")
    if seen.reason is None and code:
        seen.reason = next((reason for reason in Reason if reason.code == code), None)


def _asked_elsewhere(page: PageState, run: ServerRun) -> AskedChange | None:
    """A run that was asked for on Prefect's own page, by its deployment and request."""
    name = run.request.get("proposal_id")
    if not isinstance(name, str) or run.deployment_id is None or run_of(page.settings.runs, name) is None:
        return None
    try:
        deployment = page.server.get(f"/deployments/{run.deployment_id}") or {}
    except ServerAway:
        return None
    kinds = {APPLY.rpartition("/")[2]: ChangeKind.APPLY, ROLLBACK.rpartition("/")[2]: ChangeKind.ROLLBACK}
    kind = kinds.get(str(deployment.get("name")))
    if kind is ChangeKind.APPLY and run.request.get("decision") == "reject":
        kind = ChangeKind.REJECT
    at = run.created or datetime.now(UTC)
    return AskedChange(run.id, kind, name, at, at) if kind is not None else None


# --- the journal's changes


def ended_at(change: Change) -> datetime:
    """When the last line of a change was written; that of its end where it has one."""
    return datetime.fromisoformat(str(change.records[-1]["at"]))


def applied_now(changes: list[Change], sha256: str) -> Change | None:
    """The change that a rollback of a proposal would undo, or settle where it has no end; `None` where there is none.

    Args:
        changes: of the journal.
        sha256: of the proposal.
    """
    mine = [
        change
        for change in changes
        if change.is_a("apply", proposal_sha256=sha256) and (change.outcome is ChangeOutcome.AFTER or not change.ended)
    ]
    return mine[-1] if mine and undone_by(mine[-1], changes) is None else None


def undone_by(change: Change, changes: list[Change]) -> Change | None:
    """The change that put back what was there before this one."""
    later = changes[[c.name for c in changes].index(change.name) + 1 :]
    return next((c for c in later if c.did("rollback", of=change.name)), None)


def changes_of(page: PageState, person: Person) -> list[PersonChange]:
    """What was written to a person's site and put back, the newest first; nothing where the journal cannot be read.

    Args:
        page: the page.
        person: whose site.
    """
    if person.site is None:
        return []
    try:
        changes = Journal(person.site, page.settings.journals).changes()
    except Refused:
        return []
    return [_listed(change, changes) for change in reversed(changes) if _is_shown(change)]


def _is_shown(change: Change) -> bool:
    return change.did("apply") or change.did("rollback")


def _listed(change: Change, changes: list[Change]) -> PersonChange:
    run, sha256 = str(change.facts.get("proposal_id")), str(change.facts.get("proposal_sha256"))
    undo = f"/r/{run}/undo" if applied_now(changes, sha256) is change else ""
    kind, name = ChangeKind(str(change.facts["kind"])), str(change.facts.get("name") or "")
    return PersonChange(ended_at(change), kind, run, name, page_of_change(change), undo)


def page_of_change(change: Change) -> str:
    """Below the prefix, the page of a change; empty where it was not made through Prefect."""
    who = str(change.facts.get("who") or "")
    try:
        return f"/c/{UUID(who.removeprefix(BY_PREFECT)).hex}" if who.startswith(BY_PREFECT) else ""
    except ValueError:
        return ""
