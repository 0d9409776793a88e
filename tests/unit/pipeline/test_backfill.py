"""A backfill's runs: which weeks, and that nothing but a history takes them up."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.cli.exit_code import ExitCode
from flows.cli.main import main
from flows.errors import Reason, Refused
from flows.nightscout.circuit_breaker import LOCKED
from flows.pipeline.backfill import ENDS_IT, backfill, last_day, weeks_of
from flows.pipeline.judge import OF_BACKFILL
from flows.pipeline.previous import previous_profile
from flows.pipeline.publish import publish
from flows.proposal.document import Proposal
from flows.proposal.sealed import seal
from flows.proposal.step_document import StepKind
from flows.report.trend.history import trend
from flows.report.trend.past_runs import find_runs
from flows.report.trend.text import PAST, history
from flows.settings import AnalysisRequest, of_past
from flows.values.run_directory import RunDirectory
from flows.writeback.approval import Decision, SyncRequest
from flows.writeback.approval_checks import Approved, check_may_be_written
from flows.writeback.plan import plan
from flows.writeback.policy import Policy, check_policy
from flows.writeback.set_baseline import baseline_of_run
from tests.people import entries, export_directory, treatments
from tests.proposal_documents import SITE, proposal, run_directory
from tests.proposals import NOW, profile_document
from tests.proposals import proposal as sealed_proposal

SUNDAY = date(2026, 11, 22)


def weeks(request: AnalysisRequest, count: int, last: date) -> list[tuple[str, str]]:
    return [(str(r.start), str(r.end)) for r in weeks_of(request, count, last)]


@pytest.mark.parametrize(
    ("after", "end"), [(0, SUNDAY), (1, SUNDAY), (6, SUNDAY), (7, SUNDAY + timedelta(7)), (-1, SUNDAY - timedelta(7))]
)
def test_weeks_are_those_of_the_calendar_so_that_tomorrow_has_the_same(after: int, end: date) -> None:
    last = SUNDAY + timedelta(after)
    ends = [r.end for r in weeks_of(AnalysisRequest(site=SITE), 3, last)]
    assert ends == [end - timedelta(14), end - timedelta(7), end]  # the oldest first
    assert all(e is not None and e <= last for e in ends)


def test_a_week_s_run_takes_the_days_that_one_made_then_would_have_taken() -> None:
    assert weeks(AnalysisRequest(site=SITE), 1, SUNDAY) == [("2026-11-09", "2026-11-22")]
    assert weeks(AnalysisRequest(site=SITE, days=7), 1, SUNDAY) == [("2026-11-16", "2026-11-22")]
    (one,) = weeks_of(AnalysisRequest(site=SITE, days=7), 1, SUNDAY)
    assert AnalysisRequest(**one.options()) == one
    assert of_past(one.options())


@pytest.mark.parametrize(("hours", "day"), [(-0.1, 21), (0.1, 22)])
def test_a_day_counts_once_it_has_ended_in_every_zone(hours: float, day: int) -> None:
    ended = datetime(2026, 11, 23, 16, tzinfo=UTC)  # the 22nd, twelve hours behind UTC
    assert last_day(ended + timedelta(hours=hours)) == date(2026, 11, day)


class Runs:
    """Runs as files, in the place of the engine: which requests were run, and which are refused."""

    def __init__(self, root: Path, refused: dict[str, Reason] | None = None) -> None:
        self.root, self.refused, self.asked = root, refused or {}, list[str]()

    def __call__(self, request: AnalysisRequest) -> RunDirectory:
        self.asked.append(str(request.end))
        run = RunDirectory.create(self.root / f"run-{len(list(self.root.iterdir()))}", NOW)
        if (reason := self.refused.get(str(request.end))) is not None:
            run.write_json("manifest.json", {"status": "refused", "options": request.options()})
            raise Refused(reason, count=1, limit=1, detail="x", remedy="x", site="x")
        run.write_json("manifest.json", {"status": "proposal", "options": request.options()})
        return run


def test_one_that_was_cut_off_goes_on_and_a_refused_week_is_tried_again(tmp_path: Path) -> None:
    requests = weeks_of(AnalysisRequest(site=SITE), 4, SUNDAY)
    ends = [str(r.end) for r in requests]
    first = Runs(tmp_path, {ends[1]: Reason.TOO_MANY_DAYS, ends[3]: Reason.SITE_NOT_ALLOWED})
    stopped = backfill(requests, tmp_path, first)
    assert [next(stopped).status for _ in range(3)] == ["proposal", "refused", "proposal"]
    with pytest.raises(Refused):  # the site's: the other weeks would be refused too
        next(stopped)
    assert first.asked == ends
    again = Runs(tmp_path)
    assert [w.status for w in backfill(requests, tmp_path, again)] == ["there", "proposal", "there", "proposal"]
    assert again.asked == [ends[1], ends[3]]
    other = Runs(tmp_path)  # another person's weeks are not these
    assert {
        w.status for w in backfill(weeks_of(AnalysisRequest(site="https://b.example"), 4, SUNDAY), tmp_path, other)
    } == {"proposal"}
    assert set(LOCKED) < ENDS_IT


# --- whoever takes up runs leaves them out


def marked(document: dict[str, Any], past: bool) -> dict[str, Any]:
    return seal({**document, "options": {**document["options"], "past": past}})


@pytest.mark.parametrize("past", [False, True])
def test_no_run_starts_from_one(past: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(tmp_path))
    for name, made, is_past in (
        ("older", "2026-05-15T02:00:00+00:00", False),
        ("newer", "2026-05-16T02:00:00+00:00", past),
    ):
        document = marked(proposal(run=name, created_at=made), is_past)
        run = run_directory(tmp_path, document)
        manifest = json.loads((run / "manifest.json").read_text())
        options = AnalysisRequest(site=SITE, past=is_past).options()
        RunDirectory(run).write_json("manifest.json", {**manifest, "options": options})
        RunDirectory(run).write_json("work/autotune/profile.json", {"of": name})
    identity = {key: proposal()["profile"].get(key) for key in ("pump_sha256", "several_sha256", "name")}
    found = previous_profile(AnalysisRequest(site=SITE), identity, tmp_path / "own")
    assert found.start is not None
    assert json.loads(found.start)["of"] == ("older" if past else "newer")


def of_a_person(past: bool) -> Proposal:
    return sealed_proposal(profile_document(), change=lambda document: document["options"].update(past=past))


def test_nobody_can_write_one() -> None:
    check_may_be_written(of_a_person(False), NOW, 24)
    with pytest.raises(Refused) as caught:
        check_may_be_written(of_a_person(True), NOW, 24)
    assert caught.value.reason is Reason.PROPOSAL_OF_BACKFILL


def test_no_policy_takes_one_up() -> None:
    policy = Policy.model_validate(
        {"allow": True, "max_change_percent_per_night": 15, "max_change_percent_per_week": 20}
    )

    def checked(made: Proposal) -> None:
        request = SyncRequest(proposal_id="x", sha256=made.sha256, decision=Decision.POLICY)
        check_policy(policy, made, request, plan(made, profile_document(), request), None, [])

    checked(of_a_person(False))
    with pytest.raises(Refused, match="backfill"):
        checked(of_a_person(True))


def test_no_baseline_is_set_from_one(tmp_path: Path) -> None:
    made = of_a_person(True)
    approved = Approved(RunDirectory(tmp_path), made.proposal_id, made.sha256, SITE, made.options, made)
    with pytest.raises(Refused) as caught:
        baseline_of_run(approved, NOW)
    assert caught.value.reason is Reason.PROPOSAL_OF_BACKFILL


@pytest.mark.parametrize("past", [False, True])
def test_a_history_shows_it_where_its_days_ended(past: bool, tmp_path: Path) -> None:
    first = date(2026, 4, 1)
    document = marked(proposal(run="past", created_at="2026-06-01T10:00:00+00:00", first=first, days=14), past)
    run = run_directory(tmp_path, document)
    manifest = json.loads((run / "manifest.json").read_text())
    RunDirectory(run).write_json(
        "manifest.json", {**manifest, "options": AnalysisRequest(site=SITE, past=past).options()}
    )
    run_directory(tmp_path, proposal(run="now", created_at="2026-05-15T02:00:00+00:00"))
    found = trend(find_runs(tmp_path), tmp_path)
    assert [r.name for r in found.runs] == (["past", "now"] if past else ["now", "past"])
    shown = next(r for r in found.runs if r.name == "past")
    assert (shown.past, shown.at.date()) == (past, date(2026, 4, 15) if past else date(2026, 6, 1))
    assert (PAST in history(found), ", past " in history(found)) == (past, past)


# --- all of it, without Prefect


@pytest.mark.oref0
def test_it_fills_a_new_person_s_trend_without_prefect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(tmp_path / "runs"))
    monday = date(2026, 5, 4)
    records = {"entries": entries(monday, days=14), "treatments": treatments(monday, days=14)}
    data = export_directory(tmp_path / "data", **records)
    command = ["backfill", "--weeks", "2", "--days", "2", "--resamples", "0", "--no-compare", "--json"]
    command += ["--from", str(data)]

    def done() -> list[dict[str, Any]]:
        capsys.readouterr()
        assert main(command) == ExitCode.OK
        return list(json.loads(capsys.readouterr().out)["weeks"])

    made = done()
    assert [(w["end"], w["status"]) for w in made] == [("2026-05-10", "proposal"), ("2026-05-17", "proposal")]
    again = done()
    assert [(w["status"], w["run"]) for w in again] == [("there", w["run"]) for w in made]
    root = tmp_path / "runs"
    for week in made:
        run = root / week["run"]
        document, manifest = (json.loads((run / f"{n}.json").read_text()) for n in ("proposal", "manifest"))
        assert of_past(document["options"]) and of_past(manifest["options"])
        assert document["warnings"][0] == OF_BACKFILL
        assert "days gone by" in (run / "report.html").read_text()
    assert main(["history"]) == ExitCode.OK
    assert capsys.readouterr().out.count(", past") == 2
    # It says that a step was to be taken back: no notice, all the same.
    run = RunDirectory(root / made[0]["run"])
    document = json.loads(run.file("proposal.json").read_text())
    run.write_json("proposal.json", seal({**document, "step": {**document["step"], "kind": StepKind.TAKE_BACK.value}}))
    request = AnalysisRequest(**document["options"])
    assert publish(request, run, NOW).take_back is False
    assert publish(request.model_copy(update={"past": False}), run, NOW).take_back is True
