"""Do the fast tests notice a changed number or comparison? `python -m benchmarks.mutations --seed N --count 60`.

Draws places from the modules of `--rooms` (folders of `flows/`), changes one in a temporary copy of the checkout, runs
the fast tests that reach its module, and prints *killed*, *survived* or *equivalent*. The same commit, rooms and seed
draw the same mutations. A command for people, not for CI: a mutation is killed in seconds, one that survives takes
minutes.

- Places: numbers (in module-level constants and in functions; not in annotations, f-strings or a plain index such as
  `[0]`), and `<`, `<=`, `>`, `>=`, `==`, `!=`, `and`, `or`. Each place is drawn at most once, each with the same
  chance; which of its changes is tried is drawn too: `+1`, `-1`, `×1.3` (shares below 1: `×1.3`, `×0.7`); `<` to
  `<=`, `>` to `>=`, `==` to `!=`, `and` to `or`, and back.
- `equivalent_mutations.txt` lists changes that no test can see, and why; they are not run. The share that counts is
  killed of all that are not equivalent.
- Tests: those of `make test-fast` without the browser. The import graph (also imports within functions) says which
  test files reach a module. The nearest run first, properties and slow tests last, and the first failure ends it. A
  test that fails without the change too is left out, and named at the end.
- The checkout is never written to, and read once, at the start: it may be edited while the mutations are tried. Each
  copy has its own home, temporary and state directories; whatever a mutated run changed in its copy is put back before
  the next.
- A test that does not end kills too: after two minutes, or twenty times what it took before.
- A run is a fork of a process that has loaded pytest and what else is not ours, and nothing of ours: it imports the
  changed module, and all others, anew.
"""

from __future__ import annotations

import argparse
import ast
import io
import itertools
import json
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tokenize
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue

if not __package__:  # started by its path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.tree import PRIVATE

