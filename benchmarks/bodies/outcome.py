"""What a life was worth: shares of time by glucose, and the glycaemia risk index made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.bodies.model import Array


@dataclass(frozen=True)
class Outcome:
    """Percent of time by the glucose of the blood.

    Attributes:
        in_range: 70 to 180 mg/dL.
        below_70: below 70, the very low ones included.
        gri: glycaemia risk index, 0 to 100 (Klonoff 2022): 3 x below 54 + 2.4 x 54 to 69 + 1.6 x above 250 +
            0.8 x 181 to 250.
        variation: standard deviation in percent of the mean.
    """

    in_range: float
    below_70: float
    below_54: float
    above_180: float
    above_250: float
    gri: float
    variation: float
    mean_mgdl: float


def outcome(glucose_mgdl: Array) -> Outcome:
    """Of glucose in equal steps; what is nan is left out."""
    known = glucose_mgdl[~np.isnan(glucose_mgdl)]
    below_54, below_70 = (100.0 * float(np.mean(known < limit)) for limit in (54.0, 70.0))
    above_180, above_250 = (100.0 * float(np.mean(known > limit)) for limit in (180.0, 250.0))
    gri = 3.0 * below_54 + 2.4 * (below_70 - below_54) + 1.6 * above_250 + 0.8 * (above_180 - above_250)
    mean = float(known.mean())
    return Outcome(
        in_range=100.0 - below_70 - above_180,
        below_70=below_70,
        below_54=below_54,
        above_180=above_180,
        above_250=above_250,
        gri=min(100.0, gri),
        variation=100.0 * float(known.std()) / mean,
        mean_mgdl=mean,
    )
