"""Where journals, runs, caches and the token lie on each system; what exists where it was keeps being found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from platformdirs.api import PlatformDirsABC
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows

from flows.values import user_directories
from flows.values.user_directories import journals_root, runs_root, sites_root, token_file, upstream_root

SYSTEMS = [Unix, MacOS, Windows]
# Below the home directory, as all versions until 0.1 had them on every system.
EARLIER: list[tuple[Callable[[], Path | None], str, str]] = [
    (journals_root, ".local/state/autotune-flows", "applied"),
    (sites_root, ".cache/autotune-flows", "sites"),
    (lambda: upstream_root("0123456789abcdef"), ".cache/autotune-flows", "oref0-0123456789ab"),
    (token_file, ".config/autotune", "token"),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AUTOTUNE_RUNS", "AUTOTUNE_APPLIED", "AUTOTUNE_STATE", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(params=SYSTEMS, ids=lambda system: system.__name__)
def system(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> type[PlatformDirsABC]:
    """The system whose rules count; Windows is asked for its folders in the registry, here below the home directory."""
    monkeypatch.setattr(user_directories, "PlatformDirs", request.param)
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda _: str(home / "AppData" / "Local"))
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize(("place", "below_home", "name"), EARLIER)
def test_what_an_earlier_version_left_is_found(
    place: Callable[[], Path | None], below_home: str, name: str, system: type[PlatformDirsABC], home: Path
) -> None:
    (home / below_home).mkdir(parents=True)
    assert place() == home / below_home / name


@pytest.mark.parametrize(("place", "below_home", "name"), EARLIER)
def test_else_it_lies_where_the_system_keeps_such_files(
    place: Callable[[], Path | None], below_home: str, name: str, system: type[PlatformDirsABC], home: Path
) -> None:
    found = place()
    assert found is not None and found.name == name
    assert (found == home / below_home / name) is (system is Unix)
    assert home in found.parents


@pytest.mark.parametrize(("place", "below_home", "name"), EARLIER[:3])
def test_a_relative_directory_of_linux_does_not_count(
    place: Callable[[], Path | None], below_home: str, name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert place() == home / below_home / name


def test_linux_s_own_variables_are_followed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "s"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "c"))
    assert journals_root() == home / "s" / "autotune-flows" / "applied"
    assert sites_root() == home / "c" / "autotune-flows" / "sites"


def test_our_variables_come_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runs_root() == Path("autotune-runs")
    monkeypatch.setenv("AUTOTUNE_RUNS", str(home / "runs"))
    assert (runs_root(), journals_root()) == (home / "runs", home / "runs" / ".applied")
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(home / "journals"))
    monkeypatch.setenv("AUTOTUNE_STATE", str(home / "sites"))
    assert (journals_root(), sites_root()) == (home / "journals", home / "sites")


@pytest.mark.parametrize(("place", "below_home", "name"), EARLIER)
def test_a_place_that_cannot_be_looked_at_stays_the_place(
    place: Callable[[], Path | None],
    below_home: str,
    name: str,
    system: type[PlatformDirsABC],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unreadable = home / ("x" * 300)  # too long for a file system: an error whoever looks, also the superuser
    monkeypatch.setenv("HOME", str(unreadable))
    assert place() == unreadable / below_home / name


def test_a_user_without_a_home_has_no_place_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.errors import Reason, Refused

    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    assert sites_root() is None
    with pytest.raises(Refused) as refused:
        journals_root()
    assert refused.value.reason is Reason.BACKUP_UNUSABLE
