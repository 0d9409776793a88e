"""Who doses: a closed loop that sets temp basals, or a person with a plain pump; simple, and ours.

Both reckon insulin on board by the curve that is common in loops (6 h, highest after 75 min). Bodies act later than it
says; so do people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.bodies.model import Array, Flags
from benchmarks.bodies.sensor import STEP_MIN

INSULIN_MIN, PEAK_MIN, CARB_MIN = 360, 75, 180
HORIZONS_MIN = (0, 30, 60, 90, 120, 150, 180, 210, 240)
TARGET_MGDL, STOP_BELOW_MGDL, NEVER_PREDICTED_BELOW_MGDL = 110.0, 75.0, 70.0
MOST_TIMES_BASAL, KEPT_WITHIN, PUMP_STEP_U = 4.0, 0.15, 0.05
MEAL_CORRECTION_ABOVE_MGDL, CORRECTION_ABOVE_MGDL = 150.0, 180.0
CORRECTION_CHANCE, BETWEEN_CORRECTIONS_MIN, AWAKE_MIN = 0.25, 200, (390, 1380)
RESCUE_G, RESCUE_BELOW_MGDL, RESCUE_FALLING_TO_MGDL, BETWEEN_RESCUES_MIN = 15.0, 65.0, 55.0, 25


def _insulin_left(age_min: Array) -> Array:
    """The share of a dose still to act: activity goes with t (1 - t/d) exp(-t/tau), highest at the peak."""
    tau = PEAK_MIN * (1 - PEAK_MIN / INSULIN_MIN) / (1 - 2 * PEAK_MIN / INSULIN_MIN)
    minutes = np.arange(INSULIN_MIN) + 0.5
    acted = np.cumsum(minutes * (1 - minutes / INSULIN_MIN) * np.exp(-minutes / tau))
    left = np.append(1.0, 1.0 - acted / acted[-1])
    found: Array = left[np.minimum(age_min, INSULIN_MIN).astype(int)]
    return found


def _ages(longest_min: int) -> Array:
    """How old what was given 5, 10, … min ago will be at each of the horizons."""
    found: Array = np.array(HORIZONS_MIN)[:, None] + np.arange(STEP_MIN, longest_min + 1, STEP_MIN, dtype=np.float64)
    return found


INSULIN_LEFT = _insulin_left(_ages(INSULIN_MIN))
CARBS_LEFT = np.maximum(0.0, 1.0 - _ages(CARB_MIN) / CARB_MIN)


@dataclass
class Memory:
    """What a loop or a bolus calculator knows of the last hours, the newest first; a column is a lane."""

    net_u: Array  # delivered above the scheduled basal, of each five minutes
    told_g: Array
    readings_mgdl: Array  # of the last 15 min, nan for none

    @classmethod
    def empty(cls, lanes: int) -> Memory:
        """Of nothing."""
        insulin, carbs = np.zeros((INSULIN_LEFT.shape[1], lanes)), np.zeros((CARBS_LEFT.shape[1], lanes))
        return cls(insulin, carbs, np.full((4, lanes), np.nan))

    def read(self, reading_mgdl: Array) -> None:
        """Remember a reading."""
        _push(self.readings_mgdl, reading_mgdl)

    def passed(self, net_u: Array, told_g: Array) -> None:
        """Remember five minutes' insulin and the carbs that were told at their beginning."""
        _push(self.net_u, net_u)
        _push(self.told_g, told_g)

    def trend_mgdl(self) -> Array:
        """The mean change in five minutes, over the last 15; 0 where a reading lacks."""
        found: Array = np.nan_to_num((self.readings_mgdl[0] - self.readings_mgdl[3]) / 3.0)
        return found

    def on_board_u(self) -> Array:
        """Insulin on board above the basal."""
        found: Array = INSULIN_LEFT[0] @ self.net_u
        return found


def _push(kept: Array, newest: Array) -> None:
    kept[1:] = kept[:-1].copy()
    kept[0] = newest


def wanted_by_loop(memory: Memory, scheduled_u_per_h: Array, isf: Array, carb_ratio: Array) -> Array:
    """The rate (U/h) a closed loop wants, nan without a reading: in half an hour the lowest it predicts to 110 mg/dL.

    Its prediction for half an hour to four hours: the reading, 15 minutes' trend, what the insulin on board takes away
    and what the told carbs add until then.
    """
    now = memory.readings_mgdl[0]
    insulin, carbs = INSULIN_LEFT @ memory.net_u, CARBS_LEFT @ memory.told_g
    predicted = now + 3.0 * memory.trend_mgdl()
    predicted = predicted - isf * (insulin[0] - insulin[1:]) + (carbs[0] - carbs[1:]) * isf / carb_ratio
    lowest = predicted.min(axis=0)
    rate = scheduled_u_per_h + 2.0 * (lowest - TARGET_MGDL) / isf
    rate = np.round(np.clip(rate, 0.0, MOST_TIMES_BASAL * scheduled_u_per_h) / PUMP_STEP_U) * PUMP_STEP_U
    found: Array = np.where((lowest < NEVER_PREDICTED_BELOW_MGDL) | (now < STOP_BELOW_MGDL), 0.0, rate)
    return np.where(np.isnan(now), np.nan, found)


def kept_or_changed(running: Array, wanted: Array, scheduled: Array, same_hour: bool) -> Array:
    """The rate that runs next: a loop leaves a rate that is about right; without a reading the schedule runs."""
    about = np.abs(running - wanted) <= KEPT_WITHIN * scheduled
    keep = same_hour & about & ((running == 0) == (wanted == 0))
    new = np.where(np.abs(wanted - scheduled) < PUMP_STEP_U / 2, scheduled, wanted)
    found: Array = np.where(np.isnan(wanted), scheduled, np.where(keep, running, new))
    return found


def meal_bolus(memory: Memory, told_g: Array, isf: Array, carb_ratio: Array, corrects: Flags) -> Array:
    """U for told carbs; a plain pump's calculator (`corrects`) adds what brings a reading above 150 mg/dL to 110."""
    now = memory.readings_mgdl[0]
    correction = np.maximum(0.0, (now - TARGET_MGDL) / isf - np.maximum(0.0, memory.on_board_u()))
    above = corrects & (now > MEAL_CORRECTION_ABOVE_MGDL)  # false without a reading
    return _in_steps(np.where(told_g > 0, told_g / carb_ratio + np.where(above, correction, 0.0), 0.0))


def correction_bolus(memory: Memory, isf: Array, looks: Flags) -> Array:
    """U by which a person who looks brings a reading above 180 mg/dL to 110."""
    now = memory.readings_mgdl[0]
    dose = np.maximum(0.0, (now - TARGET_MGDL) / isf - np.maximum(0.0, memory.on_board_u()))
    return _in_steps(np.where(looks & (now > CORRECTION_ABOVE_MGDL), dose, 0.0))


def needs_rescue(memory: Memory, felt_mgdl: Array) -> Flags:
    """Who eats against a low: by the reading and its trend, without one by what is felt."""
    now = memory.readings_mgdl[0]
    known = np.where(np.isnan(now), felt_mgdl, now)
    found: Flags = (known < RESCUE_BELOW_MGDL) | (known + 3.0 * memory.trend_mgdl() < RESCUE_FALLING_TO_MGDL)
    return found


def _in_steps(dose_u: Array) -> Array:
    found: Array = np.round(np.round(dose_u / PUMP_STEP_U) * PUMP_STEP_U, 2)
    return found
