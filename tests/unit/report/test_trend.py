"""A history of runs: what is read and what is skipped, whose it is, and what may be said of before and after."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.cli.main import main
from flows.errors import Reason, Refused
from flows.proposal.sealed import seal
from flows.report.trend.history import Trend, document, trend
from flows.report.trend.html import trend_page
from flows.report.trend.past_runs import Found, RunOutcome, Skipped, find_runs
from flows.report.trend.text import history
from flows.values.local_days import LocalDay
from flows.values.run_directory import RunDirectory
from flows.writeback.applied import leave_note
from flows.writeback.journal import ChangeOutcome, Journal, Step
from tests.proposal_documents import SITE, proposal, refused_run, run_directory
from tests.proposal_documents import settings as tuned

START = date(2026, 5, 1)


def at(day: date, hour: int = 2) -> str:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC).isoformat()


def made(root: Path, n: int, *, first: date, days: int = 14, applied: str | None = None, **changes: Any) -> Path:
    """Run number `n`, which looked at `days` days from `first` on and ran the morning after."""
    after = first + timedelta(days=days)
    run = run_directory(root, proposal(run=f"run-{n:03d}", created_at=at(after), first=first, days=days, **changes))
    if applied:
        apply(run, applied)
    return run


def apply(run: Path, when: str, *, cut: bool = False, **changes: Any) -> str:
    """Journal and note as their writer leaves them, of an application with `changes`; returns the change's name."""
    times = [datetime.fromisoformat(when), datetime(2026, 1, 1, tzinfo=UTC)]
    journal = Journal(SITE, run.parent / ".applied", clock=lambda: times[-1])
    sha256 = json.loads((run / "proposal.json").read_text())["sha256"]
    facts = {"kind": "apply", "proposal_sha256": sha256, "parts": ["basal", "isf", "cr"], "activate": True, **changes}
    outcome = ChangeOutcome(facts.pop("outcome", "after"))
    with journal.locked():
        change = journal.begin(proposal_id=run.name, **facts)
        for step in (Step.BACKED_UP, Step.CHECKED, Step.WRITING, Step.WRITTEN):
            change.note(step)
        times.pop()
        if not cut:
            change.end(outcome, "written, read back and active")
    leave_note(RunDirectory(run), journal)
    return change.name


def version_1(**changes: Any) -> dict[str, Any]:
    settings = {"isf_mgdl_per_u": 50.0, "carb_ratio_g_per_u": 10.0, "basal_u_per_h": [0.8] * 24, "dia_h": 6.0}
    return seal(
        {
            "schema_version": 1,
            "created_at": "2026-04-15T02:00:00+00:00",
            "timezone": "Europe/Paris",
            "inputs": "corrected",
            "profile": {"name": "Default", "units": "mmol/L"},
            "current": settings,
            "recommended": {**settings, "isf_mgdl_per_u": 55.0},
            "evidence": None,
            "days": [{"date": "2026-04-14", "status": "used", "reason": None}],
            "warnings": [],
            **changes,
        }
    )


def seen(root: Path, **whose: Any) -> Trend:
    return trend(find_runs(root), root, **whose)


# --- what is read ----------------------------------------------------------------------------------------------------


def test_runs_of_both_versions_and_refused_ones_are_read_the_oldest_first(tmp_path: Path) -> None:
    made(tmp_path, 2, first=START)
    old = tmp_path / "old"
    old.mkdir()
    (old / "proposal.json").write_text(json.dumps(version_1()))
    (old / "manifest.json").write_text(json.dumps({"status": "proposal", "options": {"site": SITE}}))
    refused_run(tmp_path, "refused", at(date(2026, 5, 2)))
    found = seen(tmp_path)
    assert [(r.name, r.outcome) for r in found.runs] == [
        ("old", RunOutcome.PROPOSAL),
        ("refused", RunOutcome.REFUSED),
        ("run-002", RunOutcome.PROPOSAL),
    ]
    first, refused, last = found.runs
    assert first.recommended is not None
    assert first.recommended.isf_mmoll_per_u == pytest.approx(55 / 18, abs=0.001)
    assert (first.colour, first.shares) == (None, None)
    assert refused.why == "There is not enough glucose data."
    assert last.shares is not None
    assert (last.shares.in_range_percent, last.shares.below_70_percent) == (71.0, 3.0)
    assert last.intervals.carb_ratio_g_per_u is not None


