"""`autotune demo`: tune a bundled synthetic person."""

from __future__ import annotations

import argparse
import json

from flows.cli import analysis
from flows.cli.console import message, show
from flows.cli.exit_code import ExitCode
from flows.cli.options import COMPUTING, PREFECT, RESULT, Command, asked
from flows.language.catalogue import phrase

COMMAND = Command(
    help="tune a bundled synthetic person",
    arguments=(*RESULT, PREFECT),
    fields=f"{COMPUTING} page_numbers",
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Tune the days of the bundled person."""
    from flows.values.bundled import bundled

    person = bundled("fixtures/demonstration")
    truth, settings = (json.loads((person / f"{name}.json").read_text("utf-8")) for name in ("truth", "settings"))
    message(
        phrase(
            "autotune-flows: tuning a simulated person whose true settings are known, drawn by a seed ({seed}) and not "
            "selected.",
            seed=truth["seed"],
        )
    )
    days = {"start": truth["first_local_day"], "end": truth["last_local_day"]}
    typed = asked(arguments)
    said = {name: value for name, value in settings.items() if typed[name] is None}  # as at a person's set-up
    done = analysis.analyse(arguments, {**typed, **said, "from_directory": person, **days})
    if not arguments.as_json:
        from flows.demo.argument import argument_lines
        from flows.proposal.sealed import read_proposal

        show("")
        for line in argument_lines(read_proposal(arguments.run_made.file("proposal.json")), truth):
            show(line)
    return done
