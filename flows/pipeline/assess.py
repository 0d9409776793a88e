"""Step 4: how repeatable the numbers are: the run again over drawn days, on days kept aside, in variants, other starts.

Upstream computes all of it, whichever engine the run itself used: their bytes are the same (`trials`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.oref0.outcome import usable_settings
from flows.oref0.profile import PumpSettings, settings_of
from flows.oref0.self_check import inputs_number
from flows.pipeline.prepare import Prepared
from flows.pipeline.several import read_several, with_values
from flows.pipeline.trials import TrialResult, Trials, TuneVariant
from flows.proposal.held_out import compare
from flows.proposal.repetitions import Repeated, at_most, repeated
from flows.proposal.resampling import LEAST_DAYS, block_days
from flows.proposal.stopping import LEAST_REPETITIONS, deciding
from flows.proposal.uncertainty import SHARE, spreads
from flows.settings import AnalysisRequest
from flows.values.local_days import LocalDay
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory

HELD_OUT_FROM_DAYS, EVERY = 8, 4  # every fourth day is kept aside
LAST_DAYS = 7
CURVE_SHARE = 5  # repetitions with the insulin curve take that much longer: so many fewer, yet enough
START_FACTORS = (0.8, 1.25)

NOTHING: dict[str, Any] = {
    "settings": None,
    "uncertainty": None,
    "held_out": None,
    "sensitivity": [],
    "start_probe": [],
    "self_check": None,
    "why_not": None,
}

OnDone = Callable[[int, int], None]  # how many of how many computations are done; of the repetitions, at the most
RunDays = tuple[LocalDay, ...]


def assess(request: AnalysisRequest, run: RunDirectory, on_done: OnDone) -> dict[str, Any] | None:
    """Write `evidence.json`: intervals and agreement per setting, the held-out check, the variants, the start probe.

    Args:
        request: how many repetitions at the most (none: no evidence is made), and the options of the run.
        run: reads prepared.json, several_values.json and work/*; writes evidence.json.
        on_done: told of every computation.

    Returns:
        The evidence, `None` where none was asked for. Where it cannot be computed `why_not` says so: a recommendation
        without it is worth less, and still one.
    """
    if not request.resamples:
        return None
    prepared = Prepared(**run.read_json("prepared.json"))
    days = tuple(LocalDay(date.fromisoformat(d), prepared.zone) for d in prepared.dates)
    scratch = run.path / "assess"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)

    def evidence_by(*, exact: bool) -> dict[str, Any]:
        told = _Told(on_done)
        with Trials(request, run.work, scratch, read_several(run), told.one_more, exact=exact) as trials:
            return _Assessment(request, run.work, days, trials, told).evidence()

    try:
        evidence = evidence_by(exact=request.exact)
        if (check := evidence["self_check"]) and check["same"] is False:
            evidence = evidence_by(exact=True) | {"self_check": check}
    except Refused as refusal:
        evidence = {**NOTHING, "why_not": refusal.sentence}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    run.write_json("evidence.json", evidence)
    return evidence


class _Told:
    """How far it is: told after each computation."""

    def __init__(self, on_done: OnDone) -> None:
        self._on_done, self._done, self.of = on_done, 0, 0

    def one_more(self) -> None:
        self._done += 1
        self._on_done(self._done, max(self._done, self.of))


class _Assessment:
    """The computations of one run."""

    def __init__(self, request: AnalysisRequest, work: Path, days: RunDays, trials: Trials, told: _Told) -> None:
        self.request, self.work, self.days, self.trials, self.told = request, work, days, trials, told
        self.seed = inputs_number(work, [str(d) for d in days]) & 0xFFFF_FFFF
        pump = json.loads((work / "autotune" / "profile.pump.json").read_bytes())
        self.current = settings_of(pump)

    def evidence(self) -> dict[str, Any]:
        aside, kept = self._split()
        variants, probes = self._variants(), self._start_probe()
        others = [*variants, *probes, *([self._tuned("kept", kept)] if aside else [])]
        ceiling = ceiling_of(self.request, len(self.days))
        self.told.of = len(others) + at_most(self.days, ceiling) + 2 * len(aside)
        made = self.trials.compute(others)
        held_out = self._held_out(aside, made.get("kept"))
        again = self._repeated(ceiling)
        check = self.trials.check(self.seed)
        found = {name: usable for name, result in made.items() if (usable := self.trials.settings(result)) is not None}
        return {
            "settings": spreads(self.current, again.settings) if again and again.settings else None,
            "uncertainty": self._how(again) if again and again.settings else None,
            "held_out": held_out,
            "sensitivity": [{"variant": v.name, **_numbers(found[v.name])} for v in variants if v.name in found],
            "start_probe": [
                {"part": v.scaled[0].value, "factor": v.scaled[1], **_numbers(found[v.name])}
                for v in probes
                if v.scaled is not None and v.name in found
            ],
            "self_check": {**check.told(), "differing": list(check.differing)} if check is not None else None,
            "why_not": None
            if ceiling
            else translatable("fewer than {least_days} days cannot be resampled", least_days=LEAST_DAYS),
        }

    def _how(self, again: Repeated) -> dict[str, Any]:
        return {
            "resamples": len(again.settings),
            "failed": again.failed,
            "ceiling": again.ceiling,
            "clear": again.clear,
            "seed": self.seed,
            "block_days": block_days(len(self.days)),
            "share": SHARE,
        }

    def _split(self) -> tuple[RunDays, RunDays]:
        aside = self.days[EVERY - 1 :: EVERY] if len(self.days) >= HELD_OUT_FROM_DAYS else ()
        return aside, tuple(d for d in self.days if d not in aside)

    def _variants(self) -> list[TuneVariant]:
        uam_as_basal = self.request.uam_as_basal
        name = (
            to_translate("unannounced rises not as basal")
            if uam_as_basal
            else to_translate("unannounced rises as basal")
        )
        last = self._tuned(translatable("last {days} days", days=LAST_DAYS), self.days[-LAST_DAYS:])
        return [TuneVariant(name, self.days, not uam_as_basal), *([last] if len(self.days) > LAST_DAYS else [])]

    def _start_probe(self) -> list[TuneVariant]:
        """The run from other present settings: whether the days or the start decide a number."""
        return [
            TuneVariant(f"{part.value} times {factor:g}", self.days, self.request.uam_as_basal, scaled=(part, factor))
            for part in Part
            for factor in START_FACTORS
        ]

    def _tuned(self, name: str, days: RunDays, start: str | None = None) -> TuneVariant:
        return TuneVariant(name, days, self.request.uam_as_basal, start)

    # --- repetitions

    def _repeated(self, ceiling: int) -> Repeated | None:
        if not ceiling:
            return None
        return repeated(self.days, self.seed, ceiling, deciding(self.current, self._recommended()), self._compute)

    def _compute(self, drawn: Sequence[RunDays]) -> list[PumpSettings | None]:
        repetitions = [self._tuned(f"repetition {n}", days) for n, days in enumerate(apart(drawn))]
        made = self.trials.compute(repetitions)
        return [self.trials.settings(made[one.name]) if one.name in made else None for one in repetitions]

    def _recommended(self) -> PumpSettings:
        """What the run itself came to; where that is no result there is no change to decide on."""
        try:
            return usable_settings(json.loads((self.work / "autotune" / "profile.json").read_bytes()))
        except (OSError, ValueError, Refused):
            return self.current

    # --- days kept aside

    def _held_out(self, aside: RunDays, kept: TrialResult | None) -> dict[str, Any] | None:
        new = self.trials.settings(kept) if kept else None
        if not aside or kept is None or new is None:
            return None
        of = {Part.ISF: new.isf_mgdl_per_u, Part.CARB_RATIO: new.carb_ratio_g_per_u}
        tuned = with_values(kept.profile.encode(), {one.part: of[one.part] for one in self.trials.several}).decode()
        pump = (self.work / "autotune" / "profile.pump.json").read_text("utf-8")
        scored = [
            self._tuned(f"{which} {day}", (day,), start)
            for day in aside
            for which, start in (("old", pump), ("new", tuned))
        ]
        made = self.trials.compute(scored, prepared=True)
        both = [d for d in aside if f"old {d}" in made and f"new {d}" in made]
        old, other = ([made[f"{which} {d}"].prepared or {} for d in both] for which in ("old", "new"))
        return compare([str(d) for d in both], old, other, (self.current, new)).document()


def ceiling_of(request: AnalysisRequest, days: int) -> int:
    """How many repetitions there are at most; 0 of too few days."""
    if days < LEAST_DAYS:
        return 0
    fewer = max(LEAST_REPETITIONS, request.resamples // CURVE_SHARE)
    return min(request.resamples, fewer) if request.tune_insulin_curve else request.resamples


def apart(drawn: Sequence[RunDays]) -> list[RunDays]:
    """The draws, neighbours apart: two processes that take turns then share no beginnings; each remembers its own."""
    half = (len(drawn) + 1) // 2
    return [one for pair in zip_longest(drawn[:half], drawn[half:]) for one in pair if one is not None]


def _numbers(settings: PumpSettings) -> dict[str, Any]:
    return {
        "isf_mgdl_per_u": settings.isf_mgdl_per_u,
        "carb_ratio_g_per_u": settings.carb_ratio_g_per_u,
        "basal_u_per_h": list(settings.basal_u_per_h),
        "daily_basal_u": round(settings.daily_basal_u, 3),
    }
