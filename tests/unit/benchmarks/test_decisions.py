"""The study of decisions keeps what it has computed, goes on from there, and writes between its marks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import decided as decided_module
from benchmarks.decisions import BEGIN, END, Kept, Repetition, main, put_into
from flows.oref0.profile import PumpSettings
from tests.conftest import ROOT
from tests.people import export_directory

NOW = PumpSettings(50.0, 10.0, (1.0,) * 24, 6.0, 75.0)


class Counted:
    """Computes an ISF from the days, none where day 9 is among them, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Repetition] = []

    def __call__(self, drawn: Sequence[Repetition]) -> list[PumpSettings | None]:
        self.asked += drawn
        return [None if 9 in one else replace(NOW, isf_mgdl_per_u=50.0 + sum(one)) for one in drawn]


BATCH = ((3, 4), (0, 1), (3, 4), (8, 9))


def test_a_repetition_is_computed_once_and_kept(tmp_path: Path) -> None:
    file, first, second = tmp_path / "a.jsonl", Counted(), Counted()
    kept = Kept(file, "of a", first)
    made = kept(BATCH)
    assert [one and one.isf_mgdl_per_u for one in made] == [57.0, 51.0, 57.0, None]
    assert kept(BATCH) == made
    assert first.asked == [(0, 1), (3, 4), (8, 9)]
    later = Kept(file, "of a", second)
    assert later((*BATCH, (5, 6))) == [*made, replace(NOW, isf_mgdl_per_u=61.0)]
    assert second.asked == [(5, 6)]


@pytest.mark.parametrize("lost", [1, 20, 400])
def test_what_was_written_in_part_is_computed_again(tmp_path: Path, lost: int) -> None:
    file, first, second = tmp_path / "a.jsonl", Counted(), Counted()
    made = Kept(file, "of a", first)(BATCH)
    file.write_bytes(file.read_bytes()[:-lost])
    assert Kept(file, "of a", second)(BATCH) == made
    assert second.asked
    assert Kept(file, "of a", Counted())(BATCH) == made
    assert all(json.loads(line) for line in file.read_text("utf-8").splitlines())


def test_repetitions_of_other_data_are_not_taken(tmp_path: Path) -> None:
    Kept(tmp_path / "a.jsonl", "of a", Counted())(BATCH)
    with pytest.raises(ValueError, match="other data: remove it"):
        Kept(tmp_path / "a.jsonl", "of b", Counted())


def test_the_tables_take_the_place_between_the_marks() -> None:
    document = f"before\n\n{BEGIN}\nold\n{END}\nafter\n"
    once = put_into(document, "new")
    assert once == f"before\n\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert put_into(once, "new") == once
    safety = (ROOT / "docs" / "safety.md").read_text("utf-8")
    assert safety.count(BEGIN) == safety.count(END) == 1


@pytest.mark.oref0
def test_a_person_is_compared_with_real_repetitions_and_a_short_one_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(decided_module, "POOL", 3)
    monkeypatch.setattr(decided_module, "CEILINGS", (8,))
    long, short = export_directory(tmp_path / "long", days=7), export_directory(tmp_path / "short", days=3)
    arguments = ["--people", str(short), str(long), "--days", "7", "--sequences", "1", "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert "3 days are too few" in said.err
    assert "| balanced, ceiling 8 | 8 |" in said.out
    (kept,) = (tmp_path / "out").iterdir()
    assert len(kept.read_text("utf-8").splitlines()) == 1 + 3 + 3 + 8
    assert main(arguments) == 0
    assert capsys.readouterr().out == said.out
    assert len(kept.read_text("utf-8").splitlines()) == 1 + 3 + 3 + 8
