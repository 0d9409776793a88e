"""What every command of the terminal shares: what is said, documents, progress. Light to import."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flows.values.visible import json_text, visible


def message(text: str) -> None:
    """A line for the person, on standard error: standard output is for the result."""
    print(visible(text), file=sys.stderr, flush=True)


def show(line: str, style: str = "") -> None:
    """A line of the result; in a style of rich on a terminal, where NO_COLOR does not forbid it."""
    if not style or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        print(visible(line))
        return
    from rich.console import Console

    Console().print(visible(line), style=style, markup=False, emoji=False, highlight=False, soft_wrap=True)


def print_document(document: Any) -> None:
    """The one JSON document on standard output."""
    print(json_text(document))


def print_either(as_json: bool, document: Any, text: str) -> None:
    """The result: as the one JSON document, or as text for a person."""
    if as_json:
        print_document(document)
    else:
        show(text)


def quiet_prefect() -> None:
    """What Prefect is told before it is imported, where the person has not said otherwise."""
    for name, value in {
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "DO_NOT_TRACK": "1",
    }.items():
        os.environ.setdefault(name, value)


def prefect_server() -> str | None:
    """The Prefect server that the environment or Prefect's profile names; none of both means one of its own.

    Raises:
        Refused: `PREFECT_ADDRESS`. Its value, which may hold a password, is in no message.
    """
    from flows.errors import Reason, Refused

    quiet_prefect()
    named = os.environ.get("PREFECT_API_URL", "")
    if named and not _is_address(named):  # before Prefect's own settings fail at it
        raise Refused(Reason.PREFECT_ADDRESS, what="PREFECT_API_URL")
    try:
        from prefect.settings import get_current_settings

        server = get_current_settings().api.url
    except ValueError:  # it does not say of which
        server = ""
    if server is not None and not _is_address(server):
        raise Refused(Reason.PREFECT_ADDRESS, what="The API address in Prefect's own settings")
    return server


def _is_address(url: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@contextmanager
def progress() -> Iterator[None]:
    """Show how far a run is: a bar on a terminal, else lines."""
    from flows.values.progress import listening

    if not sys.stderr.isatty():
        with listening(_lines):
            yield
        return
    with _bars() as draw, listening(draw):
        yield


@contextmanager
def still_starting(every_s: float = 5.0) -> Iterator[None]:
    """A line now and then until the run tells of itself: a first start takes Prefect a while."""
    import threading

    from flows.values.progress import listening

    started = threading.Event()

    def lines() -> None:
        waited_s = 0.0
        while not started.wait(every_s):
            waited_s += every_s
            message(f"  still starting Prefect, {waited_s:g} s …")

    threading.Thread(target=lines, daemon=True).start()
    try:
        with listening(lambda *_: started.set()):
            yield
    finally:
        started.set()


def told_of_waiting(event: str, facts: dict[str, Any]) -> None:
    """A line where a command waits for a site, so that nobody takes it for stuck."""
    if event == "waking":
        message(f"The site does not answer yet; it may be asleep. Waiting up to {facts['seconds']} s for it …")


def _lines(event: str, facts: dict[str, Any]) -> None:
    if event == "day":
        message(f"  day {facts['index']} of {facts['of']}: {facts['date']}")
    elif event == "repetition" and (facts["index"] == facts["of"] or facts["index"] % 25 == 0):
        message(f"  repeatability: {facts['index']} of {facts['of']} repetitions")


@contextmanager
def _bars() -> Iterator[Callable[[str, dict[str, Any]], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    bars = Progress(
        TextColumn(" "),
        BarColumn(30),
        TextColumn("{task.description}"),
        console=Console(stderr=True),
        redirect_stdout=False,
    )
    tasks: dict[str, TaskID] = {}

    def draw(event: str, facts: dict[str, Any]) -> None:
        if event not in ("day", "repetition"):
            return
        what = f"day {facts['index']} of {facts['of']}  {facts['date']}" if event == "day" else "repeatability"
        if event not in tasks:
            bars.start()
            tasks[event] = bars.add_task(what)
        bars.update(tasks[event], description=what, completed=facts["index"], total=facts["of"])

    try:
        yield draw
    finally:
        bars.stop()


def now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)
