"""Hovorka's model of glucose and insulin in type 1 diabetes: many bodies at once, minute by minute.

One column is one body. Insulin is absorbed through two compartments and acts on three things with delays of their own
(transport, disposal, the liver's output); carbs come through two compartments. There is no counter-regulation: far too
much insulin ends at nearly no glucose, and whoever lives in a benchmark is kept alive by rescue carbs.

Units: minutes; insulin mU; glucose masses in µmol/kg; concentrations mmol/L inside, mg/dL outside.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from benchmarks.bodies.model import Array, Flags

MGDL_PER_MMOLL = 18.016
CARB_UMOL_PER_G = 5551.0
RENAL_THRESHOLD_MMOLL = 9.0
MOST_INSULIN_MU_PER_L = 1000.0
ROWS = ("S1", "S2", "INSULIN", "X1", "X2", "X3", "Q1", "Q2", "D1", "D2", "GI")
S1, S2, INSULIN, X1, X2, X3, Q1, Q2, D1, D2, GI = range(len(ROWS))
OF_GLUCOSE = (Q1, Q2)


@dataclass(frozen=True)
class Hovorka:
    """The parameters of some bodies, a value for each; `cambridge` says which of the two published forms holds.

    Attributes:
        weight_kg: body weight.
        egp0: glucose output of the liver without insulin, µmol/kg/min.
        f01: glucose used without insulin, µmol/kg/min.
        k12: transfer from the second glucose compartment, 1/min.
        ka1, ka2, ka3: how fast the three effects of insulin come and go, 1/min.
        st, sd: sensitivity of transport and disposal, 1/min per mU/L.
        se: sensitivity of the liver's output, 1 per mU/L.
        ki, ke: absorption and elimination of insulin, 1/min.
        vi, vg: volumes of insulin and glucose, L/kg.
        carb_min: time constant of the carbs' absorption, min.
        carb_share: which share of eaten carbs arrives.
        sensor_min: by how long the glucose under the skin lags, min.
        renal: which share of the glucose above the kidney's threshold is lost a minute.
        cambridge: the form of 2010 (`exp` for the liver, saturating use without insulin), else that of 2004.
    """

    weight_kg: Array
    egp0: Array
    f01: Array
    k12: Array
    ka1: Array
    ka2: Array
    ka3: Array
    st: Array
    sd: Array
    se: Array
    ki: Array
    ke: Array
    vi: Array
    vg: Array
    carb_min: Array
    carb_share: Array
    sensor_min: Array
    renal: Array
    cambridge: Flags

    def __len__(self) -> int:
        return len(self.weight_kg)

    def only(self, which: Flags | list[int]) -> Hovorka:
        """Some of them."""
        return Hovorka(**{f.name: getattr(self, f.name)[which] for f in fields(self)})

    def glucose_mgdl(self, state: Array) -> Array:
        """The glucose of the blood."""
        found: Array = state[Q1] / (1000.0 * self.vg) * MGDL_PER_MMOLL
        return found

    def sensed_mgdl(self, state: Array) -> Array:
        """The glucose under the skin, where a sensor is."""
        found: Array = state[GI] * MGDL_PER_MMOLL
        return found

    def eat(self, state: Array, carbs_g: Array) -> None:
        """Put carbs into the stomach, in place."""
        state[D1] += self.carb_share * carbs_g

    def inject(self, state: Array, insulin_u: Array) -> None:
        """Put a bolus under the skin, in place."""
        state[S1] += 1000.0 * insulin_u

    def exercising(self, intensity: Array) -> Hovorka:
        """The same bodies while they exercise: insulin comes sooner, acts sooner and does more (the rule of McGill's
        simulator, Hajizadeh 2019). Its full strength is far too much: 0.15 is a walk."""
        scaled = {"ki": 2.0, "ka1": 4.0, "ka2": 4.0, "ka3": 4.0, "st": 5.0, "sd": 10.0}
        return replace(self, **{name: getattr(self, name) * (1.0 + by * intensity) for name, by in scaled.items()})

    def advance(
        self, state: Array, basal_u_per_h: Array, sensitivity: Array, minutes: float, step_min: float = 1.0
    ) -> Array:
        """The state some minutes later, by Runge-Kutta's fourth order; `sensitivity` multiplies all three effects."""
        flow, h = basal_u_per_h * (1000.0 / 60.0), step_min
        for _ in range(round(minutes / step_min)):
            a = _change(self, state, flow, sensitivity)
            b = _change(self, state + 0.5 * h * a, flow, sensitivity)
            c = _change(self, state + 0.5 * h * b, flow, sensitivity)
            d = _change(self, state + h * c, flow, sensitivity)
            state = state + (h / 6.0) * (a + 2.0 * b + 2.0 * c + d)
            for row in OF_GLUCOSE:
                np.maximum(state[row], 0.0, out=state[row])
        return state

    def can_rest(self, glucose: float | Array, sensitivity: float | Array = 1.0) -> Flags:
        """Whether some insulin rate keeps a body at this glucose (mg/dL)."""
        mmoll = np.broadcast_to(np.asarray(glucose, float) / MGDL_PER_MMOLL, (len(self),))
        none, most = np.zeros(len(self)), np.full(len(self), MOST_INSULIN_MU_PER_L)
        return (_balance(self, mmoll, none, sensitivity) >= 0) & (_balance(self, mmoll, most, sensitivity) <= 0)

    def at_rest(self, glucose: float | Array, sensitivity: float | Array = 1.0) -> tuple[Array, Array]:
        """The state in which glucose stays as it is, and the basal (U/h) that keeps it there.

        Args:
            glucose: mg/dL.
            sensitivity: 1 for the mean.

        Raises:
            ValueError: no insulin rate keeps one of them there.
        """
        if not np.all(self.can_rest(glucose, sensitivity)):
            raise ValueError("no insulin rate keeps this glucose")
        mmoll = np.broadcast_to(np.asarray(glucose, float) / MGDL_PER_MMOLL, (len(self),)).copy()
        low, high = np.zeros(len(self)), np.full(len(self), MOST_INSULIN_MU_PER_L)
        for _ in range(80):  # what is left of the interval is below what a float tells apart
            middle = 0.5 * (low + high)
            above = _balance(self, mmoll, middle, sensitivity) > 0
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        insulin = 0.5 * (low + high)
        flow = insulin * self.ke * self.vi * self.weight_kg
        x1, x2, x3 = (s * insulin * sensitivity for s in (self.st, self.sd, self.se))
        mass = mmoll * 1000.0 * self.vg
        state = np.zeros((len(ROWS), len(self)))
        state[[S1, S2, INSULIN, X1, X2, X3, Q1, Q2, GI]] = (
            *(flow / self.ki, flow / self.ki, insulin, x1, x2, x3),
            *(mass, x1 * mass / (self.k12 + x2), mmoll),
        )
        return state, flow * 0.06


