"""Step 4: how repeatable the numbers are. The run again over resampled days, on days kept aside, and in variants.

Upstream computes all of it, in a pool of runners, whichever engine the run itself used: their bytes are the same. Work
directories are made in the run directory beside the run's own, linked to its inputs, and removed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.oref0.engine import EngineReport, TuneJob
from flows.oref0.outcome import usable_settings
from flows.oref0.pool import RunnerPool
from flows.oref0.profile import PumpSettings, settings_of
from flows.oref0.self_check import inputs_number
from flows.oref0.several_values import OneOfSeveral
from flows.pipeline.prepare import Prepared
from flows.pipeline.several import read_several, with_values
from flows.proposal.held_out import compare
from flows.proposal.resampling import LEAST_DAYS, block_days, resampled
from flows.proposal.uncertainty import SHARE, spreads
from flows.settings import AnalysisRequest
from flows.values.local_days import LocalDay
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory

HELD_OUT_FROM_DAYS, EVERY = 8, 4  # every fourth day is kept aside
LAST_DAYS = 7
CURVE_SHARE = 5  # repetitions with the insulin curve take that much longer: so many fewer

NOTHING: dict[str, Any] = {"settings": None, "uncertainty": None, "held_out": None, "sensitivity": [], "why_not": None}

OnDone = Callable[[int, int], None]  # how many of how many computations are done


@dataclass(frozen=True)
class TuneVariant:
    """One more computation: its name, its days, and what is different."""

    name: str
    days: tuple[LocalDay, ...]
    uam_as_basal: bool
    start: Path | None = None  # a profile to start from instead of the pump's: with the one values of the run


def assess(request: AnalysisRequest, run: RunDirectory, on_done: OnDone) -> dict[str, Any] | None:
    """Write `evidence.json`: intervals and agreement per setting, the held-out check, and the variants.

    Args:
        request: how many repetitions (none: no evidence is made), and the options of the run.
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
    try:
        evidence = _Assessment(request, run.work, days, scratch, on_done, read_several(run)).evidence()
    except Refused as refusal:
        evidence = {**NOTHING, "why_not": refusal.sentence}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    run.write_json("evidence.json", evidence)
    return evidence


