"""`autotune apply`, `rollback` and `tidy`: what is shown, what is asked, and how it ends."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.errors import Refused
from flows.nightscout.authentication import Credentials
from tests.integration.standin import API_SECRET, StandIn, standing_in
from tests.proposals import profile_document
from tests.unit.language.pseudo import bracketed, outside
from tests.writing import Person, active_name, person


@pytest.fixture
def site() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


@pytest.fixture
def someone(site: StandIn, memory: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(memory))
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(memory / "applied"))
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET", API_SECRET)
    source = site.database.add_profile(profile_document())
    return person(memory, site.url, source, Credentials(api_secret=API_SECRET))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def answering(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(text))


def run(*arguments: Any) -> int:
    return main([str(a) for a in arguments])


def test_a_typed_yes_writes_what_was_shown_and_rollback_undoes_it(
    someone: Person, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, "yes\n")
    monkeypatch.setenv("AUTOTUNE_PAGE_URL", "https://at.example")
    on_the_page = f"On the page: https://at.example/r/{someone.run.path.name}\n"
    assert run("apply", someone.run.path.name, "--all", "--activate") == 0
    printed = capsys.readouterr()
    assert "Insulin sensitivity (ISF) [mg/dL/U]" in printed.out
    assert "  06:00–24:00         1 →      0.9   −10.0 %" in printed.out
    assert someone.made.sha256 in printed.out
    assert "becomes ACTIVE" in printed.out
    assert "Written and read back" in printed.out
    assert on_the_page in printed.err
    assert active_name(someone.reading()).startswith("Autotune ")
    assert run("show", someone.run.path) == 0
    assert "and activated" in capsys.readouterr().out
    answering(monkeypatch, "yes\n")
    capsys.readouterr()
    assert run("rollback", someone.run.path) == 0
    assert on_the_page in capsys.readouterr().err
    assert active_name(someone.reading()) == "Day"
    assert run("show", someone.run.path) == 0
    assert "rolled back on" in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["", "y\n", "no\n", "YES please\n"])
def test_anything_but_yes_writes_nothing(
    answer: str, someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, answer)
    assert run("apply", someone.run.path) == 3
    assert "Not approved" in capsys.readouterr().err
    assert not [r for r in site.database.requests if r[0] == "POST"]


def test_a_script_names_the_proposal_it_approves(
    someone: Person, site: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("apply", someone.run.path) == 3  # no terminal
    assert run("apply", someone.run.path, "--yes") == 3
    assert run("apply", someone.run.path, "--yes", "--sha256", "0" * 64) == 3
    assert site.database.requests == []
    capsys.readouterr()
    assert run("apply", someone.run.path, "--yes", "--sha256", someone.made.sha256, "--only", "basal", "--json") == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "applied"
    assert run("rollback", someone.run.path, "--yes") == 3
    capsys.readouterr()
    assert run("rollback", someone.run.path, "--yes", "--sha256", someone.made.sha256, "--json") == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "rolled-back"


def test_a_refusal_is_told_with_its_code(someone: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rollback", someone.run.path, "--yes", "--sha256", someone.made.sha256, "--json") == 3
    assert json.loads(capsys.readouterr().out)["reason_codes"] == ["nothing_applied"]


def test_looking_rejecting_and_resuming_write_nothing(
    someone: Person, site: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("apply", someone.run.path, "--dry-run") == 0
    assert run("apply", someone.run.path, "--reject") == 0
    assert run("apply", someone.run.path, "--resume") == 0
    assert "Nothing was left unfinished" in capsys.readouterr().out
    assert not [r for r in site.database.requests if r[0] == "POST"]


def test_what_is_not_sure_is_said_and_written_on_purpose_only(
    site: StandIn, memory: Path, someone: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    unsure = {"nothing_to_change": True, "worth_changing": []}
    source = site.database.profiles[0]
    other = person(
        memory,
        site.url,
        source,
        Credentials(api_secret=API_SECRET),
        run="unsure",
        change=lambda d: d["verdict"].update(unsure),
    )
    approval = ("--yes", "--sha256", other.made.sha256)
    approval = (*approval, "--all")
    assert run("apply", other.run.path, *approval) == 3
    assert "repeatable enough to act on" in capsys.readouterr().err
    assert site.database.requests == []
    assert run("apply", other.run.path, *approval, "--accept-uncertain") == 0
    assert "too small or not repeatable: keep current value" in capsys.readouterr().out


@pytest.mark.parametrize("other", ["--resume", "--reject"])
def test_a_dry_run_is_nothing_that_writes(
    other: str, someone: Person, site: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    site.gone_after = 9
    with pytest.raises(Refused):
        someone.apply(activate=True)
    site.gone_after = None
    count = len(site.database.requests)
    capsys.readouterr()
    assert run("apply", someone.run.path, other, "--dry-run") == 2
    assert "--dry-run writes nothing" in capsys.readouterr().err
    assert (len(site.database.requests), len(someone.journal.changes())) == (count, 1)


def test_what_was_settled_on_the_way_is_told(
    someone: Person, site: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    site.gone_after = 9
    with pytest.raises(Refused):
        someone.apply(activate=True)
    site.gone_after = None
    capsys.readouterr()
    assert (
        run("apply", someone.run.path, "--yes", "--sha256", someone.made.sha256, "--all", "--activate", "--json") == 0
    )
    printed = capsys.readouterr()
    assert "An unfinished change was brought to its end" in printed.err
    assert "It is active." in printed.err
    assert json.loads(printed.out)["active"] is True


def test_a_policy_applies_without_asking_and_only_what_it_allows(
    someone: Person, memory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("apply", someone.run.path, "--by-policy") == 3
    assert "No policy allows" in capsys.readouterr().err
    policy = memory / "policy.json"
    policy.write_text('{"allow": true, "max_change_percent_per_night": 15, "max_change_percent_per_week": 20}')
    monkeypatch.setenv("AUTOTUNE_APPLY_POLICY", str(policy))
    assert run("apply", someone.run.path, "--by-policy", "--activate") == 3
    assert run("apply", someone.run.path, "--by-policy") == 0
    assert someone.journal.changes()[-1].facts["how"] == "policy"


def test_who_uses_loop_is_given_the_numbers_to_type_in(
    site: StandIn, memory: Path, someone: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    source = site.database.add_profile(profile_document(enteredBy="Loop", startDate="2026-11-02T00:00:00.000Z"))
    looping = person(memory, site.url, source, Credentials(api_secret=API_SECRET), run="a-loop-run")
    assert run("apply", looping.run.path) == 3
    printed = capsys.readouterr()
    assert "Numbers to type in yourself" in printed.out
    assert "  06:00  0.9" in printed.out
    assert "Loop does not read profiles from Nightscout" in printed.err


def test_tidy_says_what_it_took_out(
    someone: Person, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("apply", someone.run.path, "--yes", "--sha256", someone.made.sha256, "--name", "Old one") == 0
    assert run("tidy", someone.run.path, "--keep", 0) == 3
    with pytest.raises(SystemExit) as ended:
        run("tidy", someone.run.path, "--keep", -1, "--yes")
    assert ended.value.code == 2
    capsys.readouterr()
    assert run("tidy", someone.run.path, "--keep", 0, "--yes") == 0
    assert capsys.readouterr().out == "Tidied away.\nOld one\n"
    assert set(someone.reading().newest["store"]) == {"Day", "Night shift"}


def test_it_is_shown_and_asked_in_the_language_that_is_spoken(
    someone: Person, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOTUNE_LANGUAGE", "de")
    verdicts = (someone.made.verdict, someone.made.whole_verdict)
    data = (
        *(verdict.headline for verdict in verdicts),
        *(reason.sentence for verdict in verdicts for reason in verdict.reasons),
        *(someone.made.sha256, someone.made.proposal_id, f"autotune rollback {someone.run.path}"),
        *(f"Autotune {datetime.now(UTC):%Y-%m-%d}", "Day", str(someone.run.path), "http://127.0.0.1:"),
    )
    with bracketed():
        answering(monkeypatch, "no\n")
        assert run("apply", someone.run.path, "--all", "--activate") == 3
        printed = capsys.readouterr()
        assert outside(printed.out + printed.err, *data) == []
        answering(monkeypatch, "⟦yes⟧\n")
        assert run("apply", someone.run.path, "--all", "--activate") == 0
        printed = capsys.readouterr()
        assert outside(printed.out + printed.err, *data) == []


def test_a_yes_counts_in_english_and_in_the_language_that_is_spoken(
    someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, "ja\n")
    assert run("apply", someone.run.path) == 3
    monkeypatch.setenv("AUTOTUNE_LANGUAGE", "de")
    for no in ("j\n", "nein\n", "ja bitte\n"):
        answering(monkeypatch, no)
        assert run("apply", someone.run.path) == 3
    assert not [r for r in site.database.requests if r[0] == "POST"]
    capsys.readouterr()
    answering(monkeypatch, "ja\n")
    assert run("apply", someone.run.path) == 0
    printed = capsys.readouterr()
    assert "Basalrate [IE/h]" in printed.out
    assert f"Dies auf {someone.site} schreiben? Zum Bestätigen „ja“ eingeben: " in printed.err
    answering(monkeypatch, "yes\n")
    assert run("rollback", someone.run.path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "rolled-back"
