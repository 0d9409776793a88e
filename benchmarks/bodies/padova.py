"""The model of UVA/Padova (2008) for many bodies at once, with the parameters of simglucose's virtual people.

The same equations as the bundled fixtures live by (Dalla Man 2007, doi 10.1109/TBME.2007.893506); written from them.
Through the day it is the liver's output that goes up and down, and not how insulin acts: another account of a day than
`benchmarks.bodies.hovorka` gives. There is no counter-regulation here either.

Units: minutes; insulin pmol/kg; glucose mg/kg; carbs in stomach and gut mg.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.bodies.model import Array, Flags

PACKAGE, VERSION = "simglucose", "0.2.11"
PMOL_PER_U = 6000.0
MOST_INSULIN_PMOL_PER_L = 6000.0
EATEN_MG_PER_MIN = 5000.0
LARGEST_STEP_MIN = 1.25  # insulin passes the liver so fast that larger steps grow without end
# The model's own thirteen; then what is still to be eaten, the meal the stomach empties by, and whether one is eating.
ROWS = (
    *("SOLID", "LIQUID", "GUT", "PLASMA", "TISSUE", "IP", "ACTION", "SLOW1", "SLOW2", "IL", "SC1", "SC2", "GS"),
    *("WAITING", "MEAL", "EATING"),
)
SOLID, LIQUID, GUT, PLASMA, TISSUE, IP, ACTION, SLOW1, SLOW2, IL, SC1, SC2, GS, WAITING, MEAL, EATING = range(len(ROWS))
NEVER_BELOW_ZERO = (PLASMA, TISSUE, GS)
# simglucose's names where they are not the fields' own.
COLUMNS = {
    **{"weight_kg": "BW", "ib": "Ib", "vg": "Vg", "vi": "Vi"},
    **{"vmx": "Vmx", "vm0": "Vm0", "km0": "Km0", "fsnc": "Fsnc"},
}
GROWN_UP = ("adult", "adolescent")  # a child's settings are another clinic's
# Ours: how far a drawn person lies from the virtual one, as the standard deviation of the logarithm.
STRAY = dict.fromkeys(("weight_kg", "kabs", "vmx", "kp3", "p2u", "ki", "kd", "ka1", "ka2"), 0.15)
FASTEST_GUT = 1.0  # 1/min


@dataclass(frozen=True)
class Padova:
    """The parameters of some bodies under the model's own names, and the insulin at rest at 120 mg/dL (pmol/L)."""

    weight_kg: Array
    ib: Array
    vg: Array
    vi: Array
    vmx: Array
    vm0: Array
    km0: Array
    fsnc: Array
    kabs: Array
    kmax: Array
    kmin: Array
    b: Array
    d: Array
    k1: Array
    k2: Array
    p2u: Array
    m1: Array
    m2: Array
    m4: Array
    m30: Array
    ki: Array
    kp1: Array
    kp2: Array
    kp3: Array
    f: Array
    ke1: Array
    ke2: Array
    kd: Array
    ksc: Array
    ka1: Array
    ka2: Array
    resting: Array

    def __len__(self) -> int:
        return len(self.weight_kg)

    def only(self, which: Flags | list[int]) -> Padova:
        """Some of them."""
        return Padova(**{f.name: getattr(self, f.name)[which] for f in fields(self)})

    def glucose_mgdl(self, state: Array) -> Array:
        """The glucose of the blood."""
        found: Array = state[PLASMA] / self.vg
        return found

    def sensed_mgdl(self, state: Array) -> Array:
        """The glucose under the skin, where a sensor is."""
        found: Array = state[GS] / self.vg
        return found

    def eat(self, state: Array, carbs_g: Array) -> None:
        """Put carbs on the table, in place; they are eaten at 5 g a minute, as the fixtures' people eat."""
        state[WAITING] += 1000.0 * carbs_g

    def inject(self, state: Array, insulin_u: Array) -> None:
        """Put a bolus under the skin, in place."""
        state[SC1] += PMOL_PER_U / self.weight_kg * insulin_u

    def exercising(self, intensity: Array) -> Padova:
        """The same bodies while they exercise, by the rule of `Hovorka.exercising`: ours for this model."""
        scaled = {"kd": 2.0, "ka1": 2.0, "ka2": 2.0, "p2u": 4.0, "ki": 4.0, "vmx": 5.0, "vm0": 5.0}
        return replace(self, **{name: getattr(self, name) * (1.0 + by * intensity) for name, by in scaled.items()})

    def advance(
        self, state: Array, basal_u_per_h: Array, sensitivity: Array, minutes: float, step_min: float = 1.0
    ) -> Array:
        """The state some minutes later, by Runge-Kutta's fourth order; `sensitivity` moves the liver's output."""
        flow, output = basal_u_per_h / 60.0 * PMOL_PER_U / self.weight_kg, _output(self, sensitivity)
        times = round(minutes / min(step_min, LARGEST_STEP_MIN))
        h = minutes / times
        for _ in range(times):
            eaten = _eaten(state, h)
            a = _change(self, state, flow, output, eaten)
            b = _change(self, state + 0.5 * h * a, flow, output, eaten)
            c = _change(self, state + 0.5 * h * b, flow, output, eaten)
            d = _change(self, state + h * c, flow, output, eaten)
            state = state + (h / 6.0) * (a + 2.0 * b + 2.0 * c + d)
            for row in NEVER_BELOW_ZERO:
                np.maximum(state[row], 0.0, out=state[row])
        return state

    def can_rest(self, glucose: float | Array, sensitivity: float | Array = 1.0) -> Flags:
        """Whether some insulin rate keeps a body at this glucose (mg/dL)."""
        mass, output = glucose * self.vg, _output(self, sensitivity)
        none, most = np.zeros(len(self)), np.full(len(self), MOST_INSULIN_PMOL_PER_L)
        return (_balance(self, mass, none, output) >= 0) & (_balance(self, mass, most, output) <= 0)

    def at_rest(self, glucose: float | Array, sensitivity: float | Array = 1.0) -> tuple[Array, Array]:
        """The state in which glucose stays as it is, and the basal (U/h) that keeps it there.

        Raises:
            ValueError: no insulin rate keeps one of them there.
        """
        if not np.all(self.can_rest(glucose, sensitivity)):
            raise ValueError("no insulin rate keeps this glucose")
        mass = glucose * self.vg
        insulin = _resting_insulin(self, mass, _output(self, sensitivity))
        plasma = insulin * self.vi
        liver = self.m2 * plasma / (self.m1 + self.m30)
        flow = (self.m2 + self.m4) * plasma - self.m1 * liver
        first = flow / (self.ka1 + self.kd)
        state = np.zeros((len(ROWS), len(self)))
        state[[PLASMA, TISSUE, IP, ACTION, SLOW1, SLOW2, IL, SC1, SC2, GS]] = (
            *(mass, _tissue(self, mass, insulin), plasma, insulin - self.ib, insulin, insulin, liver),
            *(first, self.kd * first / self.ka2, mass),
        )
        return state, flow * self.weight_kg / PMOL_PER_U * 60.0


