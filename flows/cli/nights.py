"""`autotune nights`: who has a night on the service, at what time, and when the next run is due."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flows.cli.console import message, print_document, show
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.options import JSON, Command, argument, number_of
from flows.cli.prefect_api import WANTS_PASSWORD, prefect_server

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from flows.orchestration.nights import Night

ACTIONS = {
    "list": 0,
    "add": 1,
    "change": 1,
    "on": 1,
    "off": 1,
    "remove": 1,
    "rename": 2,
}  # and how many names they take
UNAUTHORIZED = 401


def _time(text: str) -> str:
    from flows.values.local_days import clock_time

    try:
        clock_time(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


COMMAND = Command(
    help="a night for each person: list, add, change, on, off, remove, rename",
    description="A person is a saved Nightscout Site block; each has a schedule of its own on the Prefect server that "
    "PREFECT_API_URL names: `docker compose exec worker autotune nights add ada`. What is changed on Prefect's page "
    "stays, and no command touches another person's night.",
    arguments=(
        argument("action", nargs="?", choices=list(ACTIONS), default="list", help="what to do (default: list)"),
        argument("names", nargs="*", metavar="NAME", help="block or schedule; rename takes the new one too"),
        argument("--at", type=_time, metavar="HH:MM", help="local time (04:30: the day that ended at 04:00 counts)"),
        argument("--timezone", metavar="TZ", help="of that time (the block's, else UTC)"),
        argument("--days", type=number_of("days"), metavar="N", help="days of each run (the block's, else 14)"),
        argument("--start-from", choices=("baseline", "previous"), help="of each run (the block's, else baseline)"),
        argument(
            "--wait-for-data",
            type=number_of("wait_for_data_min"),
            metavar="MIN",
            help="how long a run is postponed while last night's readings are missing (180; 0: not at all)",
        ),
        argument("--off", action="store_true", help="with add: made, and not switched on"),
        JSON,
    ),
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Do it, and print the nights that it concerns."""
    request = _checked(arguments)
    with _client() as client:
        found, said = _done(client, arguments, request)
    if arguments.as_json:
        print_document({"nights": [_document(night) for night in found], "said": said})
        return ExitCode.OK
    for line in said:
        show(line)
    for line in _table(found):
        show(line)
    return ExitCode.OK


def _checked(arguments: argparse.Namespace) -> dict[str, Any]:
    """What a night's runs are to ask for, of what was typed.

    Raises:
        UsageError: for options and names that the action does not take.
    """
    action = arguments.action
    if len(arguments.names) != ACTIONS[action]:
        wants = {0: "takes no name", 1: "takes one name", 2: "takes the name and the new name"}[ACTIONS[action]]
        raise UsageError(f"autotune nights: {action} {wants}.")
    given = {"days": arguments.days, "start_from": arguments.start_from, "wait_for_data_min": arguments.wait_for_data}
    request = {name: value for name, value in given.items() if value is not None}
    changes = bool(arguments.at or arguments.timezone or request)
    if action not in ("add", "change") and (changes or arguments.off):
        raise UsageError(f"autotune nights: {action} takes no option but --json.")
    if action == "change" and (arguments.off or not changes):
        raise UsageError("autotune nights: change takes what to change, such as --at 05:15; on and off switch.")
    return request


def _done(
    client: SyncPrefectClient, arguments: argparse.Namespace, request: dict[str, Any]
) -> tuple[list[Night], list[str]]:
    """The nights to print, and sentences before them."""
    from flows.orchestration import nights
    from flows.values.local_days import canonical_zone

    names, at = arguments.names, arguments.at
    zone = canonical_zone(arguments.timezone) if arguments.timezone else None
    match arguments.action:
        case "add":
            night = nights.add(client, names[0], at, zone, request, active=not arguments.off)
            return [night], [f"{night.name} has a night now. No other was touched."]
        case "change":
            return [nights.change(client, names[0], at, zone, request)], [f"{names[0]} is changed."]
        case "on" | "off" as switched:
            return [nights.switch(client, names[0], switched == "on")], [f"{names[0]} is {switched}."]
        case "remove":
            return [], _said_of_removal(*nights.remove(client, names[0]))
        case "rename":
            said = [
                f"{names[0]} is {names[1]} now. Its runs stay under the name they had; history goes by the site.",
                f"The block {names[0]} stays too: earlier proposals are applied with it. Delete it on the page Blocks "
                "when none of them will be.",
            ]
            return [nights.rename(client, *names)], said
        case _:
            return nights.nights(client), []


def _said_of_removal(night: Night, postponed: int) -> list[str]:
    said = [f"The night of {night.name} ({night.at or night.schedule} {night.timezone}) is removed."]
    kept = f"its block {night.block} with the secrets, " if night.block else ""
    said.append(f"Still there: {kept}its runs on Prefect's page, and the run directories.")
    if postponed:
        said.append(f"{postponed} postponed run of it is due all the same: cancel it on the page Runs.")
    return said


def _table(nights: list[Night]) -> Iterator[str]:
    if not nights:
        return
    rows = [("name", "at", "time zone", "", "runs", "next run")]
    rows += [(n.name, n.at or n.schedule, n.timezone, "on" if n.active else "off", _runs(n), _next(n)) for n in nights]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _runs(night: Night) -> str:
    """What of its runs a night says itself."""
    said = night.request
    words = [f"{said['days']} days"] if said.get("days") else []
    words += [f"from {said['start_from']}"] if said.get("start_from") else []
    words += [f"waits {said['wait_for_data_min']} min"] if said.get("wait_for_data_min") else []
    return ", ".join(words) or ("as its block says" if night.block else "as the deployment says")


def _next(night: Night) -> str:
    if night.next_run is not None:
        from zoneinfo import ZoneInfo

        return f"{night.next_run.astimezone(ZoneInfo(night.timezone)):%Y-%m-%d %H:%M}"
    if not night.active:
        return "none: it is off"
    if night.paused:
        return "none: the deployment is paused"
    return "not made yet (the server looks once a minute; `autotune doctor` says if it does not)"


def _document(night: Night) -> dict[str, Any]:
    from dataclasses import asdict

    at = night.next_run
    return {**asdict(night), "next_run": None if at is None else at.isoformat(timespec="seconds")}


@contextmanager
def _client() -> Iterator[SyncPrefectClient]:
    """A client of the server that is named.

    Raises:
        Refused: `NIGHT_SERVER`: none is named, or it does not answer. Its address, which may hold a password, is in no
            message.
    """
    from flows.errors import Reason, Refused

    if prefect_server() is None:
        raise Refused(Reason.NIGHT_SERVER, detail="none is named")
    message("Asking Prefect's server …")
    from httpx import HTTPError, HTTPStatusError
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectException

    try:
        with get_client(sync_client=True) as client:
            yield client
    except (HTTPError, PrefectException) as error:
        asks = isinstance(error, HTTPStatusError) and error.response.status_code == UNAUTHORIZED
        detail = WANTS_PASSWORD if asks else f"it gave {type(error).__name__}"
        raise Refused(Reason.NIGHT_SERVER, detail=detail) from None
