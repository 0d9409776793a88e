"""What the rules for situations look at: one person's readings, doses, meals and basal of all days, oldest first."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from flows.history.events import Event
from flows.history.records import bolus_u, carbs_g
from flows.history.temp_basals import is_temp_basal
from flows.nightscout.documents import Record
from flows.values.local_days import LocalDay
from flows.values.numbers import number_or_zero
from flows.values.timestamps import instant_ms
from flows.values.units import MINUTE_MS

Series = Sequence[tuple[float, float]]  # epoch ms and a value, oldest first
SAMPLE_MS = 30 * MINUTE_MS
_AT = itemgetter(0)


@dataclass(frozen=True)
class Observed:
    """One person over the days used.

    `curve` is glucose in mg/dL, `boluses` U, `meals` g of carbs, `temps` start, end and U/h of each temporary basal;
    `treatments` are normalised, `basal_at` gives the scheduled U/h; ISF and carb ratio are the profile's first ones.
    """

    days: Sequence[LocalDay]
    curve: Series
    treatments: Sequence[tuple[float, Record]]
    events: Sequence[Event]
    isf_mgdl_per_u: float
    carb_ratio_g_per_u: float
    basal_at: Callable[[float], float | None]

    @cached_property
    def boluses(self) -> Series:
        """Instant and units of each bolus."""
        return [(ms, units) for ms, t in self.treatments if (units := bolus_u(t)) > 0]

    @cached_property
    def meals(self) -> Series:
        """Instant and grams of each carb entry."""
        return [(ms, grams) for ms, t in self.treatments if (grams := carbs_g(t)) > 0]

    @cached_property
    def temps(self) -> list[tuple[float, float, float]]:
        """Start, end and rate of each temporary basal; one ends where the next begins."""
        found = [(ms, t) for ms, t in self.treatments if is_temp_basal(t)]
        ends = [*(ms for ms, _ in found), float("inf")][1:]
        return [
            (ms, min(ms + number_or_zero(t.get("duration")) * MINUTE_MS, end), number_or_zero(t.get("rate")))
            for (ms, t), end in zip(found, ends, strict=True)
        ]

    @cached_property
    def _temp_starts(self) -> list[float]:
        return [start for start, _, _ in self.temps]

    def temp_rate(self, ms: float) -> float | None:
        """The rate of the temporary basal that runs at an instant, `None` where none does."""
        n = bisect_right(self._temp_starts, ms) - 1
        return self.temps[n][2] if n >= 0 and ms < self.temps[n][1] else None

    def basal_rate(self, ms: float) -> float:
        """The basal that is given at an instant: the temporary one, else the scheduled one."""
        rate = self.temp_rate(ms)
        return rate if rate is not None else self.basal_at(ms) or 0.0


def observed_treatments(treatments: Iterable[Any]) -> list[tuple[float, Record]]:
    """Normalised treatments with their instants, oldest first."""
    dated = [(found[0], t) for t in treatments if (found := instant_ms(t.get("created_at"), "UTC"))]
    return sorted(dated, key=_AT)


def within(series: Series, start_ms: float, end_ms: float) -> Series:
    """What lies from `start_ms` to before `end_ms`."""
    return series[bisect_left(series, start_ms, key=_AT) : bisect_left(series, end_ms, key=_AT)]


def samples(start_ms: float, end_ms: float) -> list[float]:
    """Instants half an hour apart."""
    return [start_ms + n * SAMPLE_MS for n in range(int((end_ms - start_ms) // SAMPLE_MS))]
