"""A look: the settings and days that a run would have, what the site has now; one document is left, and no data."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.reach import Reach
from flows.pipeline.look import FILE, LOOKS, LookKind, look, written_down
from flows.settings import AnalysisRequest
from flows.values.local_days import LocalDay
from flows.values.timestamps import iso_utc
from tests.demo import READ_TOKEN, demo_site
from tests.people import DAY, ZONE, entries, export_directory, profile_document, treatments

NOW = datetime(2026, 5, 20, 8, tzinfo=UTC)
ID = "a" * 32
MINUTE = 60_000


def looked(directory: Path, **request: Any) -> dict[str, Any]:
    asked = AnalysisRequest(from_directory=directory, **request)
    with written_down(ID, LookKind.DAYS, directory.parent / "runs", NOW) as (found, scratch):
        found |= look(asked, LookKind.DAYS, scratch, Credentials(), NOW, Reach.ANYWHERE)
    document: dict[str, Any] = json.loads((directory.parent / "runs" / LOOKS / ID / FILE).read_text("utf-8"))
    return document


def two_profiles() -> dict[str, Any]:
    document = profile_document()
    night = json.loads(json.dumps(document["store"]["Default"]))
    night["sens"][0]["value"] = 60
    document["store"]["Night shift"] = night
    return document


def test_it_shows_the_settings_in_force_and_what_each_day_is_worth(tmp_path: Path) -> None:
    start = LocalDay(DAY, ZONE).glucose.start_ms
    events = treatments(days=3)
    events.append({"eventType": "Exercise", "created_at": iso_utc(start + 8 * 60 * MINUTE), "duration": 60})
    events.append({"eventType": "Site Change", "created_at": iso_utc(start + 30 * 60 * MINUTE)})
    last_day = LocalDay(DAY + timedelta(days=2), ZONE).glucose.start_ms
    readings = [e for e in entries(days=3) if not last_day <= e["date"] < last_day + 16 * 60 * MINUTE]
    directory = export_directory(tmp_path / "export", 3, entries=readings, treatments=events, profile=[two_profiles()])
    found = looked(directory)
    assert (found["zone"], found["refused"], found["kind"]) == (ZONE, None, "days")
    profile = found["profile"]
    assert (profile["name"], profile["rule"], profile["since"]) == ("Default", "default", "2026-01-01T00:00:00.000Z")
    assert len(profile["basal_u_per_h"]) == 24
    assert profile["basal_u_per_day"] == pytest.approx(sum(b["value"] for b in profile["basal_u_per_h"]), abs=0.01)
    assert [other["name"] for other in found["others"]] == ["Night shift"]
    assert found["others"][0]["periods"] == []
    assert not found["differs_from_active"]
    assert [(day["quality"], day["usable"]) for day in found["days"]] == [
        ("green", True),
        ("green", True),
        ("red", False),
    ]
    assert [day["events"] for day in found["days"]] == [["exercise"], ["site-change"], []]
    assert "of the day only" in found["days"][2]["why"][0]


def test_a_switch_to_other_settings_is_named_and_is_one_of_the_others(tmp_path: Path) -> None:
    switched = LocalDay(DAY, ZONE).glucose.start_ms + 6 * 60 * MINUTE
    switch = {"eventType": "Profile Switch", "created_at": iso_utc(switched), "profile": "Night shift", "duration": 0}
    directory = export_directory(
        tmp_path / "export", 2, treatments=[*treatments(days=2), switch], profile=[two_profiles()]
    )
    found = looked(directory)
    assert found["differs_from_active"]
    assert found["profile"]["since"] is None
    (other,) = found["others"]
    assert (other["name"], other["active_now"]) == ("Night shift", True)
    assert other["periods"][0]["start"] == iso_utc(switched)
    active = looked_again(directory, profile="active")
    assert (active["profile"]["name"], active["profile"]["rule"]) == ("Night shift", "switch")
    assert active["profile"]["since"] == iso_utc(switched)


def looked_again(directory: Path, **request: Any) -> dict[str, Any]:
    (directory.parent / "runs" / LOOKS / ID / FILE).unlink()
    return looked(directory, **request)


def test_nothing_but_the_document_is_left_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    looked(export_directory(tmp_path / "export", 2))
    left = tmp_path / "runs" / LOOKS / ID
    assert [path.name for path in left.iterdir()] == [FILE]
    assert [path.stat().st_mode & 0o777 for path in (left, left / FILE)] == [0o700, 0o600]


def test_why_there_is_nothing_to_see_is_in_the_document(tmp_path: Path) -> None:
    directory = export_directory(tmp_path / "export", 1, profile=[])
    with pytest.raises(Refused) as refused:
        looked(directory)
    document = json.loads((tmp_path / "runs" / LOOKS / ID / FILE).read_text("utf-8"))
    assert document["refused"] == {
        "code": refused.value.reason.code,
        "sentence": refused.value.sentence,
        "remedy": refused.value.remedy,
    }
    assert not (tmp_path / "runs" / LOOKS / ID / "data").exists()


def test_looks_of_more_than_a_day_ago_are_removed_and_no_link_is_followed(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    old, new, elsewhere = root / LOOKS / ("b" * 32), root / LOOKS / ("c" * 32), tmp_path / "mine"
    for directory in (old, new, elsewhere):
        directory.mkdir(parents=True, mode=0o700)
    (elsewhere / "kept").write_text("mine")
    (root / LOOKS).chmod(0o700)
    (root / LOOKS / ("d" * 32)).symlink_to(elsewhere)
    yesterday = NOW.timestamp() - 25 * 3600
    os.utime(old, (yesterday, yesterday))
    os.utime(root / LOOKS / ("d" * 32), (yesterday, yesterday), follow_symlinks=False)
    os.utime(new, (NOW.timestamp(), NOW.timestamp()))
    with written_down(ID, LookKind.SITE, root, NOW):
        pass
    assert not old.exists()
    assert new.exists()
    assert (elsewhere / "kept").exists()


@pytest.mark.parametrize("look_id", ["../../x", "A" * 32, "a" * 31, ""])
def test_the_id_of_a_look_is_no_path(tmp_path: Path, look_id: str) -> None:
    with pytest.raises(ValueError, match="32 hexadecimal"), written_down(look_id, LookKind.SITE, tmp_path, NOW):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_the_site_has_now_is_its_newest_document_with_its_sha256(tmp_path: Path) -> None:
    with demo_site(tmp_path) as site:
        request = AnalysisRequest(site=site)
        now = datetime.now(UTC)
        with written_down(ID, LookKind.SITE, tmp_path / "runs", now) as (found, scratch):
            found |= look(request, LookKind.SITE, scratch, Credentials(READ_TOKEN), now, Reach.ANYWHERE)
    seen = json.loads((tmp_path / "runs" / LOOKS / ID / FILE).read_text("utf-8"))["site"]
    assert len(seen["document_sha256"]) == 64
    assert seen["document_sha256"] in seen["alike_sha256"]
    assert seen["active_profile"] in seen["document"]["store"]


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    import errno

    with pytest.raises(Refused) as refused, written_down(ID, LookKind.SITE, tmp_path, NOW):
        raise OSError(errno.ENOSPC, "full")
    assert refused.value.reason is Reason.DISK_FULL
