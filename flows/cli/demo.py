"""`autotune demo`: tune a bundled synthetic person."""

from __future__ import annotations

import argparse
import json

from flows.cli import analysis
from flows.cli.console import message, show
from flows.cli.exit_code import ExitCode
from flows.cli.options import COMPUTING, PREFECT, RESULT, Command, asked

COMMAND = Command(
    help="tune a bundled synthetic person",
    arguments=(*RESULT, PREFECT),
    fields=f"{COMPUTING} page_numbers",
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Tune the days of the bundled person."""
    from flows.values.bundled import bundled

    message("autotune-flows: tuning a synthetic person whose true settings are known.")
    person = bundled("fixtures/aaps_closed_loop")
    truth = json.loads((person / "truth.json").read_text("utf-8"))
    days = {"start": truth["first_local_day"], "end": truth["last_local_day"]}
    done = analysis.analyse(arguments, {**asked(arguments), "from_directory": person, **days})
    if not arguments.as_json:
        from flows.demo.argument import argument_lines
        from flows.proposal.sealed import read_proposal

        show("")
        for line in argument_lines(read_proposal(arguments.run_made.file("proposal.json")), truth):
            show(line)
    return done
