"""How far a reader walks to follow one `autotune apply`: `python -m benchmarks.walk [--tree CHECKOUT] [--json FILE]`.

A proposal is made from the demonstration's site (in a process of its own) and applied and activated, not interactively,
under `sys.setprofile` and `threading.setprofile`. Counted are calls of functions that are written in `flows/`:

- *files entered*: files with at least one call.
- *entry*: a call of a function of a file, where the call before it in the same thread was of another file. The calls in
  order, file by file, are the walk; calls of one file in a row are one entry. Coming back from a call is no entry: only
  where the caller then calls a function of its own file is that file entered again.
- *return*: an entry into a file that the thread has entered before, so one that was left meanwhile. Entries are files
  entered plus returns (for a single thread).
- *transition*: a pair of neighbours in the walk (A, then B); *different transitions*: each pair once.
- *first-time entries* and *returns*: the same walk, in which every function counts at its first call only: the way of a
  reader who reads each function once. Loops over hours, documents and journal lines do not weigh here.
- *lines*: of the files entered.

Not counted: whatever runs while a module is imported (its top level, and all that it calls), comprehensions and
generator expressions (parts of the function they stand in; from Python 3.12 on comprehensions are no calls), and the
resumption of a generator. The same checkout gives the same counts: the demonstration's site answers at once.
"""

from __future__ import annotations

import argparse
import dis
import functools
import itertools
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

if not __package__:  # started by its path, with another checkout's Python
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.tree import Tree

PART_OF_ITS_FUNCTION = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
MODULE = "<module>"
DAYS, RESAMPLES = 3, 10
SHOWN = 25
Call = tuple[str, str]  # file, function


@dataclass
class Walk:
    """The calls of one thread, in order."""

    calls: list[Call] = field(default_factory=list)
    importing: int = 0  # how many module bodies are running, one within the other


def entries(calls: list[Call]) -> list[str]:
    """The files in the order they are entered: calls of one file in a row are one entry."""
    files = [file for file, _ in calls]
    return [file for index, file in enumerate(files) if index == 0 or files[index - 1] != file]


def returns(calls: list[Call]) -> Counter[str]:
    """How often each file is entered again after it was left."""
    return Counter({file: n - 1 for file, n in Counter(entries(calls)).items() if n > 1})


def transitions(calls: list[Call]) -> Counter[tuple[str, str]]:
    """How often the walk goes from one file to another."""
    walk = entries(calls)
    return Counter(itertools.pairwise(walk))


def first_calls(calls: list[Call]) -> list[Call]:
    """Every function at its first call only."""
    return list(dict.fromkeys(calls))


class Recorder:
    """Takes down the calls of functions that are written under a directory."""

    def __init__(self, under: Path) -> None:
        self._under = str(under.resolve()) + os.sep
        self._local = threading.local()
        self.walks: list[Walk] = []

    def __enter__(self) -> Recorder:
        threading.setprofile(self._saw)
        sys.setprofile(self._saw)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def _saw(self, frame: FrameType, event: str, argument: Any) -> None:
        if event not in ("call", "return"):
            return
        walk: Walk | None = getattr(self._local, "walk", None)
        if walk is None:
            walk = self._local.walk = Walk()
            self.walks.append(walk)
        code = frame.f_code
        if code.co_name == MODULE:
            walk.importing = max(0, walk.importing + (1 if event == "call" else -1))
        elif event == "call" and not walk.importing and self._counts(code) and not _resumed(frame):
            name = f"{code.co_qualname}:{code.co_firstlineno}"
            walk.calls.append((code.co_filename.removeprefix(self._under).replace(os.sep, "/"), name))

    def _counts(self, code: CodeType) -> bool:
        return code.co_filename.startswith(self._under) and code.co_name not in PART_OF_ITS_FUNCTION


def _resumed(frame: FrameType) -> bool:
    """The call goes on with a generator or coroutine that has begun."""
    return frame.f_lasti > _begins(frame.f_code)


@functools.cache
def _begins(code: CodeType) -> int:
    """Where the first instruction after the preparation of a call stands."""
    return next((i.offset for i in dis.get_instructions(code) if i.opname == "RESUME"), 0)


@dataclass(frozen=True)
class Counts:
    """What is counted of all threads together."""

    files: int
    entries: int
    returns: int
    different_transitions: int
    first_time_entries: int
    first_time_returns: int
    functions: int
    calls: int
    lines: int


def counts(walks: list[list[Call]], root: Path) -> Counts:
    """Count; each thread's walk by itself, the files of all together.

    Args:
        walks: the calls of each thread.
        root: where the files are, for their lines.
    """
    files = {file for calls in walks for file, _ in calls}
    firsts = [first_calls(calls) for calls in walks]
    return Counts(
        files=len(files),
        entries=sum(len(entries(calls)) for calls in walks),
        returns=sum(returns(calls).total() for calls in walks),
        different_transitions=len({pair for calls in walks for pair in transitions(calls)}),
        first_time_entries=sum(len(entries(calls)) for calls in firsts),
        first_time_returns=sum(returns(calls).total() for calls in firsts),
        functions=len({call for calls in walks for call in calls}),
        calls=sum(map(len, walks)),
        lines=sum(len((root / file).read_text("utf-8").splitlines()) for file in files),
    )


