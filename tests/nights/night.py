"""One night of some people: all are due at the same time, something goes wrong, and each ends in a result or a word."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from httpx import HTTPError
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Scheduled

from flows.orchestration.nightly_schedule import DEPLOYMENT, update_whole
from flows.orchestration.watch import expected
from flows.values.run_directory import json_or_none
from flows.watch.nights import PATIENCE
from flows.watch.watcher import Service, Watcher
from tests.nights.people import Person
from tests.nights.service import NightService, until

IN_SECONDS = (20, 40, 80)  # from now on a night's runs are due
NIGHT_SECONDS = 600
LOST = "no result"  # of neither kind: what must not be


class Fault(StrEnum):
    """What goes wrong in a night: to one person's site, or to the service while runs are at work."""

    NONE = "nothing"
    SITE_AWAY = "the site is away"
    TOKEN = "the token is refused"  # noqa: S105 - words
    LATE = "readings come late"
    WORKER = "the worker is killed"
    SERVER = "the server is killed"
    DATABASE = "the database is killed"


OF_A_SITE = frozenset({Fault.SITE_AWAY, Fault.TOKEN, Fault.LATE})
OF_THE_SERVICE = {Fault.WORKER: "worker", Fault.SERVER: "server", Fault.DATABASE: "database"}


@dataclass(frozen=True)
class PersonNight:
    """How a person's night ended: `proposal`, the words of a notice, or `LOST`."""

    person: str
    fault: str
    ended: str

    @property
    def told(self) -> bool:
        """Whether there is a result, or a word that names the person and says why not."""
        return self.ended == "proposal" or (self.ended != LOST and self.person in self.ended and ": " in self.ended)


@dataclass
class Nights:
    """The nights of some people at one service; `kept` is where what notices told is kept, anew each night."""

    people: Sequence[Person]
    served: NightService
    kept: Path

    def night(self, number: int, to_come: int, fault: Fault, whom: Person) -> list[PersonNight]:
        """Let a night pass.

        Args:
            number: of the night.
            to_come: how many nights come after it; the sites move one day a night.
            fault: what goes wrong.
            whom: to whose site, where it is one's.
        """
        for person in self.people:
            person.site.night(to_come)
        whom.site.refuses, whom.site.late = fault is Fault.TOKEN, fault is Fault.LATE
        if fault is Fault.SITE_AWAY:
            whom.stop()
        earlier = {run.name for run in self.served.runs.iterdir()} if self.served.runs.is_dir() else set()
        due = self._due()
        if fault in OF_THE_SERVICE:
            until(lambda: any(run.state and run.state.is_running() for run in self._runs(due)), 120, self.served.said)
            time.sleep(1)
            self.served.kill(OF_THE_SERVICE[fault])
        until(lambda: self._over(due, whom), NIGHT_SECONDS, self.served.said)
        whom.well()
        self.served.fetch()
        words = self._notices(number, earlier, datetime.now(UTC) + PATIENCE + timedelta(hours=4))
        hit = {whom.name} if fault in OF_A_SITE else {person.name for person in self.people}
        return [
            PersonNight(one.name, fault if one.name in hit else Fault.NONE, self._ended(one, due, words))
            for one in self.people
        ]

    def _due(self) -> datetime:
        """When this night's runs are due: a scheduler that looks too late makes tomorrow's, and is given more time.

        Raises:
            TimeoutError: it makes none.
        """
        for seconds in IN_SECONDS:
            due = datetime.now(UTC) + timedelta(seconds=seconds)
            with SyncPrefectClient(self.served.api) as client:
                for schedule in client.read_deployment_schedules(client.read_deployment_by_name(DEPLOYMENT).id):
                    if schedule.active:
                        soon = IntervalSchedule(interval=timedelta(days=1), anchor_date=due)
                        update_whole(client, schedule.model_copy(update={"schedule": soon}))
            with suppress(TimeoutError):
                until(lambda: len(self._runs(due)) >= len(self.people), seconds, self.served.said)  # noqa: B023
                return due
        raise TimeoutError(self.served.said())

    def _runs(self, due: datetime) -> list[FlowRun]:
        """This night's, those of a schedule and those that a late upload put off."""
        with suppress(HTTPError, PrefectHTTPStatusError), SyncPrefectClient(self.served.api) as client:
            deployment = client.read_deployment_by_name(DEPLOYMENT).id
            made = client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])))
            since, until_then = due - timedelta(seconds=2), due + timedelta(hours=12)
            return [run for run in made if run.expected_start_time and since <= run.expected_start_time <= until_then]
        return []

    def _over(self, due: datetime, whom: Person) -> bool:
        runs = self._runs(due)
        put_off = [run for run in runs if not run.auto_scheduled and run.state and run.state.is_scheduled()]
        for run in put_off:  # half an hour passes: the upload is there, and the run's time has come
            whom.site.late = False
            with suppress(HTTPError, PrefectHTTPStatusError), SyncPrefectClient(self.served.api) as client:
                client.set_flow_run_state(run.id, Scheduled(), force=True)
        of_schedules = [run for run in runs if run.auto_scheduled]
        final = all(run.state is not None and run.state.is_final() for run in runs)
        return not put_off and final and len(of_schedules) == len(self.people)

    def _notices(self, number: int, earlier: set[str], now: datetime) -> list[str]:
        """What is told once the patience with this night's runs is over.

        Of this night alone: these nights are minutes apart, and what is five minutes old counts for one that is due.
        """
        with SyncPrefectClient(self.served.api) as client:
            service = Service(expected(client, datetime.now(UTC)))
        said: list[str] = []
        runs = self.kept / str(number) / "runs"
        runs.mkdir(parents=True)
        for run in self.served.runs.iterdir():
            if run.name not in earlier and not run.name.startswith("."):
                (runs / run.name).symlink_to(run)
        Watcher(runs, said.append, self.kept / str(number) / "told").look(service, now)
        return said

    def _ended(self, person: Person, due: datetime, words: Sequence[str]) -> str:
        for run in self.served.runs.iterdir():
            manifest = json_or_none(run / "manifest.json")
            if not isinstance(manifest, dict) or manifest["options"].get("site_block") != person.name:
                continue
            if manifest["status"] == "proposal" and datetime.fromisoformat(manifest["written_at"]) >= due:
                return "proposal"
        return next((said for said in words if said.startswith(f"Autotune: no result for {person.name} ")), LOST)


def of_others(runs: Path, people: Sequence[Person]) -> list[str]:
    """Runs with records of somebody beside the person they are of; none is the promise."""
    mine = {person.name: person.ids() for person in people}
    wrong = []
    for run in runs.iterdir():
        manifest = json_or_none(run / "manifest.json")
        named = manifest["options"].get("site_block") if isinstance(manifest, dict) else None
        found = {i for file in (run / "raw").rglob("*.json") for i in _ids(json_or_none(file))}
        whose = {name for name, ids in mine.items() if found & ids}
        # A run that was killed has no manifest, and is of one person all the same.
        if len(whose) > 1 or (named is not None and not whose <= {named}):
            wrong.append(run.name)
    return wrong


def _ids(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [str(value["_id"])] if "_id" in value else [i for v in value.values() for i in _ids(v)]
    return [i for v in value for i in _ids(v)] if isinstance(value, list) else []
