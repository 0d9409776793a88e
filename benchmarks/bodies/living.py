"""Bodies live: meals, a loop or a pump with the settings in use, carbs against lows; five minutes at a time.

Lanes live side by side. Lanes of one person have the same meals, days and sensors, so that two settings are compared on
the same life. There is no counter-regulation in these bodies: carbs against lows keep them alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from benchmarks.bodies import dosing
from benchmarks.bodies.clinic import People
from benchmarks.bodies.days import Calendar, Day, Scene
from benchmarks.bodies.model import Array, Flags
from benchmarks.bodies.sensor import STEP_MIN, read
from benchmarks.bodies.truth import TARGET_MGDL, Truth

__all__ = ["Habits", "InUse", "Lived", "Living", "Scene", "System", "right_in_use"]

Moments = npt.NDArray[np.int64]

COMPUTED_MIN = 5.0  # off by 0.03 mg/dL at most, against half a minute
STEP_MS = STEP_MIN * 60_000


class System(StrEnum):
    """Who doses."""

    LOOP, PUMP = "loop", "pump"


@dataclass(frozen=True)
class Habits:
    """How a person lives."""

    system: System
    scene: Scene = Scene.CLEAN


@dataclass(frozen=True)
class InUse:
    """The settings a lane lives with: 24 rates by hour of the local day, one sensitivity, one carb ratio."""

    basal_u_per_h: tuple[float, ...]
    isf_mgdl_per_u: float
    carb_ratio_g_per_u: float


def right_in_use(truth: Truth, person: int, basal: float = 1.0, isf: float = 1.0, carb_ratio: float = 1.0) -> InUse:
    """A person's right settings times some factors; sensitivity as a correction, which is what a loop means by it."""
    return InUse(
        tuple(round(float(rate * basal), 3) for rate in truth.basal_u_per_h[person]),
        round(float(truth.isf_correction_mgdl_per_u[person] * isf), 1),
        round(float(truth.carb_ratio_g_per_u[person] * carb_ratio), 2),
    )


@dataclass
class Lived:
    """What some days of a lane left behind; arrays have a value for each five minutes, times are epoch milliseconds.

    Attributes:
        sensed_mgdl: what the sensor showed, nan for no reading.
        true_mgdl: the glucose of the blood.
        basal_u_per_h: what was delivered.
        boluses: when, U, and what for: "meal" or "correction".
        meals: when, the true carbs, and the told ones; None where nobody was told.
        rescues: when, g, and whether they were entered.
        exercise: when, and for how many minutes.
    """

    person: int
    habits: Habits
    in_use: InUse
    ms: Moments
    sensed_mgdl: Array
    true_mgdl: Array
    basal_u_per_h: Array
    boluses: list[tuple[int, float, str]] = field(default_factory=list)
    meals: list[tuple[int, float, float | None]] = field(default_factory=list)
    rescues: list[tuple[int, float, bool]] = field(default_factory=list)
    exercise: list[tuple[int, int]] = field(default_factory=list)


