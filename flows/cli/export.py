"""`autotune export`: save a site's data as the directory that `--from` reads."""

from __future__ import annotations

import argparse
from pathlib import Path

from flows.cli.analysis import loaded, request_of
from flows.cli.console import message, show
from flows.cli.exit_code import ExitCode
from flows.cli.options import DAYS, SITE, Command, argument, asked
from flows.language.catalogue import phrase

COMMAND = Command(
    help="save a site's data as the directory that --from reads",
    arguments=(argument("directory", type=Path, metavar="DIR", help="a new or empty directory"),),
    fields=f"{SITE} {DAYS}",
    required=("site",),
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Fetch, save and count."""
    message(phrase("autotune-flows: fetching …"))
    from flows.pipeline.load import export

    with loaded(request_of(asked(arguments))) as (run, _):
        counts = export(run, arguments.directory)
    show(", ".join(f"{count} {name}" for name, count in counts.items()) + f" in {arguments.directory}")
    return ExitCode.OK
