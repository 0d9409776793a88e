"""The options of the command `autotune`. Nothing heavy is imported here: the first line must come at once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from flows import __version__

Command = Callable[[argparse.Namespace], int]
Add = Callable[[Any], None]  # adds a command with its options to argparse's subparsers


def parser(commands: Mapping[str, Command], more: Iterable[Add] = ()) -> argparse.ArgumentParser:
    """The command line: `commands` holds what each command does, by its name; `more` adds those with a module."""
    top = argparse.ArgumentParser(
        prog="autotune",
        description="Insulin-pump settings tuned by the reference OpenAPS oref0 autotune from your Nightscout data. "
        "It proposes. Only `apply` and `rollback` write, what a person approved, to Nightscout; nothing to a pump.",
    )
    top.add_argument("--version", action="version", version=f"autotune-flows {__version__}")
    subparsers = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    demo = subparsers.add_parser("demo", help="tune a bundled synthetic person")
    _common(demo)
    demo.set_defaults(command=commands["demo"])

    propose = subparsers.add_parser(
        "propose",
        help="tune a person's settings from Nightscout or a directory",
        description="Secrets come from the environment: AUTOTUNE_NIGHTSCOUT_TOKEN (an access token) or "
        "AUTOTUNE_NIGHTSCOUT_API_SECRET, and AUTOTUNE_NIGHTSCOUT_BASIC_AUTH (user:password) for a proxy; "
        "with _FILE appended, from a file.",
    )
    _source(propose)
    _tuning(propose)
    _common(propose)
    propose.add_argument("--no-compare", action="store_true", help="do not compute what the corrections changed")
    propose.set_defaults(command=commands["propose"])

    inspect = subparsers.add_parser(
        "inspect", help="what is in the data, what would be corrected, how good each day is"
    )
    _source(inspect)
    inspect.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document")
    inspect.set_defaults(command=commands["inspect"])

    export = subparsers.add_parser("export", help="save a site's data as the directory that --from reads")
    export.add_argument("--site", metavar="URL", required=True, help="address of a Nightscout site")
    export.add_argument("--allow-http", action="store_true", help=argparse.SUPPRESS)
    _days_asked(export)
    _site_patience(export)
    export.add_argument("directory", type=Path, metavar="DIR", help="a new or empty directory")
    export.set_defaults(command=commands["export"])

    tune = subparsers.add_parser("tune", help="tune an existing OpenAPS directory as it is")
    tune.add_argument("directory", type=Path, metavar="DIR", help="with settings/ and autotune/ns-*.json")
    tune.add_argument("--timezone", metavar="TZ", help="such as Europe/Paris (default: the pump profile's)")
    _tuning(tune)
    _common(tune, prefect=False)
    tune.set_defaults(command=commands["tune"])

    show = subparsers.add_parser("show", help="show a run's recommendation again")
    show.add_argument("run", type=Path, metavar="RUN")
    show.add_argument("--json", action="store_true", dest="as_json")
    show.set_defaults(command=commands["show"])

    parity = subparsers.add_parser(
        "parity", help="prove that every engine gives upstream's own bytes on a run's inputs"
    )
    parity.add_argument(
        "run", type=Path, metavar="RUN", nargs="?", help="a run directory (default: the bundled person)"
    )
    parity.add_argument("--docker", action="store_true", help="compare the container too")
    parity.add_argument("--json", action="store_true", dest="as_json")
    parity.set_defaults(command=commands["parity"])
    for add in more:
        add(subparsers)
    return top


def _source(command: argparse.ArgumentParser) -> None:
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--site", metavar="URL", help="address of a Nightscout site")
    source.add_argument(
        "--from",
        dest="from_directory",
        type=Path,
        metavar="DIR",
        help="directory with entries.json, treatments.json, profile.json",
    )
    command.add_argument(
        "--allow-http", action="store_true", help="allow an unencrypted site that is not on this machine"
    )
    command.add_argument(
        "--profile", metavar="NAME", help="profile to tune, or `active` (default: the document's default)"
    )
    command.add_argument("--profile-file", type=Path, metavar="FILE", help="Nightscout profile document to use")
    command.add_argument("--openaps-profile", type=Path, metavar="FILE", help="OpenAPS pump profile, used as it is")
    command.add_argument("--openaps-autotune", type=Path, metavar="FILE", help="OpenAPS profile to start from")
    command.add_argument(
        "--start-from",
        choices=["baseline", "previous"],
        default="baseline",
        help="start from the profile, or go on from the last run (caps stay those of the profile)",
    )
    _site_patience(command)
    _days_asked(command)
    command.add_argument("--exclude", type=_dates, default=[], metavar="D,D..D", help="days to leave out")
    command.add_argument("--weekdays", type=_names, default=[], metavar="mon,tue", help="these days of the week only")
    command.add_argument(
        "--exclude-events",
        type=_names,
        default=[],
        metavar="KIND,KIND",
        help="leave out days with: override, temp-target, exercise, suspend",
    )
    command.add_argument("--inputs", choices=["corrected", "upstream"], default="corrected")
    command.add_argument("--insulin", choices=["rapid-acting", "ultra-rapid"], default="rapid-acting")
    command.add_argument("--insulin-peak-min", type=int, metavar="MIN", help="custom peak of insulin action")


def _site_patience(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--now", action="store_true", dest="ask_now", help="ask a site that is left alone after runs that failed"
    )
    command.add_argument(
        "--wait-for-data",
        type=int,
        default=0,
        dest="wait_for_data_min",
        metavar="MIN",
        help="wait up to so many minutes until the last night's readings have arrived",
    )


def _days_asked(command: argparse.ArgumentParser) -> None:
    command.add_argument("--days", type=int, metavar="N", help="whole days, ending with yesterday or the data's last")
    command.add_argument("--start", type=date.fromisoformat, metavar="D", help="first day, YYYY-MM-DD")
    command.add_argument("--end", type=date.fromisoformat, metavar="D", help="last day, YYYY-MM-DD")
    command.add_argument("--timezone", metavar="TZ", help="such as Europe/Paris (default: the profile's)")


def _dates(text: str) -> list[date]:
    """`2026-11-01,2026-11-05..2026-11-08`: days and periods."""
    found = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("..")
        try:
            start, end = date.fromisoformat(first), date.fromisoformat(last or first)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{part!r} is no day or period such as 2026-11-08..2026-11-10") from None
        if end < start:
            raise argparse.ArgumentTypeError(f"{part!r} ends before it starts")
        found += [date.fromordinal(n) for n in range(start.toordinal(), end.toordinal() + 1)]
    return found


def _names(text: str) -> list[str]:
    return [name.strip().lower() for name in text.split(",") if name.strip()]


def _tuning(command: argparse.ArgumentParser) -> None:
    command.add_argument("--uam-as-basal", action="store_true", help="count unannounced rises as basal need")
    command.add_argument("--tune-insulin-curve", action="store_true", help="also tune duration and peak of insulin")


def _common(command: argparse.ArgumentParser, *, prefect: bool = True) -> None:
    command.add_argument("--engine", choices=["node", "docker", "reference"], default="node")
    command.add_argument(
        "--exact", action="store_true", help="let upstream compute everything itself: slow, and the same numbers"
    )
    command.add_argument(
        "--resamples",
        type=int,
        default=100,
        metavar="N",
        help="repeat the run N times over resampled days, to say how sure each number is (default 100, 0: never)",
    )
    command.add_argument(
        "--basal-step",
        type=float,
        default=0.05,
        dest="basal_step_u_per_h",
        metavar="U/h",
        help="the smallest step of your pump's basal rates (default 0.05)",
    )
    command.add_argument(
        "--age-group",
        choices=["child", "teenager", "adult", "resistant-adult", "pregnant"],
        default="adult",
        help="as set in AAPS: whose limits the receiver enforces, and in pregnancy those of glucose (default adult)",
    )
    command.add_argument("--timeout", type=float, default=1800.0, metavar="S", help="seconds upstream may take")
    command.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document")
    command.add_argument("--out", type=Path, metavar="DIR", help="run directory to make (default: under autotune-runs)")
    if prefect:
        command.add_argument("--no-prefect", action="store_true", help="run the same steps without a Prefect server")
        command.add_argument(
            "--no-page-numbers",
            action="store_false",
            dest="page_numbers",
            help="keep the recommended settings off the run's page of a server that others can see",
        )
