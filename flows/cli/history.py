"""`autotune history`: what was recommended over time, what was applied, and time in range before and after."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from flows.cli.console import message, print_either
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.options import JSON, Command, argument
from flows.language.catalogue import phrase

COMMAND = Command(
    help="what was recommended over time, what was applied, and time in range before and after",
    description="Reads the run directories and never the site. Runs of one site or directory make a history; say "
    "which where there are several.",
    arguments=(
        (
            argument("--site", metavar="URL", help="runs of this Nightscout site"),
            argument("--from", dest="from_directory", type=Path, metavar="DIR", help="runs of this directory"),
        ),
        argument("--profile", metavar="NAME", help="runs that tuned this profile"),
        argument(
            "--runs",
            type=Path,
            metavar="DIR",
            help="where the run directories are (default: AUTOTUNE_RUNS, autotune-runs)",
        ),
        JSON,
        argument("--html", type=Path, metavar="FILE", help="write a page with the trend of every setting"),
    ),
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print the history, and write its page where asked."""
    from flows.report.trend.history import document, trend
    from flows.report.trend.past_runs import find_runs
    from flows.report.trend.text import history
    from flows.settings import site_url
    from flows.values.user_directories import runs_root

    root = (arguments.runs or runs_root()).resolve()
    site = site_url(arguments.site) if arguments.site else None
    found = trend(find_runs(root), root, site=site, directory=arguments.from_directory, profile=arguments.profile)
    print_either(arguments.as_json, document(found), history(found))
    if arguments.html:
        _write_page(arguments.html, found)
    return ExitCode.OK


def _write_page(file: Path, found: Any) -> None:
    from flows.report.trend.html import trend_page
    from flows.values.run_directory import write_atomically

    if file.is_dir():
        raise UsageError(f"autotune: --html wants a file, and {file} is a directory")
    try:
        write_atomically(file, trend_page(found))
    except OSError as error:
        raise UsageError(f"autotune: --html {file} cannot be written ({error.strerror})") from None
    message(phrase("The page is {file}. It holds health data; only you can read it.", file=file))
