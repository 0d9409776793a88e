"""A walk through files: what is entered, what is entered again, and what does not count."""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path

import pytest

from benchmarks.walk import Recorder, counts, entries, first_calls, returns, transitions

CALLS = [("a", "f"), ("b", "g"), ("b", "h"), ("a", "k"), ("b", "g"), ("b", "m"), ("c", "n"), ("b", "g"), ("a", "f")]


def test_calls_of_one_file_in_a_row_are_one_entry() -> None:
    assert entries(CALLS) == ["a", "b", "a", "b", "c", "b", "a"]
    assert returns(CALLS) == {"a": 2, "b": 2}
    assert transitions(CALLS)["a", "b"] == 2
    assert entries([]) == []


def test_a_function_that_was_read_is_not_read_again() -> None:
    assert entries(first_calls(CALLS)) == ["a", "b", "a", "b", "c"]


TOY = {
    "one.py": """
from toy import two

def begin():
    two.step()
    [two.step() for _ in range(2)]
    mine()
    list(two.numbers())
    from toy import late
    late.end()

def mine():
    pass
""",
    "two.py": """
def step():
    pass

def numbers():
    yield 1
    yield 2
""",
    "late.py": """
from toy import two
two.step()

def end():
    pass
""",
}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "toy"
    package.mkdir()
    for name, source in {"__init__.py": "", **TOY}.items():
        (package / name).write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [n for n in sys.modules if n.partition(".")[0] == "toy"]:
        monkeypatch.delitem(sys.modules, name)
    return package


def test_imports_comprehensions_and_resumed_generators_do_not_count(toy: Path) -> None:
    begin = importlib.import_module("toy.one").begin
    with Recorder(toy) as recorder:
        begin()
    (walk,) = [w for w in recorder.walks if w.calls]
    called = [(file, name.partition(":")[0]) for file, name in walk.calls]
    steps = [("two.py", "step")] * 3
    assert called == [
        ("one.py", "begin"),
        *steps,
        ("one.py", "mine"),
        ("two.py", "numbers"),
        ("late.py", "end"),
    ]
    found = counts([walk.calls], toy)
    assert (found.files, found.entries, found.returns) == (3, 5, 2)
    assert (found.functions, found.calls) == (5, 7)
    assert found.lines == sum(len(source.splitlines()) for source in TOY.values())


def test_each_thread_walks_by_itself(toy: Path) -> None:
    two = importlib.import_module("toy.two")
    with Recorder(toy) as recorder:
        two.step()
        thread = threading.Thread(target=two.step)
        thread.start()
        thread.join()
    walks = [w.calls for w in recorder.walks if w.calls]
    assert [len(calls) for calls in walks] == [1, 1]
    assert counts(walks, toy).returns == 0
