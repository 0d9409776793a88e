"""What the commands that analyse share: the request, the run, and what is printed of it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from flows.cli import option_table
from flows.cli.console import message, now, print_document, progress, show
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.prefect_api import prefect_server, server_to_use, still_starting
from flows.cli.run_named import say_where_on_the_page
from flows.language.catalogue import phrase

if TYPE_CHECKING:
    from flows.errors import Refused
    from flows.nightscout.authentication import Credentials
    from flows.profiles.raw_files import Loaded
    from flows.settings import AnalysisRequest
    from flows.values.run_directory import RunDirectory


def request_of(options: dict[str, Any]) -> AnalysisRequest:
    """The request that was typed.

    Raises:
        UsageError: for options that cannot be, or not together.
        Refused: as `AnalysisRequest`.
    """
    from pydantic import ValidationError

    from flows.settings import AnalysisRequest

    try:
        request = AnalysisRequest(**options)
    except ValidationError as error:
        typed = {row["field"]: row["option"] for row in option_table.read()}
        lines = []
        for problem in error.errors(include_url=False, include_input=False):
            words = [typed.get(str(field), str(field)) for field in problem["loc"][:1]]
            text = problem["msg"].removeprefix("Value error, ")
            words.append(re.sub(r"`(\w+)`", lambda field: str(typed.get(field[1], field[0])), text))
            lines.append(f"autotune: {' '.join(words)}")
        raise UsageError("\n".join(lines)) from None
    say_assumed_scheme(options.get("site"), request.site)
    return request


def say_assumed_scheme(typed: str | None, site: str | None) -> None:
    """A line where a site was typed without its scheme."""
    if typed and site and "://" not in typed:
        message(phrase("The site was given without http:// or https://; taken as {site}.", site=site))


def analyse(arguments: argparse.Namespace, options: dict[str, Any]) -> ExitCode:
    """Tune, through Prefect where a server is named or it is asked for, else without; print the recommendation."""
    request = request_of(options)
    server = None if arguments.no_prefect else server_to_use()
    through_prefect = arguments.prefect or server is not None
    with made_run(arguments, request) as run:
        _analyse(arguments, request, run, server, through_prefect=through_prefect)
    return print_run(run, arguments)


def _analyse(
    arguments: argparse.Namespace,
    request: AnalysisRequest,
    run: RunDirectory,
    server: str | None,
    *,
    through_prefect: bool,
) -> None:
    if through_prefect:
        _ask_whether_it_answers(request, run)  # before Prefect is started for nothing
    if request.insulin_peak_min is None and request.openaps_profile is None:
        message(_insulin_taken(request))
    with progress():
        if through_prefect:
            _through_prefect(request, run, server)
        else:
            from flows.pipeline.run_locally import run_locally

            run_locally(request, run)


def _insulin_taken(request: AnalysisRequest) -> str:
    if request.insulin is None:
        return phrase(
            "Insulin taken as the data name it, rapid-acting where they name none; use --insulin ultra-rapid for Fiasp "
            "or Lyumjev."
        )
    return phrase(
        "Insulin taken as {insulin}; use --insulin ultra-rapid for Fiasp or Lyumjev.", insulin=request.insulin
    )


@contextmanager
def made_run(arguments: argparse.Namespace, request: AnalysisRequest) -> Iterator[RunDirectory]:
    """The run directory of `--out`, or a new one; the document of a later refusal names it.

    What was mistyped leaves no run: a new directory goes where it was refused for that.
    """
    from flows.errors import Refused
    from flows.values.run_directory import RunDirectory

    run = RunDirectory.create(arguments.out, now())
    arguments.run_made = run
    try:
        yield run
    except Refused as refusal:
        if arguments.out is None and _was_mistyped(refusal, request, run):
            arguments.run_made = None
            rmtree(run.path)
            with suppress(OSError):  # what else lies there stays
                run.path.parent.rmdir()
        raise


def _was_mistyped(refusal: Refused, request: AnalysisRequest, run: RunDirectory) -> bool:
    """Whether a name is wrong, or nothing was read of a source that no run had a result of: no evidence is in it.

    A site that runs had results of is not mistyped: that it could not be read stays on record.
    """
    from flows.errors import Reason
    from flows.report.trend.past_runs import RunOutcome, directory_key, find_runs, site_key

    if refusal.reason in (Reason.FILE_MISSING, Reason.PROFILE_NOT_FOUND):
        return True
    if run.file("raw/index.json").exists():
        return False
    key = site_key(request.site) if request.site else directory_key(request.from_directory or "")
    known = find_runs(run.path.parent).runs
    return not any(past.source.key == key and past.outcome is RunOutcome.PROPOSAL for past in known)


@contextmanager
def loaded(request: AnalysisRequest, credentials: Credentials | None = None) -> Iterator[tuple[RunDirectory, Loaded]]:
    """The data of a request in a run directory that is gone afterwards, and their counts.

    Read with the credentials that the environment has for its site, where none are given.
    """
    import tempfile

    from flows.nightscout.credentials import credentials_for
    from flows.pipeline.load import load
    from flows.values.run_directory import RunDirectory

    with tempfile.TemporaryDirectory() as scratch:
        run = RunDirectory.create(Path(scratch) / "run", now())
        yield run, load(request, run, credentials or credentials_for(request), now())


def print_run(run: RunDirectory, arguments: argparse.Namespace) -> ExitCode:
    """Print a run's recommendation: in some lines, at length or as a document; open its report where asked."""
    if arguments.as_json:
        print_document(run.read_json("report.json"))
    else:
        from flows.proposal.sealed import read_proposal
        from flows.report.text.result import result
        from flows.report.text.terminal import summary

        proposal = read_proposal(run.file("proposal.json"))
        show(summary(run, proposal) if arguments.verbose else result(run, proposal, name_of(run)))
        say_where_on_the_page(run)
    if arguments.open_report:
        from flows.pipeline.publish import page_as_spoken

        _open(page_as_spoken(run))
    return ExitCode.OK


def name_of(run: RunDirectory) -> str:
    """The shortest that a command takes for the run: its name where runs are kept, else its path."""
    from flows.values.user_directories import runs_root

    return run.path.name if run.path.parent == runs_root().resolve() else str(run.path)


def _open(page: Path) -> None:
    import webbrowser

    if not page.is_file() or not webbrowser.open(page.as_uri()):
        message(phrase("No browser could be opened; the report is {page}.", page=page))


def _ask_whether_it_answers(request: AnalysisRequest, run: RunDirectory) -> None:
    if request.site is None:
        return
    from flows.nightscout.credentials import credentials_for
    from flows.pipeline.probe import probe
    from flows.pipeline.publish import refusals_recorded

    with refusals_recorded(run, request, now()):
        probe(request, credentials_for(request))


def _through_prefect(request: AnalysisRequest, run: RunDirectory, server: str | None) -> None:
    message(phrase("Starting Prefect …") if server else phrase("Starting Prefect (a temporary server) …"))
    with still_starting():
        prefect_server()
        from flows.autotune_analysis import autotune_analysis

        autotune_analysis(request, str(run.path))