def altered(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "recommended": {**document["recommended"], "isf_mgdl_per_u": 51.0}}


def test_a_run_from_before_a_field_was_added_or_after_is_read(tmp_path: Path) -> None:
    older = {k: v for k, v in proposal().items() if k != "ledger"}
    newer = {**proposal(run="newer"), "something_new": 1}
    for one in (older, newer):
        run_directory(tmp_path, seal(one))
    assert len(find_runs(tmp_path).runs) == 2


HUGE = {"isf_mgdl_per_u": 10**400, "carb_ratio_g_per_u": 10, "basal_u_per_h": [1] * 24}


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, Skipped.FOREIGN),
        ({"notes.txt": "hello"}, Skipped.FOREIGN),
        ({"raw/index.json": "{}"}, Skipped.UNFINISHED),
        ({"manifest.json": '{"name": "somebody else\'s"}'}, Skipped.FOREIGN),
        ({"manifest.json": '{"status": "refused", "written_at": "0001-01-01T00:00:00+14:00"}'}, Skipped.FOREIGN),
        ({"proposal.json": "{"}, Skipped.UNREADABLE),
        ({"proposal.json": "[1]"}, Skipped.UNREADABLE),
        ({"proposal.json": "[" * 100_000}, Skipped.UNREADABLE),
        ({"proposal.json": '{"a": NaN}'}, Skipped.UNREADABLE),
        ({"proposal.json": b"\xff\xfe\x00"}, Skipped.UNREADABLE),
        ({"proposal.json/x": "a directory"}, Skipped.UNREADABLE),
        ({"proposal.json": json.dumps(altered(proposal()))}, Skipped.ALTERED),
        ({"proposal.json": json.dumps(altered(version_1()))}, Skipped.ALTERED),
        ({"proposal.json": json.dumps(seal({**proposal(), "schema_version": 4}))}, Skipped.UNKNOWN),
        ({"proposal.json": json.dumps(seal({**proposal(), "schema_version": "2"}))}, Skipped.UNKNOWN),
        ({"proposal.json": json.dumps(seal({**proposal(), "units": "stones"}))}, Skipped.UNREADABLE),
        ({"proposal.json": json.dumps(version_1(current={"isf_mgdl_per_u": "50"}))}, Skipped.UNREADABLE),
        ({"proposal.json": json.dumps(version_1(recommended=HUGE))}, Skipped.UNREADABLE),
        ({"proposal.json": json.dumps(version_1(created_at="yesterday"))}, Skipped.UNREADABLE),
        ({"proposal.json": json.dumps(version_1(days=[{"date": "9999-12-31", "status": "used"}]))}, Skipped.UNREADABLE),
    ],
)
def test_what_is_no_run_is_skipped_and_counted(tmp_path: Path, files: dict[str, str | bytes], why: Skipped) -> None:
    made(tmp_path, 1, first=START)
    (tmp_path / ".sites").mkdir()
    (tmp_path / "a-file").write_text("no directory")
    (tmp_path / "other").mkdir()
    for name, content in files.items():
        (tmp_path / "other" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "other" / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = find_runs(tmp_path)
    assert [r.name for r in found.runs] == ["run-001"]
    assert found.skipped == (("other", why),)
    assert why.value in history(seen(tmp_path))


JUNK = st.sampled_from([None, True, -1, 0, 1e308, "", "x", "9999-12-31", "2026-01-01T00:00:00", [], {}, [None] * 24])


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path, *(p for k, v in value.items() for p in leaves(v, (*path, k)))]
    if isinstance(value, list) and len(value) < 24:
        return [path, *(p for n, v in enumerate(value) for p in leaves(v, (*path, n)))]
    return [path]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_document_with_anything_in_any_place_never_stops_a_history(tmp_path: Path, data: st.DataObject) -> None:
    healthy = tmp_path / "healthy"
    if not healthy.exists():
        run_directory(tmp_path, proposal(run="healthy"))
        run_directory(tmp_path, proposal(run="damaged"))
    kind = data.draw(st.sampled_from(["1", "2", "manifest", "applied"]))
    damaged = tmp_path / "damaged"
    (damaged / "applied.json").unlink(missing_ok=True)
    document_1_or_2 = version_1() if kind == "1" else proposal(run="damaged")
    manifest = {"status": "refused", "written_at": at(START), "reasons": ["why"], "options": {"site": SITE}}
    line = {"change": "a", "step": "begun", "at": at(START), "kind": "apply", "proposal_sha256": "", "parts": ["isf"]}
    lines = [line, {**line, "step": "done", "outcome": "after"}]
    note = {"journal": str(tmp_path), "changes": [lines], "lines": lines}
    whole = {"manifest": manifest, "applied": note}.get(kind)
    target = whole or document_1_or_2
    hurt = replaced(target, data.draw(st.sampled_from(leaves(target))), data.draw(JUNK))
    (damaged / "manifest.json").write_text(json.dumps({**manifest, "status": "proposal"}))
    if kind == "manifest":
        (damaged / "proposal.json").unlink(missing_ok=True)
        (damaged / "manifest.json").write_text(json.dumps(hurt))
    else:
        body = hurt if kind in "12" and isinstance(hurt, dict) else document_1_or_2
        body = seal(body)
        (damaged / "proposal.json").write_text(json.dumps(body))
        if kind == "applied":
            text = json.dumps(hurt).replace('"proposal_sha256": ""', f'"proposal_sha256": "{body["sha256"]}"')
            (damaged / "applied.json").write_text(text)
    found = find_runs(tmp_path)
    assert "healthy" in {r.name for r in found.runs}
    mine = Found(tuple(r for r in found.runs if r.source.label == SITE), found.skipped, found.changed)
    shown = trend(mine, tmp_path)
    assert history(shown)
    assert trend_page(shown).startswith(b"<!doctype html>")
    json.dumps(document(shown), allow_nan=False)


