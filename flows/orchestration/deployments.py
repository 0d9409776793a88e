"""The application's deployments as prefect.yaml has them; what a person changed of one on Prefect's page stays changed.

A deploy by Prefect's own command writes every field over. Here a Prefect variable keeps what the last set-up wanted:
what still is as it was wanted moves on with the application and its settings, anything else is a person's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.variables import Variable
from pydantic_core import to_jsonable_python

from flows.settings import AnalysisRequest
from flows.values.bundled import bundled

WANTED = "autotune_set_up"  # the Prefect variable: what the last set-up wanted of each deployment
ANALYSES = ("on-demand", "nightly-autotune")  # whose requests name the person of the settings
OF_WHOM = ("site", "site_block", "from_directory")
PLACEHOLDER = re.compile(r"\{\{ \$(\w+) \}\}")
DEFAULTS = {
    name: to_jsonable_python(field.get_default(call_default_factory=True))
    for name, field in AnalysisRequest.model_fields.items()
}
# Of a deployment that was made before the wishes were kept: earlier versions wrote these over each time, in words and
# ways of their own, and asked for so many days.
WRITTEN_OVER = ("description", "collision_strategy", "work_pool_name")
EARLIER_DAYS = 7
QUEUE = {"work_pool_name", "work_queue_name"}


def deploy(
    client: SyncPrefectClient, settings: Mapping[str, str], person: Mapping[str, Any], say: Callable[[str], None]
) -> None:
    """Make every deployment of prefect.yaml, or bring it up to date; schedules and pauses stay as they are.

    Args:
        client: of the server.
        settings: what fills the placeholders of prefect.yaml, by variable.
        person: fields of the requests of those deployments that analyse.
        say: is told of one that has to stay as it is.
    """
    kept = Variable.get(WANTED)
    before = kept if isinstance(kept, dict) else {}
    document = _filled_in(yaml.safe_load(bundled("prefect.yaml").read_text("utf-8")), settings)
    wishes = {}
    for described in document["deployments"]:
        name = described["name"]
        wishes[name] = wish = _wish(described, person if name in ANALYSES else {})
        flow: Flow[..., Any] = load_flow_from_entrypoint(described["entrypoint"])
        # What the application alone decides: how the deployment is run.
        fixed = {
            "version": described["version"],
            "entrypoint": described["entrypoint"],
            "pull_steps": document["pull"],
            "parameter_openapi_schema": parameter_schema(flow).model_dump(exclude_unset=True),
        }
        known: DeploymentResponse | None = None
        with suppress(ObjectNotFound):
            known = client.read_deployment_by_name(f"{flow.name}/{name}")
        if known is None:
            _make(client, client.create_flow_from_name(flow.name), name, wish, fixed)
        elif not _bring_up_to_date(client, known, before.get(name), wish, fixed):
            say(
                f"The deployment {name} stays as it is: what was changed of it on Prefect's page does not fit this "
                "version. Change its parameters there, or delete it, and start the set-up again."
            )
            wishes[name] = before.get(name) or as_found(known)
    if wishes != kept:
        Variable.set(WANTED, wishes, overwrite=True)


def merged(before: Any, found: Mapping[str, Any], wish: Mapping[str, Any]) -> dict[str, Any]:
    """What a deployment is to be: what is found as it was wanted before becomes what is wanted now, the rest stays.

    Args:
        before: what the last set-up wanted; anything but a document where that was not kept.
        found: what the server has.
        wish: what is wanted now.
    """
    if not isinstance(before, dict):
        before = _before_wishes_were_kept(found, wish)
    result = {name: wish[name] if found[name] == before.get(name) else found[name] for name in wish}
    result["parameters"] = _parameters(before.get("parameters") or {}, found["parameters"], wish["parameters"])
    return result


def _parameters(before: Mapping[str, Any], found: Mapping[str, Any], wish: Mapping[str, Any]) -> dict[str, Any]:
    requests = [values.get("request") for values in (before, found, wish)]
    if not all(isinstance(request, dict) for request in requests):
        return dict(wish if found == before else found)
    return {**found, "request": _request(*requests)}  # type: ignore[arg-type]


def _request(before: Mapping[str, Any], found: Mapping[str, Any], wish: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request, each by itself; one that was given another person's site is that person's as a whole.

    A run form sends every field with its default: a default is as good as nothing said.
    """
    if any(_said(found, name) != _said(before, name) for name in OF_WHOM):
        return dict(found)
    result = dict(found)
    for name in {**before, **found, **wish}:
        if _said(found, name) == _said(before, name) != _said(wish, name):
            result[name] = wish.get(name, DEFAULTS.get(name))
            if name not in wish:
                del result[name]
    return result


