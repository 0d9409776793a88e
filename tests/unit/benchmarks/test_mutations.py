"""Mutations: what can be changed, that the same ones are drawn, and that tests kill them in a copy."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.mutations import (
    EQUIVALENT,
    Copy,
    Mutation,
    Trial,
    distances,
    draw,
    equivalents,
    imports,
    main,
    places,
    stages,
)

MODULE = '''"""Of 1 and 2."""

LIMIT = 10


def is_high(value: float, names: dict[str, int] | None = None) -> bool:
    """More than 10."""
    first = [value, 3.5][0]
    return (first) >= LIMIT and not 0.5 < value <= 2  # > 4
'''
TEST = """from flows.room import low
from flows.room.high import is_high

def test_ten_is_high():
    assert is_high(10) and not is_high(9)
    assert low
"""


def test_numbers_comparisons_and_logic_can_be_changed_and_nothing_else() -> None:
    found = {(p.old, p.line): p.new for p in places("m.py", MODULE)}
    assert found == {
        ("10", 3): ("11", "9", "13"),
        ("3.5", 8): ("4.5", "2.5", "4.55"),
        (">=", 9): (">",),
        ("and", 9): ("or",),
        ("0.5", 9): ("0.65", "0.35"),
        ("<", 9): ("<=",),
        ("<=", 9): ("<",),
        ("2", 9): ("3", "1"),
    }


def test_a_change_is_one_token_of_one_line_also_after_letters_of_two_bytes() -> None:
    source = 'x = "é", 1 < 2\ny = 3\n'
    (less,) = [p for p in places("m.py", source) if p.old == "<"]
    mutation = Mutation(less.file, less.line, less.column, less.old, less.new[0])
    assert mutation.applied(source) == 'x = "é", 1 <= 2\ny = 3\n'
    assert mutation.lines(source) == ('x = "é", 1 < 2', 'x = "é", 1 <= 2')


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    files = {
        "flows/__init__.py": "",
        "flows/room/__init__.py": "",
        "flows/room/high.py": MODULE,
        "flows/room/low.py": "from flows.room import high\n\nUNUSED = 7\n",
        "flows/top.py": "def f():\n    from .room.low import UNUSED\n    return UNUSED\n",
        "tests/unit/room/test_high.py": TEST,
        "tests/unit/test_top.py": "import flows.top\n\ndef test_it():\n    assert True\n",
        "tests/unit/test_other.py": "import flows\n",
    }
    for name, source in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source)
    return root


def test_the_same_seed_draws_the_same_and_a_smaller_count_the_first_of_them(checkout: Path) -> None:
    drawn = draw(checkout, ["room"], 5, 8)
    assert drawn == draw(checkout, ["room"], 5, 8) != draw(checkout, ["room"], 6, 8)
    assert draw(checkout, ["room"], 5, 3) == drawn[:3]
    assert len(set(drawn)) == 8


def test_tests_that_reach_a_module_are_found_through_other_modules_the_nearest_first(checkout: Path) -> None:
    graph = imports(checkout)
    away = distances(graph, "flows.room.low")
    assert (away["tests.unit.room.test_high"], away["flows.top"], away["tests.unit.test_top"]) == (1, 1, 2)
    assert "tests.unit.test_other" not in away
    assert stages(graph, "flows/room/low.py") == [
        ["tests/unit/room/test_high.py"],
        ["tests/unit/test_top.py"],
    ]
    (checkout / "flows/room/inner").mkdir()
    (checkout / "flows/room/inner/deep.py").write_text("X = 1\n")
    (checkout / "flows/room/low.py").write_text("from flows.room.inner.deep import X\n")
    assert stages(imports(checkout), "flows/room/inner/deep.py")[0] == ["tests/unit/room/test_high.py"]
    (checkout / "tests/conftest.py").write_text("from flows.room import low\n")
    assert "tests.unit.test_other" in distances(imports(checkout), "flows.room.low")


def tried(
    checkout: Path, home: Path, old: str, new: str, file: str = "flows/room/high.py", test_s: float = 60
) -> tuple[str, str]:
    (place,) = [p for p in places(file, (checkout / file).read_text()) if p.old == old]
    trial = Trial(checkout, timeout=60)
    with closing(Copy(checkout, home, test_s)) as copy:
        (checkout / file).write_text("# edited while the mutations are tried\n")
        result = trial.run(copy, Mutation(file, place.line, place.column, old, new))
        assert (copy.root / "flows/room/high.py").read_text() == MODULE
    assert (checkout / file).read_text() == "# edited while the mutations are tried\n"
    return result.fate, result.by


def test_a_mutation_is_tried_in_a_copy_and_its_test_kills_it(checkout: Path, tmp_path: Path) -> None:
    assert tried(checkout, tmp_path, ">=", ">") == ("killed", "tests/unit/room/test_high.py::test_ten_is_high")


def test_a_mutation_that_no_test_sees_survives(checkout: Path, tmp_path: Path) -> None:
    assert tried(checkout, tmp_path, "7", "8", "flows/room/low.py") == ("survived", "")


def test_each_run_imports_the_change_anew_and_a_run_that_never_ends_is_ended(checkout: Path, tmp_path: Path) -> None:
    endless = "from time import sleep\nfrom flows.room.low import UNUSED\n\ndef test_it():\n"
    endless += "    while UNUSED != 7:\n        sleep(1)\n"
    (checkout / "tests/unit/room/test_low.py").write_text(endless)
    with closing(Copy(checkout, tmp_path)) as copy:
        low, test = "flows/room/low.py", ["tests/unit/room/test_low.py"]
        assert copy.test(test, set(), 60)[0] == 0
        copy.write(low, copy.source(low).replace("7", "8"))
        assert copy.test(test, set(), 5)[0] is None
        copy.restore()
        assert copy.test(test, set(), 60)[0] == 0


def test_a_test_that_never_ends_kills(checkout: Path, tmp_path: Path) -> None:
    endless = "import pytest\nfrom flows.room.low import UNUSED\n\n@pytest.mark.parametrize('n', ['a', 'b'])\n"
    endless += "def test_it(n):\n    while n == 'b' and UNUSED != 7:\n        pass\n"
    (checkout / "tests/unit/room/test_low.py").write_text(endless)
    killed = "killed", "tests/unit/room/test_low.py::test_it[b]"
    assert tried(checkout, tmp_path, "7", "8", "flows/room/low.py", test_s=2) == killed


def test_what_fails_beside_it_without_the_change_does_not_hinder_a_test(checkout: Path, tmp_path: Path) -> None:
    test = "import pytest\nfrom flows.room.low import UNUSED\n\n@pytest.mark.parametrize('n', [0, 1, 'a - b\\n'])\n"
    test += "def test_it(n):\n    assert n != 1 and (n == 0 or UNUSED == 7)\n\ndef test_broken():\n    assert False\n"
    (checkout / "tests/unit/room/test_low.py").write_text(test)
    fate, by = tried(checkout, tmp_path, "7", "8", "flows/room/low.py")
    assert fate == "killed"
    assert by.startswith("tests/unit/room/test_low.py::test_it[a")


def test_a_test_that_fails_without_the_change_kills_nothing(checkout: Path, tmp_path: Path) -> None:
    (checkout / "tests/unit/room/test_high.py").write_text(
        TEST + "\n\ndef test_that_is_broken():\n    assert not low\n"
    )
    assert tried(checkout, tmp_path, "7", "8", "flows/room/low.py") == ("survived", "")


def test_a_copy_is_put_back_whatever_a_run_did_to_it(checkout: Path, tmp_path: Path) -> None:
    copy = Copy(checkout, tmp_path)
    copy.write("flows/room/high.py", "x = 1\n")
    (copy.root / "flows/new.py").write_text("")
    (copy.root / "flows/top.py").unlink()
    copy.restore()
    names = [p.relative_to(copy.root).as_posix() for p in copy.root.rglob("*.py")]
    assert sorted(names) == sorted(p.relative_to(checkout).as_posix() for p in checkout.rglob("*.py"))
    assert (copy.root / "flows/room/high.py").read_text() == MODULE


def test_the_listed_equivalents_name_a_change_and_why(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "# a comment\n\nflows/a.py :: if x < 1: :: if x <= 1: :: x is never 1\n"
    assert equivalents(text) == {("flows/a.py", "if x < 1:", "if x <= 1:"): "x is never 1"}
    assert all(equivalents(EQUIVALENT.read_text("utf-8")).values())
    assert main(["--seed", "1", "--count", "2", "--rooms", "room", "--tree", str(checkout), "--list"]) == 0
    assert "2 mutations of room" in capsys.readouterr().out
    assert main(["--every", "flows/room/low.py", "--tree", str(checkout), "--list"]) == 0
    assert [line.split()[1:4] for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["7", "→", "8"],
        ["7", "→", "6"],
        ["7", "→", "9"],
    ]
