"""As much of Prefect's HTTP interface as the page asks, in memory: for what a page says, not what Prefect does.

What the page sends to a real server is tested against one (tests/flows/test_page_server.py).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

DEPLOYMENTS = (
    "autotune-analysis/on-demand",
    "autotune-analysis/nightly-autotune",
    "profile-sync/apply",
    "profile-rollback/rollback",
    "site-look/look",
    "notices-test/notices-test",
)


class FakeServer(httpx.MockTransport):
    """Deployments, runs, artifacts, blocks, pools; `away` and it answers nothing; `lost` answers of starts are lost."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.away = False
        self.lost = 0
        self.ready = {"autotune", "autotune-apply"}
        self.deployments = {name: str(uuid4()) for name in DEPLOYMENTS}
        self.runs: list[dict[str, Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []
        self.blocks: list[dict[str, Any]] = []
        self.schedules: list[dict[str, Any]] = []
        self.documents: dict[str, Any] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self._keys: dict[str, dict[str, Any]] = {}

    def state(self, run_id: str, kind: str, name: str = "", message: str = "") -> None:
        """Put a run into a state."""
        run = next(run for run in self.runs if run["id"] == run_id)
        run["state_type"], run["state_name"] = kind, name or kind.capitalize()
        run["state"] = {"type": kind, "name": run["state_name"], "message": message}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("away")
        path = request.url.path.removeprefix("/api")
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, path, body))
        found = self._found(request.method, path, body)
        if path.endswith("/create_flow_run") and self.lost:
            self.lost -= 1
            raise httpx.ReadTimeout("no answer")
        return httpx.Response(404, json={"detail": "Not found"}) if found is None else httpx.Response(200, json=found)

    def _found(self, method: str, path: str, body: Any) -> Any:
        if method == "GET" and path in self.documents:
            return self.documents[path]
        if path == "/csrf-token":
            return {"token": "fake"}
        if path.startswith("/deployments/name/"):
            known = self.deployments.get(path.removeprefix("/deployments/name/"))
            own = {"schedules": self.schedules} if path.endswith("nightly-autotune") else {}
            return {"id": known, "work_pool_name": "autotune", **own} if known else None
        if "/schedules" in path:
            return self._scheduled(method, path, body)
        if path.startswith("/block_types/slug/") and "/block_documents/name/" in path:
            return next((block for block in self.blocks if block["name"] == path.rpartition("/")[2]), None)
        if path.startswith("/block_types/slug/"):
            return {"id": "type"}
        if path == "/block_schemas/filter":
            return [{"id": "schema"}]
        if path == "/block_documents/":
            self.blocks.append({"id": str(uuid4()), **body})
            return self.blocks[-1]
        if path.startswith("/block_documents/") and method == "DELETE":
            self.blocks = [block for block in self.blocks if block["id"] != path.rpartition("/")[2]]
            return {}
        if path.endswith("/create_flow_run"):
            return self._start(path.split("/")[2], body)
        if path.startswith("/deployments/") and method == "GET":
            return {"id": path.split("/")[2], "work_pool_name": "autotune"}
        if path == "/task_runs/filter":
            return self.tasks
        if path == "/flow_runs/filter" and "parent_flow_run_id" in (body.get("flow_runs") or {}):
            return []
        if path == "/flow_runs/filter":
            return self._runs(body)
        if path.endswith("/set_state"):
            self.state(path.split("/")[2], body["state"]["type"])
            return {"status": "ACCEPT"}
        if path.startswith("/flow_runs/"):
            return next((run for run in self.runs if run["id"] == path.split("/")[2]), None)
        if path == "/artifacts/filter":
            wanted = set(body["artifacts"]["flow_run_id"]["any_"])
            return [artifact for artifact in self.artifacts if artifact["flow_run_id"] in wanted]
        if path.startswith("/work_pools/"):
            name = path.removeprefix("/work_pools/")
            return {"name": name, "status": "READY" if name in self.ready else "NOT_READY", "is_paused": False}
        if path == "/block_documents/filter":
            return self.blocks
        return None

    def _scheduled(self, method: str, path: str, body: Any) -> Any:
        if method == "POST":
            self.schedules += [{"id": str(uuid4()), **one} for one in body]
            return self.schedules
        known = next(one for one in self.schedules if one["id"] == path.rsplit("/", 1)[1])
        known.clear()  # as Prefect 3.9.1: what an update leaves out is dropped
        known |= {"id": path.rsplit("/", 1)[1], **body}
        return {}

    def _start(self, deployment: str, body: dict[str, Any]) -> dict[str, Any]:
        key = body.get("idempotency_key") or str(uuid4())
        if key not in self._keys:
            run = {
                "id": str(uuid4()),
                "name": body.get("name") or "fake-run",
                "deployment_id": deployment,
                "parameters": body["parameters"],
                "created": datetime.now(UTC).isoformat(),
            }
            self.runs.insert(0, run)
            self.state(run["id"], "SCHEDULED")
            self._keys[key] = run
        return self._keys[key]

    def _runs(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = body.get("flow_runs") or {}
        names = set((wanted.get("name") or {}).get("any_") or [run["name"] for run in self.runs])
        states = ((wanted.get("state") or {}).get("type") or {}).get("any_")
        found = [r for r in self.runs if r["name"] in names and (states is None or r["state_type"] in states)]
        return found[: body.get("limit", 50)]
