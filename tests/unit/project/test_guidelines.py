"""docs/guidelines.md names files, code and numbers of tasks and flows: each of them is there."""

from __future__ import annotations

import ast
import builtins
import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "guidelines.md").read_text("utf-8")
FLOWS = ROOT / "flows"

PATH_LIKE = re.compile(r"\S*/\S*|\S+\.(py|md|ya?ml|toml|json)")
IDENTIFIER = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
GIVEN_IN_FULL = ("flows/", "images/", "tests/", "docs/")
NAMED_IN = (" in ", " of ", " (")  # between a name and its file
LISTED = (", ", " and ", ", and ", " or ")
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
NUMBERS = {"both": 2} | {word: number for number, word in enumerate(WORDS, start=1)}
COUNTED = re.compile(rf"\b({'|'.join(NUMBERS)}|[0-9]+) (tasks|flows)\b")

# The guideline documents' own, in the column of patterns; all else is ours.
THEIR_FILES = {"src/autotune_app/tasks", "…/flows", "…_tasks.py", "…_flow.py"}
PREFECT_S = {"PREFECT_LOGGING_LEVEL"}  # settings and names that our code has no need of


# --- what the page names ---------------------------------------------------------------------------------------------


def named(line: str) -> tuple[list[str], list[str]]:
    """What stands in backticks, and the text after each."""
    pieces = line.replace("\\|", "|").split("`")
    return pieces[1::2], pieces[2::2]


def unwrapped(text: str) -> str:
    """Paragraphs and items in one line each: a name may stand at a line's end and its file on the next."""
    return re.sub(r"(?<!\n)\n *(?=[^\s|#-])", " ", text)


def is_path(token: str) -> bool:
    return PATH_LIKE.fullmatch(token) is not None


def names_with_files(line: str) -> Iterator[tuple[str, str]]:
    """Each name with each file the line puts it in: "`a` and `b` in `file.py`", "`a` (`file.py`)"."""
    tokens, after = named(line)
    for place in range(len(tokens) - 1):
        if is_path(tokens[place]) or not is_path(tokens[place + 1]) or after[place] not in NAMED_IN:
            continue
        first, last = place, place + 1
        while first > 0 and after[first - 1] in LISTED and not is_path(tokens[first - 1]):
            first -= 1
        while last + 1 < len(tokens) and after[last] in LISTED and is_path(tokens[last + 1]):
            last += 1
        yield from ((name, file) for name in tokens[first : place + 1] for file in tokens[place + 1 : last + 1])


def ours(line: str) -> str:
    """The part of a line that speaks of this project: of a table's row all but the pattern and its documents."""
    return line.replace("\\|", "").split(" | ", 2)[-1] if line.startswith("| ") else line


# --- what is there ---------------------------------------------------------------------------------------------------


def found(token: str) -> list[Path]:
    """The files a path on the page can mean."""
    if ".." in token.split("/") or token.startswith("/"):
        return []
    if token.startswith(GIVEN_IN_FULL):
        bases = [ROOT]
    elif "/" in token.rstrip("/"):
        bases = [FLOWS]
    else:
        bases = [FLOWS, ROOT]
    return [file for base in bases for file in base.glob(token.rstrip("/"))]


@functools.cache
def source() -> dict[Path, str]:
    files = [*FLOWS.rglob("*.py"), *(ROOT / "images" / "flows").glob("*.py")]
    files += [ROOT / name for name in ("prefect.yaml", "docker-compose.yml", "pyproject.toml")]
    return {file: file.read_text("utf-8") for file in files}


@functools.cache
def words() -> set[str]:
    return {word for text in source().values() for word in re.findall(r"\w+", text)}


def is_file_of_a_run(token: str) -> bool:
    """Whether a module names such a file or folder of the run directory."""
    if "/" in token.rstrip("/") and not token.startswith("raw/"):
        return False
    quoted = f'"{token.rstrip("/")}"'
    return token.endswith((".json", "/")) and any(quoted in t for f, t in source().items() if f.suffix == ".py")


