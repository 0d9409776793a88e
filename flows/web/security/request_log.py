"""One line for each request: method, route, status, time. Never a path as it was asked for, nor who asked.

An internal error is logged with its kind and the place in our own code, without the text of the exception, which may
hold what a person has sent.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from starlette.types import Scope

from flows.environment import environment_now

LOG = logging.getLogger("flows.web")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET = ("/live", "/s/{digest}/{name}")  # asked for all the time
PACKAGE = Path(__file__).parents[2]


def log_to_stderr() -> None:
    """Write the lines where the service's log is."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    LOG.propagate = False


def log_request(scope: Scope, status: int, seconds: float) -> None:
    """Log a request that was answered."""
    route = getattr(scope.get("route"), "path", None) or "-"
    method = scope["method"] if scope["method"] in METHODS else "-"
    level = logging.DEBUG if route in QUIET and status < 400 else logging.INFO
    LOG.log(level, "%s %s %d %.0f ms", method, route, status, seconds * 1000)


def log_error(error: BaseException) -> None:
    """Log an internal error: its kind and where, and all of it only where the environment asks for that."""
    if environment_now().debug:
        LOG.error("internal error", exc_info=error)
        return
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    place = f"{Path(own[-1].filename).relative_to(PACKAGE)}:{own[-1].lineno}" if own else "-"
    LOG.error("internal error: %s at %s", type(error).__name__, place)
