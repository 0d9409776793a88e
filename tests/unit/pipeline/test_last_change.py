"""What a run knows of the last change of settings, from the readings it was given and those before them."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from flows.nightscout.authentication import Credentials
from flows.pipeline.last_change import EARLIER, Recent, earlier_window, read_last_change
from flows.pipeline.load import load
from flows.pipeline.prepare import prepare
from flows.profiles.raw_files import RawFiles
from flows.proposal.document import Units
from flows.proposal.step_document import FollowUpVerdict
from flows.settings import AnalysisRequest
from flows.values.local_days import LocalDay
from flows.values.run_directory import RunDirectory
from flows.values.timestamps import iso_utc
from flows.values.units import DAY_MS
from flows.writeback.active_on_site import profile_content
from flows.writeback.baseline import settings_as_baseline
from flows.writeback.journal import Change
from flows.writeback.markers import with_marker
from tests.people import DAY, ZONE, entries, profile_document, treatments, write


def prepared(base: Path, lived: int, changed_days_ago: float, days: int) -> RunDirectory:
    """A run over the last of these days of somebody whose basal was raised so many days before their end."""
    last = DAY + timedelta(days=lived - 1)
    end_ms = LocalDay(last, ZONE).glucose.end_ms
    old = profile_document()
    new = copy.deepcopy(old) | {"_id": "new", "startDate": iso_utc(end_ms - changed_days_ago * DAY_MS)}
    for body in new["store"].values():
        body["basal"] = [{**entry, "value": 1.5 * entry["value"]} for entry in body["basal"]]
    data = base / "data"
    data.mkdir()
    write(data / "profile.json", [new, old])
    write(data / "entries.json", entries(days=lived))
    write(data / "treatments.json", treatments(days=lived))
    request = AnalysisRequest(from_directory=data, compare=False, timezone=ZONE, days=days)
    run = RunDirectory.create(base / "run", datetime.now(UTC))
    load(request, run, Credentials(), datetime.now(UTC))
    prepare(request, run, datetime.now(UTC))
    return run


@pytest.mark.parametrize(
    ("changed_days_ago", "followed", "since"),
    [(6.0, False, 6.0), (7.0, True, 7.0), (14.0, True, 14.0), (15.1, False, 15.1)],
)
def test_a_change_is_followed_from_its_seventh_day_to_its_fifteenth(
    tmp_path: Path, changed_days_ago: float, followed: bool, since: float
) -> None:
    run = prepared(tmp_path, 22, changed_days_ago, days=3)
    recent = read_last_change(run, ZONE)
    assert (recent.follow_up is not None, recent.days_back, recent.baseline) == (followed, None, None)
    assert recent.days_since == pytest.approx(since, abs=0.01)
    if recent.follow_up is not None:
        assert recent.follow_up.verdict is not FollowUpVerdict.NOT_KNOWN


def test_without_a_change_there_is_nothing_to_follow(tmp_path: Path) -> None:
    run = prepared(tmp_path, 3, 100.0, days=2)
    assert read_last_change(run, ZONE) == Recent()
    assert json.loads(run.file("last_change.json").read_text())["days"] == []


def test_readings_before_the_run_s_own_are_asked_for_after_a_change_only(tmp_path: Path) -> None:
    run = prepared(tmp_path, 16, 8.0, days=3)
    raw = RawFiles.open(run)
    last = LocalDay(DAY + timedelta(days=15), ZONE).glucose.end_ms
    first = last - 3 * DAY_MS
    window = earlier_window(raw, ZONE, first, last)
    assert window is not None
    assert (last - window.start_ms) / DAY_MS == pytest.approx(8 + 15, abs=0.01)
    assert window.end_ms == first
    assert earlier_window(raw, ZONE, last - 40 * DAY_MS, last) is None  # they are the run's own
    later = last + 8 * DAY_MS  # the change is sixteen days ago
    assert earlier_window(raw, ZONE, later - 3 * DAY_MS, later) is None
    assert not raw.has(EARLIER)


def test_the_run_whose_proposal_was_applied_is_named_for_its_rollback(tmp_path: Path) -> None:
    run = prepared(tmp_path, 16, 8.0, days=3)
    old, new = profile_document(), json.loads((tmp_path / "data" / "profile.json").read_text())[0]
    facts = {"kind": "apply", "at": new["startDate"], "proposal_sha256": "a" * 64}
    baseline = settings_as_baseline(next(iter(old["store"].values())), Units.MG_PER_DL, datetime.now(UTC))
    change = cast(Change, SimpleNamespace(name="20260521-1", facts=facts))
    marked = with_marker(new, change, profile_content(old), baseline)
    earlier = RunDirectory.create(tmp_path / "earlier", datetime.now(UTC))
    earlier.write_json("manifest.json", {"proposal_sha256": "a" * 64})
    again = AnalysisRequest(from_directory=tmp_path / "data", compare=False, timezone=ZONE, days=3)
    write(tmp_path / "data" / "profile.json", [marked, old])
    after = RunDirectory.create(tmp_path / "after", datetime.now(UTC))
    load(again, after, Credentials(), datetime.now(UTC))
    prepare(again, after, datetime.now(UTC))
    recent = read_last_change(after, ZONE)
    found = recent.follow_up
    assert found is not None
    assert recent.baseline == baseline
    assert (found.change, found.proposal_sha256, found.run) == ("20260521-1", "a" * 64, "earlier")
    by_hand = read_last_change(run, ZONE).follow_up
    assert by_hand is not None
    assert (by_hand.change, by_hand.run) == ("", "")