# --- whose ----------------------------------------------------------------------------------------------------------


def test_runs_of_several_people_are_never_shown_as_one(tmp_path: Path) -> None:
    made(tmp_path, 1, first=START)
    run_directory(tmp_path, proposal(run="theirs", site=None), site=None, from_directory=str(tmp_path / "data"))
    with pytest.raises(Refused) as caught:
        seen(tmp_path)
    assert caught.value.reason is Reason.HISTORY_OF_SEVERAL
    assert SITE in caught.value.sentence
    assert [r.name for r in seen(tmp_path, site=SITE).runs] == ["run-001"]
    theirs = seen(tmp_path, directory=tmp_path / "data")
    assert ([r.name for r in theirs.runs], theirs.others) == (["theirs"], 1)


def test_a_run_without_its_manifest_is_known_by_the_sites_hash(tmp_path: Path) -> None:
    (made(tmp_path, 1, first=START) / "manifest.json").unlink()
    assert [r.name for r in seen(tmp_path, site=SITE).runs] == ["run-001"]


def test_a_profile_chosen_leaves_the_others_out_and_keeps_what_was_refused_before_it_was_known(tmp_path: Path) -> None:
    made(tmp_path, 1, first=START, name="Weekday")
    made(tmp_path, 2, first=START, name="Weekend")
    refused_run(tmp_path, "refused", at(START))
    refused_run(tmp_path, "refused-weekend", at(START), profile="Weekend")
    assert {r.name for r in seen(tmp_path, profile="Weekday").runs} == {"run-001", "refused"}
    both = seen(tmp_path)
    assert both.profiles == ("Weekday", "Weekend")
    assert "--profile NAME" in history(both)
    with pytest.raises(Refused) as caught:
        seen(tmp_path, profile="Holiday")
    assert caught.value.reason is Reason.HISTORY_EMPTY


# --- before and after -------------------------------------------------------------------------------------------------

NOTHING_AFTER = "No run has looked at days that lie wholly after it"
# Application on 15 May at noon; the runs before and after it, and what may be said.
CASES: list[tuple[str, list[dict[str, Any]], float | None, str]] = [
    ("clearly more", [{"first": 1}, {"first": 16, "in_range": 78.0}], 7.0, "7.0 percentage points more."),
    ("clearly less", [{"first": 1}, {"first": 16, "in_range": 60.0}], -11.0, "11.0 percentage points less."),
    ("hardly more", [{"first": 1}, {"first": 16, "in_range": 75.9}], 4.9, "no clear difference"),
    ("more lows", [{"first": 1}, {"first": 16, "in_range": 80.0, "below": 5.5}], 9.0, "from 3.0 % to 5.5 %"),
    ("lows within the limit", [{"first": 1}, {"first": 16, "in_range": 80.0, "below": 3.9}], 9.0, "proves no cause"),
    ("nothing after", [{"first": 1}], None, f"{NOTHING_AFTER} yet"),
    ("days reach over the change", [{"first": 1}, {"first": 10}], None, f"{NOTHING_AFTER} yet"),
    ("the day of the change is neither", [{"first": 1}, {"first": 15}], None, f"{NOTHING_AFTER} yet"),
    ("few days after", [{"first": 1}, {"first": 16, "days": 3}], None, "only 3 days after it"),
    ("one day after", [{"first": 1}, {"first": 16, "days": 1}], None, "only 1 day after it"),
    ("few days before", [{"first": 12, "days": 3}, {"first": 16}], None, "only 3 days before it"),
    ("no glucose before", [{"first": 1, "in_range": None}, {"first": 16}], None, "nothing to compare with"),
    (
        "the longest of those after",
        [{"first": 1}, {"first": 16, "days": 3}, {"first": 17, "in_range": 80.0}],
        9.0,
        "more",
    ),
]


