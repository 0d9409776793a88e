"""Where a person's files lie: runs, journals of changes, what is kept of sites, the installed upstream, the token.

Each by its variable, else where the operating system keeps such files (platformdirs). Versions until 0.1 used the
directories of Linux everywhere: what exists there is gone on with, for a journal that is not found is a rollback lost.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from platformdirs import PlatformDirs

from flows.environment import environment_now
from flows.errors import Reason, Refused

NAME = "autotune-flows"


def runs_root() -> Path:
    """`AUTOTUNE_RUNS`, or `autotune-runs` where the command is run."""
    return environment_now().runs or Path("autotune-runs")


def journals_root() -> Path:
    """`AUTOTUNE_APPLIED`; else beside the runs of `AUTOTUNE_RUNS`; else the user's own state, wherever runs lie.

    The same for every run of a person, so that what one process left unfinished the next one finds.

    Raises:
        Refused: `BACKUP_UNUSABLE` for a user without a home.
    """
    environment = environment_now()
    if environment.applied:
        return environment.applied.absolute()
    if environment.runs:
        return environment.runs.absolute() / ".applied"
    try:
        return _found(_linux("XDG_STATE_HOME", ".local/state") / NAME, _system().user_state_path) / "applied"
    except RuntimeError:
        raise Refused(Reason.BACKUP_UNUSABLE, detail="this user has no home directory") from None


def service_root() -> Path:
    """Where `autotune serve` keeps its own: Prefect's database, and the lock that lets it run once.

    Raises:
        RuntimeError: for a user without a home.
    """
    return _found(_linux("XDG_STATE_HOME", ".local/state") / NAME, _system().user_state_path) / "service"


def page_root() -> Path:
    """Where the page keeps its own files: sessions, people, its index of the runs.

    Raises:
        RuntimeError: for a user without a home.
    """
    return _found(_linux("XDG_STATE_HOME", ".local/state") / NAME, _system().user_state_path) / "page"


def sites_root() -> Path | None:
    """`AUTOTUNE_STATE`, else `sites` in the user's cache; `None` for a user without a home."""
    if named := environment_now().state:
        return named
    try:
        return _cache() / "sites"
    except RuntimeError:
        return None


def notices_root(runs: Path) -> Path:
    """Where is kept what notices said of the runs of a directory, for each directory by itself.

    In `notices` in `AUTOTUNE_STATE`, else in the user's own state.

    Raises:
        RuntimeError: for a user without a home.
    """
    key = hashlib.sha256(os.fsencode(runs.resolve())).hexdigest()[:16]
    if named := environment_now().state:
        return named / "notices" / key
    state = _found(_linux("XDG_STATE_HOME", ".local/state") / NAME, _system().user_state_path)
    return state / "notices" / key


def upstream_root(lock_sha256: str) -> Path:
    """Where the oref0 of a lock is installed for this user."""
    return _cache() / f"oref0-{lock_sha256[:12]}"


def token_file() -> Path:
    """Where `autotune setup` keeps a site's token."""
    home = Path.home() / ".config" / "autotune"
    return _found(home, PlatformDirs("autotune", appauthor=False).user_config_path) / "token"


def _cache() -> Path:
    return _found(_linux("XDG_CACHE_HOME", ".cache") / NAME, _system().user_cache_path)


def _system() -> PlatformDirs:
    return PlatformDirs(NAME, appauthor=False)


def _linux(variable: str, below_home: str) -> Path:
    named = os.environ.get(variable, "")
    # The specification of these variables has relative paths ignored.
    return Path(named) if Path(named).is_absolute() else Path.home() / below_home


def _found(earlier: Path, system: Path) -> Path:
    """The place of earlier versions where something lies there, or nobody can tell; else the system's."""
    try:
        lies_there = earlier.exists()
    except OSError:  # a journal must not be begun elsewhere; whoever uses the place says why it cannot be used
        lies_there = True
    return earlier if lies_there or not system.is_absolute() else system


def nearest_existing(path: Path) -> Path:
    """A directory or the nearest one above it that is there: where it can be made or not is decided by that one."""
    return next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
