"""Does the rule of drawing and stopping decide as many repetitions do? Real repetitions of real and invented people.

`python -m benchmarks.decisions --people DIR… [--sequences 30] [--seed 1] --out DIR [--write docs/safety.md]`

A person is a directory as `--from` reads it; with `truth.json` its days are used, else the last ones (`--days`). Every
repetition is kept in `--out`, a file for each person: a command that was interrupted goes on, and one with more
sequences computes only those. `flows.proposal.repetitions` has the rule, `benchmarks.decided` what is counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from benchmarks.decided import Decided, decided, written
from flows.errors import Refused
from flows.nightscout.authentication import Credentials
from flows.oref0.outcome import usable_settings
from flows.oref0.profile import PumpSettings, settings_of
from flows.oref0.self_check import inputs_number
from flows.pipeline.load import load
from flows.pipeline.prepare import Prepared, prepare
from flows.pipeline.several import read_several
from flows.pipeline.trials import Trials, TuneVariant
from flows.pipeline.tune import tune
from flows.proposal.resampling import LEAST_DAYS, Batch
from flows.proposal.stopping import deciding
from flows.settings import AnalysisRequest
from flows.values.local_days import LocalDay
from flows.values.run_directory import RunDirectory

BEGIN = "<!-- measured: `python -m benchmarks.decisions --write docs/safety.md` writes the table of decisions here -->"
END = "<!-- measured: end -->"

Repetition = tuple[int, ...]  # which days, by their number in the run
ComputeNew = Callable[[Sequence[Repetition]], Sequence[PumpSettings | None]]


class Kept:
    """Repetitions that were computed, in a file: a line for each, after one that says of which data they are."""

    def __init__(self, file: Path, data: str, compute: ComputeNew) -> None:
        """Read the file, if it is there.

        Args:
            file: of the person.
            data: what the repetitions are of.
            compute: those that are not in the file yet.

        Raises:
            ValueError: the file is of other data.
        """
        self._file, self._compute = file, compute
        text = file.read_text("utf-8") if file.is_file() else ""
        # A command that was stopped while it wrote leaves a part of a line.
        first, *lines = text[: text.rfind("\n") + 1].splitlines() or [json.dumps({"data": data})]
        if json.loads(first) != {"data": data}:
            raise ValueError(f"{file} is of other data: remove it")
        file.write_text("".join(f"{line}\n" for line in (first, *lines)), "utf-8")
        self._known = {tuple(line["days"]): _read(line["settings"]) for line in map(json.loads, lines)}

    def __call__(self, batch: Batch[int]) -> list[PumpSettings | None]:
        """The settings of each repetition of a batch, in its order."""
        missing = sorted({one for one in batch if one not in self._known})
        if missing:
            made = dict(zip(missing, self._compute(missing), strict=True))
            self._known |= made
            with self._file.open("a", encoding="utf-8") as file:
                for days, settings in made.items():
                    found = None if settings is None else settings.document()
                    file.write(json.dumps({"days": days, "settings": found}) + "\n")
        return [self._known[one] for one in batch]


def _read(settings: dict[str, Any] | None) -> PumpSettings | None:
    return None if settings is None else PumpSettings(**{**settings, "basal_u_per_h": tuple(settings["basal_u_per_h"])})


def person_decided(directory: Path, days: int, sequences: int, seed: int, out: Path, scratch: Path) -> Decided | None:
    """A person's decisions; `None` with fewer days than can be resampled, said on standard error.

    Args:
        directory: the person's data.
        days: how many to use where no `truth.json` says which.
        sequences, seed: see `benchmarks.decided.decided`.
        out: where the repetitions are kept.
        scratch: an empty directory for the run.

    Raises:
        Refused: by the steps of a run.
        ValueError: see `Kept`.
    """
    now = datetime.now(UTC)
    request = AnalysisRequest(from_directory=directory, compare=False, resamples=0, **_range(directory, days))
    run = RunDirectory.create(scratch / "run", now)
    load(request, run, Credentials(), now)
    prepared: Prepared = prepare(request, run, now)
    used = tuple(LocalDay(date.fromisoformat(d), prepared.zone) for d in prepared.dates)
    if len(used) < LEAST_DAYS:
        print(f"{directory.name}: {len(used)} days are too few", file=sys.stderr)
        return None
    tune(request, run, lambda *_: None)
    autotune = run.work / "autotune"
    current = settings_of(json.loads((autotune / "profile.pump.json").read_bytes()))
    recommended = usable_settings(json.loads((autotune / "profile.json").read_bytes()))
    results = scratch / "results"
    results.mkdir()
    with Trials(request, run.work, results, read_several(run), lambda: None, exact=False) as trials:

        def compute(drawn: Sequence[Repetition]) -> list[PumpSettings | None]:
            variants = [
                TuneVariant(str(n), tuple(used[day] for day in one), request.uam_as_basal)
                for n, one in enumerate(drawn)
            ]
            made = trials.compute(variants)
            return [trials.settings(made[one.name]) if one.name in made else None for one in variants]

        kept = Kept(out / f"{directory.name}.jsonl", _data(run, prepared.dates), compute)
        return decided(directory.name, range(len(used)), deciding(current, recommended), sequences, seed, kept)


def _range(directory: Path, days: int) -> dict[str, Any]:
    truth = directory / "truth.json"
    if not truth.is_file():
        return {"days": days}
    known = json.loads(truth.read_bytes())
    return {"start": known["first_local_day"], "end": known["last_local_day"]}


def _data(run: RunDirectory, dates: Sequence[str]) -> str:
    return f"{inputs_number(run.work, list(dates)):032x} {' '.join(dates)}"


def put_into(document: str, text: str) -> str:
    """The document with the text between its marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def main(argv: Sequence[str] | None = None) -> int:
    """Compute what is not kept yet, count, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--days", type=int, default=14, help="how many days where no truth.json says which")
    parser.add_argument("--sequences", type=int, default=30, help="runs of each person by each rule")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="where the repetitions are kept")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this document")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    found: list[Decided] = []
    for directory in options.people:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                one = person_decided(
                    directory, options.days, options.sequences, options.seed, options.out, Path(scratch)
                )
            except Refused as refusal:
                print(f"{directory.name}: {refusal}", file=sys.stderr)
                continue
        if one is not None:
            found.append(one)
            print(f"{one.person}: {one.decisions} decisions", file=sys.stderr, flush=True)
    if not found:
        return 1
    text = written(found)
    print(text)
    if options.write:
        options.write.write_text(put_into(options.write.read_text("utf-8"), text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
