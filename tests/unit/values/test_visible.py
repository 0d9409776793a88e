"""Nothing that is printed moves the cursor, turns text round or hides, whichever command prints."""

from __future__ import annotations

import ast
import json

import pytest

from flows.cli.console import message, print_document, show
from flows.values.visible import json_text, visible
from tests.conftest import ROOT

HOSTILE = ["\x1b[2J", "\x07", "\r", "\x9b31m", "\u202e", "\u2066", "\u200b", "\ufeff", "\x00", "\U000e0041", "\x7f"]


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_a_hostile_character_reaches_no_terminal(hostile: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"  Ada{hostile}'s profile\n\tsecond line"
    message(text)
    show(text)
    print_document({text: [text]})
    printed = capsys.readouterr()
    for shown in (printed.out, printed.err):
        assert not set(hostile) & set(shown) - set("[2J31m")
    assert printed.err == visible(text) + "\n"
    assert json.loads(json_text({text: [text]})) == {text: [text]}


def test_what_may_be_shown_is_shown_as_it_is() -> None:
    text = "Größe 5,5 mmol/L → ünïcode 😀\n\tindented"
    assert visible(text) == text


def test_no_command_prints_past_the_console() -> None:
    for file in sorted((ROOT / "flows" / "cli").glob("*.py")):
        names = [n for n in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(n, ast.Name)]
        prints = [name.lineno for name in names if name.id == "print"]
        assert not prints or file.name in ("console.py", "approval.py"), (file.name, prints)
