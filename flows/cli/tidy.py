"""`autotune tidy`: take older profiles that `apply` wrote out of the site's newest document."""

from __future__ import annotations

import argparse

from flows.cli.approval import ask, damage_shown, print_result, tools
from flows.cli.console import show
from flows.cli.exit_code import ExitCode
from flows.cli.options import Command, argument, number_within
from flows.cli.run_named import RUN, run_named
from flows.language.catalogue import phrase

COMMAND = Command(
    help="take older profiles that `apply` wrote out of the site's newest document",
    arguments=(
        RUN,
        argument(
            "--keep",
            type=number_within("int", least=0),
            required=True,
            metavar="N",
            help="how many of ours stay, the newest",
        ),
        argument("--yes", action="store_true", help="do it without being asked"),
    ),
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Tidy, after asking."""
    from flows.writeback.approval_checks import read_approved
    from flows.writeback.tidy import tidy

    directory = run_named(arguments.run)
    approved = read_approved(directory, None)
    question = phrase(
        "Take all but the newest {keep} profiles that we wrote out of {site}?", keep=arguments.keep, site=approved.site
    )
    ask(question, yes=arguments.yes)
    with damage_shown(approved):
        done, names = tidy(directory, arguments.keep, tools(approved), "terminal")
    print_result(done, as_json=False)
    for name in names:
        show(name)
    return ExitCode.OK
