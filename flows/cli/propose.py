"""`autotune propose`: tune a person's settings from Nightscout or a directory."""

from __future__ import annotations

import argparse

from flows.cli import analysis
from flows.cli.console import message
from flows.cli.exit_code import ExitCode
from flows.cli.options import COMPUTING, HISTORY, PREFECT, RESULT, TUNING, Command, asked
from flows.language.catalogue import phrase

COMMAND = Command(
    help="tune a person's settings from Nightscout or a directory",
    description="Secrets come from the environment: AUTOTUNE_NIGHTSCOUT_TOKEN (an access token) or "
    "AUTOTUNE_NIGHTSCOUT_API_SECRET, and AUTOTUNE_NIGHTSCOUT_BASIC_AUTH (user:password) for a proxy; "
    "with _FILE appended, from a file.",
    arguments=(*RESULT, PREFECT),
    fields=f"{HISTORY} {COMPUTING} {TUNING} compare page_numbers",
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Tune as asked."""
    message(phrase("autotune-flows: reading the data …"))
    return analysis.analyse(arguments, asked(arguments))