@functools.cache
def defined(file: Path) -> set[str]:
    """Functions, classes and constants of a module, members as `member` and `Class.member`."""
    names: set[str] = set()

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            found: list[str] = []
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found = [node.name]
            elif isinstance(node, ast.AnnAssign | ast.Assign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found = [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
            names.update(found, (prefix + name for name in found))
            if isinstance(node, ast.ClassDef):
                collect(node.body, f"{prefix}{node.name}.")

    collect(ast.parse(file.read_text("utf-8")).body, "")
    return names


def holds(file: Path, name: str) -> bool:
    name = name.removesuffix("()")
    if file.suffix == ".py" and IDENTIFIER.fullmatch(name):
        return name in defined(file)
    beginning = name.partition("…")[0]
    end = "" if "…" in name else r"(?![\w-])"
    text = re.sub(r"(^|\s)#.*", "", file.read_text("utf-8"))
    return bool(beginning) and re.search(rf"(?<![\w-]){re.escape(beginning)}{end}", text) is not None


@functools.cache
def decorated() -> dict[str, dict[Path, int]]:
    """How many functions of each module are tasks, and how many flows."""
    counts: dict[str, dict[Path, int]] = {"tasks": {}, "flows": {}}
    for file, text in source().items():
        if file.suffix != ".py" or not re.search(r"^@(\w+\.)?(task|flow)\b", text, re.MULTILINE):
            continue
        for node in ast.walk(ast.parse(text)):
            for decorator in getattr(node, "decorator_list", []):
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                kind = getattr(called, "id", getattr(called, "attr", "")) + "s"
                if kind in counts:
                    counts[kind][file] = counts[kind].get(file, 0) + 1
    return counts


def number_of(kind: str) -> int:
    return sum(decorated()[kind].values())


# --- comparing -------------------------------------------------------------------------------------------------------


def untrue(text: str) -> list[str]:
    """What a text in the page's form says of the code that is not so."""
    wrong = []
    for line in unwrapped(text).splitlines():
        for token in named(line)[0]:
            if is_path(token) and token not in THEIR_FILES and not found(token) and not is_file_of_a_run(token):
                wrong.append(f"no file {token}")
        for name, token in names_with_files(line):
            files = [file for file in found(token) if file.is_file()]
            if files and not any(holds(file, name) for file in files):
                wrong.append(f"no {name} in {token}")
        for token in named(ours(line))[0]:
            if IDENTIFIER.fullmatch(token) and not is_path(token) and not is_known(token):
                wrong.append(f"no {token} anywhere")
        for number, kind in COUNTED.findall(line):
            if str(NUMBERS.get(number, number)) != str(number_of(kind)):
                wrong.append(f"not {number} {kind}")
    return wrong


def is_known(name: str) -> bool:
    first = name.partition(".")[0]
    if hasattr(builtins, first) or first in sys.stdlib_module_names or name in PREFECT_S:
        return True
    return all(part in words() for part in name.split("."))


def test_the_page_is_true() -> None:
    assert untrue(PAGE) == []


def test_the_page_says_how_many_tasks_and_flows_there_are() -> None:
    assert {kind for _, kind in COUNTED.findall(unwrapped(PAGE))} == {"tasks", "flows"}
    assert [file.name for file in decorated()["tasks"]] == ["tasks.py"]
    assert {file.name for file in decorated()["flows"]} == {
        "autotune_analysis.py",
        "profile_sync.py",
        "site_look.py",
        "notices_test.py",
    }


def test_make_has_what_the_page_runs() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    run = set(re.findall(r"`make ([^`]+)`", PAGE))
    assert run
    assert run <= targets


def test_what_is_let_through_is_on_the_page() -> None:
    on_the_page = {token for line in PAGE.splitlines() for token in named(line)[0]}
    assert on_the_page >= THEIR_FILES | PREFECT_S


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`tasks.py`, `pipeline/`, `pipeline/judge.py`, `cli/`, `pyproject.toml`, `tests/unit`", []),
        ("`manifest.json`, `raw/index.json`, `raw/`", []),
        ("`task.py`", ["no file task.py"]),
        ("`steps/tasks.py` and `no_such/`", ["no file steps/tasks.py", "no file no_such/"]),
        ("`unit/test_client.py`", ["no file unit/test_client.py"]),  # given in full, or it is looked for in flows/
        ("`../flows/tasks.py`", ["no file ../flows/tasks.py"]),
        ("`manifests.json`, `work/manifest.json`", ["no file manifests.json", "no file work/manifest.json"]),
        ("`manifest.toml`", ["no file manifest.toml"]),
        ("`run_path` of `autotune_analysis`; `logged`, `PRIVATE` in `tasks.py`; `Reason.NO_PROFILE` (`errors.py`)", []),
        ("`NightscoutClient.get` in `nightscout/client.py`", []),
        ("`Answer.get` in `nightscout/client.py`", ["no Answer.get in nightscout/client.py"]),
        ("`autotune-…` in `orchestration/artifacts.py`; `nightly-autotune` in `prefect.yaml`", []),
        ("`worker` of `docker-compose.yml`; `flow.deploy()` is not used", []),
        ("`deployment` in `prefect.yaml`", ["no deployment in prefect.yaml"]),  # in a comment, and part of a word
        ("`logged` in `orchestration/artifacts.py`", ["no logged in orchestration/artifacts.py"]),  # it is, elsewhere
        ("`task` in `tasks.py`", ["no task in tasks.py"]),  # imported there, not defined
        ("this is `logged` in\n`orchestration/artifacts.py`", ["no logged in orchestration/artifacts.py"]),
        ("- an item on `logged` in\n  `orchestration/artifacts.py`", ["no logged in orchestration/artifacts.py"]),
        ("`PRIVATE` and `QUEUES` in `tasks.py`", ["no QUEUES in tasks.py"]),
        ("`RULES` in `history/glucose.py` and `history/days.py`", ["no RULES in history/days.py"]),
        ("`orchestration/artifacts.py` and `logged` in `tasks.py`", []),
        ("the pool of `_no_such_function`", ["no _no_such_function anywhere"]),
        ("| `no_such_pattern` | A | not used | `no_such_name` harms |", ["no no_such_name anywhere"]),
        ("| `no_such_pattern`, `no_such.py` | A | used | here |", ["no file no_such.py"]),
    ],
)
def test_what_is_not_so_would_be_found(text: str, wrong: list[str]) -> None:
    assert untrue(text) == wrong


@pytest.mark.parametrize("kind", ["tasks", "flows"])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_wrong_number_would_be_found(kind: str, more: int) -> None:
    number = number_of(kind) + more
    for written in (WORDS[number - 1], str(number)):
        assert untrue(f"all {written} {kind} of it") == ([] if more == 0 else [f"not {written} {kind}"])
