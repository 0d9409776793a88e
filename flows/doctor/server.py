"""Checks of a Prefect server over its HTTP interface: it answers, its version, deployments, and a worker for them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.metadata import version as installed_version
from typing import Any
from uuid import uuid4

import requests

from flows.doctor.check import CheckContext, CheckResult, fail, ok, skipped, warn
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.nightscout.answers import failure_kind

TIMEOUT_S = (5, 15)
DEPLOYMENTS = (
    "autotune-analysis/on-demand",
    "autotune-analysis/nightly-autotune",
    "site-look/look",
    "notices-test/notices-test",
)
START = "`docker compose up --detach --wait`, or `autotune serve` where there is no Docker"
SET_UP = translatable("Start the service again, which sets it up: {start}.", start=START)


def server(context: CheckContext) -> CheckResult:
    """Whether the server that runs report to answers, and is of the version that is installed here."""
    api = context.prefect_api
    if not api:
        return ok(to_translate("PREFECT_API_URL is not set: runs of the command line take no server"))
    answer = _send(context, "GET", "/admin/version")
    api = _without_password(api)
    if isinstance(answer, str):
        return fail(
            translatable("Prefect's server at {api} cannot be reached: {answer}.", api=api, answer=answer),
            translatable("Start it ({start}), or correct or unset PREFECT_API_URL.", start=START),
        )
    if answer.status_code == 401:
        return fail(
            translatable("Prefect's server at {api} asks for a password.", api=api),
            to_translate(
                "Name its file with AUTOTUNE_SERVER_PASSWORD_FILE, or set PREFECT_API_AUTH_STRING to user:password."
            ),
        )
    if answer.status_code != 200:
        return fail(
            translatable("{api} answers {status_code}: it is no Prefect API.", api=api, status_code=answer.status_code),
            to_translate("It ends with /api; correct it."),
        )
    theirs, ours = str(answer.json()), installed_version("prefect")
    if theirs.split(".")[:2] != ours.split(".")[:2]:
        return warn(
            translatable("The server is Prefect {theirs}, here is {ours}.", theirs=theirs, ours=ours),
            to_translate("Upgrade both to the same version."),
        )
    return ok(translatable("Prefect {theirs} at {api}", theirs=theirs, api=api))


def when_it_answers(look: Callable[[CheckContext], CheckResult]) -> Callable[[CheckContext], CheckResult]:
    """A check that is skipped where there is no server, or it does not let us in."""

    @functools.wraps(look)
    def looked(context: CheckContext) -> CheckResult:
        answer = _send(context, "GET", "/admin/version") if context.prefect_api else ""
        there = not isinstance(answer, str) and answer.status_code == 200
        return look(context) if there else skipped(to_translate("there is no server to ask"))

    return looked


@when_it_answers
def deployments(context: CheckContext) -> CheckResult:
    """Whether the deployments are there."""
    missing = [name for name in DEPLOYMENTS if _document(context, f"/deployments/name/{name}") is None]
    if missing:
        return fail(translatable("The server does not know {missing}.", missing=", ".join(missing)), SET_UP)
    return ok(translatable("{deployments_count} are there", deployments_count=len(DEPLOYMENTS)))


@when_it_answers
def worker(context: CheckContext) -> CheckResult:
    """Whether somebody takes the runs: the deployments' work pool, and a worker that polls it."""
    known = [_document(context, f"/deployments/name/{name}") or {} for name in DEPLOYMENTS]
    pools = {str(deployment["work_pool_name"]) for deployment in known if deployment.get("work_pool_name")}
    if not pools:
        return skipped(to_translate("there is no deployment, so no pool"))
    for name, queue in sorted({(str(d.get("work_pool_name")), str(d.get("work_queue_name"))) for d in known}):
        if (_document(context, f"/work_pools/{name}/queues/{queue}") or {}).get("is_paused"):
            return fail(
                translatable(
                    "The work queue {queue} of {name} is paused: its runs do not start.", queue=queue, name=name
                ),
                translatable("Run `prefect work-queue resume {queue} --pool {name}`.", queue=queue, name=name),
            )
    for name in sorted(pools):
        if (pool := _document(context, f"/work_pools/{name}")) is None:
            return fail(translatable("The work pool {name} is not there.", name=name), SET_UP)
        if pool.get("is_paused"):
            return fail(
                translatable("The work pool {name} is paused.", name=name),
                translatable("Run `prefect work-pool resume {name}`.", name=name),
            )
        if pool.get("status") != "READY":
            return fail(
                translatable("No worker polls the work pool {name}: runs would stay Scheduled.", name=name),
                translatable("Start the service: {start}.", start=START),
            )
    return ok(translatable("a worker polls {pools}", pools=", ".join(sorted(pools))))


@when_it_answers
def limits(context: CheckContext) -> CheckResult:
    """Whether a limit is used up though nothing runs: its runs would wait for ever."""
    states = {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}
    running = ask(context, "/flow_runs/count", {"flow_runs": states})
    found = ask(context, "/v2/concurrency_limits/filter", {"limit": 200})
    if running is None or found is None:
        return skipped(to_translate("the server does not say"))
    full = [limit["name"] for limit in found if limit["active"] and limit["active_slots"] >= limit["limit"]]
    ours = sorted(name for name in full if name.startswith(("autotune-site-", "deployment:")))
    if ours and running == 0:
        return warn(
            translatable("Nothing runs, but {ours} counts as in use: runs would wait for it.", ours=", ".join(ours)),
            translatable(
                "It should be free five minutes after its run. If not: `prefect gcl update {ours} --active-slots 0`.",
                ours=ours[0],
            ),
        )
    return ok(to_translate("no limit is held by a run that is over"))


def _without_password(address: str) -> str:
    """An address as it may be shown: without the user and password before its host."""
    scheme, separator, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def _document(context: CheckContext, path: str) -> dict[str, Any] | None:
    answer = _send(context, "GET", path)
    if isinstance(answer, str) or answer.status_code != 200:
        return None
    document = answer.json()
    return document if isinstance(document, dict) else None


def ask(context: CheckContext, path: str, question: dict[str, Any]) -> Any:
    """The answer to a question by POST, `None` where there is none."""
    client = str(uuid4())
    # What a server that is protected against foreign pages wants with it.
    token = _document(context, f"/csrf-token?client={client}")
    headers = {"Prefect-Csrf-Token": str(token["token"]), "Prefect-Csrf-Client": client} if token else {}
    answer = _send(context, "POST", path, question, headers)
    return None if isinstance(answer, str) or answer.status_code != 200 else answer.json()


def _send(
    context: CheckContext,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> requests.Response | str:
    user, _, password = (context.prefect_auth or "").partition(":")
    try:
        return requests.request(
            method,
            f"{str(context.prefect_api).rstrip('/')}{path}",
            json=body,
            headers=headers,
            auth=(user, password) if user else None,
            timeout=TIMEOUT_S,
        )
    except (requests.RequestException, ValueError) as error:
        return failure_kind(error)
