"""`autotune serve`: the whole service on this machine, without Docker, until it is stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

from flows.cli.console import message
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.options import Command, argument, number_within

PORT, PAGE_PORT, MOST_PORT = 4200, 4201, 65535

COMMAND = Command(
    help="run the service on this machine without Docker: server, schedules, runs; until it is stopped",
    description="Starts a Prefect server (on this machine only), sets it up by the .env that `autotune setup` wrote, "
    "and works off what is asked for and scheduled, one run at a time. Starts again what ends; Ctrl-C or SIGTERM ends "
    "all of it. docs/operations.md has a systemd unit.",
    arguments=(
        argument(
            "--port",
            type=number_within("int", least=1, most=MOST_PORT),
            help=f"of Prefect's page (default: AUTOTUNE_PORT or {PORT})",
        ),
        argument(
            "--page-port",
            type=number_within("int", least=1, most=MOST_PORT),
            help=f"of the page for people (default: AUTOTUNE_PAGE_PORT or {PAGE_PORT})",
        ),
        argument("--runs", type=Path, metavar="DIR", help="where runs are kept (default: AUTOTUNE_RUNS)"),
        argument("--state", type=Path, metavar="DIR", help="the service's own files (default: the user's state)"),
        argument("--directory", type=Path, metavar="DIR", default=Path(), help="of .env (default: .)"),
    ),
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Serve until stopped; a usage error where a setting is wrong."""
    message("autotune-flows: the service of this machine.")
    from flows.orchestration.serve import WRONG_SETTINGS, LocalService
    from flows.orchestration.service_settings import POOL, ServiceSettings, told_by
    from flows.oref0.runtime import ensure_upstream, find_node
    from flows.values.user_directories import runs_root, service_root

    told = told_by(arguments.directory / ".env")
    if told.get("AUTOTUNE_POOL", POOL) != POOL:
        message(f"  The pool {told['AUTOTUNE_POOL']} needs Docker; here runs are processes.")
    try:
        state = arguments.state or service_root()
    except RuntimeError:
        raise UsageError("autotune serve: this user has no home directory: give --state.") from None
    runs = arguments.runs or told.get("AUTOTUNE_RUNS") or runs_root()
    port = _port(arguments.port, told, "AUTOTUNE_PORT", PORT)
    page_port = _port(arguments.page_port, told, "AUTOTUNE_PAGE_PORT", PAGE_PORT)
    if port == page_port:
        raise UsageError(f"autotune serve: both pages cannot have the port {port}: give --port or --page-port.")
    settings = ServiceSettings(
        state.absolute(), Path(runs).absolute(), port, told, page_port=page_port, password=_password(told)
    )
    message(f"  upstream runs in Node.js {find_node().version}")
    ensure_upstream()  # now, where a person reads why it cannot be, and not in the first night
    status = LocalService(settings, message).run()
    if status == 0:
        return ExitCode.OK
    message("The service could not be set up; the lines above say why.")
    return ExitCode.USAGE if status == WRONG_SETTINGS else ExitCode.INTERNAL


def _password(told: dict[str, str]) -> str | None:
    """Of Prefect's API, by the settings that the service was told."""
    from flows.environment import Environment

    value, file = told.get("AUTOTUNE_SERVER_PASSWORD"), told.get("AUTOTUNE_SERVER_PASSWORD_FILE")
    return Environment(server_password=value, server_password_file=file).secret("server_password")


def _port(given: int | None, told: dict[str, str], setting: str, default: int) -> int:
    if given is not None:
        return given
    named = told.get(setting, str(default))
    if not named.isdigit() or not 0 < int(named) <= MOST_PORT:
        raise UsageError(f"autotune serve: {named!r} is no port of a machine (1 to {MOST_PORT}).")
    return int(named)
