"""A site in memory and a person at it; and a Nightscout for the tests marked `nightscout`, each against two servers.

A real one: that `AUTOTUNE_TEST_NIGHTSCOUT_URL` names, else containers of the image `AUTOTUNE_TEST_NIGHTSCOUT_IMAGE`
names (as `nightscout/cgm-remote-monitor:15.0.3`, with MongoDB), else a skip that says why. And the stand-in as 15.0.7.
"""

from __future__ import annotations

import copy
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from flows.nightscout.authentication import Credentials
from tests.conftest import docker_trouble, missing
from tests.integration.standin import API_SECRET, StandIn, standing_in
from tests.proposals import profile_document
from tests.writing import Person, person

SECRET = "integration-test-secret"  # noqa: S105
REAL, AS_15 = SERVERS = ("real", "as-15")  # what the tests marked `nightscout` run against
# For what is the same work again on the stand-in, and takes seconds.
real_only = pytest.mark.parametrize("nightscout", [REAL], indirect=True)
ADMIN = Credentials(api_secret=API_SECRET)


@pytest.fixture
def site() -> Iterator[StandIn]:
    """A site that may do harm to nobody."""
    with standing_in() as server:
        yield server
        assert server.database.harm == []


def someone_at(site: StandIn, path: Path, **document: Any) -> Person:
    """A person with a profile on the site and a proposal for it, who may write."""
    return person(path, site.url, copy.deepcopy(site.database.add_profile(profile_document(**document))), ADMIN)


@pytest.fixture
def someone(site: StandIn, memory: Path) -> Person:
    return someone_at(site, memory)


def rounding(document: dict[str, Any]) -> None:
    """A site that stores rounder numbers than it is sent."""
    for name, body in document.get("store", {}).items():
        if name.startswith("Autotune"):
            body["sens"] = [{**e, "value": round(e["value"], -1)} for e in body["sens"]]


@dataclass(frozen=True)
class Nightscout:
    """A site under test, with its API secret and what tests need to fill it."""

    url: str
    api_secret: str
    real: bool = True

    @property
    def headers(self) -> dict[str, str]:
        return {"api-secret": hashlib.sha1(self.api_secret.encode()).hexdigest()}  # noqa: S324

    def post(self, path: str, documents: Any) -> Any:
        answer = requests.post(f"{self.url}/api/{path}", json=documents, headers=self.headers, timeout=120)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.json()

    def needs_its_own_code(self) -> None:
        """For what only Nightscout's own code can say."""
        if not self.real:
            pytest.skip("the stand-in has none of Nightscout's own code")

    def clear(self, *collections: str) -> None:
        queries = {"entries": "find[date][$gte]=0", "treatments": "find[created_at][$gte]=2000-01-01"}
        for name in collections:
            if name == "profile":
                for old in self.profile_documents():
                    answer = requests.delete(
                        f"{self.url}/api/v1/profile/{old['_id']}", headers=self.headers, timeout=30
                    )
                    assert answer.status_code == 200, (name, answer.status_code)
                continue
            answer = requests.delete(
                f"{self.url}/api/v1/{name}.json?{queries[name]}&count=1000000", headers=self.headers, timeout=120
            )
            assert answer.status_code == 200, (name, answer.status_code)

    def profile_documents(self) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.url}/api/v1/profile.json?count=0", headers=self.headers, timeout=30)
        return list(answer.json())

    def fill(self, entries: list[Any], treatments: list[Any]) -> None:
        """Post in pieces, without the ids: the server gives its own."""
        for path, records in (("v1/entries.json", entries), ("v1/treatments.json", treatments)):
            for at in range(0, len(records), 500):
                piece = [{k: v for k, v in r.items() if k != "_id"} for r in records[at : at + 500]]
                self.post(path, piece)

    def token(self, name: str, permissions: list[str]) -> str:
        """An access token with just these permissions."""
        self.post("v2/authorization/roles", {"name": f"role-{name}", "permissions": permissions})
        self.post("v2/authorization/subjects", {"name": name, "roles": [f"role-{name}"]})
        subjects = requests.get(f"{self.url}/api/v2/authorization/subjects", headers=self.headers, timeout=30).json()
        return str(next(s["accessToken"] for s in subjects if s["name"] == name))


@pytest.fixture(scope="session", params=SERVERS)
def open_nightscout(request: pytest.FixtureRequest) -> Iterator[Nightscout]:
    """A site that anyone may read, which shows mmol/L: the one `AUTOTUNE_TEST_NIGHTSCOUT_OPEN_URL` names; and as 15."""
    if request.param == AS_15:
        with standing_in("15.0.7", secret=SECRET, open_to_all=True) as server:
            yield Nightscout(server.url, SECRET, real=False)
        return
    url = os.environ.get("AUTOTUNE_TEST_NIGHTSCOUT_OPEN_URL")
    if not url:
        missing("nightscout", "AUTOTUNE_TEST_NIGHTSCOUT_OPEN_URL names no site that anyone may read")
    yield Nightscout(str(url), os.environ.get("AUTOTUNE_TEST_NIGHTSCOUT_SECRET", SECRET))


@pytest.fixture(scope="session", params=SERVERS)
def nightscout(request: pytest.FixtureRequest) -> Iterator[Nightscout]:
    """A Nightscout with an empty database, closed to those without credentials: a real one, then the stand-in as 15."""
    if request.param == AS_15:
        with standing_in("15.0.7", secret=SECRET, sleep=lambda s: time.sleep(s / 100)) as server:
            yield Nightscout(server.url, SECRET, real=False)
        return
    url = os.environ.get("AUTOTUNE_TEST_NIGHTSCOUT_URL")
    if url:
        yield Nightscout(url, os.environ.get("AUTOTUNE_TEST_NIGHTSCOUT_SECRET", SECRET))
        return
    image = os.environ.get("AUTOTUNE_TEST_NIGHTSCOUT_IMAGE")
    if not image:
        names = "AUTOTUNE_TEST_NIGHTSCOUT_URL names no Nightscout and AUTOTUNE_TEST_NIGHTSCOUT_IMAGE no image of one"
        missing("nightscout", names)
    if reason := docker_trouble():
        missing("nightscout", f"no Nightscout can be started: {reason}")
    yield from _in_containers(str(image))


def _in_containers(image: str) -> Iterator[Nightscout]:
    from docker.errors import APIError, ImageNotFound
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.network import Network

    try:
        with (
            Network() as network,
            DockerContainer("mongo:6").with_network(network).with_network_aliases("mongo"),
            DockerContainer(image)
            .with_network(network)
            .with_env("MONGO_CONNECTION", "mongodb://mongo:27017/ns")
            .with_env("API_SECRET", SECRET)
            .with_env("AUTH_DEFAULT_ROLES", "denied")
            .with_env("AUTH_FAIL_DELAY", "50")
            .with_env("INSECURE_USE_HTTP", "true")
            .with_exposed_ports(1337) as site,
        ):
            url = f"http://{site.get_container_host_ip()}:{site.get_exposed_port(1337)}"
            _wait(url)
            yield Nightscout(url, SECRET)
    except (ImageNotFound, APIError) as error:
        missing("nightscout", f"the Nightscout image cannot be had ({type(error).__name__})")


def _wait(url: str) -> None:
    for _ in range(240):
        try:
            requests.get(f"{url}/api/v1/status.json", timeout=5)
        except requests.RequestException:
            time.sleep(0.5)
        else:
            return
    raise TimeoutError("Nightscout did not come up")