def read_people() -> tuple[list[str], Padova]:
    """The names and the parameters of simglucose's virtual people, from where the package is installed.

    Raises:
        ModuleNotFoundError: it is not.
    """
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"Missing: {PACKAGE} {VERSION}. fixtures/make_fixtures.py names the versions.")
    path = Path(found.submodule_search_locations[0]) / "params" / "vpatient_params.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = [f.name for f in fields(Padova) if f.name != "resting"]
    values = {name: np.array([float(row[COLUMNS.get(name, name)]) for row in rows]) for name in names}
    return [row["Name"] for row in rows], at_their_rest(Padova(**values, resting=np.zeros(len(rows))))


def draw_some(chance: np.random.Generator, count: int) -> Padova:
    """So many people, each near a grown-up virtual one that can rest at 120 mg/dL.

    Raises:
        ModuleNotFoundError: simglucose is not installed.
    """
    names, virtual = read_people()
    usable = virtual.can_rest(120.0) & (virtual.kabs < FASTEST_GUT)
    grown_up = [n for n, name in enumerate(names) if name.startswith(GROWN_UP) and usable[n]]
    near = virtual.only(chance.choice(grown_up, count).tolist())
    drawn = replace(
        near, **{name: getattr(near, name) * np.exp(chance.normal(0.0, sd, count)) for name, sd in STRAY.items()}
    )
    # Another effect on the liver is no other output at the insulin the virtual person lives at.
    return at_their_rest(replace(drawn, kp1=near.kp1 + (drawn.kp3 - near.kp3) * near.ib))


def at_their_rest(bodies: Padova, glucose_mgdl: float = 120.0) -> Padova:
    """The same bodies, knowing how much insulin keeps them at 120 mg/dL: the course of a day is told by it."""
    return replace(bodies, resting=_resting_insulin(bodies, glucose_mgdl * bodies.vg, bodies.kp1))


def _output(bodies: Padova, sensitivity: float | Array) -> Array:
    """The liver's output without insulin and glucose, such that the resting insulin over the sensitivity holds 120."""
    mass = 120.0 * bodies.vg
    found: Array = bodies.kp1 - (_balance(bodies, mass, bodies.resting / sensitivity, bodies.kp1))
    return found


