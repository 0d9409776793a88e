"""`autotune propose`: tune a person's settings from Nightscout or a directory."""

from __future__ import annotations

import argparse
from typing import Any

from flows.cli import analysis
from flows.cli.console import message
from flows.cli.exit_code import ExitCode
from flows.cli.options import COMPUTING, HISTORY, TUNING, add_fields, add_prefect, add_result, asked


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser(
        "propose",
        help="tune a person's settings from Nightscout or a directory",
        description="Secrets come from the environment: AUTOTUNE_NIGHTSCOUT_TOKEN (an access token) or "
        "AUTOTUNE_NIGHTSCOUT_API_SECRET, and AUTOTUNE_NIGHTSCOUT_BASIC_AUTH (user:password) for a proxy; "
        "with _FILE appended, from a file.",
    )
    add_result(command)
    add_prefect(command)
    add_fields(command, f"{HISTORY} {COMPUTING} {TUNING} compare page_numbers")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Tune as asked."""
    message("autotune-flows: reading the data …")
    return analysis.analyse(arguments, asked(arguments))
