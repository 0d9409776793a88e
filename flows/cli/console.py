"""What every command of the terminal shares: exit statuses, what is said, progress, refusals. Light to import."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.values.run_directory import RunDirectory

PROPOSAL, OUR_FAULT, USAGE, REFUSED = 0, 1, 2, 3


def say(text: str) -> None:
    """A line for the person, on standard error: standard output is for the result."""
    print(text, file=sys.stderr, flush=True)


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
        raise Refused(Reason.PREFECT_ADDRESS, what="The API address in Prefect's own settings") from None
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


def refused(refusal: Any, run: RunDirectory | None, as_json: bool) -> int:
    from flows.pipeline.publish import refusal_document

    say(f"Refused: {refusal.sentence}\n         {refusal.remedy}")
    if as_json:
        print(json.dumps(refusal_document(refusal, run), indent=1, ensure_ascii=False))
    return REFUSED


def progress() -> Any:
    from flows.values.progress import listening

    return listening(_bar() if sys.stderr.isatty() else _lines)


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
            say(f"  still starting Prefect, {waited_s:g} s …")

    threading.Thread(target=lines, daemon=True).start()
    try:
        with listening(lambda *_: started.set()):
            yield
    finally:
        started.set()


def _lines(event: str, facts: dict[str, Any]) -> None:
    if event == "day":
        say(f"  day {facts['index']} of {facts['of']}: {facts['date']}")
    elif event == "repetition" and (facts["index"] == facts["of"] or facts["index"] % 25 == 0):
        say(f"  how sure: {facts['index']} of {facts['of']} computed")


def _bar() -> Callable[[str, dict[str, Any]], None]:
    width = 30

    def draw(event: str, facts: dict[str, Any]) -> None:
        if event not in ("day", "repetition"):
            return
        done = width * facts["index"] // facts["of"]
        end = "\n" if facts["index"] == facts["of"] else ""
        what = f"day {facts['index']} of {facts['of']}  {facts['date']}" if event == "day" else "how sure"
        print(f"\r  [{'█' * done}{'·' * (width - done)}] {what} ", end=end, file=sys.stderr, flush=True)

    return draw


def now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)
