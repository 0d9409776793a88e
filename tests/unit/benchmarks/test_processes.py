"""What a process and those it started used, from what Linux writes of them."""

from __future__ import annotations

import sys

import pytest

from benchmarks.processes import (
    TICKS_PER_S,
    CommandFailed,
    Stat,
    parse_peak_mb,
    parse_stat,
    program,
    run,
    with_descendants,
)


@pytest.mark.parametrize("name", ["node", "a b", "a) S 99 (b", "(sd-pam)", ""])
def test_the_name_of_a_program_does_not_shift_what_is_read_after_it(name: str) -> None:
    ticks = [200, 50, 30, 10]  # user, system, and those of children that were waited for
    line = f"17 ({name}) S 4 17 17 0 -1 4194560 1 2 3 4 {' '.join(map(str, ticks))} 20 0 11 0 999 5 6"
    assert parse_stat(line) == Stat(parent=4, own_s=250 / TICKS_PER_S, reaped_s=40 / TICKS_PER_S)


@pytest.mark.parametrize(
    ("status", "peak_mb"),
    [
        ("Name:\tnode\nVmPeak:\t 9999999 kB\nVmHWM:\t  204800 kB\nVmRSS:\t  1024 kB\n", 200.0),
        ("Name:\tVmHWM: 7\nState:\tZ (zombie)\n", None),
        ("", None),
    ],
)
def test_the_peak_is_that_of_resident_memory(status: str, peak_mb: float | None) -> None:
    assert parse_peak_mb(status) == peak_mb


def test_processes_below_are_found_at_any_depth_and_no_others() -> None:
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 13: 10, 20: 1, 21: 20}
    assert with_descendants(10, parents) == {10, 11, 12, 13}
    assert with_descendants(21, parents) == {21}
    assert with_descendants(99, parents) == {99}  # it has ended meanwhile


@pytest.mark.parametrize(
    ("file", "name"), [("/usr/bin/python3.11", "python"), ("python", "python"), ("/opt/node", "node"), ("bash", "bash")]
)
def test_a_program_is_known_by_its_file_whatever_its_version(file: str, name: str) -> None:
    assert program(file) == name


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_a_process_and_of_one_it_started_are_each_its_own() -> None:
    sleeper = "import time; x = bytearray(90_000_000); x[::1024] = bytes(len(x[::1024])); time.sleep(0.5)"
    starter = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {sleeper!r}], check=True)"
    measured = run([sys.executable, "-c", starter])
    assert measured.python_mb is not None
    assert 90 < measured.python_mb < 200
    assert measured.node_mb is None


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(CommandFailed, match=r"ended with 3: .*what it said"):
        run([sys.executable, "-c", "import sys; print('what it said', file=sys.stderr); sys.exit(3)"])