class Living:
    """Lanes that live side by side.

    Args:
        people: whose bodies.
        habits: of each person.
        lanes: which person each lane is.
        seed: of the days; a person's number in `people` goes with it.
        first_day: the local day that begins the life.
        zone: of the local days.
    """

    def __init__(
        self, people: People, habits: Sequence[Habits], lanes: Sequence[int], seed: int, first_day: date, zone: str
    ) -> None:
        self.habits, self.lanes, self.next_day, self.zone = list(habits), list(lanes), first_day, ZoneInfo(zone)
        self.people, self.lived_days = people, 0
        self.bodies = people.bodies.only(self.lanes)
        self.course = people.course[self.lanes]
        self.calendar = Calendar(seed, people.bodies.weight_kg, [one.scene for one in habits])
        mine = [self.habits[n] for n in self.lanes]
        self.loops: Flags = np.array([one.system is System.LOOP for one in mine])
        self.told_rescues: Flags = np.array([one.scene is not Scene.UNTOLD_LOW_CARBS for one in mine])
        self.state, self.running = self.bodies.at_rest(TARGET_MGDL)
        self.memory = dosing.Memory.empty(len(self.lanes))
        self.since_bolus_min = np.full(len(self.lanes), np.inf)
        self.since_rescue_min = np.full(len(self.lanes), np.inf)

    def live(self, in_use: Sequence[InUse], days: int) -> list[Lived]:
        """The next so many local days of every lane, midnight to midnight; the state goes on.

        Raises:
            ValueError: a day would end after now.
        """
        starts = [self._midnight(self.next_day + timedelta(days=n)) for n in range(days + 1)]
        if starts[-1] > datetime.now(UTC).timestamp() * 1000:
            raise ValueError("no day may end after now")
        ms = np.arange(starts[0], starts[-1], STEP_MS)
        sensed, blood, delivered = arrays = [np.empty((len(ms), len(self.lanes))) for _ in range(3)]
        found = [
            Lived(person, self.habits[person], using, ms, sensed[:, lane], blood[:, lane], delivered[:, lane])
            for lane, (person, using) in enumerate(zip(self.lanes, in_use, strict=True))
        ]
        for n in range(days):
            first, last = ((start - starts[0]) // STEP_MS for start in starts[n : n + 2])
            self._live_a_day(found, arrays, range(first, last))
        self.next_day += timedelta(days=days)
        return found

    def _midnight(self, day: date) -> int:
        return round(datetime.combine(day, time(), self.zone).timestamp() * 1000)

    def _live_a_day(self, lived: list[Lived], arrays: list[Array], steps: range) -> None:
        ms = lived[0].ms[steps.start : steps.stop]
        clock = [datetime.fromtimestamp(at / 1000, self.zone) for at in ms.tolist()]
        local_min = np.array([at.hour * 60.0 + at.minute for at in clock])
        day = self.calendar.day(self.lived_days, local_min)
        self.lived_days += 1
        self._note_what_is_planned(lived, day, ms)
        true, told = _meals_by_step(day, self.lanes, len(ms))
        sensed, blood, delivered = arrays
        basal = np.array([one.in_use.basal_u_per_h for one in lived])
        isf = np.array([one.in_use.isf_mgdl_per_u for one in lived])
        ratio = np.array([one.in_use.carb_ratio_g_per_u for one in lived])
        awake = (local_min >= dosing.AWAKE_MIN[0]) & (local_min < dosing.AWAKE_MIN[1])
        hour_before = None
        for n, at in enumerate(ms.tolist()):
            hour, memory = clock[n].hour, self.memory
            scheduled = basal[:, hour]
            under_the_skin = self.bodies.sensed_mgdl(self.state)
            worn, noise, gap = (a[n][self.lanes] for a in (day.worn_days, day.noise_mgdl, day.gap))
            reading = read(under_the_skin, worn, noise, gap)
            memory.read(reading)
            sensed[steps.start + n], blood[steps.start + n] = reading, self.bodies.glucose_mgdl(self.state)

            rescued = dosing.needs_rescue(memory, under_the_skin)
            rescued &= self.since_rescue_min >= dosing.BETWEEN_RESCUES_MIN
            rescue_g = np.where(rescued, dosing.RESCUE_G, 0.0)
            told_g = told[n] + np.where(self.told_rescues, rescue_g, 0.0)

            wanted = dosing.wanted_by_loop(memory, scheduled, isf, ratio)
            loop_rate = dosing.kept_or_changed(self.running, wanted, scheduled, hour == hour_before)
            self.running = np.where(self.loops, loop_rate, scheduled)
            hour_before = hour
            looks = ~self.loops & awake[n] & (day.corrects[n][self.lanes] < dosing.CORRECTION_CHANCE)
            looks &= (self.since_bolus_min >= dosing.BETWEEN_CORRECTIONS_MIN) & (told[n] == 0)
            correction = dosing.correction_bolus(memory, isf, looks)
            for_meal = dosing.meal_bolus(memory, told[n], isf, ratio, ~self.loops)
            bolus = correction + for_meal
            _note(lived, at, rescue_g, self.told_rescues, for_meal, correction)

            self.bodies.eat(self.state, true[n] + rescue_g)
            self.bodies.inject(self.state, bolus)
            sensitivity = self.course[:, hour] * day.sensitivity[n][self.lanes]
            intensity = day.intensity[n][self.lanes]
            bodies = self.bodies.exercising(intensity) if intensity.any() else self.bodies
            self.state = bodies.advance(self.state, self.running, sensitivity, STEP_MIN, COMPUTED_MIN)
            delivered[steps.start + n] = self.running
            memory.passed((self.running - scheduled) * STEP_MIN / 60 + bolus, told_g)
            self.since_bolus_min = np.where(bolus > 0, 0.0, self.since_bolus_min) + STEP_MIN
            self.since_rescue_min = np.where(rescued, 0.0, self.since_rescue_min) + STEP_MIN

    def _note_what_is_planned(self, lived: list[Lived], day: Day, ms: Moments) -> None:
        for one in lived:
            one.meals += [(int(ms[meal.step]), meal.true_g, meal.told_g) for meal in day.meals[one.person]]
            moving = np.flatnonzero(day.intensity[:, one.person])
            if len(moving):
                one.exercise.append((int(ms[moving[0]]), len(moving) * STEP_MIN))


def _meals_by_step(day: Day, lanes: list[int], steps: int) -> tuple[Array, Array]:
    """True and told carbs of each lane at each step."""
    true, told = np.zeros((steps, len(lanes))), np.zeros((steps, len(lanes)))
    for lane, person in enumerate(lanes):
        for meal in day.meals[person]:
            true[meal.step, lane] += meal.true_g
            told[meal.step, lane] += meal.told_g or 0.0
    return true, told


def _note(lived: list[Lived], at: int, rescue_g: Array, told: Flags, for_meal: Array, correction: Array) -> None:
    for lane in np.flatnonzero(rescue_g):
        lived[lane].rescues.append((at, float(rescue_g[lane]), bool(told[lane])))
    for kind, doses in (("meal", for_meal), ("correction", correction)):
        for lane in np.flatnonzero(doses):
            lived[lane].boluses.append((at, float(doses[lane]), kind))