@pytest.mark.parametrize(("runs", "points", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_before_and_after_are_compared_where_they_can_be(
    tmp_path: Path, runs: list[dict[str, Any]], points: float | None, words: str
) -> None:
    for n, run in enumerate(runs):
        applied = at(date(2026, 5, 15), 12) if n == 0 else None
        made(tmp_path, n, **{**run, "first": date(2026, 5, run["first"])}, applied=applied)
    (application,) = seen(tmp_path).applications
    assert application.in_range_points == points
    assert application.comparable is (points is not None)
    assert words in application.sentence
    assert ("look at this first" in application.sentence) is ("5.5 %" in words)
    assert application.sentence in " ".join(history(seen(tmp_path)).split())


def test_too_few_readings_are_too_few_days(tmp_path: Path) -> None:
    from tests.proposal_documents import glucose

    made(tmp_path, 0, first=START, applied=at(date(2026, 5, 15), 12))
    made(tmp_path, 1, first=date(2026, 5, 16), glucose=glucose(80.0, 2.0, 14, coverage=55.0))
    (application,) = seen(tmp_path).applications
    assert "only 55 % of the readings of 14 days after it" in application.sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"activate": False}, "when it came into use is not known"),
        ({"parts": ["isf", "cr"]}, "Only ISF and the carb ratio were applied."),
        ({"proposal_sha256": "0" * 64}, None),
        ({"kind": "reject"}, None),
        ({"outcome": "before"}, None),
        ({"outcome": "theirs"}, None),
        ({"cut": True}, None),
    ],
)
def test_how_it_was_applied_counts(tmp_path: Path, changes: dict[str, Any], words: str | None) -> None:
    apply(made(tmp_path, 0, first=START), at(date(2026, 5, 15), 12), **changes)
    made(tmp_path, 1, first=date(2026, 5, 16), in_range=78.0)
    found = seen(tmp_path).applications
    assert [words in a.sentence for a in found if words] == ([True] if words else [])
    assert len(found) == (words is not None)


@pytest.mark.parametrize("journal", ["there", "gone"])
def test_a_roll_back_ends_the_days_after(tmp_path: Path, journal: str) -> None:
    run = made(tmp_path, 0, first=START)
    first = apply(run, at(date(2026, 5, 15), 12))
    apply(run, at(date(2026, 5, 20)), kind="rollback", of=first)
    made(tmp_path, 1, first=date(2026, 5, 16), in_range=78.0)
    if journal == "gone":  # then what is known is the copy in the run
        shutil.rmtree(tmp_path / ".applied")
    (application,) = seen(tmp_path).applications
    assert application.undone_at == datetime(2026, 5, 20, 2, tzinfo=UTC)
    assert "and before the next change" in application.sentence
    assert "2026-05-15, rolled back" in history(seen(tmp_path))


def test_a_note_with_its_lines_in_one_list_is_read_too(tmp_path: Path) -> None:
    run = made(tmp_path, 0, first=START, applied=at(date(2026, 5, 15), 12))
    made(tmp_path, 1, first=date(2026, 5, 16), in_range=78.0)
    shutil.rmtree(tmp_path / ".applied")
    note = json.loads((run / "applied.json").read_text())
    flat = {"journal": note["journal"], "lines": [line for change in note["changes"] for line in change]}
    (run / "applied.json").write_text(json.dumps(flat))
    assert [a.in_range_points for a in seen(tmp_path).applications] == [7.0]


