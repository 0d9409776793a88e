"""What is said of numbers: repeatable, never sure; no setting ranked before another; how the days count."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from flows.report.rows import setting_rows
from flows.report.text.certainty import day_weights_sentence, together_sentence
from tests import sample_proposals
from tests.conftest import ROOT

FORBIDDEN = re.compile(r"\b(?:un)?(?:sure|surely|certain|certainly|certainty|best)\b", re.I)
OPTION = re.compile(r"--[a-z-]+")
FLOWS = ROOT / "flows"
SHOWN = sorted(
    [
        *(FLOWS / "judgement").rglob("*.py"),
        *(FLOWS / "report").rglob("*.py"),
        *(FLOWS / "history" / "situations").glob("*.py"),
        *(FLOWS / "proposal").glob("*.py"),
        FLOWS / "history" / "doubts.py",
        FLOWS / "history" / "quality.py",
        FLOWS / "refusals.json",
        *(FLOWS / "report" / "html" / "templates").glob("*.html"),
    ]
)


def texts(file: Path) -> list[str]:
    """What of a file may be shown: strings but docstrings, and of a template what is no tag."""
    source = file.read_text("utf-8")
    if file.suffix == ".html":
        return [re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", source, flags=re.S)]
    if file.suffix == ".json":
        return [source]
    tree = ast.parse(source)
    of_expressions = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in of_expressions
    ]


@pytest.mark.parametrize("file", SHOWN, ids=lambda file: str(file.relative_to(FLOWS)))
def test_nothing_shown_is_called_sure_or_best(file: Path) -> None:
    # One word alone is an identifier that is stored, such as a module's or a file's.
    sentences = [OPTION.sub("", text) for text in texts(file) if len(text.split()) > 1]
    assert [text for text in sentences if FORBIDDEN.search(text)] == []


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (1, []),
        (5, ["of these 5 days 33 % is still the setting"]),
        (6, ["the last five weigh 67 %, and 26 % is still"]),
        (9, ["the last five weigh 67 %, and 13 % is still"]),
        (10, ["the last five weigh 67 %, the first 5 weigh 22 %, and 11 % is still"]),
        (14, ["the last five weigh 67 %, the first 7 weigh 17 %, and 4 % is still"]),
    ],
)
def test_how_much_the_days_count_is_said(days: int, said: list[str]) -> None:
    sentence = day_weights_sentence(days)
    assert bool(sentence) is bool(said)
    assert all(part in sentence for part in said)


def test_that_so_many_settings_were_looked_at_is_said() -> None:
    assert together_sentence(setting_rows(sample_proposals.sealed(sample_proposals.document()))).startswith("26 ")
