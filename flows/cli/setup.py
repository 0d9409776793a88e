"""`autotune setup`: walks a person from a site's address to a service ready to start; writes `.env` and the token.

The token is asked for without being shown, or comes from the environment; it is never an argument and never in `.env`.
Nothing is written before the site has let a test fetch in.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.analysis import loaded
from flows.cli.console import message, now, show
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.options import Command, argument

if TYPE_CHECKING:
    from flows.doctor.site import SiteProbe
    from flows.nightscout.authentication import Credentials
    from flows.settings import AnalysisRequest

ROLE_NAME = "autotune-reader"
PERMISSIONS = "api:entries:read, api:treatments:read, api:profile:read"  # `permissions.READING`, without its imports
WHAT_TO_MAKE = f"""
In Nightscout open the menu (☰), then Admin Tools (it asks for the API secret):
  1. Roles → Add new Role. Name: {ROLE_NAME}
     Permissions: {PERMISSIONS}
  2. Subjects → Add new Subject. Name: autotune. Roles: {ROLE_NAME}
  3. Copy the Access Token of that subject (such as autotune-0123456789abcdef).
It may read your data and change nothing. If everybody may read your site, leave the token empty.
"""
SOCKET = Path("/var/run/docker.sock")


COMMAND = Command(
    help="set up the service: site, token, test fetch, time zone, schedule; writes .env and the token's file",
    description="Asks for what is not given. The token comes from a question, from AUTOTUNE_NIGHTSCOUT_TOKEN, or "
    "from the file that --token-file names, if it is there already.",
    arguments=(
        argument("--nightly", action=argparse.BooleanOptionalAction, default=None, help="run every night at 04:30"),
        argument("--docker", action=argparse.BooleanOptionalAction, default=None, help="each run in a container"),
        argument(
            "--token-file",
            type=Path,
            metavar="FILE",
            help="where the token is kept (default: ~/.config/autotune/token)",
        ),
        argument("--directory", type=Path, metavar="DIR", default=Path(), help="of docker-compose.yml (default: .)"),
        argument("--yes", action="store_true", help="ask nothing: take what is given, and the defaults"),
    ),
    fields="site allow_http timezone age_group insulin",
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Ask, test, write; a usage error where an answer is missing, `REFUSED` where the site does not let us in."""
    ask = partial(_ask, arguments.yes)
    site = arguments.site or ask("Address of your Nightscout site", None, "--site")
    from flows.doctor.site import SiteProbe
    from flows.nightscout.authentication import Credentials
    from flows.settings import AgeGroup, AnalysisRequest, Insulin
    from flows.values.local_days import canonical_zone
    from flows.values.user_directories import token_file

    arguments.token_file = arguments.token_file or token_file()
    request = AnalysisRequest(site=site, allow_http=arguments.allow_http, days=1, compare=False)
    token = _token(arguments)
    message(f"Asking {request.site} …")
    credentials = Credentials(token=token)
    probe = SiteProbe(str(request.site), credentials)
    if not _let_in(request, credentials, probe):
        return ExitCode.REFUSED
    zone = canonical_zone(arguments.timezone or ask("Your time zone", probe.profile_zone, "--timezone"))
    age_group = arguments.age_group or _one_of(ask, "Age group", AgeGroup, "--age-group")
    insulin = arguments.insulin or _one_of(ask, "Insulin", Insulin, "--insulin")
    nightly = arguments.nightly
    if nightly is None:
        nightly = ask("Run every night at 04:30? (yes/no)", "yes", "--nightly").lower() in ("y", "yes", "true")
    settings = {
        "AUTOTUNE_NIGHTSCOUT_SITE": str(request.site),
        **({"AUTOTUNE_ALLOW_HTTP": "true"} if request.allow_http else {}),
        "AUTOTUNE_TIMEZONE": zone,
        **({"AUTOTUNE_AGE_GROUP": age_group} if age_group else {}),
        **({"AUTOTUNE_INSULIN": insulin} if insulin else {}),
        "AUTOTUNE_NIGHTLY": "true" if nightly else "false",
        **(_docker_pool() if arguments.docker else {}),
        **({"AUTOTUNE_NIGHTSCOUT_TOKEN_FILE": str(arguments.token_file.absolute())} if token else {}),
    }
    _write(arguments.directory / ".env", settings)
    if token:
        _keep_token(arguments.token_file, token)
    show(
        f"{arguments.directory / '.env'} is written. Start the service with:\n"
        "  docker compose up --detach --build --wait"
    )
    return ExitCode.OK