def test_what_another_run_of_the_site_recorded_counts_too(tmp_path: Path) -> None:
    lost = made(tmp_path, 0, first=START, applied=at(date(2026, 5, 15), 12))
    made(tmp_path, 1, first=date(2026, 5, 16), in_range=78.0, applied=at(date(2026, 6, 1)))
    (lost / "applied.json").unlink()  # the process ended before it could leave a note in its run
    assert [a.run for a in seen(tmp_path).applications] == ["run-000", "run-001"]
    gone = made(tmp_path, 2, first=START, applied=at(date(2026, 5, 20), 12))
    (gone / "proposal.json").unlink()
    (gone / "manifest.json").unlink()
    assert "and before the next change" in seen(tmp_path).applications[0].sentence


def test_days_before_an_earlier_change_are_not_the_days_before_this_one(tmp_path: Path) -> None:
    made(tmp_path, 0, first=START, applied=at(date(2026, 5, 15), 12))
    made(tmp_path, 1, first=date(2026, 5, 10), in_range=90.0, applied=at(date(2026, 5, 25), 12))
    made(tmp_path, 2, first=date(2026, 5, 26), in_range=80.0)
    first, second = seen(tmp_path).applications
    assert "and before the next change" in first.sentence
    assert second.before is None
    assert "nothing to compare with" in second.sentence
    made(tmp_path, 3, first=date(2026, 5, 16), days=9, in_range=74.0)
    first, second = seen(tmp_path).applications
    assert [(a.before.run, a.after.run) for a in (first, second) if a.before and a.after] == [
        ("run-000", "run-003"),
        ("run-003", "run-002"),
    ]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    windows=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=8),
    applied=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 80 * 24)), max_size=3, unique_by=lambda p: p[0]),
    zone=st.sampled_from(["Europe/Paris", "America/Denver", "Asia/Kolkata"]),
)
def test_no_day_compared_holds_a_change_and_all_lie_on_their_side(
    tmp_path: Path, windows: list[tuple[int, int]], applied: list[tuple[int, int]], zone: str
) -> None:
    root = tmp_path / str(len(list(tmp_path.iterdir())))
    for n, (first, days) in enumerate(windows):
        made(root, n, first=START + timedelta(days=first), days=days, timezone=zone)
    for n, hours in applied:
        if n < len(windows):
            when = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(hours=hours, minutes=7)
            apply(root / f"run-{n:03d}", when.isoformat())
    found = seen(root)
    changes = [a.at.timestamp() * 1000 for a in found.applications]
    for a in found.applications:
        for days, side in ((a.before, -1), (a.after, 1)):
            if days is None:
                continue
            start, end = LocalDay(days.first, zone).glucose.start_ms, LocalDay(days.last, zone).glucose.end_ms
            assert not [c for c in changes if start < c < end]
            assert (start >= a.at.timestamp() * 1000) if side > 0 else (end <= a.at.timestamp() * 1000)
    assert (root / "run-000").exists()


# --- the command ------------------------------------------------------------------------------------------------------


def some_runs(root: Path, units: str = "mg/dL", name: str = "Default") -> None:
    made(root, 1, first=START, applied=at(date(2026, 5, 15), 12), units=units, name=name)
    made(root, 2, first=date(2026, 5, 16), units=units, colour="red", recommended=tuned(61.5, 8.0, 0.9), name=name)
    refused_run(root, "run-003", at(date(2026, 6, 2)))


def test_the_table_has_every_run_in_the_persons_unit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some_runs(tmp_path, units="mmol/L")
    assert main(["history", "--runs", str(tmp_path), "--site", "site.example/"]) == 0
    printed = capsys.readouterr().out
    assert "mmol/L per U" in printed
    assert "mg/dL" not in printed
    assert "2026-05-15 04:00  amber    2.78 → 3.01  10.0 → 9.1  19.20 → 20.40  71 % of 14 d  2026-05-15" in printed
    assert "2026-05-30 04:00  red      2.78 → 3.42  10.0 → 8.0  19.20 → 21.60  71 % of 14 d  no" in printed
    assert "2026-06-02 04:00  refused  There is not enough glucose data." in printed


