"""`python -m flows.web`: serve the page until it is stopped. Its address and port come from the settings."""

from __future__ import annotations

import sys

import uvicorn

from flows.environment import environment_now
from flows.errors import Refused
from flows.web.app import create_app
from flows.web.page_settings import HOST, PORT, PageSettings

BODY_SECONDS = 30  # how long an idle connection is kept


def main() -> int:
    """Serve; a status of 2 where a setting is wrong."""
    environment = environment_now()
    try:
        app = create_app(PageSettings.of(environment))
    except Refused as refusal:
        sys.stderr.write(f"{refusal.sentence} {refusal.remedy}\n")
        return 2
    uvicorn.run(
        app,
        host=environment.page_host or HOST,
        port=int(environment.page_port or PORT),
        access_log=False,  # the page's own log has the method, the route and the time, and no address
        server_header=False,
        date_header=True,
        proxy_headers=False,  # what a proxy says of the client counts only where flows.web.security asks for it
        timeout_keep_alive=BODY_SECONDS,
        timeout_graceful_shutdown=5,
        log_level="warning",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
