"""The run that a person names: its directory, its name where runs are kept, or `last`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.console import message
from flows.cli.options import argument, number_within
from flows.language.catalogue import phrase, to_translate
from flows.values.nearest import perhaps
from flows.values.units import HOURS_PER_DAY

if TYPE_CHECKING:
    from flows.errors import Refused
    from flows.values.run_directory import RunDirectory

LAST = "last"
LONGEST_AGE_H = 14 * HOURS_PER_DAY
# Of a proposal that is written or typed.
MAX_AGE = argument(
    "--max-age",
    type=number_within("float", above=0, most=LONGEST_AGE_H),
    default=48.0,
    metavar="H",
    help="hours (default 48)",
)
RUN = argument("run", type=Path, metavar="RUN", help="run directory, its name, or `last` for the newest with a result")


def run_named(named: Path) -> RunDirectory:
    """The run of a name.

    Raises:
        Refused: `RUN_NOT_FOUND`: there is none; says which may have been meant.
    """
    if (found := find_run(named)) is None:
        raise not_found(named)
    return found


def find_run(named: Path) -> RunDirectory | None:
    """As `run_named`; `None` where there is none of this name."""
    from flows.values.run_directory import RunDirectory
    from flows.values.user_directories import runs_root

    if named.exists():
        return RunDirectory(named.resolve())
    if len(named.parts) != 1:
        return None
    if named.name != LAST:
        return RunDirectory((runs_root() / named).resolve()) if (runs_root() / named).is_dir() else None
    if (newest := _newest(runs_root())) is None:
        return None
    message(f"The last run with a result is {newest.name}.")
    return RunDirectory(newest.resolve())


def say_where_on_the_page(run: RunDirectory) -> None:
    """Say where the run is on the page for people, if the page is named and looks where this run lies."""
    from flows.environment import environment_now, on_page
    from flows.values.user_directories import runs_root

    address = on_page(environment_now(), f"/r/{run.path.name}")
    if address and run.path.resolve().parent == runs_root().resolve():
        message(phrase("On the page: {address}", address=address))


def not_found(named: Path) -> Refused:
    """The refusal of a name that is no run's."""
    from flows.errors import Reason, Refused
    from flows.values.user_directories import runs_root

    root = runs_root()
    names = sorted(path.name for path in root.glob("[!.]*") if path.is_dir())
    if not names:
        remedy = to_translate("None was made there yet.")
    elif named.name == LAST:
        remedy = to_translate("None of the runs there has a result; `autotune history` says why.")
    else:
        meant = perhaps(named.name, [*names, LAST]).replace("; did", "Did")
        remedy = meant or to_translate("`last` is the newest with a result, `autotune history` lists them.")
    return Refused(Reason.RUN_NOT_FOUND, name=named, root=root.resolve(), remedy=remedy)


def _newest(root: Path) -> Path | None:
    """The newest run with a proposal; none of a backfill, which nothing is done with."""
    made = sorted(root.glob("[!.]*/proposal.json"), key=_made_at, reverse=True)
    return next((file.parent for file in made if not _is_of_past(file.parent)), None)


def _made_at(proposal: Path) -> float:
    """By the name of its run, which has the time; a run of another name by its file."""
    try:
        return datetime.strptime(proposal.parent.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return proposal.stat().st_mtime


def _is_of_past(run: Path) -> bool:
    from flows.settings import of_past
    from flows.values.run_directory import json_or_none

    manifest = json_or_none(run / "manifest.json")
    return isinstance(manifest, dict) and of_past(manifest.get("options"))