def _resting_insulin(bodies: Padova, mass: Array, output: Array) -> Array:
    low, high = np.zeros(len(bodies)), np.full(len(bodies), MOST_INSULIN_PMOL_PER_L)
    for _ in range(80):  # what is left of the interval is below what a float tells apart
        middle = 0.5 * (low + high)
        above = _balance(bodies, mass, middle, output) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    found: Array = 0.5 * (low + high)
    return found


def _tissue(bodies: Padova, mass: Array, insulin: Array) -> Array:
    """The glucose of the tissue that goes with a glucose of the blood, at rest."""
    most = bodies.vm0 + bodies.vmx * (insulin - bodies.ib)
    comes = bodies.k1 * mass
    half = 0.5 * (comes - most - bodies.k2 * bodies.km0)
    found: Array = (half + np.sqrt(half**2 + bodies.k2 * comes * bodies.km0)) / bodies.k2
    return found


def _balance(bodies: Padova, mass: Array, insulin: Array, output: Array) -> Array:
    """What glucose gains a minute at rest with so much insulin; it falls as insulin rises."""
    from_liver = np.maximum(0.0, output - bodies.kp2 * mass - bodies.kp3 * insulin)
    to_tissue = bodies.k1 * mass - bodies.k2 * _tissue(bodies, mass, insulin)
    found: Array = from_liver - bodies.fsnc - bodies.ke1 * np.maximum(0.0, mass - bodies.ke2) - to_tissue
    return found


def _eaten(state: Array, minutes: float) -> Array:
    """What is eaten a minute in the next minutes; a meal that begins counts what is still in the stomach."""
    rate: Array = np.minimum(EATEN_MG_PER_MIN, state[WAITING] / minutes)
    begins = (rate > 0) & (state[EATING] == 0)
    state[MEAL] = np.where(begins, state[SOLID] + state[LIQUID], state[MEAL]) + rate * minutes
    state[EATING] = rate > 0
    state[WAITING] -= rate * minutes
    return rate


def _change(bodies: Padova, state: Array, flow: Array, output: Array, eaten: Array) -> Array:
    change = np.zeros_like(state)
    meal = np.maximum(state[MEAL], 1e-9)
    in_stomach = state[SOLID] + state[LIQUID]
    rises, falls = 2.5 / (meal * (1.0 - bodies.b)), 2.5 / (meal * bodies.d)
    slope = np.tanh(rises * (in_stomach - bodies.b * meal)) - np.tanh(falls * (in_stomach - bodies.d * meal))
    empties = bodies.kmin + 0.5 * (bodies.kmax - bodies.kmin) * (slope + 2.0)
    empties = np.where(state[MEAL] > 0, empties, bodies.kmax)
    change[SOLID] = eaten - bodies.kmax * state[SOLID]
    change[LIQUID] = bodies.kmax * state[SOLID] - empties * state[LIQUID]
    change[GUT] = empties * state[LIQUID] - bodies.kabs * state[GUT]
    plasma, tissue = state[PLASMA], state[TISSUE]
    exchanged = bodies.k1 * plasma - bodies.k2 * tissue
    used = (bodies.vm0 + bodies.vmx * state[ACTION]) * tissue / (bodies.km0 + tissue)
    change[PLASMA] = (
        np.maximum(0.0, output - bodies.kp2 * plasma - bodies.kp3 * state[SLOW2])
        + bodies.f * bodies.kabs * state[GUT] / bodies.weight_kg
        - bodies.fsnc
        - bodies.ke1 * np.maximum(0.0, plasma - bodies.ke2)
        - exchanged
    )
    change[TISSUE] = exchanged - used
    insulin = state[IP] / bodies.vi
    absorbed = bodies.ka1 * state[SC1] + bodies.ka2 * state[SC2]
    change[IP] = bodies.m1 * state[IL] + absorbed - (bodies.m2 + bodies.m4) * state[IP]
    change[IL] = bodies.m2 * state[IP] - (bodies.m1 + bodies.m30) * state[IL]
    change[ACTION] = bodies.p2u * (insulin - bodies.ib - state[ACTION])
    change[SLOW1] = bodies.ki * (insulin - state[SLOW1])
    change[SLOW2] = bodies.ki * (state[SLOW1] - state[SLOW2])
    change[SC1] = flow - (bodies.ka1 + bodies.kd) * state[SC1]
    change[SC2] = bodies.kd * state[SC1] - bodies.ka2 * state[SC2]
    change[GS] = bodies.ksc * (plasma - state[GS])
    return change