def _said(request: Mapping[str, Any], name: str) -> Any:
    value = request.get(name)
    return DEFAULTS.get(name) if value is None or value == "" else value


# --- what is wanted and what is found, in the same words --------------------------------------------------------------


def _filled_in(value: Any, settings: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled_in(each, settings) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled_in(each, settings) for each in value]
    return PLACEHOLDER.sub(lambda named: settings[named[1]], value) if isinstance(value, str) else value


def _wish(described: Mapping[str, Any], person: Mapping[str, Any]) -> dict[str, Any]:
    parameters = described["parameters"]
    if person:
        parameters = {**parameters, "request": {**parameters["request"], **person}}
    return {
        "description": described["description"],
        "tags": described["tags"],
        "parameters": parameters,
        "concurrency_limit": described["concurrency_limit"]["limit"],
        "collision_strategy": described["concurrency_limit"]["collision_strategy"],
        "work_pool_name": described["work_pool"]["name"],
        "work_queue_name": described["work_pool"]["work_queue_name"],
        "job_variables": described["work_pool"].get("job_variables") or {},
        "enforce_parameter_schema": described["enforce_parameter_schema"],
    }


def as_found(known: DeploymentResponse) -> dict[str, Any]:
    options = known.concurrency_options
    return {
        "description": known.description,
        "tags": known.tags,
        "parameters": known.parameters,
        "concurrency_limit": known.global_concurrency_limit.limit if known.global_concurrency_limit else None,
        "collision_strategy": str(options.collision_strategy.value) if options else None,
        "work_pool_name": known.work_pool_name,
        "work_queue_name": known.work_queue_name,
        "job_variables": known.job_variables or {},
        "enforce_parameter_schema": known.enforce_parameter_schema,
    }


def _before_wishes_were_kept(found: Mapping[str, Any], wish: Mapping[str, Any]) -> dict[str, Any]:
    """What an earlier version must have wanted: what the settings say is theirs, and what it wrote over each time."""
    before = {**wish, **{name: found[name] for name in WRITTEN_OVER}}
    there, request = found["parameters"].get("request"), wish["parameters"].get("request")
    if isinstance(there, dict) and isinstance(request, dict):
        told = {name: there[name] for name in request if name != "days" and there.get(name)}
        days = {"days": EARLIER_DAYS} if there.get("days") == EARLIER_DAYS else {}
        before["parameters"] = {**wish["parameters"], "request": {**request, **told, **days}}
    return before


# --- the server ------------------------------------------------------------------------------------------------------


def _make(client: SyncPrefectClient, flow: Any, name: str, wish: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
    client.create_deployment(flow, name, **_sent(wish), **fixed)


def _bring_up_to_date(
    client: SyncPrefectClient,
    known: DeploymentResponse,
    before: Any,
    wish: Mapping[str, Any],
    fixed: Mapping[str, Any],
) -> bool:
    """Send what differs and nothing else: each update has the server make the coming runs anew. `False`: it refuses."""
    found = as_found(known)
    whole = merged(before, found, wish)
    wanted = {name: value for name, value in whole.items() if value != found[name]}
    if wanted.keys() & QUEUE:  # a queue that is named alone would be looked for in another pool
        wanted |= {name: whole[name] for name in QUEUE}
    old = {name: value for name, value in fixed.items() if value != getattr(known, name)}
    if not wanted and not old:
        return True
    try:
        client.update_deployment(known.id, DeploymentUpdate(**_sent(wanted), **old))
    except PrefectHTTPStatusError as error:
        if error.response.status_code != 409:
            raise
        return False
    return True


def _sent(wish: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in wish.items() if name != "collision_strategy"}
    if "collision_strategy" in wish:
        fields["concurrency_options"] = {"collision_strategy": wish["collision_strategy"]}
    return fields
