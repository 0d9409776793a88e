"""The command `autotune`. Nothing heavy is imported before the first line is on the screen."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli import apply, doctor, history, rollback, setup
from flows.cli.console import (
    OUR_FAULT,
    PROPOSAL,
    REFUSED,
    USAGE,
    now,
    prefect_server,
    progress,
    refused,
    say,
    still_starting,
)
from flows.cli.options import Add, Command, parser

if TYPE_CHECKING:
    from flows.settings import AnalysisRequest
    from flows.values.run_directory import RunDirectory


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0 for a proposal, 3 for a refusal, 2 for wrong usage, 1 for our own fault."""
    arguments = parser(COMMANDS, MORE).parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    except BrokenPipeError:
        return 141
    except Exception as error:
        from flows.environment import Environment

        if Environment().debug:
            raise
        say(f"Our fault: {type(error).__name__}. Set AUTOTUNE_DEBUG=1 to see where, and please report it.")
        return OUR_FAULT


# --- commands --------------------------------------------------------------------------------------------------------


def _demo(arguments: argparse.Namespace) -> int:
    from flows.values.bundled import bundled

    say("autotune-flows: tuning a synthetic person whose true settings are known.")
    person = bundled("fixtures/aaps_closed_loop")
    truth = json.loads((person / "truth.json").read_text("utf-8"))
    days = {"start": truth["first_local_day"], "end": truth["last_local_day"]}
    return _analyse(arguments, {"from_directory": person, **days})


def _propose(arguments: argparse.Namespace) -> int:
    say("autotune-flows: reading the data …")
    tuning = {n: getattr(arguments, n) for n in ("uam_as_basal", "tune_insulin_curve")}
    return _analyse(arguments, {**_asked(arguments), **tuning, "compare": not arguments.no_compare})


def _asked(arguments: argparse.Namespace) -> dict[str, Any]:
    names = (
        "site from_directory allow_http profile profile_file openaps_profile openaps_autotune days start end timezone "
        "inputs insulin insulin_peak_min exclude weekdays exclude_events start_from ask_now wait_for_data_min"
    )
    return {n: getattr(arguments, n) for n in names.split() if hasattr(arguments, n)}


def _computing(arguments: argparse.Namespace) -> dict[str, Any]:
    options = {n: getattr(arguments, n) for n in ("engine", "exact", "resamples", "basal_step_u_per_h", "age_group")}
    return {
        **options,
        "timeout_seconds": arguments.timeout,
        "page_numbers": getattr(arguments, "page_numbers", True),
    }


def _request(options: dict[str, Any], as_json: bool) -> AnalysisRequest | int:
    """The request, or the exit status of one that cannot be."""
    from pydantic import ValidationError

    from flows.errors import Refused
    from flows.settings import AnalysisRequest

    try:
        return AnalysisRequest(**options)
    except Refused as refusal:
        return refused(refusal, None, as_json)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            where = " ".join("--" + str(part).replace("_", "-") for part in problem["loc"][:1])
            say(f"autotune: {where} {problem['msg'].removeprefix('Value error, ')}".replace("  ", " "))
        return USAGE


def _analyse(arguments: argparse.Namespace, options: dict[str, Any]) -> int:
    from flows.errors import Refused
    from flows.values.run_directory import RunDirectory

    options = {**options, **_computing(arguments)}
    request = _request(options, arguments.as_json)
    if isinstance(request, int):
        return request
    if request.insulin_peak_min is None and request.openaps_profile is None:
        say(f"Insulin taken as {request.insulin}; use --insulin ultra-rapid for Fiasp or Lyumjev.")

    run: RunDirectory | None = None
    try:
        run = RunDirectory.create(arguments.out, now())
        with progress():
            if arguments.no_prefect:
                from flows.pipeline.run_locally import run_locally

                run_locally(request, run)
            else:
                _through_prefect(request, run)
    except Refused as refusal:
        return refused(refusal, run, arguments.as_json)
    return _print_run(run, arguments.as_json)


def _through_prefect(request: AnalysisRequest, run: RunDirectory) -> None:
    say("Starting Prefect …" if os.environ.get("PREFECT_API_URL") else "Starting Prefect (a temporary server) …")
    with still_starting():
        prefect_server()
        from flows.autotune_analysis import autotune_analysis

        autotune_analysis(request, str(run.path))


