"""While Prefect starts the person sees that something happens; and nothing heavy comes before the first line."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from flows.cli.console import still_starting
from flows.values.progress import tell


def test_lines_come_until_the_run_tells_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with still_starting(0.02):
        while capsys.readouterr().err.count("still starting Prefect") < 1:
            time.sleep(0.01)
        tell("started")
        time.sleep(0.05)
        capsys.readouterr()
        time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_nothing_heavy_is_imported_before_the_first_line() -> None:
    heavy = ("pydantic", "requests", "prefect", "docker", "asyncio", "rich")
    program = f"""
import sys
import flows.cli.main, flows.cli.propose
def message(text):
    raise SystemExit(" ".join(m for m in {heavy!r} if m in sys.modules) or 0)
flows.cli.propose.message = message
flows.cli.main.main(["propose", "--from", "nowhere"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