class _Assessment:
    """The computations of one run, sharing a pool."""

    def __init__(
        self,
        request: AnalysisRequest,
        work: Path,
        days: tuple[LocalDay, ...],
        scratch: Path,
        on_done: OnDone,
        several: Sequence[OneOfSeveral] = (),
    ) -> None:
        self.several = several
        self.request, self.work, self.days, self.scratch, self.on_done = request, work, days, scratch, on_done
        # Always from the pump's own profile: an earlier result was made from some of the same days.
        self.pump = work / "autotune" / "profile.pump.json"
        self.seed = inputs_number(work, [str(d) for d in days]) & 0xFFFF_FFFF

    def evidence(self) -> dict[str, Any]:
        asked = self.request.resamples
        count = max(1, asked // CURVE_SHARE) if self.request.tune_insulin_curve else asked
        repeated = resampled(self.days, count, self.seed) if len(self.days) >= LEAST_DAYS else []
        aside, kept = self._split()
        first = [TuneVariant(f"resample {n}", drawn, self.request.uam_as_basal) for n, drawn in enumerate(repeated)]
        first += self._variants()
        if aside:
            first.append(TuneVariant("kept", kept, self.request.uam_as_basal))
        with RunnerPool() as pool:
            made = self._compute(pool, first, extra=2 * len(aside))
            held_out = self._held_out(pool, aside, first[-1], made.get("kept"), done=len(first))
        of = {v.name: v for v in first}
        settings = {n: usable for n, work in made.items() if (usable := self._settings(of[n], work)) is not None}
        current = settings_of(json.loads(self.pump.read_bytes()))
        again = [settings[v.name] for v in first if v.name.startswith("resample") and v.name in settings]
        uncertainty = {
            "resamples": len(again),
            "failed": len(repeated) - len(again),
            "seed": self.seed,
            "block_days": block_days(len(self.days)),
            "share": SHARE,
        }
        return {
            "settings": spreads(current, again) if again else None,
            "uncertainty": uncertainty if again else None,
            "held_out": held_out,
            "sensitivity": [_variant(v.name, settings[v.name]) for v in self._variants() if v.name in settings],
            "why_not": None if repeated else f"fewer than {LEAST_DAYS} days cannot be resampled",
        }

    def _split(self) -> tuple[tuple[LocalDay, ...], tuple[LocalDay, ...]]:
        aside = self.days[EVERY - 1 :: EVERY] if len(self.days) >= HELD_OUT_FROM_DAYS else ()
        return aside, tuple(d for d in self.days if d not in aside)

    def _variants(self) -> list[TuneVariant]:
        uam_as_basal = self.request.uam_as_basal
        name = "unannounced rises not as basal" if uam_as_basal else "unannounced rises as basal"
        last = TuneVariant(f"last {LAST_DAYS} days", self.days[-LAST_DAYS:], uam_as_basal)
        return [TuneVariant(name, self.days, not uam_as_basal), *([last] if len(self.days) > LAST_DAYS else [])]

    def _held_out(
        self, pool: RunnerPool, aside: tuple[LocalDay, ...], variant: TuneVariant, kept: Path | None, done: int
    ) -> dict[str, Any] | None:
        new = self._settings(variant, kept) if kept else None
        if not aside or kept is None or new is None:
            return None
        tuned = kept / "autotune" / "profile.json"
        if self.several:
            of = {Part.ISF: new.isf_mgdl_per_u, Part.CARB_RATIO: new.carb_ratio_g_per_u}
            content = with_values(tuned.read_bytes(), {one.part: of[one.part] for one in self.several})
            tuned = self.scratch / "kept, by the run's values.json"
            tuned.write_bytes(content)
        scored = [
            TuneVariant(f"{which} {day}", (day,), self.request.uam_as_basal, start)
            for day in aside
            for which, start in (("old", self.pump), ("new", tuned))
        ]
        made = self._compute(pool, scored, before=done)
        both = [d for d in aside if f"old {d}" in made and f"new {d}" in made]
        old, other = (
            [json.loads((made[f"{which} {d}"] / "autotune" / f"autotune.{d}.json").read_bytes()) for d in both]
            for which in ("old", "new")
        )
        current = settings_of(json.loads(self.pump.read_bytes()))
        return compare([str(d) for d in both], old, other, (current, new)).document()

    def _compute(
        self, pool: RunnerPool, variants: list[TuneVariant], *, before: int = 0, extra: int = 0
    ) -> dict[str, Path]:
        """The work directories of the variants that completed, by name."""
        jobs: Iterable[Callable[[], TuneJob]] = [partial(self._job, v) for v in variants]
        made = {}
        for n, (index, result) in enumerate(pool.run_all(jobs), 1):
            name = variants[index].name
            if isinstance(result, EngineReport) and result.stop is None:
                made[name] = self.scratch / name
            if name.startswith("resample"):
                _keep_result_only(self.scratch / name)
            self.on_done(before + n, before + len(variants) + extra)
        return made

    def _job(self, variant: TuneVariant) -> TuneJob:
        work = self.scratch / variant.name
        autotune = work / "autotune"
        autotune.mkdir(parents=True, mode=0o700)
        for day in set(variant.days):
            for name in (f"ns-entries.{day}.json", f"ns-treatments.{day}.json"):
                _link(self.work / "autotune" / name, autotune / name)
        # Of several values the one for upstream is that of the days: drawn other days, another one.
        values = {one.part: one.on(_dates(variant)).value for one in self.several} if variant.start is None else {}
        pump = with_values(self.pump.read_bytes(), values)
        (autotune / "profile.pump.json").write_bytes(pump)
        (autotune / "profile.json").write_bytes(variant.start.read_bytes() if variant.start else pump)
        return TuneJob(
            work=work,
            days=variant.days,
            uam_as_basal=variant.uam_as_basal,
            tune_insulin_curve=self.request.tune_insulin_curve,
            timeout_seconds=self.request.timeout_seconds,
            exact=self.request.exact,
            self_check=False,  # the run over the same days has been checked
        )

    def _settings(self, variant: TuneVariant, work: Path) -> PumpSettings | None:
        """What came out, or nothing usable; of several values what is comparable is the ratio to the one given."""
        try:
            found = usable_settings(json.loads((work / "autotune" / "profile.json").read_bytes()))
        except (OSError, ValueError, Refused):
            return None
        if not self.several:
            return found
        by = {one.part: one.value / one.on(_dates(variant)).value for one in self.several}
        return replace(
            found,
            isf_mgdl_per_u=round(found.isf_mgdl_per_u * by.get(Part.ISF, 1.0), 3),
            carb_ratio_g_per_u=round(found.carb_ratio_g_per_u * by.get(Part.CARB_RATIO, 1.0), 3),
        )


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # file systems without links, such as some network shares
        shutil.copyfile(source, target)


def _dates(variant: TuneVariant) -> list[str]:
    return [str(day) for day in variant.days]


def _keep_result_only(work: Path) -> None:
    for file in (work / "autotune").iterdir():
        if file.name != "profile.json":
            file.unlink()


def _variant(name: str, settings: PumpSettings) -> dict[str, Any]:
    return {
        "variant": name,
        "isf_mgdl_per_u": settings.isf_mgdl_per_u,
        "carb_ratio_g_per_u": settings.carb_ratio_g_per_u,
        "basal_u_per_h": list(settings.basal_u_per_h),
        "daily_basal_u": round(settings.daily_basal_u, 3),
    }
