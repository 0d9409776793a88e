"""Does another state of the project compute the same? `python -m benchmarks.same_results record DIR`, then `compare`.

    python -m benchmarks.same_results record DIR [--tree CHECKOUT] [--python FILE] [--also CASES] [--only NAME,NAME]
    python -m benchmarks.same_results compare OLD NEW [--texts]

`record` runs `autotune propose` and `autotune tune` of a checkout (default: the current directory) on the people of
`fixtures/`, on the recorded data in the directory named by `AUTOTUNE_TEST_REFERENCE`, and on each folder in `--also`.
It writes one JSON file per input: all numbers of proposal.json, the colours, the rule ids, the ledger without its texts
(`reason`, `description`), the exit status, the refusal codes, the sha256 of every file that upstream reads and writes.
`compare` prints a table and the first difference of each part, and exits with 1 if there is a difference. Where names
were changed on purpose, `RENAMED_KEYS` and `RENAMED_IDS` say so. The sentences of proposal.json are shown in a column
of their own and count only with `--texts`.

The files hold health data where the input does: keep them private. Needs nothing but the standard library, so that the
Python of an older checkout runs it too: `cd OLD && .venv/bin/python …/benchmarks/same_results.py record DIR`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if not __package__:  # started by its path, with another checkout's Python
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.tree import Tree

# Old name → new name. Keys of proposal.json and of the ledger; ids of rules over data and of safety rules.
RENAMED_KEYS: dict[str, str] = {}
RENAMED_IDS: dict[str, str] = {}

RESAMPLES = 10
RECORDED = {"aaps_recorded_test1": "2022-05-21", "aaps_recorded_test4": "2022-05-30"}
EXPORTS = ("patient_a", "nsexport_74077367")
RECORDED_ZONE = "Europe/Paris"
WORK = ("work", "uncorrected")
# Of the run, not of what was computed: when, where, and hashes over these.
OF_THE_RUN = ("created_at", "proposal_id", "sha256", "from_directory", "openaps_profile", "openaps_autotune")
TEXTS = "sentences"
PARTS = ("exit and refusal", "numbers", "colours", "rule ids", "ledger", "upstream's bytes", TEXTS)


@dataclass(frozen=True)
class Input:
    """One input: its name, and what `autotune` is asked; the run directory and `--json` are added."""

    name: str
    arguments: tuple[str, ...]


# ---- what is computed


def inputs(tree: Tree, reference: Path | None, also: Path | None, scratch: Path) -> Iterator[Input]:
    """All inputs that are there; OpenAPS directories are laid out under `scratch`."""
    for name, more in (
        ("aaps_closed_loop", ()),
        ("careportal_mdi", ()),
        ("loop_temp_basal", ()),
        ("loop_temp_basal", ("--tune-insulin-curve", "--uam-as-basal", "--age-group", "child")),
    ):
        truth = json.loads((tree.fixtures / name / "truth.json").read_text("utf-8"))
        days = ("--start", truth["first_local_day"], "--end", truth["last_local_day"])
        yield Input(f"{name}{'_options' if more else ''}", _propose(tree.fixtures / name, *days, *more))
    outside = ("--start", "2026-01-01", "--end", "2026-01-03")
    yield Input("no_readings", _propose(tree.fixtures / "aaps_closed_loop", *outside))
    for folder in sorted(also.iterdir()) if also else ():
        if (folder / "entries.json").is_file():
            pump = folder / "pumpprofile.json"
            yield Input(folder.name, _propose(folder, *(("--openaps-profile", str(pump)) if pump.is_file() else ())))
    if reference is None:
        return
    for name, day in RECORDED.items():
        source = reference / name
        recorded: tuple[str, ...] = (
            "--timezone",
            RECORDED_ZONE,
            "--openaps-profile",
            str(source / "oref0_pumpprofile.json"),
        )
        if _has_start(source):
            recorded += ("--openaps-autotune", str(source / "oref0_profile_in.json"))
        for kind in ("corrected", "upstream"):
            dated = ("--start", day, "--end", day, "--inputs", kind)
            yield Input(f"{name}_{kind}", _propose(source, *recorded, *dated))
        directory = openaps_directory(source, day, scratch / name)
        yield Input(f"{name}_tune", ("tune", str(directory), "--timezone", RECORDED_ZONE))
    for name in EXPORTS:  # their days are those of the data
        yield Input(name, _propose(reference / name))


def _propose(source: Path, *more: str) -> tuple[str, ...]:
    return ("propose", "--no-prefect", "--from", str(source), *more)


def _has_start(source: Path) -> bool:
    return (source / "oref0_profile_in.json").read_bytes() != (source / "oref0_pumpprofile.json").read_bytes()


def openaps_directory(source: Path, day: str, target: Path) -> Path:
    """Recorded files of one day as an OpenAPS directory has them."""
    for part in ("settings", "autotune"):
        (target / part).mkdir(parents=True)
    shutil.copyfile(source / "oref0_pumpprofile.json", target / "settings" / "pumpprofile.json")
    if _has_start(source):
        shutil.copyfile(source / "oref0_profile_in.json", target / "settings" / "autotune.json")
    for kind in ("entries", "treatments"):
        shutil.copyfile(source / f"{kind}.json", target / "autotune" / f"ns-{kind}.{day}.json")
    return target


def computed(tree: Tree, one: Input, scratch: Path) -> dict[str, Any]:
    """Run one input and take down what it came to."""
    run = scratch / one.name / "run"
    arguments = [*one.arguments, "--resamples", str(RESAMPLES), "--json", "--out", str(run)]
    done = tree.autotune(arguments, scratch / one.name)
    try:
        printed = json.loads(done.stdout)
    except ValueError:
        printed = {}
    return record_of(run, done.returncode, printed)


def record_of(run: Path, status: int, printed: Mapping[str, Any]) -> dict[str, Any]:
    """What is compared of a run: reads proposal.json, ledger.json, work/ and uncorrected/.

    Args:
        run: the run directory; it may lack any file, as that of a refused run does.
        status: how the command exited.
        printed: the document it printed with `--json`.
    """
    proposal = _read(run / "proposal.json")
    verdict = proposal.get("verdict") or {}
    reasons = verdict.get("reasons", [])
    return {
        "exit and refusal": {"status": status, "codes": printed.get("reason_codes", [])},
        "numbers": {where: value for where, value in leaves(proposal) if not isinstance(value, str)},
        "colours": {
            "verdict": verdict.get("colour"),
            "reasons": [reason["colour"] for reason in reasons],
            "days": [[day["date"], day["status"], day["quality"]] for day in proposal.get("days", [])],
        },
        "rule ids": {"reasons": [r["rule"] for r in reasons], "checked": verdict.get("rules_checked", [])},
        "ledger": without_texts(_read(run / "ledger.json")),
        "upstream's bytes": {
            file.relative_to(run).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for part in WORK
            for file in sorted((run / part).rglob("*"))
            if file.is_file()
        },
        TEXTS: {w: v for w, v in leaves(proposal) if isinstance(v, str) and w.rpartition(".")[2] not in OF_THE_RUN},
    }


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text("utf-8"))) if file.is_file() else {}


def leaves(document: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no object or list, with its path; an empty list or object counts as one."""
    if isinstance(document, dict) and document:
        for key, value in document.items():
            yield from leaves(value, f"{where}.{key}" if where else str(key))
    elif isinstance(document, list) and document:
        for index, value in enumerate(document):
            yield from leaves(value, f"{where}[{index}]")
    else:
        yield where, document


