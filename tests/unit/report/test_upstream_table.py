"""The text report is upstream's, to the character: compared with its own script where that can run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from flows.oref0.runtime import find_oref0
from flows.report.text.upstream_table import recommendations_table
from tests.people import pump_profile, write


def tuned() -> dict[str, Any]:
    profile = pump_profile(carb_ratio=9.1234)
    for block in profile["basalprofile"][::3]:
        block |= {"rate": round(block["rate"] * 1.1, 3), "untuned": 2}
    profile["isfProfile"]["sensitivities"][0]["sensitivity"] = 51.5
    return profile


def half_hours() -> dict[str, Any]:
    blocks = [
        {"i": i, "minutes": m, "start": "x", "rate": r} for i, (m, r) in enumerate([(0, 0.5), (390, 1.25), (600, 0.7)])
    ]
    return pump_profile(basalprofile=blocks)


@pytest.mark.oref0
@pytest.mark.parametrize("pump", [pump_profile(), half_hours()], ids=["hourly", "half hours"])
def test_the_table_is_that_of_upstreams_script(pump: dict[str, Any], tmp_path: Path) -> None:
    lacking = [tool for tool in ("bash", "jq", "bc") if shutil.which(tool) is None]
    if lacking:
        pytest.skip(f"upstream's report script needs {', '.join(lacking)}")
    write(tmp_path / "autotune" / "profile.pump.json", pump)
    write(tmp_path / "autotune" / "profile.json", tuned())
    script = find_oref0().parent / ".bin" / "oref0-autotune-recommends-report"
    subprocess.run(
        ["bash", str(script), str(tmp_path)], env={"PATH": os.environ["PATH"]}, check=True, capture_output=True
    )
    theirs = (tmp_path / "autotune" / "autotune_recommendations.log").read_text()
    assert recommendations_table(pump, tuned()) == theirs