def _inspect(arguments: argparse.Namespace) -> int:
    say("autotune-flows: reading the data …")
    import tempfile

    from flows.errors import Refused
    from flows.nightscout.credentials import credentials_for
    from flows.pipeline.inspect import inspect
    from flows.pipeline.load import load
    from flows.values.run_directory import RunDirectory

    request = _request({**_asked(arguments), "compare": False}, arguments.as_json)
    if isinstance(request, int):
        return request
    with tempfile.TemporaryDirectory() as scratch:
        run = RunDirectory.create(Path(scratch) / "run", now())
        try:
            load(request, run, credentials_for(request), now())
        except Refused as refusal:
            return refused(refusal, None, arguments.as_json)
        found = inspect(request, run, now())
    if arguments.as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        from flows.report.text.inspection import inspection

        print(inspection(found))
    return REFUSED if found["refused"] else PROPOSAL


def _export(arguments: argparse.Namespace) -> int:
    say("autotune-flows: fetching …")
    import tempfile

    from flows.errors import Refused
    from flows.nightscout.credentials import credentials_for
    from flows.pipeline.load import export, load
    from flows.values.run_directory import RunDirectory

    request = _request(_asked(arguments), False)
    if isinstance(request, int):
        return request
    try:
        with tempfile.TemporaryDirectory() as scratch:
            run = RunDirectory.create(Path(scratch) / "run", now())
            load(request, run, credentials_for(request), now())
            counts = export(run, arguments.directory)
    except Refused as refusal:
        return refused(refusal, None, False)
    print(", ".join(f"{count} {name}" for name, count in counts.items()) + f" in {arguments.directory}")
    return PROPOSAL


def _tune(arguments: argparse.Namespace) -> int:
    say("autotune-flows: reading the directory …")
    from flows.errors import Refused
    from flows.pipeline.prepare import prepare_openaps
    from flows.pipeline.publish import refusals_recorded
    from flows.pipeline.run_locally import tune_and_publish
    from flows.values.run_directory import RunDirectory

    options = {n: getattr(arguments, n) for n in ("timezone", "uam_as_basal", "tune_insulin_curve")}
    options |= {"from_directory": arguments.directory, "inputs": "upstream", **_computing(arguments)}
    request = _request(options, arguments.as_json)
    if isinstance(request, int):
        return request
    run: RunDirectory | None = None
    try:
        run = RunDirectory.create(arguments.out, now())
        with progress(), refusals_recorded(run, request, now()):
            prepare_openaps(arguments.directory, run, request.timezone, now())
            tune_and_publish(request, run, now())
    except Refused as refusal:
        return refused(refusal, run, arguments.as_json)
    return _print_run(run, arguments.as_json)


def _show(arguments: argparse.Namespace) -> int:
    from flows.values.run_directory import RunDirectory

    run = RunDirectory(arguments.run.resolve())
    if not run.file("report.json" if arguments.as_json else "proposal.json").is_file():
        say(f"{arguments.run} holds no proposal; its manifest.json says why, if it is a run directory.")
        return USAGE
    return _print_run(run, arguments.as_json)


def _parity(arguments: argparse.Namespace) -> int:
    say("autotune-flows: computing the same days with upstream's own commands …")
    from flows.errors import Refused
    from flows.pipeline.parity import prove

    try:
        with progress():
            found = prove(arguments.run, docker=arguments.docker, now=now())
    except Refused as refusal:
        return refused(refusal, None, arguments.as_json)
    if arguments.as_json:
        print(json.dumps(found.document(), indent=1))
    else:
        for line in found.lines():
            print(line)
    return PROPOSAL if found.identical else OUR_FAULT


# --- what is shown ---------------------------------------------------------------------------------------------------


def _print_run(run: RunDirectory, as_json: bool) -> int:
    if as_json:
        print(json.dumps(run.read_json("report.json"), indent=1, ensure_ascii=False))
        return PROPOSAL
    from flows.errors import Refused
    from flows.proposal.document import read_proposal
    from flows.report.text.terminal import summary

    try:
        print(summary(run, read_proposal(run.file("proposal.json"))))
    except Refused as refusal:
        return refused(refusal, None, as_json)
    return PROPOSAL


COMMANDS: dict[str, Command] = {
    "demo": _demo,
    "propose": _propose,
    "inspect": _inspect,
    "export": _export,
    "tune": _tune,
    "show": _show,
    "parity": _parity,
}
# Commands with a module of their own, `flows/cli_NAME.py`: each adds its options and what it does.
MORE: tuple[Add, ...] = (apply.add, rollback.add, history.add, doctor.add, setup.add)

if __name__ == "__main__":
    sys.exit(main())