def without_texts(ledger: dict[str, Any]) -> dict[str, Any]:
    """A ledger without sentences. A field `reason` of a site's own record stays: it is data."""
    kept = dict(ledger)
    if "rules" in ledger:
        kept["rules"] = {
            rule: {k: v for k, v in books.items() if k != "description"} for rule, books in ledger["rules"].items()
        }
    if "entries" in ledger:
        kept["entries"] = [{k: v for k, v in entry.items() if k != "reason"} for entry in ledger["entries"]]
    return kept


# ---- comparison


def renamed(value: Any, keys: Mapping[str, str], ids: Mapping[str, str]) -> Any:
    """A part of an old record with today's names: of keys, of steps of a path that is a key, and of ids."""
    names = {**keys, **ids}
    if isinstance(value, dict):
        return {re.sub(r"\w+", lambda m: names.get(m[0], m[0]), key): renamed(v, keys, ids) for key, v in value.items()}
    if isinstance(value, list):
        return [renamed(v, keys, ids) for v in value]
    return ids.get(value, value) if isinstance(value, str) else value


def first_difference(old: Any, new: Any, where: str = "") -> str | None:
    """Where two documents first differ, and how; `None` where they are the same. 1 and 1.0 are not the same."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            if key not in new or key not in old:
                return f"{where}/{key}: only {'before' if key in old else 'after'}"
            if found := first_difference(old[key], new[key], f"{where}/{key}"):
                return found
        return None
    if isinstance(old, list) and isinstance(new, list):
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            if found := first_difference(before, after, f"{where}/{index}"):
                return found
        return None if len(old) == len(new) else f"{where}: {len(old)} before, {len(new)} after"
    same = type(old) is type(new) and old == new
    return None if same else f"{where}: {json.dumps(old)} before, {json.dumps(new)} after"


def compare(old: Path, new: Path, *, texts: bool = False) -> tuple[list[list[str]], list[str]]:
    """The rows of the table, and the differences that count.

    Args:
        old, new: directories that `record` wrote.
        texts: whether a changed sentence counts.
    """
    names = sorted({file.name for directory in (old, new) for file in directory.glob("*.json")})
    rows, differences = [["input", *PARTS]], []
    if not names:
        differences.append("nothing was recorded")
    for name in names:
        if not ((old / name).is_file() and (new / name).is_file()):
            differences.append(f"{name}: only {'before' if (old / name).is_file() else 'after'}")
            rows.append([name.removesuffix(".json"), *["missing"] * len(PARTS)])
            continue
        before, after = _read(old / name), _read(new / name)
        cells = []
        for part in PARTS:
            found = first_difference(renamed(before[part], RENAMED_KEYS, RENAMED_IDS), after[part])
            cells.append("DIFFERENT" if found else f"same{_count(after[part])}")
            if found and (texts or part != TEXTS):
                differences.append(f"{name.removesuffix('.json')}, {part}: {found}")
        rows.append([name.removesuffix(".json"), *cells])
    return rows, differences


def _count(part: dict[str, Any]) -> str:
    """How much was the same, in brackets: nothing at all would be the same too."""
    if set(part) == {"status", "codes"}:
        return f" ({', '.join([str(part['status']), *part['codes']])})"
    if "verdict" in part:
        return f" ({part['verdict']})"
    if "checked" in part:
        return f" ({len(part['reasons'])} of {len(part['checked'])})"
    return f" ({len(part.get('entries', part))})"


def table(rows: list[list[str]]) -> str:
    """Rows as a Markdown table."""
    first, *others = rows
    return "\n".join(["| " + " | ".join(row) + " |" for row in (first, ["---"] * len(first), *others)])


# ---- the command


def record(options: argparse.Namespace) -> int:
    """Run every input and write what it came to."""
    named = os.environ.get("AUTOTUNE_TEST_REFERENCE")
    reference = Path(named) if named and Path(named).is_dir() else None
    if reference is None:
        print("AUTOTUNE_TEST_REFERENCE names no directory: only the fixtures are computed.", file=sys.stderr)
    tree = Tree(options.tree.resolve(), options.python)
    options.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    only = set(options.only.split(",")) if options.only else None
    with tempfile.TemporaryDirectory() as scratch:
        for one in inputs(tree, reference, options.also, Path(scratch) / "openaps"):
            if only is not None and one.name not in only:
                continue
            found = computed(tree, one, Path(scratch) / "runs")
            text = json.dumps(found, indent=1, ensure_ascii=False)
            (options.directory / f"{one.name}.json").write_text(text + "\n", "utf-8")
            print(one.name, *found["exit and refusal"].values(), found["colours"]["verdict"], flush=True)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Record, or compare."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.same_results", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="run every input of a checkout")
    recording.add_argument("directory", type=Path, metavar="DIR", help="where the records are written")
    recording.add_argument("--tree", type=Path, default=Path(), metavar="CHECKOUT", help="default: where it is started")
    recording.add_argument("--python", type=Path, default=Path(sys.executable), metavar="FILE", help="its Python")
    recording.add_argument("--also", type=Path, metavar="CASES", help="a directory with more folders like a fixture")
    recording.add_argument("--only", metavar="NAME,NAME", help="these inputs only")
    comparing = commands.add_parser("compare", help="compare what two checkouts came to")
    comparing.add_argument("old", type=Path, metavar="OLD")
    comparing.add_argument("new", type=Path, metavar="NEW")
    comparing.add_argument("--texts", action="store_true", help="a changed sentence is a difference too")
    options = parser.parse_args(argv)
    if options.command == "record":
        return record(options)
    rows, differences = compare(options.old, options.new, texts=options.texts)
    print(table(rows))
    print("", *(differences or ["No difference."]), sep="\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
