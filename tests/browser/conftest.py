"""A headless Chromium, and pages opened in it that may load nothing and say nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import browser_trouble, chromium, missing

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE, DESK = 360, 1100
Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """One browser for a module's tests, with a profile of its own and no network.

    Not for the session: while Playwright is on, its event loop runs in this thread, and Prefect's calls, finding one,
    give coroutines that nobody awaits.
    """
    if reason := browser_trouble():
        missing("browser", reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("chromium"),
            executable_path=chromium(),
            headless=True,
            args=list(FLAGS),
            offline=True,
        )
        yield context
        context.close()


@pytest.fixture(scope="module")
def opened_pages(browser: BrowserContext, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Open, list[str]]]:
    """Opens each page once, and hears what it says or asks for."""
    directory, heard = tmp_path_factory.mktemp("pages"), []
    pages: dict[bytes, Page] = {}

    def opened(html: bytes) -> Page:
        if html in pages:
            return pages[html]
        path = directory / f"page-{len(pages)}.html"
        path.write_bytes(html)
        page = pages[html] = browser.new_page()
        page.on("console", lambda message: heard.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: heard.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda asked: asked.url != path.as_uri() and heard.append(f"request: {asked.url[:80]}"))
        page.goto(path.as_uri())
        return page

    yield opened, heard
    for page in pages.values():
        page.close()


@pytest.fixture
def open_page(opened_pages: tuple[Open, list[str]]) -> Iterator[Open]:
    """Opens a page; the test fails when it asks for anything, logs anything, or lets a script do anything."""
    open_once, heard = opened_pages
    heard.clear()

    def opened(
        html: bytes, width: int = DESK, *, dark: bool = False, media: str = "screen", all_open: bool = False
    ) -> Page:
        page = open_once(html)
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme="dark" if dark else "light", media=media)
        ask(
            page,
            """open => {
              document.querySelectorAll('details').forEach(d => { d.open = open });
              document.querySelector('input[checked]')?.click();
              document.activeElement.blur();
              scrollTo(0, 0);
            }""",
            all_open,
        )
        return page

    yield opened
    assert heard == []


def ask(page: Page, script: str, *arguments: Any) -> Any:
    """What a function in the page returns."""
    return page.evaluate(script, *arguments)
