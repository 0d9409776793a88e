"""Statements are counted without docstrings, and a folder of `flows/` is a row."""

from __future__ import annotations

from pathlib import Path

from benchmarks.statements import by_room, statements


def test_docstrings_comments_and_line_breaks_are_no_statements() -> None:
    bare = "def f(x):\n    if x:\n        return 1\n"
    assert statements(bare) == 3
    assert statements('"""M."""\n' + bare.replace(":\n    if", ':\n    """D."""\n    # c\n    if')) == 3
    assert statements("x = (\n    1,\n    2,\n)\n'no docstring'\n") == 2


def test_each_folder_is_a_row(tmp_path: Path) -> None:
    for name in ("flows/a.py", "flows/room/b.py", "flows/room/inner/c.py", "images/site/d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    assert by_room(tmp_path) == {"flows": 1, "flows/room": 2, "images": 1}
