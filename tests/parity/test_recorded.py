"""Days recorded from a real oref0 run are reproduced value for value, prepared data and new profile."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.oref0.runtime import find_node, find_oref0

pytestmark = pytest.mark.oref0

DAYS = {"aaps_recorded_test1": "2022-05-21", "aaps_recorded_test4": "2022-05-30"}


def propose(source: Path, out: Path, inputs: str, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    start = source / "oref0_profile_in.json"
    arguments = ["propose", "--no-prefect", "--json", "--resamples", "0", "--from", str(source)]
    arguments += ["--timezone", "Europe/Paris", "--inputs", inputs, "--out", str(out)]
    arguments += ["--openaps-profile", str(source / "oref0_pumpprofile.json")]
    if start.read_bytes() != (source / "oref0_pumpprofile.json").read_bytes():
        arguments += ["--openaps-autotune", str(start)]
    assert main([*arguments, *more]) == 0
    return dict(json.loads(capsys.readouterr().out))


def bare_upstream(stage: str, *files: Path) -> bytes:
    """What upstream's own command prints."""
    script = find_oref0() / "bin" / f"oref0-autotune-{stage}.js"
    command = [str(find_node().executable), str(script), *map(str, files)]
    return subprocess.run(command, env={"TZ": "Europe/Paris"}, capture_output=True, check=True).stdout


def without_echo(value: Any) -> Any:
    """Prepared data without the fields of a reading that upstream gives back unread: `work/` does not hold them."""
    unread = ("_id", "device", "direction", "isValid", "type", "created_at")
    if isinstance(value, list):
        return [without_echo(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: without_echo(v) for k, v in value.items() if k not in unread}


@pytest.mark.parametrize(
    ("name", "engine"),
    [("aaps_recorded_test1", "node"), ("aaps_recorded_test4", "node"), ("aaps_recorded_test4", "reference")],
)
def test_a_recorded_run_is_reproduced(
    name: str, engine: str, reference_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = reference_data / name
    document = propose(source, tmp_path / "run", "corrected", capsys, "--engine", engine)
    files = tmp_path / "run" / "work" / "autotune"
    recorded = source / "recorded"
    assert [d["date"] for d in document["days"]] == [DAYS[name]]
    new = json.loads((files / f"newprofile.{DAYS[name]}.json").read_text())
    assert new == json.loads((recorded / "newprofile.json").read_text())
    prepared = json.loads((files / f"autotune.{DAYS[name]}.json").read_text())
    whole = json.loads((recorded / "autotune.json").read_text())
    assert prepared == without_echo(whole)
    # And whole, ids and devices too, where upstream is given the entries as they were served with our treatments.
    start, pump = source / "oref0_profile_in.json", source / "oref0_pumpprofile.json"
    treatments = files / f"ns-treatments.{DAYS[name]}.json"
    assert json.loads(bare_upstream("prep", treatments, start, source / "entries.json", pump)) == whole
    assert list(document["ledger"]["rules"]) == ["temp_basal_rate"]
    assert "absolute = rate" in document["ledger"]["rules"]["temp_basal_rate"]["description"]


@pytest.mark.parametrize("name", DAYS)
def test_untouched_inputs_give_what_bare_upstream_gives(
    name: str, reference_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = reference_data / name
    propose(source, tmp_path / "run", "upstream", capsys)
    bare = tmp_path / "bare"
    bare.mkdir()

    start, pump = source / "oref0_profile_in.json", source / "oref0_pumpprofile.json"
    prepared = bare / "autotune.json"
    prepared.write_bytes(bare_upstream("prep", source / "treatments.json", start, source / "entries.json", pump))
    files = tmp_path / "run" / "work" / "autotune"
    assert (files / f"autotune.{DAYS[name]}.json").read_bytes() == prepared.read_bytes()
    assert (files / f"newprofile.{DAYS[name]}.json").read_bytes() == bare_upstream("core", prepared, start, pump)


def test_the_report_of_the_recorded_run_is_reproduced(
    reference_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = reference_data / "aaps_recorded_test1"
    propose(source, tmp_path / "run", "corrected", capsys)
    recorded = (source / "recorded" / "aapsorefautotune_recommendations.log").read_text()
    ours = (tmp_path / "run" / "report.txt").read_text()
    assert [line.split() for line in ours.splitlines()] == [line.split() for line in recorded.strip("\n").splitlines()]
