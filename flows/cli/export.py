"""`autotune export`: save a site's data as the directory that `--from` reads."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from flows.cli.analysis import loaded, request_of
from flows.cli.console import message
from flows.cli.exit_code import ExitCode
from flows.cli.options import DAYS, SITE, add_fields, asked


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser("export", help="save a site's data as the directory that --from reads")
    add_fields(command, f"{SITE} {DAYS}")["site"].required = True
    command.add_argument("directory", type=Path, metavar="DIR", help="a new or empty directory")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Fetch, save and count."""
    message("autotune-flows: fetching …")
    from flows.pipeline.load import export

    with loaded(request_of(asked(arguments))) as run:
        counts = export(run, arguments.directory)
    print(", ".join(f"{count} {name}" for name, count in counts.items()) + f" in {arguments.directory}")
    return ExitCode.OK
