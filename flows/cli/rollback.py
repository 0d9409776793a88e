"""`autotune rollback`: put back what was on the site before a run was applied."""

from __future__ import annotations

import argparse

from flows.cli.approval import (
    APPROVAL,
    ask,
    check_names_proposal,
    damage_shown,
    how,
    print_result,
    tools,
)
from flows.cli.console import now
from flows.cli.exit_code import ExitCode
from flows.cli.options import Command, argument
from flows.cli.run_named import RUN, run_named, say_where_on_the_page
from flows.language.catalogue import phrase

COMMAND = Command(
    help="put back what was on the site before a run was applied",
    description="Writes a new profile document with the old content, and switches back where the run was "
    "activated. Refuses when somebody changed the profile since.",
    arguments=(
        RUN,
        argument("--even-if-edited", action="store_true", help="also when somebody changed the profile since"),
        argument("--from-site", action="store_true", help="of another, lost journal: by what the site has from before"),
        *APPROVAL,
    ),
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Roll back, after asking."""
    from flows.writeback.approval import Decision, RollbackRequest, approved_from
    from flows.writeback.approval_checks import read_sealed
    from flows.writeback.rollback import rollback

    directory = run_named(arguments.run)
    approved = read_sealed(directory, arguments.sha256)
    check_names_proposal(arguments)
    ready = tools(approved)
    question = phrase("Put back what was on {site} before this run was applied?", site=approved.site)
    ask(question, yes=arguments.yes)
    request = RollbackRequest(
        proposal_id=approved.proposal_id,
        sha256=approved.sha256,
        decision=Decision.APPROVE,
        even_if_edited=arguments.even_if_edited,
        from_site=arguments.from_site,
    )
    request = approved_from(request, now())
    with damage_shown(approved):
        done = rollback(directory, request, ready, how(arguments))
    print_result(done, arguments.as_json)
    if not arguments.as_json:
        say_where_on_the_page(directory)
    return ExitCode.OK
