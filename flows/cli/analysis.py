"""What the commands that analyse share: the request, the run, and what is printed of it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli import option_table
from flows.cli.console import message, now, print_document, progress, show
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.prefect_api import prefect_server, server_to_use, still_starting

if TYPE_CHECKING:
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
        message(f"The site was given without http:// or https://; taken as {site}.")


def analyse(arguments: argparse.Namespace, options: dict[str, Any]) -> ExitCode:
    """Tune, through Prefect where a server is named or it is asked for, else without; print the recommendation."""
    request = request_of(options)
    server = None if arguments.no_prefect else server_to_use()
    through_prefect = arguments.prefect or server is not None
    run = make_run(arguments)
    if through_prefect:
        _ask_whether_it_answers(request, run)  # before Prefect is started for nothing
    if request.insulin_peak_min is None and request.openaps_profile is None:
        taken = request.insulin or "the data name it, rapid-acting where they name none"
        message(f"Insulin taken as {taken}; use --insulin ultra-rapid for Fiasp or Lyumjev.")
    with progress():
        if through_prefect:
            _through_prefect(request, run, server)
        else:
            from flows.pipeline.run_locally import run_locally

            run_locally(request, run)
    return print_run(run, arguments)


def make_run(arguments: argparse.Namespace) -> RunDirectory:
    """The run directory of `--out`; the document of a later refusal names it."""
    from flows.values.run_directory import RunDirectory

    run = RunDirectory.create(arguments.out, now())
    arguments.run_made = run
    return run


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
    if arguments.open_report:
        _open(run.file("report.html"))
    return ExitCode.OK


def name_of(run: RunDirectory) -> str:
    """The shortest that a command takes for the run: its name where runs are kept, else its path."""
    from flows.values.user_directories import runs_root

    return run.path.name if run.path.parent == runs_root().resolve() else str(run.path)


def _open(page: Path) -> None:
    import webbrowser

    if not page.is_file() or not webbrowser.open(page.as_uri()):
        message(f"No browser could be opened; the report is {page}.")


def _ask_whether_it_answers(request: AnalysisRequest, run: RunDirectory) -> None:
    if request.site is None:
        return
    from flows.nightscout.credentials import credentials_for
    from flows.pipeline.probe import probe
    from flows.pipeline.publish import refusals_recorded

    with refusals_recorded(run, request, now()):
        probe(request, credentials_for(request))


def _through_prefect(request: AnalysisRequest, run: RunDirectory, server: str | None) -> None:
    message("Starting Prefect …" if server else "Starting Prefect (a temporary server) …")
    with still_starting():
        prefect_server()
        from flows.autotune_analysis import autotune_analysis

        autotune_analysis(request, str(run.path))
