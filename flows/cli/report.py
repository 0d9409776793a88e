"""`autotune report`: where a run's report is, in the language asked for, or the report as a PDF for paper."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from flows.cli.console import show
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.options import Command, argument
from flows.cli.run_named import RUN, run_named

IN_THE_RUN = Path("report.pdf")  # by identity: a file of that name elsewhere is another one
COMMAND = Command(
    help="say where a run's report is, or make it a PDF of two pages",
    description="Of a --language other than the report's a page is made beside report.html: report.LANGUAGE.html.",
    arguments=(
        RUN,
        argument(
            "--pdf",
            nargs="?",
            const=IN_THE_RUN,
            type=Path,
            metavar="FILE",
            help="write it as a PDF, by the Chromium, Chrome or Edge of this system (default: report.pdf of the run)",
        ),
    ),
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print the path of the page, or of the PDF, once it is written."""
    run = run_named(arguments.run)
    if not os.path.lexists(run.file("proposal.json")):
        raise UsageError(f"{arguments.run} holds no proposal; its manifest.json says why, if it is a run directory.")
    if arguments.pdf is None:
        from flows.pipeline.publish import page_as_spoken

        show(str(page_as_spoken(run)))
        return ExitCode.OK
    from flows.proposal.sealed import read_proposal
    from flows.report.pdf import write_pdf

    to = run.file("report.pdf") if arguments.pdf is IN_THE_RUN else arguments.pdf
    if to.is_dir():
        to /= "report.pdf"
    show(str(write_pdf(read_proposal(run.file("proposal.json")), to)))
    return ExitCode.OK
