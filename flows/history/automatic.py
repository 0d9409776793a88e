"""A pump's automatic basal that a follower wrote as boluses, without any temporary basal (Medtronic 780G).

Upstream would count it twice: once as these boluses, and once as the scheduled basal, which was not given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from flows.errors import Reason, Refused
from flows.history.duplicates import at
from flows.history.records import bolus_u
from flows.history.temp_basals import is_temp_basal
from flows.nightscout.documents import Record
from flows.values.local_days import day_of

# Nobody doses by hand so often: a pump whose basal stands as boluses has 100 to 288 a day, a pen up to 15.
MANY_BOLUSES_A_DAY = 40
SMALL_BOLUS_U = 0.5


def check_automatic_basal(treatments: Sequence[Record], zone: str) -> None:
    """Refuse data in which an automatic basal stands as boluses.

    Args:
        treatments: normalised.
        zone: the person's.

    Raises:
        Refused: `AUTOMATIC_BASAL`.
    """
    doses = [t for t in treatments if bolus_u(t) > 0]
    a_day = Counter(day_of(at(t, zone), zone) for t in doses)
    temp_basals = sum(map(is_temp_basal, treatments))
    if not a_day or temp_basals >= len(a_day) or median(a_day.values()) < MANY_BOLUSES_A_DAY:
        return
    if median(map(bolus_u, doses)) < SMALL_BOLUS_U:
        raise Refused(Reason.AUTOMATIC_BASAL, count=round(median(a_day.values())))
