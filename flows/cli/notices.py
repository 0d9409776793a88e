"""`autotune notices`: how each person's nights stand and what would be told now; `autotune notices test` tells it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.console import message, now, print_document, show
from flows.cli.exit_code import ExitCode
from flows.cli.options import JSON, Command, argument
from flows.cli.prefect_api import prefect_server
from flows.language.catalogue import phrase, to_translate, translated
from flows.language.translatable import in_spoken

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
NOBODY = to_translate("No notice can reach anybody: no address is set.")
REMEDY = to_translate(
    "Put an address into a file and name it with AUTOTUNE_NOTICES_FILE (docs/operations.md, Notices)."
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """List, or send a test; 0, or 3 where an address did not take it."""
    message(phrase("autotune-flows: looking at the notices …"))
    from flows.environment import environment_now
    from flows.watch.addresses import addresses_of

    service = _service()
    found = addresses_of(environment_now())
    held = service.addresses if service else ()
    known = tuple({address.key: address for address in (*held, *found.known)}.values())
    for line in found.not_understood:
        message(phrase("Line {line} of the addresses is none that apprise knows.", line=line))
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
    from flows.watch.addresses import NoticeAddresses, sent_test

    answered = sent_test(NoticeAddresses(known)).answers
    if as_json:
        print_document({"addresses": [{"kind": kind, "sent": bad is None, "why": bad} for kind, bad in answered]})
    else:
        for number, (kind, trouble) in enumerate(answered, 1):
            show(
                f"{number}  {kind:<15} " + (phrase("FAIL: {trouble}", trouble=trouble) if trouble else phrase("sent")),
                "bold red" if trouble else "",
            )
    if not known:
        message(f"{translated(NOBODY)} {translated(REMEDY)}")
    taken = bool(known) and complete and not any(trouble for _, trouble in answered)
    return ExitCode.OK if taken else ExitCode.REFUSED


def _list(known: tuple[NoticeAddress, ...], service: Service | None, arguments: argparse.Namespace) -> None:
    from flows.values.user_directories import runs_root
    from flows.watch.watcher import Watcher
    from flows.watch.words import in_language

    outlook = Watcher(arguments.runs or runs_root(), message).outlook(service, now())
    if arguments.as_json:
        print_document(_document(outlook, known))
        return
    for one in outlook.people:
        last = (
            phrase("last proposal {at} UTC", at=f"{one.last_proposal:%Y-%m-%d %H:%M}")
            if one.last_proposal
            else phrase("no proposal yet")
        )
        facts = {"name": one.person.name, "last": last, "missed": len(one.missed), "why": in_spoken(one.why)}
        show(
            phrase("{name}: {last}; {missed} missed: {why}", **facts)
            if one.missed
            else phrase("{name}: {last}; well", name=one.person.name, last=last)
        )
    if not outlook.people:
        show(phrase("Nobody is expected to have a result: no schedule of nightly-autotune is on."))
    for notice in outlook.notices:
        said = in_language(notice)
        show(phrase("To tell: {title}. {text}", title=said.title, text=said.text))
    if outlook.waiting:
        show(phrase("Not sent yet: {count}", count=outlook.waiting))
    if not known:
        show(f"{translated(NOBODY)} {translated(REMEDY)}")
        return
    show(phrase("Addresses: {kinds}", kinds=", ".join(address.kind for address in known)))


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