def _used_without_insulin(bodies: Hovorka, mmoll: Array) -> Array:
    of_2004 = bodies.f01 * np.minimum(1.0, mmoll / 4.5)
    return np.where(bodies.cambridge, bodies.f01 / 0.85 * mmoll / (mmoll + 1.0), of_2004)


def _from_liver(bodies: Hovorka, x3: Array) -> Array:
    return bodies.egp0 * np.where(bodies.cambridge, np.exp(-x3), np.maximum(0.0, 1.0 - x3))


def _lost_in_urine(bodies: Hovorka, mmoll: Array) -> Array:
    lost: Array = bodies.renal * np.maximum(0.0, mmoll - RENAL_THRESHOLD_MMOLL) * 1000.0 * bodies.vg
    return lost


def _balance(bodies: Hovorka, mmoll: Array, insulin: Array, sensitivity: float | Array) -> Array:
    """What glucose gains a minute at rest with so much insulin; it falls as insulin rises."""
    x1, x2, x3 = (s * insulin * sensitivity for s in (bodies.st, bodies.sd, bodies.se))
    mass = mmoll * 1000.0 * bodies.vg
    to_muscle = x1 * mass * (1.0 - bodies.k12 / (bodies.k12 + x2))
    found: Array = (
        _from_liver(bodies, x3) - _used_without_insulin(bodies, mmoll) - _lost_in_urine(bodies, mmoll) - to_muscle
    )
    return found


def _change(bodies: Hovorka, state: Array, flow: Array, sensitivity: Array) -> Array:
    change = np.empty_like(state)
    mmoll = state[Q1] / (1000.0 * bodies.vg)
    change[S1] = flow - state[S1] * bodies.ki
    change[S2] = bodies.ki * (state[S1] - state[S2])
    change[INSULIN] = bodies.ki * state[S2] / (bodies.vi * bodies.weight_kg) - bodies.ke * state[INSULIN]
    acting = sensitivity * state[INSULIN]
    change[X1] = bodies.ka1 * (bodies.st * acting - state[X1])
    change[X2] = bodies.ka2 * (bodies.sd * acting - state[X2])
    change[X3] = bodies.ka3 * (bodies.se * acting - state[X3])
    eaten = CARB_UMOL_PER_G * state[D2] / (bodies.carb_min * bodies.weight_kg)
    change[Q1] = (
        _from_liver(bodies, state[X3])
        + eaten
        + bodies.k12 * state[Q2]
        - state[X1] * state[Q1]
        - _used_without_insulin(bodies, mmoll)
        - _lost_in_urine(bodies, mmoll)
    )
    change[Q2] = state[X1] * state[Q1] - (bodies.k12 + state[X2]) * state[Q2]
    change[D1] = -state[D1] / bodies.carb_min
    change[D2] = (state[D1] - state[D2]) / bodies.carb_min
    change[GI] = (mmoll - state[GI]) / bodies.sensor_min
    return change
