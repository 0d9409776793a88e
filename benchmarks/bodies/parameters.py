"""The parameters of two populations for Hovorka's model, and people drawn from them.

`ohsu`: the means of 2004 with the sensitivities of a group in Oregon, which fitted them to what people with type 1
diabetes need (0.4 of those of 2004; Resalat 2019, doi 10.1371/journal.pone.0217301). Sensitivities go together.
`cambridge`: the means estimated anew in 2010 (Wilinska, doi 10.1177/193229681000400117) with the spread that a group at
McGill uses (Hajizadeh 2019, doi 10.1016/j.compchemeng.2019.106565). Sensitivities are independent of each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.bodies.hovorka import Hovorka
from benchmarks.bodies.model import Array, Bodies, Family, Flags, together

# Resalat's two tests of a drawn person: without insulin glucose rises far, with very much it falls.
STARVED_ABOVE_MGDL, FLOODED_BELOW_MGDL, FLOOD_U_PER_H, TEST_H = 300.0, 100.0, 15.0, 12
TEST_STEP_MIN = 5.0
AT_ONCE, MOST_DRAWS = 64, 50


@dataclass(frozen=True)
class _Means:
    egp0: float
    f01: float
    k12: float
    ka: tuple[float, float, float]
    sensitivity: tuple[float, float, float]  # of transport, disposal, the liver's output
    ki: float
    ke: float
    renal: float
    sensor_min: float


MEANS = {
    Family.OHSU: _Means(
        16.1, 9.7, 0.066, (0.006, 0.06, 0.03), (0.4 * 51.2e-4, 0.4 * 8.2e-4, 0.4 * 520e-4), 1 / 55, 0.138, 0.003, 15.0
    ),
    Family.CAMBRIDGE: _Means(
        16.9, 11.1, 0.060, (0.0034, 0.056, 0.024), (18.41e-4, 5.05e-4, 190e-4), 0.018, 0.14, 0.003, 10.7
    ),
}
VI, VG, CARB_MIN, CARB_SHARE = 0.12, 0.16, 40.0, 0.8
# Standard deviations of the logarithm.
SPREAD = {"egp0": 0.2, "f01": 0.1, "ki": 0.2, "ke": 0.2, "vi": 0.05, "vg": 0.05, "carb": 0.2}
K12_AND_KA_SPREAD = {Family.OHSU: 0.2, Family.CAMBRIDGE: 0.4}
SENSITIVITY_SPREAD = 0.4
# Standard deviations of OHSU's sensitivities, and how far those of transport and liver stray from that of disposal.
OHSU_SD = (0.4 * 14.4e-4, 0.4 * 3.2e-4, 0.4 * 137.5e-4)
OHSU_STRAY = (0.25, 0.0, 0.75)
WEIGHT_KG = (50.0, 95.0)


def mean_body(family: Family) -> Hovorka:
    """The one body with the means of its family, of 75 kg."""
    means = MEANS[family]
    one = np.ones(1)
    return _bodies(
        family, 75.0 * one, dict.fromkeys(SPREAD, one), means.k12 * one, _of(means.ka, one), _of(means.sensitivity, one)
    )


def draw(family: Family, seed: int, count: int) -> Hovorka:
    """So many people of a family; the same seed gives the same ones.

    Drawn until enough stand the two tests of Resalat's: without insulin above 300 mg/dL, with 15 U/h below 100.

    Raises:
        ValueError: too few of them do.
    """
    chance = np.random.default_rng([seed, list(Family).index(family)])
    found: list[Hovorka] = []
    for _ in range(MOST_DRAWS):
        drawn = _drawn(family, chance, AT_ONCE)
        found.append(drawn.only(stands(drawn, (drawn.st > 0) & (drawn.sd > 0) & (drawn.se > 0))))
        if sum(map(len, found)) >= count:
            return together(found).only(list(range(count)))
    raise ValueError("too few of the drawn bodies stand the tests")


def draw_block(family: Family, seed: int, block: int, count: int) -> Hovorka:
    """Those of so many drawn that stand the tests; the same seed and block give the same ones."""
    drawn = _drawn(family, np.random.default_rng([seed, list(Family).index(family), block, 0]), count)
    return drawn.only(stands(drawn, (drawn.st > 0) & (drawn.sd > 0) & (drawn.se > 0)))


def stands(bodies: Bodies, possible: Flags) -> Flags:
    """Which of the possible ones stand the two tests; one that rests nowhere at 120 or 160 mg/dL does not."""
    stand = possible & bodies.can_rest(120.0) & bodies.can_rest(160.0)
    some = bodies.only(stand)
    ones = np.ones(len(some))
    starved = some.advance(some.at_rest(120.0)[0], 0.0 * ones, ones, TEST_H * 60, TEST_STEP_MIN)
    flooded = some.advance(some.at_rest(160.0)[0], FLOOD_U_PER_H * ones, ones, TEST_H * 60, TEST_STEP_MIN)
    above, below = some.glucose_mgdl(starved) > STARVED_ABOVE_MGDL, some.glucose_mgdl(flooded) < FLOODED_BELOW_MGDL
    stand[stand] = above & below
    return stand


def _drawn(family: Family, chance: np.random.Generator, count: int) -> Hovorka:
    means = MEANS[family]
    spread = {name: np.exp(chance.normal(0.0, sd, count)) for name, sd in SPREAD.items()}
    slow = K12_AND_KA_SPREAD[family]
    k12 = means.k12 * np.exp(chance.normal(0.0, slow, count))
    ka = tuple(mean * np.exp(chance.normal(0.0, slow, count)) for mean in means.ka)
    weight = chance.uniform(*WEIGHT_KG, count)
    if family is Family.CAMBRIDGE:
        sensitivity = tuple(m * np.exp(chance.normal(0.0, SENSITIVITY_SPREAD, count)) for m in means.sensitivity)
    else:
        z = chance.normal(0.0, 1.0, count)
        strays = [chance.uniform(-stray, stray, count) if stray else 0.0 for stray in OHSU_STRAY]
        sensitivity = tuple(
            mean + sd * (z + stray) for mean, sd, stray in zip(means.sensitivity, OHSU_SD, strays, strict=True)
        )
    return _bodies(family, weight, spread, k12, ka, sensitivity)


def _bodies(
    family: Family,
    weight: Array,
    spread: dict[str, Array],
    k12: Array,
    ka: tuple[Array, ...],
    sensitivity: tuple[Array, ...],
) -> Hovorka:
    means, ones = MEANS[family], np.ones(len(weight))
    return Hovorka(
        weight_kg=weight,
        egp0=means.egp0 * spread["egp0"],
        f01=means.f01 * spread["f01"],
        k12=k12,
        ka1=ka[0],
        ka2=ka[1],
        ka3=ka[2],
        st=sensitivity[0],
        sd=sensitivity[1],
        se=sensitivity[2],
        ki=means.ki * spread["ki"],
        ke=means.ke * spread["ke"],
        vi=VI * spread["vi"],
        vg=VG * spread["vg"],
        carb_min=CARB_MIN / spread["carb"],
        carb_share=CARB_SHARE * ones,
        sensor_min=means.sensor_min * ones,
        renal=means.renal * ones,
        cambridge=np.full(len(weight), family is Family.CAMBRIDGE),
    )


def _of(means: tuple[float, ...], one: Array) -> tuple[Array, ...]:
    return tuple(mean * one for mean in means)
