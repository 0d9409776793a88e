"""`autotune parity RUN` looks at RUN: what lies in it is held against upstream's commands, and a change is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.pipeline.parity import prove
from flows.pipeline.parity_differences import FileDifference, difference
from tests.people import export_directory

FIRST, SECOND = "2026-05-13", "2026-05-14"


def changed(file: Path, change: Callable[[Any], None]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document, indent=2))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("run")
    source = export_directory(base / "data", days=2)
    asked = ["propose", "--no-prefect", "--resamples", "0", "--no-compare", "--from", str(source)]
    assert main([*asked, "--out", str(base / "run")]) == 0
    return base / "run"


@pytest.mark.oref0
def test_a_run_as_it_was_made_is_identical_and_what_was_compared_is_said(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["parity", str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["identical"], found["differing"], found["differences"]) == (True, [], [])
    assert found["stored_files"] == found["files"] > 10
    assert found["proposal_numbers"] == 2 * 26
    manifest = json.loads((run / "manifest.json").read_text())
    assert found["manifest_files"] == len(manifest["inputs_sha256"]) + len(manifest["outputs_sha256"])


@pytest.mark.oref0
def test_whatever_is_changed_in_a_run_is_named_with_its_place_in_the_order_of_the_run(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    files = copy / "work" / "autotune"
    changed(files / f"newprofile.{FIRST}.json", lambda d: d.update(ratio=d.pop("carb_ratio")))
    changed(files / f"newprofile.{SECOND}.json", lambda d: d["basalprofile"][5].update(rate=9.999))
    (files / f"autotune.{SECOND}.json").unlink()
    log = files / f"log.{FIRST}.core.txt"
    log.write_text(log.read_text() + "another line\n")
    changed(copy / "proposal.json", lambda d: d["recommended"]["basal_u_per_h"].__setitem__(7, 9.5))
    assert main(["parity", str(copy)]) == 1
    said = capsys.readouterr().out.splitlines()
    of_upstream = [line.removeprefix("DIFFERENT from upstream's commands: ") for line in said if "upstream's" in line]
    assert [line.partition(": ")[2].rpartition(":")[0] if "line" not in line else "a line" for line in of_upstream] == [
        "a line",
        f"newprofile.{FIRST}.json, carb_ratio",
        f"autotune.{SECOND}.json",
        f"newprofile.{SECOND}.json, basalprofile[5].rate at 05:00",
        "proposal.json, recommended.basal_u_per_h[7] at 07:00",
    ]
    ratio = json.loads((run / "work" / "autotune" / f"newprofile.{FIRST}.json").read_text())["carb_ratio"]
    assert of_upstream[1].endswith(f"carb_ratio: missing, upstream's is {ratio}")
    assert of_upstream[2].endswith(": missing, upstream's is there")
    of_manifest = [line for line in said if line.startswith("DIFFERENT from the manifest: ")]
    assert len(of_manifest) == 5 == len(said) - len(of_upstream)
    assert sum(line.endswith("is missing") for line in of_manifest) == 1


@pytest.mark.oref0
def test_a_changed_input_is_told_from_a_changed_output(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    changed(copy / "work" / "settings" / "pumpprofile.json", lambda d: d.update(carb_ratio=11))
    found = prove(copy, docker=False, now=datetime.now(UTC))
    assert [one.file for one in found.differences if one.of == "manifest"] == ["work/settings/pumpprofile.json"]


@pytest.mark.parametrize(
    ("upstream", "found", "place"),
    [
        (b'{"a": 1}', b'{"a": 1}', None),
        (b'{"a": 1}', b'{ "a": 1 }', (None, None, None, None)),
        (b'{"a": 1, "b": 2}', b'{"a": 1, "b": 3}', ("b", None, "2", "3")),
        (b'{"a": 1}', b'{"a": 1.5}', ("a", None, "1", "1.5")),
        (b'{"a": 1}', b'{"a": "1"}', ("a", None, "1", "1")),
        (b'{"a": 1}', b'{"a": 1, "more": true}', ("more", None, "missing", "true")),
        (b'{"a": {"b": [1, 2]}}', b'{"a": {"b": [1]}}', ("a.b[1]", None, "2", "missing")),
        (b'[{"minutes": 180, "rate": 1}]', b'[{"minutes": 180, "rate": 2}]', ("[0].rate", 3, "1", "2")),
        (b'[{"minutes": 1440, "rate": 1}]', b'[{"minutes": 1440, "rate": 2}]', ("[0].rate", None, "1", "2")),
        (b"one\ntwo\n", b"one\nthree\n", ("line 2", None, "two", "three")),
        (b"one\n", b"one\ntwo\n", ("line 2", None, "missing", "two")),
        (b"one\n", b"one\r\n", ("the ends of its lines", None, "others", "others")),
        (b"one", None, (None, None, "there", "missing")),
        (None, b"one", (None, None, "missing", "there")),
    ],
)
def test_the_first_place_where_two_files_part_is_named(
    upstream: bytes | None, found: bytes | None, place: tuple[Any, ...] | None
) -> None:
    one = difference("stored", "newprofile.2026-05-13.json", upstream, found)
    if place is None:
        assert one is None
    else:
        assert one == FileDifference("stored", "newprofile.2026-05-13.json", place[0], "2026-05-13", *place[1:])
