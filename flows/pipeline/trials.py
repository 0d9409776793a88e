"""Upstream run many times over the days of one run: drawn days, variants, other starts. Only results are kept.

All of them share a pool of processes that remember what upstream made of a day with the same options and profiles. When
all are done, untouched upstream computes parts of some of them a second time.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.oref0.engine import Comparison, EngineReport, Job, SelfCheck, Trial, TrialPart
from flows.oref0.outcome import usable_settings
from flows.oref0.pool import RunnerPool
from flows.oref0.profile import PumpSettings, scaled
from flows.oref0.self_check import part_by_chance
from flows.oref0.several_values import OneOfSeveral
from flows.pipeline.several import with_values
from flows.profiles.raw_files import json_object
from flows.proposal.held_out import what_is_scored
from flows.settings import AnalysisRequest
from flows.values.local_days import LocalDay
from flows.values.parts import Part
from flows.values.run_directory import dump

PARTS_A_PROCESS = 6  # parts of days that each process of the pool computes again beside untouched upstream
AGAIN_A_PROCESS = 3  # remembered days that it computes anew


@dataclass(frozen=True)
class TuneVariant:
    """One more computation: its name, its days, and what is different.

    `start` is the text of a profile to start from instead of the pump's; `scaled` multiplies one kind of setting of the
    pump's profile itself, which is also the measure of upstream's caps.
    """

    name: str
    days: tuple[LocalDay, ...]
    uam_as_basal: bool
    start: str | None = None
    scaled: tuple[Part, float] | None = None

    @property
    def dates(self) -> list[str]:
        """Its days as text."""
        return [str(day) for day in self.days]


@dataclass(frozen=True)
class TrialResult:
    """What a variant came to: upstream's last profile; of prep's output what is scored, if that was asked for."""

    variant: TuneVariant
    profile: str
    prepared: dict[str, Any] | None = None


class Trials:
    """The computations of one run; `exact` lets nothing stand before upstream's functions."""

    def __init__(
        self,
        request: AnalysisRequest,
        work: Path,
        scratch: Path,
        several: Sequence[OneOfSeveral],
        on_done: Callable[[], None],
        *,
        exact: bool,
        pool: RunnerPool | None = None,
    ) -> None:
        """Start the pool.

        Args:
            request: the options of the run.
            work: reads autotune/ns-*.DATE.json and autotune/profile.pump.json.
            scratch: a directory for results, which are removed when they have been read.
            several: the settings of which upstream is given one value for several.
            on_done: called after every computation.
            exact: see `AnalysisRequest.exact`.
            pool: instead of one of its own; ends with it.

        Raises:
            Refused: `ENGINE_MISSING`, `UPSTREAM_CHANGED`.
        """
        self.request, self.work, self.scratch, self.several = request, work, scratch, several
        self.on_done, self.exact = on_done, exact
        # Always from the pump's own profile: an earlier result was made from some of the same days.
        self._pump = (work / "autotune" / "profile.pump.json").read_bytes()
        self._pool = pool or RunnerPool()
        self._done: list[TrialResult] = []

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.__exit__()

    def compute(self, variants: Sequence[TuneVariant], *, prepared: bool = False) -> dict[str, TrialResult]:
        """The variants that upstream came to the end of, by name."""
        jobs: list[Callable[[], Job]] = [partial(self._job, n, variant, prepared) for n, variant in enumerate(variants)]
        made = {}
        for n, result in self._pool.run_all(jobs):
            if isinstance(result, EngineReport) and result.stop is None:
                made[variants[n].name] = self._read(n, variants[n], prepared)
            self.on_done()
        # In their own order, whichever came to its end first: what is checked is chosen from them.
        self._done += [replace(made[v.name], prepared=None) for v in variants if v.name in made]
        return made

    def settings(self, result: TrialResult) -> PumpSettings | None:
        """What came out, or nothing usable; of several values what is comparable is the ratio to the one given."""
        try:
            found = usable_settings(json.loads(result.profile))
        except (ValueError, Refused):
            return None
        by = {one.part: one.value / one.on(result.variant.dates).value for one in self.several}
        return replace(
            found,
            isf_mgdl_per_u=round(found.isf_mgdl_per_u * by.get(Part.ISF, 1.0), 3),
            carb_ratio_g_per_u=round(found.carb_ratio_g_per_u * by.get(Part.CARB_RATIO, 1.0), 3),
        )

    def pump(self, variant: TuneVariant) -> str:
        """The pump's profile as upstream gets it for a variant: of several values the one for its days."""
        # A start is made for the one values of the run.
        values = {} if variant.start is not None else {o.part: o.on(variant.dates).value for o in self.several}
        given = with_values(self._pump, values)
        if variant.scaled is not None:
            given = dump(scaled(json_object(given, "a profile"), *variant.scaled))
        return given.decode()

    def check(self, seed: int) -> SelfCheck | None:
        """Parts of what was computed, again by untouched upstream; `None` where that computed all of it.

        Args:
            seed: of the choice.
        """
        if self.exact or not self._done:
            return None
        chance = random.Random(seed)
        reports = self._pool.run_on_each(lambda _: self._comparison(chance))
        checks = [report.check for report in reports if isinstance(report, EngineReport) and report.check is not None]
        differing = [what for check in checks for what in check.differing]
        differing += ["no answer"] * (len(reports) - len(checks))
        compared = sum(check.compared for check in checks)
        same = False if differing else True if compared else None
        return SelfCheck(same, tuple(differing), sum(check.parts for check in checks), compared)

    def _comparison(self, chance: random.Random) -> Comparison:
        parts = []
        for result in chance.sample(self._done, min(PARTS_A_PROCESS, len(self._done))):
            variant = result.variant
            part = part_by_chance(self.work, chance.choice(variant.dates), chance)
            if part is not None:
                parts.append(TrialPart(part, self.pump(variant), result.profile, variant.uam_as_basal))
        return Comparison(
            work=self.work,
            days=self._done[0].variant.days,
            parts=tuple(parts),
            again=AGAIN_A_PROCESS,
            tune_insulin_curve=self.request.tune_insulin_curve,
            timeout_seconds=self.request.timeout_seconds,
        )

    def _job(self, n: int, variant: TuneVariant, prepared: bool) -> Trial:
        pump = self.pump(variant)
        result, prep = self._files(n)
        return Trial(
            work=self.work,
            days=variant.days,
            pump=pump,
            start=pump if variant.start is None else variant.start,
            result=result,
            prepared=prep if prepared else None,
            uam_as_basal=variant.uam_as_basal,
            tune_insulin_curve=self.request.tune_insulin_curve,
            timeout_seconds=self.request.timeout_seconds,
            exact=self.exact,
        )

    def _read(self, n: int, variant: TuneVariant, prepared: bool) -> TrialResult:
        result, prep = self._files(n)
        scored = what_is_scored(json.loads(prep.read_bytes())) if prepared else None
        found = TrialResult(variant, result.read_text("utf-8"), scored)
        for file in (result, prep):
            file.unlink(missing_ok=True)
        return found

    def _files(self, n: int) -> tuple[Path, Path]:
        return self.scratch / f"{n}.profile.json", self.scratch / f"{n}.prepared.json"
