"""The command `autotune`. Nothing heavy is imported before the first line is on the screen."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows import __version__

if TYPE_CHECKING:
    from flows.run_directory import RunDirectory
    from flows.settings import AnalysisRequest

PROPOSAL, OUR_FAULT, USAGE, REFUSED = 0, 1, 2, 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0 for a proposal, 3 for a refusal, 2 for wrong usage, 1 for our own fault."""
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    except BrokenPipeError:
        return 141
    except Exception as error:
        if os.environ.get("AUTOTUNE_DEBUG"):
            raise
        say(f"Our fault: {type(error).__name__}. Set AUTOTUNE_DEBUG=1 to see where, and please report it.")
        return OUR_FAULT


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="autotune",
        description="Insulin-pump settings tuned by the reference OpenAPS oref0 autotune from your Nightscout data. "
        "It proposes; it never changes anything in Nightscout or on a pump.",
    )
    top.add_argument("--version", action="version", version=f"autotune-flows {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="tune a bundled synthetic person")
    _common(demo)
    demo.set_defaults(command=_demo)

    propose = commands.add_parser(
        "propose",
        help="tune a person's settings from Nightscout or a directory",
        description="Secrets come from the environment: AUTOTUNE_NIGHTSCOUT_TOKEN (an access token) or "
        "AUTOTUNE_NIGHTSCOUT_API_SECRET; with _FILE appended, from a file.",
    )
    source = propose.add_mutually_exclusive_group(required=True)
    source.add_argument("--site", metavar="URL", help="address of a Nightscout site")
    source.add_argument(
        "--from",
        dest="from_directory",
        type=Path,
        metavar="DIR",
        help="directory with entries.json, treatments.json, profile.json",
    )
    propose.add_argument(
        "--allow-http", action="store_true", help="allow an unencrypted site that is not on this machine"
    )
    propose.add_argument("--profile", metavar="NAME", help="profile to tune (default: the document's default)")
    propose.add_argument("--profile-file", type=Path, metavar="FILE", help="Nightscout profile document to use")
    propose.add_argument("--openaps-profile", type=Path, metavar="FILE", help="OpenAPS pump profile, used as it is")
    propose.add_argument("--openaps-autotune", type=Path, metavar="FILE", help="OpenAPS profile to start from")
    propose.add_argument("--days", type=int, metavar="N", help="whole days, ending with yesterday or the data's last")
    propose.add_argument("--start", type=date.fromisoformat, metavar="D", help="first day, YYYY-MM-DD")
    propose.add_argument("--end", type=date.fromisoformat, metavar="D", help="last day, YYYY-MM-DD")
    propose.add_argument("--timezone", metavar="TZ", help="such as Europe/Paris (default: the profile's)")
    propose.add_argument("--inputs", choices=["corrected", "upstream"], default="corrected")
    propose.add_argument("--insulin", choices=["rapid-acting", "ultra-rapid"], default="rapid-acting")
    propose.add_argument("--insulin-peak-min", type=int, metavar="MIN", help="custom peak of insulin action")
    _tuning(propose)
    _common(propose)
    propose.set_defaults(command=_propose)

    tune = commands.add_parser("tune", help="tune an existing OpenAPS directory as it is")
    tune.add_argument("directory", type=Path, metavar="DIR", help="with settings/ and autotune/ns-*.json")
    tune.add_argument("--timezone", metavar="TZ", help="such as Europe/Paris (default: the pump profile's)")
    _tuning(tune)
    _common(tune, prefect=False)
    tune.set_defaults(command=_tune)

    show = commands.add_parser("show", help="show a run's recommendation again")
    show.add_argument("run", type=Path, metavar="RUN")
    show.add_argument("--json", action="store_true", dest="as_json")
    show.set_defaults(command=_show)

    parity = commands.add_parser("parity", help="prove that every engine gives upstream's own bytes on a run's inputs")
    parity.add_argument(
        "run", type=Path, metavar="RUN", nargs="?", help="a run directory (default: the bundled person)"
    )
    parity.add_argument("--docker", action="store_true", help="compare the container too")
    parity.add_argument("--json", action="store_true", dest="as_json")
    parity.set_defaults(command=_parity)
    return top


def _tuning(command: argparse.ArgumentParser) -> None:
    command.add_argument("--uam-as-basal", action="store_true", help="count unannounced rises as basal need")
    command.add_argument("--tune-insulin-curve", action="store_true", help="also tune duration and peak of insulin")


def _common(command: argparse.ArgumentParser, *, prefect: bool = True) -> None:
    command.add_argument("--engine", choices=["node", "docker", "reference"], default="node")
    command.add_argument("--timeout", type=float, default=1800.0, metavar="S", help="seconds upstream may take")
    command.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document")
    command.add_argument("--out", type=Path, metavar="DIR", help="run directory to make (default: under autotune-runs)")
    if prefect:
        command.add_argument("--no-prefect", action="store_true", help="run the same steps without a Prefect server")


# --- commands --------------------------------------------------------------------------------------------------------


def _demo(arguments: argparse.Namespace) -> int:
    from flows.oref0.runtime import bundled

    say("autotune-flows: tuning a synthetic person whose true settings are known.")
    person = bundled("fixtures/aaps_closed_loop")
    truth = json.loads((person / "truth.json").read_text("utf-8"))
    days = {"start": truth["first_local_day"], "end": truth["last_local_day"]}
    return _analyse(arguments, {"from_directory": person, **days})


def _propose(arguments: argparse.Namespace) -> int:
    say("autotune-flows: reading the data …")
    names = (
        "site from_directory allow_http profile profile_file openaps_profile openaps_autotune days start end timezone "
        "inputs insulin insulin_peak_min uam_as_basal tune_insulin_curve"
    )
    return _analyse(arguments, {n: getattr(arguments, n) for n in names.split()})


def _analyse(arguments: argparse.Namespace, options: dict[str, Any]) -> int:
    from pydantic import ValidationError

    from flows.errors import Refused
    from flows.run_directory import RunDirectory
    from flows.settings import AnalysisRequest

    try:
        request = AnalysisRequest(**options, engine=arguments.engine, timeout_seconds=arguments.timeout)
    except Refused as refusal:
        return _refused(refusal, None, arguments.as_json)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            where = " ".join("--" + str(part).replace("_", "-") for part in problem["loc"])
            say(f"autotune: {where} {problem['msg'].removeprefix('Value error, ')}".replace("  ", " "))
        return USAGE
    if request.insulin_peak_min is None and request.openaps_profile is None:
        say(f"Insulin taken as {request.insulin}; use --insulin ultra-rapid for Fiasp or Lyumjev.")

    run: RunDirectory | None = None
    try:
        run = RunDirectory.create(arguments.out, _now())
        with _progress():
            if arguments.no_prefect:
                from flows.local_run import run_locally

                run_locally(request, run)
            else:
                _through_prefect(request, run)
    except Refused as refusal:
        return _refused(refusal, run, arguments.as_json)
    return _print_run(run, arguments.as_json)


def _through_prefect(request: AnalysisRequest, run: RunDirectory) -> None:
    for name, value in {
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "DO_NOT_TRACK": "1",
    }.items():
        os.environ.setdefault(name, value)
    say("Starting Prefect …" if os.environ.get("PREFECT_API_URL") else "Starting Prefect (a temporary server) …")
    from flows.autotune_analysis import autotune_analysis

    autotune_analysis(request, str(run.path))


def _tune(arguments: argparse.Namespace) -> int:
    say("autotune-flows: reading the directory …")
    from flows.errors import Refused
    from flows.local_days import canonical_zone
    from flows.local_run import tune_and_publish
    from flows.run_directory import RunDirectory
    from flows.settings import AnalysisRequest, InputsMode
    from flows.steps.prepare import prepare_openaps
    from flows.steps.publish import refusals_recorded

    run: RunDirectory | None = None
    try:
        zone = canonical_zone(arguments.timezone) if arguments.timezone else None
        request = AnalysisRequest(
            from_directory=arguments.directory,
            timezone=zone,
            engine=arguments.engine,
            inputs=InputsMode.UPSTREAM,
            uam_as_basal=arguments.uam_as_basal,
            tune_insulin_curve=arguments.tune_insulin_curve,
            timeout_seconds=arguments.timeout,
        )
        run = RunDirectory.create(arguments.out, _now())
        with _progress(), refusals_recorded(run, request, _now()):
            prepare_openaps(arguments.directory, run, zone, _now())
            tune_and_publish(request, run, _now())
    except Refused as refusal:
        return _refused(refusal, run, arguments.as_json)
    return _print_run(run, arguments.as_json)


def _show(arguments: argparse.Namespace) -> int:
    from flows.run_directory import RunDirectory

    run = RunDirectory(arguments.run.resolve())
    if not run.file("report.json").is_file():
        say(f"{arguments.run} holds no proposal; its manifest.json says why, if it is a run directory.")
        return USAGE
    return _print_run(run, arguments.as_json)


def _parity(arguments: argparse.Namespace) -> int:
    say("autotune-flows: computing the same days with upstream's own commands …")
    from flows.errors import Refused
    from flows.parity import prove

    try:
        with _progress():
            found = prove(arguments.run, docker=arguments.docker, now=_now())
    except Refused as refusal:
        return _refused(refusal, None, arguments.as_json)
    if arguments.as_json:
        print(json.dumps(found.document(), indent=1))
    else:
        for line in found.lines():
            print(line)
    return PROPOSAL if found.identical else OUR_FAULT


# --- what is shown ---------------------------------------------------------------------------------------------------


def say(text: str) -> None:
    """A line for the person, on standard error: standard output is for the result."""
    print(text, file=sys.stderr, flush=True)


def _print_run(run: RunDirectory, as_json: bool) -> int:
    document = run.read_json("report.json")
    if as_json:
        print(json.dumps(document, indent=1, ensure_ascii=False))
        return PROPOSAL
    from flows.report.terminal import summary

    print(summary(run, document))
    return PROPOSAL


def _refused(refusal: Any, run: RunDirectory | None, as_json: bool) -> int:
    from flows.steps.publish import refusal_document

    say(f"Refused: {refusal.sentence}\n         {refusal.remedy}")
    if as_json:
        print(json.dumps(refusal_document(refusal, run), indent=1, ensure_ascii=False))
    return REFUSED


def _progress() -> Any:
    from flows.progress import listening

    return listening(_bar() if sys.stderr.isatty() else _lines)


def _lines(event: str, facts: dict[str, Any]) -> None:
    if event == "day":
        say(f"  day {facts['index']} of {facts['of']}: {facts['date']}")


def _bar() -> Callable[[str, dict[str, Any]], None]:
    width = 30

    def draw(event: str, facts: dict[str, Any]) -> None:
        if event != "day":
            return
        done = width * facts["index"] // facts["of"]
        end = "\n" if facts["index"] == facts["of"] else ""
        bar = f"\r  [{'█' * done}{'·' * (width - done)}] day {facts['index']} of {facts['of']}  {facts['date']} "
        print(bar, end=end, file=sys.stderr, flush=True)

    return draw


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