def test_json_is_one_document_and_the_page_is_private(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some_runs(tmp_path / "runs")
    page = tmp_path / "page" / "trend.html"
    assert main(["history", "--runs", str(tmp_path / "runs"), "--json", "--html", str(page)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [r["outcome"] for r in printed["runs"]] == ["proposal", "proposal", "refused"]
    assert printed["applications"][0]["in_range_points"] == 0.0
    assert page.stat().st_mode & 0o777 == 0o600
    assert main(["history", "--runs", str(tmp_path / "runs"), "--html", str(tmp_path)]) == 2
    assert main(["history", "--runs", str(tmp_path / "nowhere")]) == 3
    assert main(["history", "--runs", str(tmp_path / "runs"), "--site", "https://user:pass@x.example"]) == 3


# --- the page ---------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.numbers: list[str] = []
        self.texts: list[str] = []
        self._in_number = False
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._in_number = ("class", "n") in attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._in_number:
            self.numbers.append(data)
            self._in_number = False


HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</title></style></svg><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe\u2066",
    "ליל שבת",
    "x" * 10_000,
    "\ud800",
    "\x00\x1b[2J",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda t: ascii(t[:20]))
def test_hostile_texts_are_shown_and_do_nothing(tmp_path: Path, text: str) -> None:
    writable = text.replace("\ud800", "\\ud800")
    some_runs(tmp_path, name=writable)
    hostile_run = tmp_path / "run-004"
    refused_run(tmp_path, "run-004", at(date(2026, 6, 3)))
    manifest = json.loads((hostile_run / "manifest.json").read_text())
    (hostile_run / "manifest.json").write_text(json.dumps({**manifest, "reasons": [text]}))
    found = seen(tmp_path)
    plain, page = Page(trend_page(found)), trend_page(found).decode()
    calm = Page(trend_page(seen(made(tmp_path / "calm", 1, first=START).parent)))
    assert set(plain.tags) - set(calm.tags) <= {"rect", "colgroup", "br", "h3", "thead"}
    assert "script" not in plain.tags
    assert "img" not in plain.tags
    assert not [a for a, _ in plain.attributes if a.startswith("on")]
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", page)
    assert "49" not in "".join(t for t in plain.texts if "7 * 7" in t)
    assert len(page) < 400_000
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", history(found))


def test_the_page_loads_nothing_and_can_be_read_by_keyboard_and_screen_reader(tmp_path: Path) -> None:
    some_runs(tmp_path)
    page = Page(trend_page(seen(tmp_path)))
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert [v for a, v in page.attributes if a in ("src", "href", "xlink:href", "action")] == ["#main"]
    assert "@import" not in "".join(page.texts)
    assert "url(" not in "".join(page.texts)
    names = [v for a, v in page.attributes if a == "id"]
    assert len(names) == len(set(names))
    described = [v or "" for a, v in page.attributes if a in ("aria-labelledby", "aria-label")]
    assert all(set(v.split()) <= set(names) for v in described if v.startswith(("isf", "hour", "carb", "in-range")))
    assert page.tags.count("desc") == page.tags.count("title") - 1 == 3 * 2 + 24 + 2


@pytest.mark.parametrize("units", ["mg/dL", "mmol/L"])
def test_every_number_of_the_page_is_in_the_document(tmp_path: Path, units: str) -> None:
    some_runs(tmp_path, units=units)
    found = seen(tmp_path)
    known: list[float] = []

    def collect(value: Any) -> None:
        if isinstance(value, dict | list):
            for item in value.values() if isinstance(value, dict) else value:
                collect(item)
        elif isinstance(value, float | int) and not isinstance(value, bool):
            known.append(float(value))

    collect(document(found))
    shown = Page(trend_page(found)).numbers
    assert len(shown) > 60
    for number in shown:
        decimals = len(number.partition(".")[2])
        assert number in {f"{v:.{decimals}f}" for v in known}, number
    checked = re.findall(r'id="unit-(\w+)" checked', trend_page(found).decode())
    assert checked == [{"mg/dL": "mgdl", "mmol/L": "mmoll"}[units]]


def test_names_that_are_no_text_can_be_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused_run(tmp_path, "run-\udcff", at(START), profile="\ud800")
    (tmp_path / "other-\udcff").mkdir()
    assert main(["history", "--runs", str(tmp_path), "--json"]) == 0
    printed = capsys.readouterr().out.encode()  # as a pipe takes it
    assert json.loads(printed)["skipped"][0]["directory"] == "other-?"
    assert main(["history", "--runs", str(tmp_path)]) == 0
    assert trend_page(seen(tmp_path))


def test_a_history_of_refusals_only_is_a_page_too(tmp_path: Path) -> None:
    refused_run(tmp_path, "run-001", at(START))
    page = trend_page(seen(tmp_path)).decode()
    assert "No run has given a recommendation yet." in page
    assert "There is not enough glucose data." in page
