"""Faults to plant in a copy of the runner: what each is in one sentence, and the text that makes it.

Each is an error that someone who changes the accelerations or the trials could make. None is in what both processes of
the self-check do alike: that it cannot see, and the comparison with upstream's own commands in CI is for that.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.oref0.runtime import runner_script

BASAL, INSULIN, CONTRIBUTIONS = "faster/basal-lookup.js", "faster/insulin.js", "faster/contributions.js"
WINDOW, CURRENT, TRIALS = "faster/history-window.js", "faster/current-iob.js", "trials.js"

# Which day of the month and hour of the clock a fault acts on; each run has its own.
DAY, HOUR = "$DAY", "$HOUR"


@dataclass(frozen=True)
class Change:
    """A piece of text that stands once in a file of the runner, and what takes its place."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Fault:
    """What is wrong, and the changes that make it so; `of_trials` where only what is remembered between trials is."""

    name: str
    sentence: str
    changes: tuple[Change, ...]
    of_trials: bool = False


def planted(target: Path, changes: Sequence[Change], *, day: int = 1, hour: int = 12) -> Path:
    """A copy of the runner with the changes, in the new directory `target`; gives its script.

    Raises:
        ValueError: a text that a change replaces does not stand there exactly once.
    """
    shutil.copytree(runner_script().parent, target)
    for change in changes:
        file = target / change.file
        text = file.read_text("utf-8")
        if text.count(change.old) != 1:
            raise ValueError(f"{change.file} has {text.count(change.old)} times: {change.old}")
        new = change.new.replace(DAY, str(day)).replace(HOUR, str(hour))
        file.write_text(text.replace(change.old, new), "utf-8")
    return target / runner_script().name


def _one(name: str, sentence: str, file: str, old: str, new: str, *, of_trials: bool = False) -> Fault:
    return Fault(name, sentence, (Change(file, old, new),), of_trials)


def _on_window(name: str, sentence: str, new: str) -> Fault:
    """A fault of the pieces of insulin (`found`) that a reading is given."""
    old = "return upstream(inputs, true, insulin.ofWindow(inputs.history, inputs.clock));"
    found = "const found = insulin.ofWindow(inputs.history, inputs.clock); const at = new Date(inputs.clock);"
    return _one(name, sentence, CURRENT, old, f"{found} return upstream(inputs, true, {new});")


_SEEN = "rates: { passed: passedOf(schedule), found: [] } };"
_BEFORE = "before: known[0] ? known[0].own : schedule, own: schedule"
_ASKED = "const rate = upstream(schedule, now);"
_CUT_SHORT = "pieces[n] = ask([end, day.history[n]], at, true);"
_ALONE = "pieces[n] = ask([record], record.created_at, false);"
_TEMP = "if (day.temps[n]) temps.push(n);"
_OF_INSULIN = """let ofInsulin = known.get(insulin);
        if (ofInsulin === undefined) known.set(insulin, ofInsulin = new Map());"""


def _no_longer_than(minutes: int) -> tuple[str, str, str]:
    cut = f"of.duration > {minutes} ? {{ ...of, duration: {minutes} }} : of"
    return INSULIN, _CUT_SHORT, f"const of = day.history[n]; pieces[n] = ask([end, {cut}], at, true);"


def _too_large_from(units: int) -> tuple[str, str, str]:
    larger = f"record.insulin > {units} ? {{ ...record, insulin: record.insulin * 1.1 }} : record"
    return INSULIN, _ALONE, f"pieces[n] = ask([{larger}], record.created_at, false);"


