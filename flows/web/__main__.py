"""`python -m flows.web`: serve the page until it is stopped. Its address and port come from the settings."""

from __future__ import annotations

import sys

import uvicorn

from flows.environment import environment_now, speaking_as_set
from flows.errors import Refused
from flows.language.catalogue import phrase
from flows.web.app import create_app
from flows.web.page_settings import PageSettings
from flows.web.security.passwords import Passwords, passwords_of
from flows.web.security.request_log import log_to_stderr

BODY_SECONDS = 30  # how long an idle connection is kept


def main() -> int:
    """Serve; a status of 2 where a setting is wrong."""
    environment = environment_now()
    try:
        settings = PageSettings.of(environment)
        app = create_app(settings)
    except Refused as refusal:
        sys.stderr.write(f"{refusal.sentence} {refusal.remedy}\n")
        return 2
    log_to_stderr()
    say_code(passwords_of(app.state.page), settings.url)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,  # the page's own log has the method, the route and the time, and no address
        server_header=False,
        date_header=True,
        proxy_headers=False,  # what a proxy says of the client counts only where flows.web.security asks for it
        timeout_keep_alive=BODY_SECONDS,
        timeout_graceful_shutdown=5,
        log_level="warning",
    )
    return 0


def say_code(passwords: Passwords, url: str) -> None:
    """Print a new one-time code, as long as there is no password: whoever can read it here may set one."""
    if passwords.is_set:
        return
    with speaking_as_set():
        text = phrase(
            "The page has no password yet. Open {url} and set one with this one-time code: {code}",
            url=f"{url}/first",
            code=passwords.new_code(),
        )
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
