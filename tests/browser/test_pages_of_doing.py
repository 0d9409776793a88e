"""The site's pages on which something is done, in a browser: axe-core finds nothing, and no phone scrolls sideways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from flows.web.index import index_of
from flows.web.people import PersonKind
from flows.web.rendering import static_files
from flows.web.security.sessions import SignedInBy, sessions_of
from flows.web.security.tokens import MachineScope, tokens_of
from flows.web.snapshot import snapshot_of
from tests.browser.conftest import DESK, PHONE, Open
from tests.browser.test_accessible import OPTIONS
from tests.web.approving import APPROVE, NAME, Someone, no_timers, send, someone
from tests.web.conftest import URL

pytestmark = pytest.mark.browser
UNDER_WAY = "20261129-043000-dddddd"
SHOWN = {
    "approve": "to confirm",
    "approve, a wrong name": "This needs another look",
    "change under way": "Writing",
    "change": "Written and read back",
    "undo": "Put back",
    "running": "Cancel",
    "settings": "Language",
    "new person": "Nightscout",
    "access": "machine of mine",
    "health": "Health",
    "try": "Try it",
    "uploads": "upload",
    "sign in": "Set the password",
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    patch = pytest.MonkeyPatch()
    no_timers(patch)
    with someone(tmp_path_factory.mktemp("site")) as ada:
        yield dict(_texts(ada))
    patch.undo()


def _texts(ada: Someone) -> Iterator[tuple[str, str]]:
    page, get = ada.page, lambda path: ada.page.get(path).text
    yield "approve", get(APPROVE)
    wrong = send(page, APPROVE, name="Ben")
    yield "approve, a wrong name", wrong.text
    answer = send(page, APPROVE, name="Ada")
    yield "change under way", get(answer.headers["location"])
    change = ada.work(answer)
    yield "change", get(change)
    yield "undo", get(f"/r/{NAME}/undo")
    page.server.runs.insert(0, _under_way(ada))
    page.server.state(page.server.runs[0]["id"], "RUNNING")
    yield "running", get(f"/r/{UNDER_WAY}")
    snapshot_of(page.state).look()
    index_of(page.state).renew()
    yield "settings", get("/settings")
    yield "new person", page.post("/settings/people/new", {"site": "x"}).text
    tokens_of(page.state).make("machine of mine", frozenset({MachineScope.READ}))
    sessions_of(page.state).begin(SignedInBy.PASSWORD, "Firefox/1 Linux")
    yield "access", get("/settings/access")
    yield "health", get("/health")
    yield "try", get("/try")
    cem = page.state.people.add("Cem", PersonKind.UPLOADS)
    yield "uploads", get(f"/p/{cem.id}/uploads")
    page.client.cookies.clear()
    yield "sign in", get("/first")


def _under_way(ada: Someone) -> dict[str, Any]:
    deployment = ada.page.server.deployments["autotune-analysis/on-demand"]
    parameters = {"request": {"site": ada.site.url}}
    run_id = "0d0d0d0d-0d0d-4d0d-8d0d-0d0d0d0d0d0d"
    more = {"created": datetime.now(UTC).isoformat(), "deployment_id": deployment}
    return {"id": run_id, "name": UNDER_WAY, "parameters": parameters, **more}


def as_file(text: str) -> bytes:
    """As one file, its style inside, without its script: the browser of these tests has no network."""
    (style,) = [content for name, (content, _) in static_files().items() if name.endswith("/page.css")]
    bare = re.sub(r'<link rel="(?:stylesheet|icon)"[^>]*>|<script[^>]*></script>|<noscript>.*?</noscript>', "", text)
    return bare.replace("</head>", f"<style>{style.decode()}</style></head>").replace(URL, "").encode()


@pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (DESK, False)], ids=["phone", "desk"])
@pytest.mark.parametrize("name", SHOWN)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    open_page: Open, pages: dict[str, str], name: str, width: int, dark: bool
) -> None:
    assert SHOWN[name] in pages[name]
    page = open_page(as_file(pages[name]), width, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found: list[dict[str, Any]] = Axe().run(page, options=OPTIONS).response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]][:5]) for one in found] == []
