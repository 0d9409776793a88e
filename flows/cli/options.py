"""The options of the commands. Nothing heavy is imported here: the first line must come at once."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from flows.cli import option_table
from flows.cli.parsing import one_of, shown
from flows.language.catalogue import Language
from flows.values.nearest import perhaps

GROUPS = ("data", "days", "person", "expert")  # in the order of the help
# Fields of a request that commands share.
SITE = "site allow_http ask_now wait_for_data_min"
DAYS = "days start end timezone"
HISTORY = (
    f"{SITE} from_directory profile_file openaps_profile openaps_autotune {DAYS} exclude weekdays exclude_events "
    "exclude_found "
    "profile insulin insulin_peak_min inputs start_from"
)
COMPUTING = "basal_step_u_per_h age_group engine exact resamples timeout_seconds"
TUNING = "uam_as_basal tune_insulin_curve"


@dataclass(frozen=True)
class Argument:
    """One argument of a command: its names, and what argparse is told of it."""

    names: tuple[str, ...]
    how: dict[str, Any]


def argument(*names: str, **how: Any) -> Argument:
    """An argument, as `add_argument` of argparse takes it."""
    return Argument(names, how)


@dataclass(frozen=True)
class Command:
    """What a command is called with; its own arguments stand in the help before those of a request's fields.

    Attributes:
        help: its line in the help of `autotune`.
        description: what its own help says.
        arguments: its own, in the order of the help; of a tuple of them only one may be given.
        fields: the fields of a request that are options of it; spaces separate their names.
        required: those of the fields that must be given.
        site_block: whether a saved site may be named instead of an address or a directory.
    """

    help: str
    arguments: tuple[Argument | tuple[Argument, ...], ...] = ()
    fields: str = ""
    required: tuple[str, ...] = ()
    site_block: bool = False
    description: str | None = None


JSON = argument("--json", action="store_true", dest="as_json", help="print one JSON document")
LANGUAGE = argument(
    "--language",
    choices=tuple(language.value for language in Language),
    metavar="LANGUAGE",
    help="of all that is said, and of pages: en or de (default: AUTOTUNE_LANGUAGE, en)",
)  # of every command
# How a run's result is shown, and where it goes.
SHOWN = (
    JSON,
    argument("-v", "--verbose", action="store_true", help="print every number and what it rests on"),
    argument("--open", action="store_true", dest="open_report", help="open the report in the browser"),
)
RESULT = (
    *SHOWN,
    argument("--out", type=Path, metavar="DIR", help="run directory to make (default: under autotune-runs)"),
)
# The same steps either way; without both a server that PREFECT_API_URL or Prefect's profile names is taken.
PREFECT = (
    argument("--prefect", action="store_true", help="run as a Prefect flow; a temporary server where none is named"),
    argument("--no-prefect", action="store_true", help="run without Prefect, also where a server is named"),
)


def number_within(kind: str, **limits: float) -> Callable[[str], float]:
    """Reads a number within limits, which the error names.

    Args:
        kind: `int` or `float`.
        **limits: `least` or `above`, and `most` where there is one.
    """
    names = {"least": "from", "above": "above", "most": "to"}
    return partial(_number, {"kind": kind, "range": {names[name]: limit for name, limit in limits.items()}})


def number_of(field: str) -> Callable[[str], float]:
    """Reads the number of a request's field, within its limits."""
    return partial(_number, next(row for row in option_table.read() if row["field"] == field))


def add_command(subparsers: Any, name: str, command: Command) -> None:
    """Add a command to the command line."""
    parser = subparsers.add_parser(name, help=command.help, description=command.description)
    for one in (*command.arguments, LANGUAGE):
        place = parser if isinstance(one, Argument) else parser.add_mutually_exclusive_group()
        for each in (one,) if isinstance(one, Argument) else one:
            place.add_argument(*each.names, **each.how)
    _add_fields(parser, command)


def _add_fields(parser: argparse.ArgumentParser, command: Command) -> None:
    """The options of a request's fields under a heading for each group; of a site and a directory it takes one."""
    rows = {row["field"]: row for row in option_table.read() if row["field"] in command.fields.split()}
    named = [name for name in GROUPS if any(row["group"] == name for row in rows.values())]
    groups: dict[str, Any] = {name: parser.add_argument_group(name) for name in named}
    either = groups["data"].add_mutually_exclusive_group(required=True) if "from_directory" in rows else None
    if either and command.site_block:
        either.add_argument("--block", dest="site_block", metavar="NAME", help="a saved Nightscout Site block instead")
    for name, row in rows.items():
        place = either if either and name in ("site", "from_directory") else groups[row["group"]]
        how = {"default": row["default"], "required": name in command.required, **_reading(row)}
        place.add_argument(row["option"], dest=name, **how)


def asked(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was asked for of a request's fields, by the options the command has."""
    fields = [row["field"] for row in option_table.read()]
    return {name: getattr(arguments, name) for name in fields if hasattr(arguments, name)}


def names(text: str) -> list[str]:
    """Names separated by commas, in lower case."""
    return [name.strip().lower() for name in text.split(",") if name.strip()]


def _reading(row: dict[str, Any]) -> dict[str, Any]:
    """How argparse reads a field's value, and what its help says."""
    text = row["help"].replace("%", "%%")
    if row["kind"] == "flag":
        action = argparse.BooleanOptionalAction if row["default"] else "store_true"
        return {"action": action, "help": text}
    if row["kind"] == "names":
        text = f"{text} Any of: {', '.join(row['choices'])}."
    elif row["default"] is not None and row["default"] != []:
        text = f"{text} Default: {row['default']}."
    return {
        "type": _reader(row),
        "metavar": row["metavar"],
        "choices": row["choices"] if row["kind"] == "choice" else None,
        "help": text,
    }


def _reader(row: dict[str, Any]) -> Any:
    if row["kind"] in ("int", "float"):
        return partial(_number, row)
    return partial(_names, row["choices"]) if row["kind"] == "names" else _READERS[row["kind"]]


def _number(row: dict[str, Any], text: str) -> float:
    """A number within its range, which the error names."""
    limits, whole = row["range"], row["kind"] == "int"
    try:
        number = int(text) if whole else float(text)
        above = number > limits["above"] if "above" in limits else number >= limits["from"]
        if above and number <= limits.get("to", inf):
            return number
    except ValueError:
        pass
    least = f"above {limits['above']:g} up" if "above" in limits else f"from {limits['from']:g}"
    what = "a whole number" if whole else "a number"
    most = f" to {limits['to']:g}" if "to" in limits else " up"
    raise argparse.ArgumentTypeError(f"takes {what} {least}{most}, not {shown(text)}")


def _names(known: list[str], text: str) -> list[str]:
    chosen = names(text)
    if unknown := [name for name in chosen if name not in known]:
        raise argparse.ArgumentTypeError(f"takes {one_of(known)}, not {shown(unknown[0])}{perhaps(unknown[0], known)}")
    return chosen


def _dates(text: str) -> list[date]:
    """`2026-11-01,2026-11-05..2026-11-08`: days and periods."""
    found = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("..")
        try:
            start, end = date.fromisoformat(first), date.fromisoformat(last or first)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"takes days and periods such as 2026-11-08..2026-11-10, not {part!r}"
            ) from None
        if end < start:
            raise argparse.ArgumentTypeError(f"takes periods that end after they start, not {part!r}")
        found += [date.fromordinal(n) for n in range(start.toordinal(), end.toordinal() + 1)]
    return found


_READERS: dict[str, Any] = {
    "text": str,
    "choice": str,
    "path": Path,
    "date": date.fromisoformat,
    "dates": _dates,
}
