"""`autotune baseline`: show what the limits of all changes of a site count from, or set it by hand."""

from __future__ import annotations

import argparse
from pathlib import Path

from flows.cli.approval import (
    APPROVAL,
    ask,
    check_names_proposal,
    damage_shown,
    how,
    print_result,
    reading_tools,
    tools,
)
from flows.cli.console import message, now, print_either, show
from flows.cli.exit_code import ExitCode
from flows.cli.options import Command, argument
from flows.cli.run_named import LAST, find_run, not_found, run_named
from flows.language.catalogue import phrase

COMMAND = Command(
    help="show the settings that limits count from, or set them by hand",
    description="What the limits of all changes of a site count from: the settings before the first one, or those set "
    "here. `show` takes a run, or a site's address. `set` takes a run, and makes the settings in use in its source "
    "profile the baseline: shows them, asks for a typed yes, and notes them on the site and in the journal. The "
    "profile itself stays as it is.",
    arguments=(
        argument("action", choices=("show", "set"), help="what to do"),
        argument("of", metavar="RUN", help="run directory, its name, or `last`; with show also a site's address"),
        *APPROVAL,
    ),
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Show or set."""
    return _set(arguments) if arguments.action == "set" else _show(arguments)


def _show(arguments: argparse.Namespace) -> ExitCode:
    from flows.nightscout.credentials import credentials_for
    from flows.report.text.baseline import baseline_text
    from flows.settings import AnalysisRequest
    from flows.writeback.apply import Tools
    from flows.writeback.approval_checks import read_approved
    from flows.writeback.set_baseline import baseline_on_site

    directory = find_run(Path(arguments.of))
    if directory is None and (arguments.of == LAST or not set(".:/") & set(arguments.of)):  # is no address
        raise not_found(Path(arguments.of))
    if directory is not None:
        approved = read_approved(directory, arguments.sha256)
        site, ready = approved.site, reading_tools(approved)
    else:
        request = AnalysisRequest(site=arguments.of)
        site, ready = str(request.site), Tools(clock=now, credentials=credentials_for(request))
    found = baseline_on_site(site, ready)
    document = {"baseline": None if found is None else found.model_dump(mode="json")}
    print_either(arguments.as_json, document, baseline_text(found))
    return ExitCode.OK


def _set(arguments: argparse.Namespace) -> ExitCode:
    from flows.report.text.baseline import baseline_text
    from flows.writeback.approval_checks import read_approved
    from flows.writeback.set_baseline import baseline_of_run, set_baseline

    directory = run_named(Path(arguments.of))
    approved = read_approved(directory, arguments.sha256)
    write = message if arguments.as_json else show
    write(f"{baseline_text(baseline_of_run(approved, now()))}\n\n{phrase('Site      {site}', site=approved.site)}")
    ready = tools(approved)
    check_names_proposal(arguments)
    ask(phrase("Make these settings the baseline of {site}?", site=approved.site), yes=arguments.yes)
    with damage_shown(approved):
        done = set_baseline(directory, arguments.sha256, ready, how(arguments))
    print_result(done, arguments.as_json)
    return ExitCode.OK