def report(walks: list[list[Call]], root: Path) -> str:
    """The counts, each file with its entries, and the pairs that are gone between most often."""
    found = counts(walks, root)
    lines = [f"{name.replace('_', ' '):24} {value:7}" for name, value in vars(found).items()]
    entered = Counter(file for calls in walks for file in entries(calls))
    again = sum((returns(calls) for calls in walks), Counter[str]())
    firsts = [first_calls(calls) for calls in walks]
    first_again = sum((returns(calls) for calls in firsts), Counter[str]())
    lines += ["", f"{'entries':>8} {'returns':>8} {'first-time returns':>19}  file"]
    lines += [f"{n:8} {again[file]:8} {first_again[file]:19}  {file}" for file, n in entered.most_common()]
    pairs = sum((transitions(calls) for calls in firsts), Counter[tuple[str, str]]())
    lines += ["", f"{'times':>8}  from → to, first calls only"]
    lines += [f"{n:8}  {a} → {b}" for (a, b), n in pairs.most_common(SHOWN)]
    return "\n".join(lines)


# ---- the apply that is followed


@contextmanager
def demo_site(tree: Tree, private: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The demonstration's site of a checkout, in a process of its own: its address, and the secrets as environment."""
    data = private / "site"
    data.mkdir(parents=True)
    command = [str(tree.python), __file__, "serve", str(tree.demo_site()), str(tree.fixtures), str(data)]
    site = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert site.stdout is not None
        address, reading, writing = json.loads(site.stdout.readline())
        yield address, {"AUTOTUNE_NIGHTSCOUT_TOKEN": reading, "AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN": writing}
    finally:
        site.terminate()
        site.wait()


def _serve(module: str, fixtures: str, data: str) -> None:
    """What the site's process does; prints its address and its two tokens."""
    names = runpy.run_path(module, run_name="demo_site")
    server = names["serve"](Path(fixtures) / "aaps_closed_loop", Path(data), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    print(json.dumps([address, names["READ_TOKEN"], names["WRITE_TOKEN"]]), flush=True)
    server.serve_forever()


def _follow(flows: str, target: str, entry_point: str, arguments: list[str]) -> int:
    """What the followed process does: run the command line, and write each thread's calls."""
    sys.path.insert(0, str(Path(flows).parent))  # not the checkout that this file is of
    module, _, name = entry_point.partition(":")
    command = getattr(__import__(module, fromlist=[name]), name)
    with Recorder(Path(flows)) as recorder:
        status = command(arguments)
    Path(target).write_text(json.dumps([walk.calls for walk in recorder.walks if walk.calls]), "utf-8")
    return int(status)


def follow_apply(tree: Tree, private: Path) -> list[list[Call]]:
    """Propose, then apply under the profile.

    Raises:
        RuntimeError: one of the two did not succeed; what it printed.
    """
    with demo_site(tree, private) as (address, secrets):
        run = private / "run"
        asked = ["propose", "--site", address, "--no-prefect", "--days", str(DAYS), "--resamples", str(RESAMPLES)]
        proposed = tree.autotune([*asked, "--out", str(run)], private, secrets)
        if proposed.returncode:
            raise RuntimeError(proposed.stderr)
        sha256 = json.loads((run / "proposal.json").read_text("utf-8"))["sha256"]
        applied = ["apply", str(run), "--yes", "--sha256", sha256, "--activate", "--although-unsure"]
        target = private / "calls.json"
        command = [str(tree.python), __file__, "follow", str(tree.flows), str(target), tree.entry_point(), *applied]
        environment = tree.environment(private, secrets)
        done = subprocess.run(command, cwd=tree.root, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
    return [[(file, function) for file, function in calls] for calls in json.loads(target.read_text("utf-8"))]


def main(argv: list[str]) -> int:
    """Follow an apply and print what was counted."""
    if argv[:1] == ["serve"]:
        _serve(*argv[1:])
        return 0
    if argv[:1] == ["follow"]:
        flows, target, entry_point, *arguments = argv[1:]
        return _follow(flows, target, entry_point, arguments)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.walk", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tree", type=Path, default=Path(), metavar="CHECKOUT", help="default: where it is started")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), metavar="FILE", help="its Python")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write each thread's calls, in order, there")
    options = parser.parse_args(argv)
    tree = Tree(options.tree.resolve(), options.python)
    with tempfile.TemporaryDirectory() as private:
        walks = follow_apply(tree, Path(private))
    print(report(walks, tree.flows))
    if options.json:
        options.json.write_text(json.dumps(walks, indent=1), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
