"""Prefect's server over its HTTP interface: what the page starts, cancels and watches. Knows no page.

Every answer is asked for within seconds; a server that does not answer is `ServerAway`, never an empty list.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import httpx

ANSWER_S = httpx.Timeout(5.0, connect=2.0)
START = "autotune-analysis/on-demand"
APPLY, ROLLBACK = "profile-sync/apply", "profile-rollback/rollback"
NIGHTLY = "autotune-analysis/nightly-autotune"
BLOCK_TYPE = "nightscout-site"
# Its database was locked by another request, or it has too much to do: nothing was done, and it says to ask again.
BUSY = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})
BUSY_PAUSES_S = (0.1, 0.2, 0.4, 0.8)
# It was never asked: there was no connection.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
ENDED = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
WAITING = frozenset({"SCHEDULED", "PENDING"})
WANTS_PASSWORD = "it asks for a password (PREFECT_API_AUTH_STRING)"  # noqa: S105 - a sentence


class ServerAway(Exception):
    """Prefect's server does not answer, or not as Prefect does.

    Attributes:
        why: holds no address and no secret.
        may_be_done: whether what was asked for may have been done, and only the answer was lost.
    """

    def __init__(self, why: str, *, may_be_done: bool = False) -> None:
        super().__init__(why)
        self.why, self.may_be_done = why, may_be_done


@dataclass(frozen=True)
class ServerRun:
    """A flow run as the server has it."""

    id: UUID
    name: str
    deployment_id: str | None
    state_type: str
    state_name: str
    message: str
    request: dict[str, Any]
    run_path: str | None
    expected: datetime | None
    began: datetime | None
    ended_at: datetime | None
    created: datetime | None

    @property
    def ended(self) -> bool:
        """Whether nothing comes after this state."""
        return self.state_type in ENDED

    @property
    def waiting(self) -> bool:
        """Whether no worker has begun it."""
        return self.state_type in WAITING


class PrefectServer:
    """A server's interface.

    Args:
        api: its address, ending with /api.
        auth: `user:password`, where it wants one.
        transport: for tests.
    """

    def __init__(self, api: str, auth: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        user, _, password = (auth or "").partition(":")
        self._client = httpx.Client(
            base_url=api,
            auth=(user, password) if user else None,
            timeout=ANSWER_S,
            transport=transport,
            trust_env=False,  # no proxy of the environment is asked for the service's own server
        )
        self._name = str(uuid4())
        self._token: str | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # --- runs

    def start(
        self,
        deployment: str,
        request: dict[str, Any] | None,
        *,
        key: str,
        name: str | None = None,
        run_path: str | None = None,
        **more: str,
    ) -> ServerRun:
        """Start a run of a deployment; a second start with the same key is the same run.

        Args:
            deployment: `FLOW/NAME`.
            request: the run's `request`; `None` of a flow that has none.
            key: of whoever asks, such as a form's random id.
            name: of the run.
            run_path: its run directory, where it is to have a certain one.
            more: further parameters of its flow.

        Raises:
            ServerAway: nothing was started; where it `may_be_done`, nobody knows.
        """
        known = self._document(f"/deployments/name/{deployment}")
        if known is None:
            raise ServerAway("it does not know the deployment: the service is not set up")
        own = {"request": request, "run_path": run_path or None}
        parameters = {**{name: value for name, value in own.items() if value is not None}, **more}
        asked = {
            "parameters": parameters,
            "idempotency_key": key,
            "enforce_parameter_schema": True,
            **({"name": name} if name else {}),
        }
        path = f"/deployments/{known['id']}/create_flow_run"
        try:
            return _run(self._post(path, asked))
        except ServerAway as away:
            if not away.may_be_done:
                raise
        try:  # with the same key nothing is started twice: it says what became of the first
            return _run(self._post(path, asked))
        except ServerAway as away:
            raise ServerAway(away.why, may_be_done=True) from None

    def run(self, run_id: UUID) -> ServerRun | None:
        """A run by its id."""
        found = self._document(f"/flow_runs/{run_id}")
        return _run(found) if found else None

    def is_of(self, run: ServerRun, deployment: str) -> bool:
        """Whether a run is of a deployment, `FLOW/NAME`."""
        known = self._document(f"/deployments/name/{deployment}")
        return known is not None and run.deployment_id == known["id"]

    def runs(
        self, *, names: list[str] | None = None, states: list[str] | None = None, limit: int = 50
    ) -> list[ServerRun]:
        """Runs by their names or their states' types, the newest first."""
        wanted: dict[str, Any] = {}
        if names is not None:
            wanted["name"] = {"any_": names}
        if states is not None:
            wanted["state"] = {"type": {"any_": states}}
        question = {"flow_runs": wanted, "sort": "EXPECTED_START_TIME_DESC", "limit": limit}
        return [_run(found) for found in self._post("/flow_runs/filter", question)]

    def run_named(self, name: str) -> ServerRun | None:
        """The newest run of a name: of a run that the page started, its run directory's."""
        return next(iter(self.runs(names=[name], limit=1)), None)

    def cancel(self, run_id: UUID) -> None:
        """Ask for a run's end; one that no worker has begun ends at once."""
        run = self.run(run_id)
        if run is None or run.ended:
            return
        state = "CANCELLED" if run.waiting else "CANCELLING"
        wanted = {"state": {"type": state, "message": "Cancelled on the page."}, "force": False}
        self._post(f"/flow_runs/{run_id}/set_state", wanted)

    def withdraw(self, run_id: UUID) -> None:
        """Cancel a run that no worker has taken up; one that a worker has is left to its end."""
        run = self.run(run_id)
        if run is None or run.state_type != "SCHEDULED":
            return
        wanted = {"state": {"type": "CANCELLED", "message": "No worker took it up."}, "force": False}
        self._post(f"/flow_runs/{run_id}/set_state", wanted)

    def progress(self, run_id: UUID) -> dict[str, float]:
        """How far a run's steps are, in percent by the key of their artifact."""
        question = {
            "artifacts": {"flow_run_id": {"any_": [str(run_id)]}, "type": {"any_": ["progress"]}},
            "sort": "UPDATED_DESC",
            "limit": 20,
        }
        found: dict[str, float] = {}
        for artifact in self._post("/artifacts/filter", question):
            if isinstance(artifact.get("data"), int | float):
                found.setdefault(str(artifact.get("key")), float(artifact["data"]))
        return found

    def worker_listens(self, pool: str) -> bool:
        """Whether a worker polls a work pool now, so that a run would be begun."""
        known = self._document(f"/work_pools/{pool}")
        return known is not None and known.get("status") == "READY" and not known.get("is_paused")

    # --- saved sites and schedules

    def saved_sites(self) -> dict[str, dict[str, Any]]:
        """What is no secret of every saved Nightscout site, by its block's name: `url`, `timezone`, `options`, …"""
        question = {
            "block_documents": {"is_anonymous": {"eq_": False}},
            "block_types": {"slug": {"any_": [BLOCK_TYPE]}},
            "include_secrets": False,
            "limit": 200,
        }
        return {str(block["name"]): block["data"] for block in self._post("/block_documents/filter", question)}

    def get(self, path: str) -> dict[str, Any] | None:
        """A document by its path; `None` where there is none."""
        return self._document(path)

    def post(self, path: str, question: dict[str, Any]) -> Any:
        """The answer to a question or a change by POST."""
        return self._post(path, question)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """As `post`, by another method; `None` where the answer has no document."""
        answer = self._send(method, path, body)
        return answer.json() if answer.content else None

    # --- one request

    def _document(self, path: str) -> dict[str, Any] | None:
        answer = self._send("GET", path, None, allowed=(HTTPStatus.NOT_FOUND,))
        found = answer.json() if answer.status_code == HTTPStatus.OK else None
        return found if isinstance(found, dict) else None

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._send("POST", path, body).json()

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None, allowed: tuple[HTTPStatus, ...] = ()
    ) -> httpx.Response:
        renewed = anew = False
        for pause_s in (*BUSY_PAUSES_S, None):
            headers = self._csrf(anew=anew) if method != "GET" else {}
            renewed, anew = renewed or anew, False
            try:
                answer = self._client.request(method, path, json=body, headers=headers)
            except httpx.HTTPError as error:
                sent = method != "GET" and not isinstance(error, NOT_SENT)
                raise ServerAway(_why(error), may_be_done=sent) from None
            if answer.status_code == HTTPStatus.FORBIDDEN and not renewed:  # the token ran out, or the server is new
                anew = True
            elif answer.status_code in BUSY and pause_s is not None:
                time.sleep(pause_s)
            else:
                break
        if answer.is_success or answer.status_code in allowed:
            return answer
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise ServerAway(WANTS_PASSWORD)
        broken = answer.is_server_error and answer.status_code not in BUSY
        raise ServerAway(f"it answers {answer.status_code}", may_be_done=method != "GET" and broken)

    def _csrf(self, *, anew: bool) -> dict[str, str]:
        """What a server that is protected against foreign pages wants with a change."""
        with self._lock:
            if self._token is None or anew:
                try:
                    answer = self._client.get("/csrf-token", params={"client": self._name})
                except httpx.HTTPError as error:
                    raise ServerAway(_why(error)) from None
                if answer.status_code == HTTPStatus.UNAUTHORIZED:
                    raise ServerAway(WANTS_PASSWORD)
                self._token = str(answer.json()["token"]) if answer.status_code == HTTPStatus.OK else ""
            return {"Prefect-Csrf-Token": self._token, "Prefect-Csrf-Client": self._name} if self._token else {}


def _why(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it does not answer in time"
    return "it cannot be reached" if isinstance(error, httpx.TransportError) else type(error).__name__


def _run(found: dict[str, Any]) -> ServerRun:
    state = found.get("state") or {}
    parameters = found.get("parameters") or {}
    request = parameters.get("request")
    began, ended_at = _time(found.get("start_time")), _time(found.get("end_time"))
    if began == ended_at:
        began = None  # Prefect gives a run that ended before it began its end as its beginning
    return ServerRun(
        id=UUID(str(found["id"])),
        name=str(found.get("name") or ""),
        deployment_id=found.get("deployment_id"),
        state_type=str(found.get("state_type") or state.get("type") or "SCHEDULED"),
        state_name=str(found.get("state_name") or state.get("name") or ""),
        message=str(state.get("message") or ""),
        request=request if isinstance(request, dict) else {},
        run_path=parameters.get("run_path"),
        expected=_time(found.get("expected_start_time")),
        began=began,
        ended_at=ended_at,
        created=_time(found.get("created")),
    )


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
