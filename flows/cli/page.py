"""`autotune page password`: a new one-time code for the page, where its password is lost."""

from __future__ import annotations

import argparse

from flows.cli.console import message, show
from flows.cli.exit_code import ExitCode
from flows.cli.options import Command, argument
from flows.language.catalogue import phrase

COMMAND = Command(
    help="let somebody set a new password of the page, where the old one is lost",
    description="Removes the page's password, signs everybody out, and prints a one-time code that sets a new one. "
    "Run it where the page runs and as the same user; the page may go on running. With Docker: `docker compose exec "
    "page autotune page password`. Tokens for machines stay; the page lists them under Settings, Access.",
    arguments=(argument("what", choices=["password"], help="`password`"),),
)


def run(_: argparse.Namespace) -> ExitCode:
    """Remove the password, end every session, print a code; the code is the only line of the output."""
    from flows.environment import environment_now
    from flows.web.page_settings import PageSettings

    settings = PageSettings.of(environment_now())
    message(phrase("The page's own files: {directory}", directory=settings.data))
    from flows.web.security.passwords import Passwords
    from flows.web.security.sessions import Sessions
    from flows.web.store import Store

    store = Store(settings.data)
    passwords = Passwords(store)
    passwords.forget()
    Sessions(store).end_all()
    code = passwords.new_code()
    message(phrase("The password is removed, and nobody is signed in any more."))
    message(phrase("Open {url} and set a new password with this one-time code:", url=f"{settings.url}/first"))
    show(code)
    return ExitCode.OK
