"""The page's benchmark: runs that the page shows, pages asked for, and a table that is written where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.page import MARK, Answers, lay_out, measured, table, written
from tests.web import runs


def test_it_measures_pages_with_many_runs(tmp_path: Path) -> None:
    template = runs.put(tmp_path / "template", runs.step_of(), files=True)
    many = lay_out(tmp_path, template, 30, 5)
    assert len(many.runs) == 6
    answers, more = measured(many, 1, {"Report": many.paths()["Report"]})
    assert {name: (of.status, len(of.later_ms)) for name, of in answers.items()} == {"Report": (200, 1)}
    assert more["peak resident memory (MB)"] > 20


def test_its_table_names_the_share_of_the_limit() -> None:
    answers = {"People": Answers(200, 50.0, [10.0, 20.0, 30.0]), "Health": Answers(404, 3.0, [1.0])}
    assert table(answers, {"peak resident memory (MB)": 75.0}) == (
        "| page | first after start ms | × of limit | median ms | slowest ms | × of limit |\n"
        "|---|---:|---:|---:|---:|---:|\n"
        "| People | 50 | 0.25 | 20 | 30 | 0.15 |\n\n"
        "| besides |  | × of limit |\n|---|---:|---:|\n| peak resident memory (MB) | 75.0 | 0.50 |"
    )


def test_it_is_written_between_its_mark_and_the_next_heading() -> None:
    assert written(f"a\n{MARK}\nold\n\n## Next\nb\n", "new") == f"a\n{MARK}\n\nnew\n\n## Next\nb\n"
    with pytest.raises(ValueError, match="no mark"):
        written("a", "new")