def _one_of(ask: Callable[..., str], what: str, values: type[StrEnum], option: str) -> str:
    """One of some values, or nothing where it is left empty: then verdicts are amber for it.

    Raises:
        UsageError: for what is none of them.
    """
    names = ", ".join(values)
    given = ask(f"{what} ({names}; empty if not known)", "", option)
    if given and given not in set(values):
        raise UsageError(f"autotune setup: {given!r} is none of {names}.")
    return given


def _token(arguments: argparse.Namespace) -> str | None:
    from flows.environment import Environment

    if given := Environment().secret("nightscout_token"):
        return given.strip()
    if arguments.token_file.is_file():
        return str(arguments.token_file.read_text("utf-8")).strip() or None
    if arguments.yes or not sys.stdin.isatty():
        return None
    import getpass

    show(WHAT_TO_MAKE)
    return getpass.getpass("Access token (it is not shown): ").strip() or None


def _let_in(request: AnalysisRequest, credentials: Credentials, probe: SiteProbe) -> bool:
    """Whether the site lets us read; then a day of it is fetched and thrown away."""
    from flows.doctor.check import CheckContext
    from flows.doctor.table import OF_THE_SITE, examine

    found = list(examine(CheckContext(Path(), now(), site=probe), OF_THE_SITE - {"time-zone"}))
    for result in found:
        if result.finding.remedy:
            message(f"  {result.finding.sentence}\n  → {result.finding.remedy}")
    if any(result.finding.level == "fail" for result in found):
        return False
    with loaded(request, credentials) as (_, got):
        message(
            f"Fetched a day to try: {got.entries} readings, {got.treatments} treatments, "
            f"{got.profiles} profile documents."
        )
    if not got.entries:
        message("  There are no readings of the last whole day: is the sensor's uploader at work?")
    return True


def _docker_pool() -> dict[str, str]:
    group = str(SOCKET.stat().st_gid) if SOCKET.exists() else "999"
    return {"COMPOSE_PROFILES": "docker", "AUTOTUNE_POOL": "autotune-docker", "AUTOTUNE_DOCKER_GID": group}


def with_settings(text: str, settings: dict[str, str]) -> str:
    """The text of a `.env` with these settings in it; every other line stays as it is.

    Raises:
        ValueError: for a value that cannot be written into such a file.
    """
    written = {name: f"{name}={_quoted(value)}" for name, value in settings.items()}
    lines = []
    for line in text.splitlines():
        name = line.partition("=")[0].removeprefix("export ").strip()
        lines.append(written.pop(name) if name in written else line)
    return "\n".join([*lines, *written.values()]) + "\n"


def _quoted(value: str) -> str:
    if re.fullmatch(r"[\w@%+=:,./-]*", value):
        return value
    if re.search(r"['\r\n]", value):
        raise ValueError("a quotation mark or a line's end cannot be written into .env")
    return f"'{value}'"


def _write(file: Path, settings: dict[str, str]) -> None:
    from flows.values.run_directory import write_atomically  # mode 0600

    before = file.read_text("utf-8") if file.is_file() else ""
    try:
        write_atomically(file, with_settings(before, settings).encode("utf-8"))
    except ValueError as error:
        raise UsageError(f"autotune setup: {error}") from None


def _keep_token(file: Path, token: str) -> None:
    from flows.values.run_directory import write_atomically

    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if file.parent.stat().st_uid == os.getuid() and file.parent.name == "autotune":
        file.parent.chmod(0o700)
    write_atomically(file, token.encode("utf-8") + b"\n")
    # The worker is another user: it may read the file, and the directory keeps everybody of this machine out.
    file.chmod(0o644)


def _ask(silent: bool, question: str, default: str | None, option: str) -> str:
    attended = not silent and sys.stdin.isatty()
    prompt = f"{question} [{default}]: " if default else f"{question}: "
    answer = input(prompt).strip() if attended else default
    if answer is None:
        raise UsageError(f"autotune setup: nobody is there to answer: give {option}.")
    if not answer and default is None:
        raise UsageError(f"autotune setup: {option} is needed.")
    return answer or str(default)