FAULTS = (
    _one(
        "stale rates",
        "The basal schedule that a process sees first is kept for all that come.",
        BASAL, "function ratesOf(schedule) {", "function ratesOf(schedule) { if (known[0]) return known[0].rates;",
    ),
    Fault(
        "rates of the day before",
        "A basal schedule is answered for with the one before it.",
        (
            Change(BASAL, _SEEN, _SEEN.replace(" };", f", {_BEFORE} }};")),
            Change(BASAL, _ASKED, "const rate = upstream(known.find((one) => one.rates === rates).before, now);"),
        ),
    ),
    _one(
        "rates an hour late",
        "The basal rate is that of an hour before.",
        BASAL, _ASKED, "const rate = upstream(schedule, new Date(now.getTime() - 60 * 60 * 1000));",
    ),
    _one(
        "zero temps forgotten",
        "A temporary basal of nothing is passed over.",
        INSULIN, _TEMP, "if (day.temps[n]) { if (day.history[n].rate !== 0) temps.push(n); }",
    ),
    _one("temps over an hour", "A temporary basal of more than an hour ends after one.", *_no_longer_than(60)),
    _one("temps over 15 minutes", "A temporary basal of more than 15 minutes ends after these.", *_no_longer_than(15)),
    _one(
        "temps not cut short",
        "A temporary basal goes on when the next one has begun.",
        INSULIN, "ask([end, day.history[n]], at, true)", "ask([day.history[n]], at, true)",
    ),
    _one(
        "clock of the newest temp",
        "The running temporary basal stays as long as it was at the first reading that met it.",
        INSULIN, "const name = `${n} ${clock}`", "const name = `${n}`",
    ),
    _one(
        "pieces of the day before",
        "What a temporary basal gave beyond the schedule is kept when the schedule has changed.",
        INSULIN, _CUT_SHORT,
        "const kept = globalThis.kept ||= new Map(); const name = `${day.history[n].created_at} ${at}`;"
        f" if (!kept.has(name)) {{ {_CUT_SHORT} kept.set(name, pieces[n]); }} pieces[n] = kept.get(name);",
    ),
    _one("boluses over 5 U", "A bolus of more than 5 U counts for a tenth more.", *_too_large_from(5)),
    _one("boluses over 2 U", "A bolus of more than 2 U counts for a tenth more.", *_too_large_from(2)),
    _one(
        "small boluses",
        "A bolus of less than 0.3 U is forgotten.",
        INSULIN, _ALONE, "pieces[n] = record.insulin < 0.3 ? [] : ask([record], record.created_at, false);",
    ),
    _on_window(
        "a thousandth of the insulin",
        "Every piece of insulin is 0.1 % too large.",
        "found.map((one) => ({ ...one, insulin: one.insulin * 1.001 }))",
    ),
    _on_window(
        "a hundred-thousandth of the insulin",
        "Every piece of insulin is 0.001 % too large.",
        "found.map((one) => ({ ...one, insulin: one.insulin * 1.00001 }))",
    ),
    _one(
        "activity",
        "The activity of insulin is 1 % too large.",
        CURRENT, "return upstream(inputs, true, insulin.ofWindow(inputs.history, inputs.clock));",
        "const found = upstream(inputs, true, insulin.ofWindow(inputs.history, inputs.clock));"
        " found[0].activity *= 1.01; return found;",
    ),
    _one(
        "five hours",
        "Insulin of more than five hours before is forgotten, not of more than six.",
        WINDOW, "6 * 60 * 60 * 1000", "5 * 60 * 60 * 1000",
    ),
    _one(
        "minutes floored",
        "The age of insulin is cut to whole minutes where upstream rounds.",
        CONTRIBUTIONS, "Math.round((time", "Math.floor((time",
    ),
    _one(
        "insulin of nearly the same size",
        "A piece of insulin is taken for one that differs by less than 0.05 U.",
        CONTRIBUTIONS, _OF_INSULIN, _OF_INSULIN.replace("(insulin", "(Math.round(insulin * 20)"),
    ),
    _one(
        "memory of insulin full",
        "What is asked of insulin for the first time after two thousand others counts for nothing.",
        CONTRIBUTIONS, "if (++size >= MOST) forget();",
        "if (++size > 2000) ofInsulin.set(minutes, { activityContrib: 0, iobContrib: 0 });",
    ),
    _on_window(
        "one date",
        "On one date there is no insulin.",
        f"at.getDate() === {DAY} ? [] : found",
    ),
    _on_window(
        "one hour",
        "In one hour of every day there is no insulin.",
        f"at.getHours() === {HOUR} ? [] : found",
    ),
    _on_window(
        "one hour of one date",
        "In one hour of one date there is no insulin.",
        f"at.getDate() === {DAY} && at.getHours() === {HOUR} ? [] : found",
    ),
    _one(
        "remembered without the options",
        "A remembered day is handed out whether unannounced rises count as basal or not.",
        TRIALS, "date, categorize_uam_as_basal, ", "date, ", of_trials=True,
    ),
    _one(
        "remembered without the profile",
        "A remembered day is handed out whatever profile it begins from.",
        TRIALS, "pump, profile];", "pump];", of_trials=True,
    ),
    _one(
        "remembered without the pump's profile",
        "A remembered day is handed out whatever the pump's profile, by which upstream caps.",
        TRIALS, "pump, profile];", "profile];", of_trials=True,
    ),
    _one(
        "records shared",
        "Upstream is handed a day's records themselves, not copies, and writes into them.",
        "records.js", "return this.value.map((record, n) => (this.flat[n] ? { ...record } : copyOf(record)));",
        "return this.value;", of_trials=True,
    ),
)  # fmt: skip
