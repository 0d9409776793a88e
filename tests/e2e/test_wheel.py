"""Installed from a built wheel, away from any checkout and without a system Node, the demo runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.oref0


def test_a_wheel_brings_all_that_the_demo_needs(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert not [name for name in names if "node_modules" in name]
    assert {"flows/report/html/templates/report.html", "flows/report/html/templates/style.css"} <= set(names)
    assert "flows/_bundled/prefect.yaml" in names
    installed = tmp_path / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(installed), str(wheel)], check=True)
    environment = {k: v for k, v in os.environ.items() if k not in ("AUTOTUNE_NODE", "PYTHONPATH")}
    # `env` and the shell that npm calls are there; a Node is not.
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "env"):
        (tools / tool).symlink_to(f"/usr/bin/{tool}" if Path(f"/usr/bin/{tool}").exists() else f"/bin/{tool}")
    environment |= {"PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": str(tools)}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "flows.cli.main",
            "demo",
            "--no-prefect",
            "--json",
            "--resamples",
            "0",
            "--out",
            str(tmp_path / "run"),
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["status"] == "proposal"
    assert document["engine"]["node"].startswith("v24.")
    assert list((tmp_path / "cache").rglob("oref0/package.json"))
