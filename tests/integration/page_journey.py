"""From the first start to a change that is written, read back and undone, in a browser, with a real Nightscout.

One service of this machine (`autotune serve`) for all of it, in the order in which a person comes to it.

    AUTOTUNE_TEST_NIGHTSCOUT_URL=http://127.0.0.1:1337 pytest tests/integration/page_journey.py     # four minutes

Not part of `make test`, for its time. `AUTOTUNE_TEST_PICTURES` names a directory for pictures of the pages.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from flows.nightscout.permissions import READING, SWITCHING_PROFILES, WRITING_PROFILES
from flows.writeback.active_on_site import profile_content
from tests.conftest import ROOT, browser_trouble, missing
from tests.integration.conftest import Nightscout, real_only
from tests.journeys.walker import PASSWORD, PHONE, RUN_MS, WAIT_MS, Walker, browsing, fill_site, one_time_code
from tests.nights.service import Serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.nightscout, pytest.mark.oref0]
PERSON = ROOT / "fixtures" / "careportal_mdi"
NAME = "Ada"
SERVER_PASSWORD = "of-prefect-" + secrets.token_hex(8)


@dataclass
class Journey:
    """The service, the site, and a browser at the page."""

    service: Serve
    site: Nightscout
    before: dict[str, Any]
    browser: Browser

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.service.page_port}"

    def documents(self) -> list[dict[str, Any]]:
        return self.site.profile_documents()

    def newest_says(self, document: dict[str, Any]) -> bool:
        return bool(profile_content(self.documents()[0]) == profile_content(document))


@pytest.fixture(scope="module")
def journey(nightscout: Nightscout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """A service whose settings name the site, as `autotune setup` writes them."""
    if reason := browser_trouble():
        missing("browser", reason)
    base = tmp_path_factory.mktemp("journey")
    before = fill_site(nightscout, PERSON, base / "site")
    service = Serve(base / "serve")
    for name, permissions in (("reads", READING), ("writes", (*WRITING_PROFILES, *SWITCHING_PROFILES))):
        token = nightscout.token(f"{name}-{base.name}", sorted(set(permissions)))
        (service.base / name).write_text(token + "\n", "utf-8")
    told = {
        "POLL_SECONDS": "1",
        "NIGHTSCOUT_SITE": nightscout.url,
        "NIGHTSCOUT_TOKEN_FILE": service.base / "reads",
        "NIGHTSCOUT_WRITE_TOKEN_FILE": service.base / "writes",
        "AGE_GROUP": "teenager",
        "INSULIN": "rapid-acting",
        "SERVER_PASSWORD_FILE": service.base / "password",
    }
    (service.base / "password").write_text(SERVER_PASSWORD + "\n", "utf-8")
    (service.base / ".env").write_text("".join(f"AUTOTUNE_{k}={v}\n" for k, v in told.items()), "utf-8")
    service.start()
    try:
        with browsing() as browser:
            yield Journey(service, nightscout, before, browser)
    finally:
        service.stop()
        assert SERVER_PASSWORD not in service.log.read_text()


@pytest.fixture(scope="module")
def at_desk(journey: Journey) -> Walker:
    """Who starts it first, and calls the one person Ada."""
    walker = Walker.of(journey.browser, journey.address)
    walker.first_start(one_time_code(journey.service.said))
    walker.call(NAME)
    return walker


@pytest.fixture(scope="module")
def report(journey: Journey, at_desk: Walker) -> str:
    """The address of a report, of a run in the middle of which the server and the page were killed."""
    address = at_desk.start_run()
    assert at_desk.clicks <= 3
    at_desk.until("Repetitions say how sure each number is")
    children = journey.service.children()
    for what in ("server", "page"):
        os.kill(children[what], signal.SIGKILL)
    time.sleep(1)
    deadline = time.monotonic() + RUN_MS / 1000
    while "The step to take now" not in at_desk.text:
        assert time.monotonic() < deadline, at_desk.text
        time.sleep(2)
        try:
            at_desk.tab.goto(address)  # signed in still: sessions outlive the process
        except Exception:  # noqa: BLE001 - the page is being started again
            continue
    return address


@real_only
def test_a_run_is_three_clicks_away_and_outlives_the_server_and_the_page(report: str, at_desk: Walker) -> None:
    assert at_desk.path == report
    assert "Look at this change" in at_desk.text
    at_desk.picture("report")


@pytest.fixture(scope="module")
def on_the_phone(journey: Journey, at_desk: Walker) -> Walker:
    """The same person with a small window, no script and no mouse."""
    walker = Walker.of(journey.browser, journey.address, PHONE, script=False)
    walker.tab.goto("/")
    walker.type("Password", PASSWORD)
    walker.tab.keyboard.press("Enter")
    walker.until(NAME)
    return walker


@pytest.fixture(scope="module")
def nobody_writes(journey: Journey, at_desk: Walker, on_the_phone: Walker, report: str) -> Iterator[str]:
    """What became of an approval while the worker that writes stood still; a second run is started meanwhile."""
    worker = journey.service.children()["apply-worker"]
    os.kill(worker, signal.SIGSTOP)
    try:
        at_desk.tab.goto(report)
        change = at_desk.write(NAME)
        at_desk.until("It waits to be taken up")
        on_the_phone.tab.goto("/")
        on_the_phone.press("New run")
        on_the_phone.press("Start")
        on_the_phone.arrive("/r/")
        at_desk.until("Not written: nothing took it up", 2 * WAIT_MS)
    finally:
        os.kill(worker, signal.SIGCONT)
    yield change


@real_only
def test_prefects_api_answers_who_has_its_password(journey: Journey, report: str) -> None:
    service = journey.service
    known = ("autotune", SERVER_PASSWORD)
    for path, auth, status in (("admin/version", None, 401), ("health", None, 200), ("admin/version", known, 200)):
        assert requests.get(f"{service.api}/{path}", auth=auth, timeout=30).status_code == status, path
    told = {"AUTOTUNE_RUNS": str(service.runs), "AUTOTUNE_SERVER_PASSWORD_FILE": str(service.base / "password")}
    for words in ("nights", "doctor"):
        said = subprocess.run(
            [sys.executable, "-m", "flows.cli", words],
            cwd=service.base,
            env={**service.environment, **told, "PREFECT_API_URL": service.api},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert said.returncode == 0, said.stdout + said.stderr
        assert SERVER_PASSWORD not in said.stdout + said.stderr


@real_only
def test_an_approval_that_nobody_takes_up_is_withdrawn_and_never_written(
    journey: Journey, at_desk: Walker, on_the_phone: Walker, nobody_writes: str
) -> None:
    on_the_phone.until("The step to take now", RUN_MS)  # longer than the worker needs to take up what waits
    at_desk.tab.goto(nobody_writes)
    assert "Not written: nothing took it up" in at_desk.text
    assert journey.newest_says(journey.before)


@real_only
@pytest.mark.usefixtures("nobody_writes")
def test_two_who_write_at_once_write_once_and_it_is_undone(
    journey: Journey, at_desk: Walker, on_the_phone: Walker
) -> None:
    """One of them with two clicks and the name, the other by the keyboard of a phone without a script."""
    there = len(journey.documents())
    at_desk.tab.goto(on_the_phone.path)
    at_desk.clicks = 0
    at_desk.button("Look at this change")
    on_the_phone.press("Look at this change")
    for one in (at_desk, on_the_phone):
        one.until("Type Ada to confirm")
    at_desk.picture("approve")
    assert on_the_phone.fits()
    at_desk.tab.fill("#f-name", NAME)
    on_the_phone.type("Type Ada to confirm", NAME)
    on_the_phone.press("Write it")
    at_desk.button("Write it")
    assert at_desk.clicks <= 2
    both = [on_the_phone, at_desk]
    for one in both:
        one.until("Back to the report")
    did, did_not = sorted(both, key=lambda one: "Written and read back" not in one.text)
    assert "It is not active yet" in did.text
    assert "There was nothing to do" in did_not.text
    did.picture("change")
    written, *before = journey.documents()
    assert len(before) == there
    assert set(written["store"]) - set(journey.before["store"])
    assert written["defaultProfile"] == journey.before["defaultProfile"]
    on_the_phone.tab.goto(did.path)
    on_the_phone.press("Undo")
    on_the_phone.press("Put it back")
    on_the_phone.until("Put back and read back")
    assert on_the_phone.fits()
    assert journey.newest_says(journey.before)
