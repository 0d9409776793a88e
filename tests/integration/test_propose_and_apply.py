"""The whole way on a real Nightscout: propose, approve, apply, activate, roll back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.nightscout.authentication import Credentials
from flows.writeback.active_on_site import SiteProfiles
from tests.integration.conftest import Nightscout
from tests.integration.test_real_apply import fresh
from tests.people import DAY, entries, profile_document, treatments
from tests.writing import active_name, client, newest_content

pytestmark = [pytest.mark.nightscout, pytest.mark.oref0]


def test_from_the_readings_to_the_site_and_back(
    nightscout: Nightscout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nightscout.clear("entries", "treatments")
    fresh(nightscout, profile_document())
    nightscout.fill(entries(days=3), treatments(days=3))
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_API_SECRET", nightscout.api_secret)
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET", nightscout.api_secret)
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(tmp_path / "applied"))
    run = tmp_path / "run"
    days = ["--start", str(DAY), "--end", str(DAY.replace(day=DAY.day + 2)), "--resamples", "0"]
    command = ["propose", "--site", nightscout.url, "--no-prefect", "--no-compare", "--out", str(run), *days]
    assert main(command) == 0
    proposal: dict[str, Any] = json.loads((run / "proposal.json").read_text())

    def site() -> SiteProfiles:
        reader = client(nightscout.url, Credentials(api_secret=nightscout.api_secret))
        return SiteProfiles(tuple(reader.profiles()), tuple(reader.profile_switches(0)))

    before = site()
    approval = ["--yes", "--sha256", proposal["sha256"]]
    assert main(["apply", str(run), "--all", "--activate", *approval]) == 0, capsys.readouterr().err
    state = site()
    name = active_name(state)
    assert name.startswith("Autotune ")
    written = state.newest["store"][name]
    hourly = [next(e["value"] for e in reversed(written["basal"]) if int(e["time"][:2]) <= h) for h in range(24)]
    assert hourly == proposal["for_pump"]["basal_u_per_h"]
    assert main(["rollback", str(run), *approval]) == 0
    assert newest_content(site()) == newest_content(before)
    assert active_name(site()) == active_name(before)
    nightscout.clear("entries", "treatments")
