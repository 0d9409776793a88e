"""`autotune notices`: how each person's nights stand and what would be told now; `autotune notices test` tells it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.console import message, now, print_document, show
from flows.cli.exit_code import ExitCode
from flows.cli.options import JSON, Command, argument
from flows.cli.prefect_api import prefect_server

if TYPE_CHECKING:
    from flows.watch.addresses import NoticeAddress
    from flows.watch.watcher import Outlook, Service

COMMAND = Command(
    help="how each person's nights stand, what would be told now, and a test message to every address",
    description="Without `test` nothing is sent. With it, one message goes to every address for notices; exit status "
    "0 when each of them took it, 3 when not, or when there is none. No address is ever shown.",
    arguments=(
        argument("what", nargs="?", choices=["list", "test"], default="list", help="`test` sends (default: list)"),
        argument("--runs", type=Path, metavar="DIR", help="where runs are kept (default: AUTOTUNE_RUNS)"),
        JSON,
    ),
)
NOBODY = "No notice can reach anybody: no address is set."
REMEDY = "Put an address into a file and name it with AUTOTUNE_NOTICES_FILE (docs/operations.md, Notices)."


def run(arguments: argparse.Namespace) -> ExitCode:
    """List, or send a test; 0, or 3 where an address did not take it."""
    message("autotune-flows: looking at the notices …")
    from flows.environment import environment_now
    from flows.watch.addresses import addresses_of

    service = _service()
    found = addresses_of(environment_now())
    held = service.addresses if service else ()
    known = tuple({address.key: address for address in (*held, *found.known)}.values())
    for line in found.not_understood:
        message(f"Line {line} of the addresses is none that apprise knows.")
    if arguments.what == "test":
        return _test(known, arguments.as_json, complete=not found.not_understood)
    _list(known, service, arguments)
    return ExitCode.OK


def _service() -> Service | None:
    """What the server says, where one is named; none is started for it."""
    if prefect_server() is None:
        return None
    from flows.orchestration.watch import service

    return service()


def _test(known: tuple[NoticeAddress, ...], as_json: bool, *, complete: bool) -> ExitCode:
    from flows.watch.words import TEST

    answered = [(address.kind, address.send(TEST)) for address in known]
    if as_json:
        print_document({"addresses": [{"kind": kind, "sent": bad is None, "why": bad} for kind, bad in answered]})
    else:
        for number, (kind, trouble) in enumerate(answered, 1):
            show(f"{number}  {kind:<15} " + (f"FAIL: {trouble}" if trouble else "sent"), "bold red" if trouble else "")
    if not known:
        message(f"{NOBODY} {REMEDY}")
    taken = bool(known) and complete and not any(trouble for _, trouble in answered)
    return ExitCode.OK if taken else ExitCode.REFUSED


def _list(known: tuple[NoticeAddress, ...], service: Service | None, arguments: argparse.Namespace) -> None:
    from flows.values.user_directories import runs_root
    from flows.watch.watcher import Watcher

    outlook = Watcher(arguments.runs or runs_root(), message).outlook(service, now())
    if arguments.as_json:
        print_document(_document(outlook, known))
        return
    for one in outlook.people:
        last = f"last proposal {one.last_proposal:%Y-%m-%d %H:%M} UTC" if one.last_proposal else "no proposal yet"
        show(f"{one.person.name}: {last}; " + (f"{len(one.missed)} missed: {one.why}" if one.missed else "well"))
    if not outlook.people:
        show("Nobody is expected to have a result: no schedule of nightly-autotune is on.")
    for notice in outlook.notices:
        show(f"To tell: {notice.title}. {notice.text}")
    if outlook.waiting:
        show(f"Not sent yet: {outlook.waiting}")
    show(f"Addresses: {', '.join(address.kind for address in known)}" if known else f"{NOBODY} {REMEDY}")


def _document(outlook: Outlook, known: tuple[NoticeAddress, ...]) -> dict[str, object]:
    return {
        "people": [
            {
                "name": one.person.name,
                "last_proposal": one.last_proposal.isoformat() if one.last_proposal else None,
                "missed": [night.isoformat() for night in one.missed],
                "why": one.why,
            }
            for one in outlook.people
        ],
        "to_tell": [{"title": notice.title, "text": notice.text} for notice in outlook.notices],
        "waiting": outlook.waiting,
        "addresses": [address.kind for address in known],
    }
