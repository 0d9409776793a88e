"""A person in a browser at the page: goes by what is written on buttons, and clicks are counted."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.demo.site import Site
from tests.conftest import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext
    from playwright.sync_api import Page as Tab

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
DESK, PHONE = (900, 700), (360, 740)
PASSWORD = "the horse staples a battery"  # noqa: S105 - of a page that lives for a test
CODE = re.compile(r"one-time code: ([a-z0-9-]+)")
WAIT_MS = 60_000
MOST_TABS = 150
# Of what has the focus: its name, and whether the middle of its first line is it and nothing above it. What is drawn by
# its label alone, as a radio button of a switch, is seen where its label is.
FOCUSED = """() => {
  const it = document.activeElement, labels = [...(it.labels || [])];
  const drawn = it.offsetWidth < 4 && labels.length ? labels[0] : it, box = drawn.getClientRects()[0];
  if (it === document.body || !box) return ["", true];
  const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  const seen = at !== null && [it, ...labels].some((one) => one.contains(at) || at.contains(one));
  return [((labels[0] || it).innerText || it.value || it.name || it.tagName).trim(), seen];
}"""
RUN_MS = 300_000


@contextmanager
def browsing() -> Iterator[Browser]:
    """A Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Walker:
    """One person at one browser window.

    Attributes:
        tab: the window.
        address: of the page.
        Error: what the browser raises.
        clicks: how many were made since `counted` began.
        said: what the browser's console said, which is to be nothing.
    """

    tab: Tab
    address: str
    Error: type[Exception]
    clicks: int = 0
    said: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, browser: Browser, address: str, size: tuple[int, int] = DESK, *, script: bool = True, state: Any = None
    ) -> Walker:
        """A window of its own: no cookie of another one is in it, but those of `state`."""
        context: BrowserContext = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=script,
            storage_state=state,
            base_url=address,
        )
        context.set_default_timeout(WAIT_MS)
        from playwright.sync_api import Error

        walker = cls(context.new_page(), address, Error)
        walker.tab.on("console", lambda message: walker.said.append(message.text))
        walker.tab.on("pageerror", lambda error: walker.said.append(str(error)))
        return walker

    @property
    def path(self) -> str:
        """Where it is."""
        return self.tab.url.removeprefix(self.address)

    @property
    def text(self) -> str:
        """What the main part says."""
        return self.tab.inner_text("main")

    def click(self, words: str) -> None:
        """Click the link or button of these words, the first in the main part that is seen."""
        self.clicks += 1
        self.tab.locator(f"main >> css=a, button, summary >> visible=true >> text={words}").first.click()

    def button(self, words: str) -> None:
        """Click the button or the link that looks like one."""
        self.clicks += 1
        found = self.tab.locator("main a.button:not(.vh), main button:not(.vh)").filter(has_text=words)
        found.first.click()

    def until(self, words: str, timeout_ms: float = WAIT_MS) -> None:
        """Wait until the main part says so; without a script the page is loaded anew, as `noscript` would."""
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            try:
                if words in self.text:
                    return
            except self.Error:  # the page is just being loaded anew, or was away
                time.sleep(0.2)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{words!r} did not come at {self.path}:\n{self.text}")
            time.sleep(0.3)

    def first_start(self, code: str) -> None:
        """Set the password by the code that the start printed."""
        self.tab.goto("/")
        assert self.path == "/first"
        self.tab.fill("#f-code", code)
        for typed in self.tab.query_selector_all("input[type=password]"):
            typed.fill(PASSWORD)
        self.button("Set the password")
        self.tab.wait_for_url("**/")

    def sign_in(self) -> None:
        """Come in by the password."""
        self.tab.goto("/")
        assert self.path.startswith("/signin")
        self.tab.fill("input[type=password]", PASSWORD)
        self.button("Sign in")
        self.tab.wait_for_url("**/")

    def call(self, name: str) -> None:
        """Give the one person a name, in the settings."""
        self.tab.goto("/settings")
        self.tab.fill("input[name=name]", name)
        self.button("Save")
        self.tab.wait_for_load_state()

    def start_run(self) -> str:
        """From *People* to a run that is under way; its address."""
        self.tab.goto("/")
        self.clicks = 0
        self.button("New run")
        self.button("Start")
        self.tab.wait_for_url("**/r/*")
        return self.path

    def write(self, name: str) -> str:
        """From the report to what became of it; the address of that."""
        self.clicks = 0
        self.button("Look at this change")
        self.tab.fill("#f-name", name)
        self.button("Write it")
        self.arrive("/c/")
        return self.path

    def undo(self) -> None:
        """From what became of a change to what was there before."""
        self.button("Undo")
        self.button("Put it back")
        self.until("Put back and read back")

    def arrive(self, at: str) -> None:
        """Wait until the address begins so; else what the page said instead."""
        deadline = time.monotonic() + WAIT_MS / 1000
        while not self.path.startswith(at):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.path} and not {at}:\n{self.text}")
            self.tab.wait_for_timeout(100)

    def focus(self, wanted: str) -> None:
        """Go on by Tab until what has the focus is called so; whatever has it on the way has to be seen."""
        for _ in range(MOST_TABS):
            self.tab.keyboard.press("Tab")
            try:
                called, seen = self.tab.evaluate(FOCUSED)
            except self.Error:  # without a script a page that waits for something is loaded anew: go on there
                self.tab.wait_for_load_state()
                continue
            if not seen:  # it is on its way there: pages scroll smoothly
                self.tab.wait_for_timeout(500)
                called, seen = self.tab.evaluate(FOCUSED)
            assert seen, f"{called!r} has the focus at {self.path} and is covered or out of sight"
            if called.startswith(wanted):
                return
        raise AssertionError(f"no {wanted!r} within {MOST_TABS} steps of the keyboard at {self.path}:\n{self.text}")

    def press(self, wanted: str) -> None:
        """Do what the link or button of this name does, by the keyboard alone."""
        self.focus(wanted)
        self.tab.keyboard.press("Enter")

    def type(self, wanted: str, text: str) -> None:
        """Type into the field of this name, by the keyboard alone."""
        self.focus(wanted)
        self.tab.keyboard.type(text)

    def fits(self) -> bool:
        """Whether nothing has to be scrolled sideways."""
        return bool(self.tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))

    def picture(self, name: str) -> None:
        """What is seen without scrolling, for the docs, where `AUTOTUNE_TEST_PICTURES` names a directory."""
        if directory := os.environ.get("AUTOTUNE_TEST_PICTURES"):
            self.tab.screenshot(path=Path(directory) / f"page-{name}.png")


def one_time_code(said: Callable[[], str]) -> str:
    """That the start printed."""
    deadline = time.monotonic() + 60
    while not (found := CODE.findall(said())):
        assert time.monotonic() < deadline, said()
        time.sleep(0.3)
    return str(found[-1])


def fill_site(nightscout: Any, person: Path, scratch: Path) -> dict[str, Any]:
    """Give a Nightscout a synthetic person whose last day is yesterday; the profile document as it serves it."""
    nightscout.clear("entries", "treatments", "profile")
    scratch.mkdir(exist_ok=True)
    site, now = Site(person, scratch), datetime.now(UTC)
    nightscout.fill(site.documents("entries", now), site.documents("treatments", now))
    for document in reversed(site.documents("profile", now)):
        nightscout.post("v1/profile.json", {k: v for k, v in document.items() if k != "_id"})
    return dict(nightscout.profile_documents()[0])