# Rooms of issue 13, and where they were before the move; those that are not there are passed over.
ROOMS = ("history", "profiles", "judgement", "writeback", "proposal", "steps")
NOW = ("history", "profiles", "judgement", "writeback")
EQUIVALENT = Path(__file__).with_name("equivalent_mutations.txt")
FAST = "not flow and not docker and not nightscout and not browser"
COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
LOGIC = {"and": "or", "or": "and"}
NEAR = 1  # imports between a test file and the module: those that import it themselves run first
LEFT_BEHIND = {".git", ".venv", ".make", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
OURS = ("flows", "tests", "benchmarks")
UPSTREAM = Path("images/oref0/node_modules")
FAILED = re.compile(r"^(?:FAILED|ERROR) ([^\s]+\.py(?:::.*?)?)(?: - .*)?$", re.MULTILINE)
PASSED, SOME_FAILED, NOTHING_COLLECTED = 0, 1, 5  # exit statuses of pytest
# A plugin for the mutated runs: that a property fails is enough, its smallest example may take a minute to find. And
# what takes long runs last, as far as earlier runs have measured it: an example fails in milliseconds. A test that does
# not end is said to fail and ends the run.
PLUGIN = """
import json
import os
import pathlib
import signal

import hypothesis
import pytest

printed = os.dup(1)  # before pytest captures it
measured = pathlib.Path(os.environ["MUTATIONS_MEASURED"])
seconds = json.loads(measured.read_text()) if measured.exists() else {}

def pytest_configure(config):
    phases = [p for p in hypothesis.settings.default.phases if p.name not in ("shrink", "explain")]
    hypothesis.settings.register_profile("mutated", parent=hypothesis.settings.default, phases=phases, database=None)
    hypothesis.settings.load_profile("mutated")

def place(item):
    took = seconds.get(item.nodeid, 0.0)
    return getattr(getattr(item, "obj", None), "is_hypothesis_test", False), took if took > 0.2 else 0.0

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items.sort(key=place)

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    def end(*_):
        os.write(printed, f"\\nFAILED {item.nodeid}\\n".encode())
        os._exit(1)

    signal.signal(signal.SIGALRM, end)
    least = float(os.environ["MUTATIONS_TEST_S"])
    signal.setitimer(signal.ITIMER_REAL, max(least, 20 * seconds.get(item.nodeid, 0.0)))
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)

def pytest_runtest_logreport(report):
    if report.when == "call" and report.passed:
        seconds[report.nodeid] = min(report.duration, seconds.get(report.nodeid, report.duration))

def pytest_sessionfinish():
    written = measured.with_suffix(".new")
    written.write_text(json.dumps(seconds))
    written.replace(measured)
"""
# Forks for each line of its input, which holds a run: answers with the process, then with its exit status.
SERVER = """
import importlib
import json
import os
import sys
import tempfile

sys.path[0] = os.getcwd()
for name in json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
    except ImportError:
        pass
for line in sys.stdin:
    run = json.loads(line)
    child = os.fork()
    if child == 0:
        os.setsid()
        os.environ.clear()
        os.environ.update(run["environment"])
        tempfile.tempdir = None
        sys.path.insert(1, run["plugins"])
        importlib.invalidate_caches()
        printed = os.open(run["printed"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(printed, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        status = 3
        try:
            import pytest

            status = int(pytest.main(run["arguments"]))
        finally:
            sys.stdout.flush()
            os._exit(status)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
# What almost every fast test imports, and keeps nothing that depends on what was changed.
LOADED_ONCE = (
    "pytest",
    "hypothesis.strategies",
    "xdist.plugin",
    "requests",
    "pydantic_settings",
    "_hypothesis_pytestplugin",
)


# ---- what can be changed


@dataclass(frozen=True, order=True)
class Place:
    """Something that can be changed: where in which file, and what it may become."""

    file: str
    line: int  # from 1
    column: int  # in characters, from 0
    old: str
    new: tuple[str, ...] = field(compare=False)


@dataclass(frozen=True)
class Mutation:
    """One change of one place."""

    file: str
    line: int
    column: int
    old: str
    new: str

    def lines(self, source: str) -> tuple[str, str]:
        """The line as it is and as it becomes."""
        line = source.splitlines()[self.line - 1]
        assert line[self.column :].startswith(self.old)
        return line.strip(), (line[: self.column] + self.new + line[self.column + len(self.old) :]).strip()

    def applied(self, source: str) -> str:
        """The whole module, changed."""
        lines = source.splitlines(keepends=True)
        line = lines[self.line - 1]
        assert line[self.column :].startswith(self.old)
        lines[self.line - 1] = line[: self.column] + self.new + line[self.column + len(self.old) :]
        return "".join(lines)


def places(file: str, source: str) -> list[Place]:
    """All places of a module, in order."""
    tree = ast.parse(source)
    lines = source.splitlines()
    left_out = {id(node) for hidden in _hidden(tree) for node in ast.walk(hidden)}
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    formatted = {id(n) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for n in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.Constant) and type(node.value) in (int, float) and id(node) not in formatted:
            line = lines[node.lineno - 1]
            assert isinstance(node.value, int | float) and node.end_col_offset is not None
            column, end = _characters(line, node.col_offset), _characters(line, node.end_col_offset)
            found.append(Place(file, node.lineno, column, line[column:end], _numbers(node.value)))
        elif isinstance(node, ast.Compare | ast.BoolOp) and id(node) not in formatted:
            table = LOGIC if isinstance(node, ast.BoolOp) else COMPARISONS
            parts = node.values if isinstance(node, ast.BoolOp) else [node.left, *node.comparators]
            for before, after in itertools.pairwise(parts):
                found += [
                    Place(file, token.start[0], token.start[1], token.string, (table[token.string],))
                    for token in _between(tokens, lines, before, after)
                    if token.string in table
                ]
    return sorted(set(found))


def _hidden(tree: ast.Module) -> Iterator[ast.AST]:
    """Parts in which a number decides nothing: annotations, plain indices."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.arg):
            if node.annotation:
                yield node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            yield node.returns
        elif isinstance(node, ast.Subscript) and _is_index(node.slice):
            yield node.slice


def _is_index(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(inner, ast.Constant)


def _characters(line: str, offset: int) -> int:
    """`ast` counts bytes."""
    return len(line.encode()[:offset].decode())


def _between(
    tokens: list[tokenize.TokenInfo], lines: list[str], before: ast.expr, after: ast.expr
) -> Iterator[tokenize.TokenInfo]:
    assert before.end_lineno is not None and before.end_col_offset is not None
    start = before.end_lineno, _characters(lines[before.end_lineno - 1], before.end_col_offset)
    end = after.lineno, _characters(lines[after.lineno - 1], after.col_offset)
    return (t for t in tokens if start <= t.start < end and t.type in (tokenize.OP, tokenize.NAME))


def _numbers(value: int | float) -> tuple[str, ...]:
    """Written anew: one more, one less, and by a factor that is more than a rounding."""
    changed = [value + 1, value - 1, round(value * 1.3) if isinstance(value, int) else float(f"{value * 1.3:.6g}")]
    if isinstance(value, float) and value < 1:  # a share or a tolerance: one more is another world
        changed = [float(f"{value * factor:.6g}") for factor in (1.3, 0.7)] if value else [1.0]
    new = dict.fromkeys(repr(n) for n in changed if n != value)
    return tuple(f"({n})" if n.startswith("-") else n for n in new)


def draw(root: Path, rooms: list[str], seed: int, count: int) -> list[Mutation]:
    """Draw mutations from the modules of rooms; the same for the same files and seed."""
    every = [
        place
        for room in rooms
        for path in sorted((root / "flows" / room).rglob("*.py"))
        for place in places(path.relative_to(root).as_posix(), path.read_text("utf-8"))
    ]
    drawn = random.Random(seed)  # noqa: S311 - nothing secret
    drawn.shuffle(every)  # and not `sample`: a smaller count draws the first of a greater one
    return [Mutation(p.file, p.line, p.column, p.old, drawn.choice(p.new)) for p in every[:count]]


def every_change(root: Path, files: list[str]) -> list[Mutation]:
    """All mutations of some modules."""
    found = [place for file in files for place in places(file, (root / file).read_text("utf-8"))]
    return [Mutation(p.file, p.line, p.column, p.old, new) for p in found for new in p.new]


def equivalents(text: str) -> dict[tuple[str, str, str], str]:
    """The listed ones: (file, line, changed line) and why. A line each: `file :: line :: changed line :: why`."""
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            file, old, new, why = (part.strip() for part in line.split(" :: "))
            found[file, old, new] = why
    return found


# ---- which tests reach a module


def module_name(file: Path) -> str:
    """The name that a file is imported by."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(root: Path) -> dict[str, set[str]]:
    """Which modules of `flows`, `tests` and `benchmarks` each of them imports, anywhere in the file."""
    files = {module_name(f.relative_to(root)): f for top in OURS for f in (root / top).rglob("*.py")}
    graph: dict[str, set[str]] = {}
    for name, file in files.items():
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        named: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    above = package.split(".")[: len(package.split(".")) - node.level + 1]
                    base = ".".join([*above, *filter(None, [node.module])])
                named |= {base} | {f"{base}.{alias.name}" for alias in node.names}
        if name.startswith("tests."):  # pytest imports these for it
            above = name.split(".")[:-1]
            named |= {".".join([*above[:n], "conftest"]) for n in range(1, len(above) + 1)}
        graph[name] = {n for n in named if n in files and n != name}
    return graph


def distances(graph: dict[str, set[str]], target: str) -> dict[str, int]:
    """How many imports lie between each module and the target; those that do not reach it are not in it."""
    importers: dict[str, set[str]] = {}
    for name, imported in graph.items():
        for one in imported:
            importers.setdefault(one, set()).add(name)
    found, waiting = {target: 0}, deque([target])
    while waiting:
        one = waiting.popleft()
        for importer in importers.get(one, ()):
            if importer not in found:
                found[importer] = found[one] + 1
                waiting.append(importer)
    return found


def stages(graph: dict[str, set[str]], file: str) -> list[list[str]]:
    """The test files that reach a module, in the order they are worth trying.

    First those of the folder of its room in `tests/unit` that import it; then the others of that folder, and whoever
    imports it; then those that import anything else of its room, themselves or through a helper of the tests; then the
    rest of `tests/unit`, the nearest first; then all others.
    """
    target = module_name(Path(file))
    room = ".".join(Path(file).parent.parts[:2])  # a folder within a room is of the room
    of_room = {name for name in graph if name.startswith(f"{room}.")}
    away = distances(graph, target)
    tests = {n for n in away if n.startswith("tests.") and n.rpartition(".")[2].startswith("test_")}

    def paths(names: Iterable[str]) -> list[str]:
        return [name.replace(".", "/") + ".py" for name in names]

    own = room.replace("flows", "tests.unit", 1)
    in_room = {n for n in tests if n.rpartition(".")[0] == own}
    nearest = {n for n in in_room if away[n] <= NEAR}
    first = in_room | {n for n in tests if away[n] <= NEAR}
    second = {n for n in tests - first if _by_tests(graph, n) & of_room}
    unit = {n for n in tests - first - second if n.startswith("tests.unit.")}
    stem = target.rpartition(".")[2]
    ordered = [
        sorted(nearest, key=lambda n: (stem not in n, n)),
        sorted(first - nearest, key=lambda n: (stem not in n, away[n], n)),
        sorted(second, key=lambda n: (away[n], n)),
        sorted(unit, key=lambda n: (away[n], n)),
        sorted(tests - first - second - unit, key=lambda n: (away[n], n)),
    ]
    return [paths(part) for part in ordered if part]


def _by_tests(graph: dict[str, set[str]], test: str) -> set[str]:
    """What a test imports, itself or through modules of `tests` that are no tests."""
    seen, waiting = {test}, [test]
    while waiting:
        for name in graph[waiting.pop()] - seen:
            seen.add(name)
            if name.startswith("tests."):
                waiting.append(name)
    return seen


# ---- a run of the tests on a changed copy


@dataclass(frozen=True)
class Result:
    """What became of a mutation."""

    mutation: Mutation
    fate: str  # killed, survived, equivalent
    by: str  # the test that failed, or why it is equivalent
    seconds: float


class Copy:
    """A copy of the checkout in a temporary directory, put back after every change."""

    def __init__(self, root: Path, home: Path, test_s: float = 120.0) -> None:
        self.root = home / "tree"
        self._test_s = test_s
        self._home = home
        self._original = root
        shutil.copytree(root, self.root, ignore=lambda _, names: LEFT_BEHIND & set(names), symlinks=True)
        if (root / UPSTREAM).is_dir():
            shutil.copytree(root / UPSTREAM, self.root / UPSTREAM, symlinks=True)
        self._files = {f: f.read_bytes() for f in self._all()}
        self._stamp = int(time.time())
        self._server: subprocess.Popen[bytes] | None = None

    def source(self, file: str) -> str:
        """A module as it was copied, without any change."""
        return self._files[self.root / file].decode()

    def close(self) -> None:
        """End the process that forks."""
        if self._server is not None:
            _end(self._server)
            for stream in (self._server.stdin, self._server.stdout):
                assert stream is not None
                stream.close()
            self._server = None

    def _all(self) -> list[Path]:
        return [
            Path(folder, name)
            for folder, _, names in os.walk(self.root)
            for name in names
            if not (LEFT_BEHIND & set(Path(folder).relative_to(self.root).parts))
            and not Path(folder, name).is_symlink()
        ]

    def write(self, file: str, source: str) -> None:
        """Change a module; its time moves on, so that no compiled form of before is taken for it."""
        self._write(self.root / file, source.encode())

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self._stamp += 2
        os.utime(path, (self._stamp, self._stamp))

    def restore(self) -> None:
        """Every file as in the checkout, and no other."""
        for path in self._all():
            if path not in self._files:
                path.unlink()
        for path, content in self._files.items():
            if not path.is_file() or path.read_bytes() != content:
                self._write(path, content)

    def environment(self, scratch: Path) -> dict[str, str]:
        """The copy's modules first; home, temporary files and every state below its own directory."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(PRIVATE) or n.startswith("AUTOTUNE_TEST_")}
        places = {
            "HOME": "home",
            "TMPDIR": "tmp",
            "XDG_CACHE_HOME": "cache",
            "XDG_CONFIG_HOME": "config",
            "XDG_STATE_HOME": "state",
            "XDG_DATA_HOME": "data",
            "PREFECT_HOME": "prefect",
            "AUTOTUNE_RUNS": "runs",
            "AUTOTUNE_STATE": "autotune-state",
            "AUTOTUNE_APPLIED": "applied",
        }
        for name in places.values():
            (scratch / name).mkdir(parents=True, exist_ok=True)
        own = {name: str(scratch / place) for name, place in places.items()}
        own |= {"MUTATIONS_MEASURED": str(self._home / "measured.json"), "MUTATIONS_TEST_S": str(self._test_s)}
        return {**kept, **own, "PYTHONPATH": f"{self.root}{os.pathsep}{scratch}", "PYTHONHASHSEED": "0"}

    def test(
        self, files: list[str], without: set[str], timeout: float, *, to_the_end: bool = False
    ) -> tuple[int | None, str]:
        """Run tests until one fails, or all; the exit status of pytest (`None`: out of time) and what it printed."""
        arguments = [*([] if to_the_end else ["-x"]), "-q", "-p", "no:cacheprovider", "-m", FAST, "--tb=no", "-rfE"]
        arguments += ["-n0"] if find_spec("xdist") else []
        arguments += ["-p", "mutated_run", "--hypothesis-seed=0"]
        arguments += [*(f"--deselect={test}" for test in sorted(without)), *files]
        with tempfile.TemporaryDirectory(dir=self._home, ignore_cleanup_errors=True) as scratch:
            (Path(scratch) / "mutated_run.py").write_text(PLUGIN, "utf-8")
            printed = Path(scratch) / "printed"
            run = {
                "arguments": arguments,
                "environment": self.environment(Path(scratch)),
                "plugins": scratch,
                "printed": str(printed),
            }
            status = self._forked(json.dumps(run), timeout)
            return status, "" if status is None else printed.read_text("utf-8", "replace")

    def _forked(self, run: str, timeout: float) -> int | None:
        """The exit status of a run in a process of its own; `None`: out of time."""
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-c", SERVER, json.dumps(LOADED_ONCE)],
                cwd=self.root,
                env=self.environment(self._home / "server"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,  # what is read of an answer is not kept back from `select`
                start_new_session=True,
            )
        stream, answers = self._server.stdin, self._server.stdout
        assert stream is not None and answers is not None
        stream.write(f"{run}\n".encode())
        child = int(answers.readline())
        in_time = bool(select.select([answers], [], [], timeout)[0])
        if not in_time:
            _kill(child)
        status = int(answers.readline())
        _kill(child)  # a mutated run may leave children that never end
        return status if in_time else None


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    _kill(process.pid)
    process.wait()


class Trial:
    """Tries mutations, one after the other in each copy."""

    def __init__(self, root: Path, timeout: float, most_stages: int = 5, below: str = "tests") -> None:
        self._timeout = timeout
        self._most_stages = most_stages
        self._below = f"{below}/"
        self._graph = imports(root)
        self._lock = threading.Lock()
        self.broken: set[str] = set()  # tests that fail without any change
        self._sound: set[str] = set()

    def run(self, copy: Copy, mutation: Mutation) -> Result:
        """Killed by the first test that fails with the change and passes without it."""
        began = time.monotonic()
        changed = mutation.applied(copy.source(mutation.file))
        try:
            for stage in stages(self._graph, mutation.file)[: self._most_stages]:
                files = [file for file in stage if file.startswith(self._below)]
                if by := self._killer(copy, mutation.file, changed, files):
                    return Result(mutation, "killed", by, time.monotonic() - began)
        finally:
            copy.restore()
        return Result(mutation, "survived", "", time.monotonic() - began)

    def _killer(self, copy: Copy, file: str, changed: str, files: list[str]) -> str | None:
        while True:
            copy.restore()
            copy.write(file, changed)
            with self._lock:
                without = set(self.broken)
            files = [f for f in files if f not in without]
            if not files:
                return None
            status, printed = copy.test(files, without, self._timeout)
            if status in (PASSED, NOTHING_COLLECTED):
                return None
            if status is None:
                return f"out of time ({self._timeout:g} s): {files[0]} …"
            failed = FAILED.search(printed)
            if failed is None:
                return f"pytest ended with {status}"
            if self._passes_unchanged(copy, failed[1]):
                return failed[1]

    def _passes_unchanged(self, copy: Copy, test: str) -> bool:
        with self._lock:
            if test in self._sound:
                return True
        copy.restore()
        # All its parameters: some have names that pytest prints and does not take.
        status, printed = copy.test([test.partition("[")[0]], set(), self._timeout, to_the_end=True)
        failing = set(FAILED.findall(printed)) if status in (PASSED, SOME_FAILED) else {test}
        with self._lock:
            self.broken |= failing
            if test not in failing:
                self._sound.add(test)
        return test not in failing


# ---- the command


def commit(root: Path) -> str:
    """What the mutations were drawn from."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)  # noqa: S607
        return done.stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "no commit") + (
        " and changes" if git("status", "--porcelain") else ""
    )


def described(result: Result, source: str) -> str:
    """One line: what became of which change."""
    mutation = result.mutation
    old, new = mutation.lines(source)
    where = f"{mutation.file}:{mutation.line}  {mutation.old} → {mutation.new}"
    said = f"{result.fate:10} {result.seconds:5.0f} s  {where}"
    return (
        f"{said}  {result.by}" if result.fate != "survived" else f"{said}\n    {mutation.file} :: {old} :: {new} :: WHY"
    )


def main(argv: list[str] | None = None) -> int:
    """Draw, try, and count; 1 where fewer than `--least` are killed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mutations", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    drawn_or_all = parser.add_mutually_exclusive_group(required=True)
    drawn_or_all.add_argument("--seed", type=int)
    drawn_or_all.add_argument("--every", metavar="FILES", help="no draw: every change of flows/a.py,flows/b.py")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--rooms", help="folders of flows/, such as history,profiles (default: what issue 13 names)")
    parser.add_argument("--tree", type=Path, default=Path(), metavar="CHECKOUT", help="default: where it is started")
    parser.add_argument("--jobs", type=int, default=2, help="copies that are tested side by side")
    parser.add_argument("--timeout", type=float, default=900.0, metavar="S", help="for one stage of tests")
    parser.add_argument(
        "--stages", type=int, default=5, metavar="N", help="1: only the room's tests that import the module"
    )
    parser.add_argument("--below", default="tests", metavar="FOLDER", help="only the tests in it, such as tests/unit")
    parser.add_argument("--least", type=float, default=0.95, help="the share that has to be killed")
    parser.add_argument("--list", action="store_true", help="show what is drawn and run nothing")
    options = parser.parse_args(argv)
    root = options.tree.resolve()
    rooms = options.rooms.split(",") if options.rooms else list(ROOMS)
    if not options.rooms and (root / "flows/writeback").is_dir():
        rooms = list(NOW)
    rooms = [room for room in rooms if (root / "flows" / room).is_dir()]
    results: list[Result] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as base, ExitStack() as ending:
        print(f"commit {commit(root)}", end=", ", flush=True)
        start = Copy(root, Path(base) / "start")
        if options.every:
            drawn = every_change(start.root, options.every.split(","))
            print(f"{len(drawn)} mutations of {options.every}", flush=True)
        else:
            drawn = draw(start.root, rooms, options.seed, options.count)
            print(f"seed {options.seed}, {len(drawn)} mutations of {', '.join(rooms)}", flush=True)
        known = equivalents(EQUIVALENT.read_text("utf-8"))
        sources = {m.file: start.source(m.file) for m in drawn}
        if options.list:
            print(*(f"{m.file}:{m.line}  {m.old} → {m.new}    {m.lines(sources[m.file])[1]}" for m in drawn), sep="\n")
            return 0
        copies: SimpleQueue[Copy] = SimpleQueue()
        for n in range(options.jobs):
            copies.put(ending.enter_context(closing(Copy(start.root, Path(base) / str(n)))))
        trial = Trial(start.root, options.timeout, options.stages, options.below)

        def one(mutation: Mutation) -> None:
            why = known.get((mutation.file, *mutation.lines(sources[mutation.file])))
            if why is not None:
                result = Result(mutation, "equivalent", why, 0.0)
            else:
                copy = copies.get()
                try:
                    result = trial.run(copy, mutation)
                finally:
                    copies.put(copy)
            results.append(result)
            print(described(result, sources[mutation.file]), flush=True)

        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(one, drawn))
    fates = [result.fate for result in results]
    counted = len(fates) - fates.count("equivalent")
    share = fates.count("killed") / counted if counted else 1.0
    print(f"killed {fates.count('killed')} of {counted} ({share:.1%}), equivalent {fates.count('equivalent')}")
    for test in sorted(trial.broken):
        print(f"left out, it fails without a change too: {test}")
    return 0 if share >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
