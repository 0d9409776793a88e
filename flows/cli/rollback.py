"""`autotune rollback`: put back what was on the site before a run was applied."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from flows.cli.apply import approval, how, run_directory, tell, tools, typed_yes
from flows.cli.console import PROPOSAL, refused


def add(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser(
        "rollback",
        help="put back what was on the site before a run was applied",
        description="Writes a new profile document with the old content, and switches back where the run was "
        "activated. Refuses when somebody changed the profile since.",
    )
    command.add_argument("run", type=Path, metavar="RUN", help="run directory, or its name")
    command.add_argument("--even-if-edited", action="store_true", help="also when somebody changed the profile since")
    approval(command)
    command.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Roll back, after asking."""
    from flows.errors import Reason, Refused
    from flows.writeback.approval import Decision, RollbackRequest
    from flows.writeback.approval_checks import read_approved
    from flows.writeback.rollback import rollback

    directory = run_directory(arguments.run)
    try:
        approved = read_approved(directory, arguments.sha256)
        if arguments.yes and arguments.sha256 is None:
            raise Refused(Reason.APPROVAL_MISSING, detail="--yes alone does not say of which proposal")
        ready = tools(approved)
        question = f"Put back what was on {approved.site} before this run was applied?"
        if not arguments.yes and not typed_yes(question):
            raise Refused(Reason.APPROVAL_MISSING, detail="the answer was not yes")
        request = RollbackRequest(
            proposal_id=approved.proposal.proposal_id,
            sha256=approved.sha256,
            decision=Decision.APPROVE,
            even_if_edited=arguments.even_if_edited,
        )
        done = rollback(directory, request, ready, how(arguments))
    except Refused as refusal:
        return refused(refusal, None, arguments.as_json)
    tell(done, arguments.as_json)
    return PROPOSAL
