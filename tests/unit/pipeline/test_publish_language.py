"""A run publishes its page in the language that was chosen, else the environment's; what programs read is English."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.environment import speaking_as_set
from flows.language.catalogue import Language, speaking, spoken
from flows.pipeline.publish import write_pages
from flows.report.spreadsheet import report_csv
from flows.values.run_directory import RunDirectory
from tests import sample_proposals


def test_the_environments_language_holds_where_none_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTUNE_LANGUAGE", "DE")
    with speaking_as_set():
        assert spoken() is Language.GERMAN
    with speaking(Language.ENGLISH), speaking_as_set():
        assert spoken() is Language.ENGLISH
    monkeypatch.setenv("AUTOTUNE_LANGUAGE", "tlh")
    with speaking_as_set():
        assert spoken() is Language.ENGLISH


def test_the_page_is_in_the_language_and_the_csv_in_english(tmp_path: Path) -> None:
    proposal = sample_proposals.proposal(step=True)
    run = RunDirectory.create(tmp_path / "run", datetime(2026, 11, 25, tzinfo=UTC))
    with speaking(Language.GERMAN):
        write_pages(run, proposal)
    assert b'<html lang="de"' in run.file("report.html").read_bytes()
    assert run.file("report.csv").read_bytes() == report_csv(proposal)
