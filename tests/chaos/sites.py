"""The servers that chaos runs against: the stand-in as 15.0.7 in this process, or a real Nightscout by its address."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from flows.nightscout.authentication import Credentials
from flows.nightscout.documents import Record
from tests.chaos.drive import Site
from tests.integration.conftest import Nightscout
from tests.integration.standin import API_SECRET, standing_in


@contextlib.contextmanager
def stand_in(version: str) -> Iterator[tuple[Site, dict[str, str]]]:
    """The stand-in, and the headers of another client."""
    with standing_in(version) as server:

        def fill(document: Record, switches: list[Record]) -> Record:
            server.database.profiles.clear()
            server.database.treatments.clear()
            server.database.requests.clear()
            server.delivered.clear()
            for switch in switches:
                server.database.add_treatment(switch)
            return dict(server.database.add_profile({k: v for k, v in document.items() if k != "_id"}))

        headers = Nightscout(server.url, API_SECRET).headers
        yield Site(server.url, Credentials(api_secret=API_SECRET), fill), headers
        if harm := [h for h in server.database.harm if h]:
            raise AssertionError(f"requests that do harm to a server: {harm}")


def real(url: str, secret: str) -> tuple[Site, dict[str, str]]:
    """A real server; everything on it is deleted."""
    nightscout = Nightscout(url, secret)

    def fill(document: Record, switches: list[Record]) -> Record:
        nightscout.clear("treatments", "profile")
        nightscout.post("v1/profile.json", {k: v for k, v in document.items() if k != "_id"})
        for switch in switches:
            nightscout.post("v1/treatments.json", switch)
        (stored,) = nightscout.profile_documents()
        return stored

    return Site(url, Credentials(api_secret=secret), fill), nightscout.headers
