"""Prefect's server as it was seen last: one thread asks it every few seconds, and no page ever waits for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from flows.errors import Refused
from flows.settings import site_url
from flows.web.people import Person, PersonKind
from flows.web.prefect_server import APPLY, NIGHTLY, ROLLBACK, START, PrefectServer, ServerAway, ServerRun
from flows.web.state import PageState

EVERY_S = 5.0
UNDER_WAY = ["RUNNING", "PENDING", "CANCELLING"]
MOST_RUNS = 200  # what one answer of the server holds
APPLY_POOL = "autotune-apply"  # as prefect.yaml has it
ROOM = "snapshot"


@dataclass(frozen=True)
class NightlySchedule:
    """One schedule of the nightly deployment, as the server has it."""

    id: str
    slug: str | None
    block: str | None
    site: str | None
    active: bool
    schedule: dict[str, Any]
    parameters: dict[str, Any]

    @property
    def at(self) -> str | None:
        """Its local time as HH:MM; `None` where it is no plain time of every day."""
        fields = str(self.schedule.get("cron") or "").split()
        daily = len(fields) == 5 and fields[2:] == ["*"] * 3 and fields[0].isdigit() and fields[1].isdigit()
        return f"{int(fields[1]):02d}:{int(fields[0]):02d}" if daily else None

    @property
    def timezone(self) -> str:
        """Of the time."""
        return str(self.schedule.get("timezone") or "UTC")


@dataclass(frozen=True)
class Seen:
    """What one look at the server found."""

    at: datetime
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    nightly: tuple[NightlySchedule, ...] = ()
    under_way: tuple[ServerRun, ...] = ()
    planned: tuple[ServerRun, ...] = ()
    listening: dict[str, bool] = field(default_factory=dict)
    saved: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """Deployments that the server does not know."""
        return [name for name in (START, NIGHTLY, APPLY, ROLLBACK) if name not in self.deployments]


class Snapshot:
    """The server, asked again and again; what it said last stays, with since when it says nothing."""

    def __init__(self, state: PageState, every_s: float = EVERY_S) -> None:
        self._page, self._every_s = state, every_s
        self._stop, self._now = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="autotune-page-snapshot", daemon=True)
        self.seen: Seen | None = None
        self.away_since: datetime | None = None
        self.why_away = ""

    def begin(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def end(self) -> None:
        """Ask no more."""
        self._stop.set()
        self._now.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * self._every_s)

    def soon(self) -> None:
        """Ask again at once, since something was changed; the caller does not wait."""
        self._now.set()

    def look(self) -> None:
        """Ask once."""
        try:
            seen = look_at(self._page.server)
        except ServerAway as away:
            self.away_since = self.away_since or datetime.now(UTC)
            self.why_away = away.why
            return
        self.seen, self.away_since, self.why_away = seen, None, ""
        addresses = {name: address for name, data in seen.saved.items() if (address := _address(data.get("url")))}
        self._page.people.bring_up_to_date(self._page.settings.site, addresses)

    def running_of(self, person: Person) -> list[ServerRun]:
        """The runs of a person that have begun, or wait for a worker."""
        now = datetime.now(UTC)
        due = [run for run in self._planned() if run.expected is not None and run.expected <= now]
        return [run for run in (*self._under_way(), *due) if is_of(run.request, person)]

    def next_run_of(self, person: Person) -> datetime | None:
        """When the next run of a person is due; `None` where none is planned."""
        now = datetime.now(UTC)
        times = [run.expected for run in self._planned() if run.expected and is_of(run.request, person)]
        return min((time for time in times if time > now), default=None)

    def schedule_of(self, person: Person) -> NightlySchedule | None:
        """A person's night."""
        if self.seen is None:
            return None
        own = [s for s in self.seen.nightly if s.block == person.block and (person.block or _same(s.site, person.site))]
        return own[0] if own else None

    def listens(self, pool: str) -> bool | None:
        """Whether a worker listened for the runs of a pool; `None` where nobody knows."""
        return self.seen.listening.get(pool) if self.seen is not None and self.away_since is None else None

    def _under_way(self) -> tuple[ServerRun, ...]:
        return self.seen.under_way if self.seen else ()

    def _planned(self) -> tuple[ServerRun, ...]:
        return self.seen.planned if self.seen else ()

    def _work(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._now.wait(self._every_s)
            self._now.clear()


def snapshot_of(page: PageState) -> Snapshot:
    """The snapshot of the page."""
    return cast(Snapshot, page.rooms[ROOM])


def look_at(server: PrefectServer) -> Seen:
    """What the server has now.

    Raises:
        ServerAway: it does not answer.
    """
    deployments = {
        name: found for name in (START, NIGHTLY, APPLY, ROLLBACK) if (found := server.get(f"/deployments/name/{name}"))
    }
    nightly = deployments.get(NIGHTLY)
    pools = {str(found["work_pool_name"]) for found in deployments.values() if found.get("work_pool_name")}
    ours = {str(found["id"]) for found in deployments.values()}
    under_way = server.runs(states=UNDER_WAY, limit=MOST_RUNS)
    planned = server.runs(states=["SCHEDULED"], limit=MOST_RUNS)
    return Seen(
        at=datetime.now(UTC),
        deployments=deployments,
        nightly=tuple(_schedule(s, nightly) for s in nightly.get("schedules") or ()) if nightly else (),
        under_way=tuple(run for run in under_way if run.deployment_id in ours),
        planned=tuple(run for run in planned if run.deployment_id in ours),
        listening={pool: server.worker_listens(pool) for pool in sorted({*pools, APPLY_POOL})},
        saved=server.saved_sites(),
    )


def is_of(request: dict[str, Any], person: Person) -> bool:
    """Whether a run with this request is of a person."""
    if person.block:
        return request.get("site_block") == person.block
    if person.kind is PersonKind.UPLOADS:
        return f"/{person.id}/" in str(request.get("from_directory") or "")
    return not request.get("site_block") and _same(request.get("site"), person.site)


def _same(named: Any, site: str | None) -> bool:
    return bool(site) and _address(named) == site


def _address(named: Any) -> str | None:
    try:
        return site_url(str(named)) if named else None
    except Refused:
        return None


def _schedule(found: dict[str, Any], deployment: dict[str, Any]) -> NightlySchedule:
    own = found.get("parameters") or {}
    asked = own.get("request") or (deployment.get("parameters") or {}).get("request") or {}
    return NightlySchedule(
        id=str(found["id"]),
        slug=found.get("slug"),
        block=asked.get("site_block") or None,
        site=asked.get("site") or None,
        active=bool(found.get("active")),
        schedule=dict(found.get("schedule") or {}),
        parameters=dict(own),
    )
