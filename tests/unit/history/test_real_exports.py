"""Real exports come to a proposal whose ledger accounts for every record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.cli.main import main

pytestmark = pytest.mark.oref0


@pytest.mark.parametrize("name", ["nsexport_74077367", "patient_a"])
def test_a_real_export_is_tuned_and_accounted_for(
    name: str, reference_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = reference_data / name
    asked = ["propose", "--no-prefect", "--json", "--resamples", "0", "--from", str(source)]
    assert main([*asked, "--out", str(tmp_path / "run")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["status"] == "proposal"
    ledger = json.loads((tmp_path / "run" / "ledger.json").read_text())
    assert ledger["quarantined"] == 0
    for kind in ("entries", "treatments"):
        account = ledger["records"][kind]
        assert account["loaded"] == len(json.loads((source / f"{kind}.json").read_text()))
        named = [
            e for e in ledger["entries"] if e["removed"] and ("created_at" in e["before"]) == (kind == "treatments")
        ]
        assert account["removed"] == len(named)
        assert account["passed_on"] == account["loaded"] - len(named)
    # Every reading that was passed on lies in one of the days, used or left out.
    assert sum(d["readings"] for d in document["days"]) == ledger["records"]["entries"]["passed_on"]
