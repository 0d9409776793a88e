"""Which Prefect server a command takes, if any, and whether it answers. Prefect itself is imported late."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.cli.console import message
from flows.language.catalogue import to_translate

ANSWER_S = (5, 15)
UNAUTHORIZED = 401
WANTS_PASSWORD = to_translate(
    "it asks for a password, name its file with AUTOTUNE_SERVER_PASSWORD_FILE, or set PREFECT_API_AUTH_STRING"
)


def server_to_use() -> str | None:
    """The server that is named, where it answers; `None` where none is named, which is found without Prefect.

    Raises:
        Refused: `PREFECT_ADDRESS`; `PREFECT_UNREACHABLE`: nothing answers there, or not without its password.
    """
    if not ("prefect.settings" in sys.modules or may_be_named()):
        return None  # importing Prefect costs as much as the rest of a short run
    if (server := prefect_server()) is not None:
        _check_answers(server)
    return server


def may_be_named() -> bool:
    """Whether the environment or a file that Prefect reads could name a server; only Prefect knows whether one does."""
    if any(value and name.upper() in ("PREFECT_API_URL", "PREFECT_PROFILE") for name, value in os.environ.items()):
        return True
    home = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect")
    profiles = Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml")
    here = {".env": "PREFECT_", "prefect.toml": "", "pyproject.toml": "tool.prefect"}
    return _holds(profiles, "PREFECT_") or any(_holds(Path(file), word) for file, word in here.items())


def _holds(file: Path, word: str) -> bool:
    try:
        return word.upper() in file.read_text("utf-8", errors="replace").upper()
    except OSError:
        return False


def _check_answers(server: str) -> None:
    import requests
    from prefect.settings import get_current_settings

    from flows.errors import Reason, Refused
    from flows.nightscout.answers import failure_kind

    api = get_current_settings().api
    user, _, password = (api.auth_string.get_secret_value() if api.auth_string else "").partition(":")
    try:
        answer = requests.get(f"{server.rstrip('/')}/health", auth=(user, password) if user else None, timeout=ANSWER_S)
    except (requests.RequestException, ValueError) as error:  # whose text may hold a password
        raise Refused(Reason.PREFECT_UNREACHABLE, detail=failure_kind(error)) from None
    if answer.status_code == UNAUTHORIZED and api.key is None:
        raise Refused(Reason.PREFECT_UNREACHABLE, detail=WANTS_PASSWORD)


def quiet_prefect() -> None:
    """What Prefect is told before it is imported, where the person has not said otherwise."""
    from flows.orchestration.with_password import use_password

    for name, value in {
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "DO_NOT_TRACK": "1",
    }.items():
        os.environ.setdefault(name, value)
    use_password()


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
