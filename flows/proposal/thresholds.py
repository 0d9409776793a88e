"""Every threshold of the verdict, in one place; docs/safety.md reasons for each.

Shares are of one (0.1 is a tenth) unless the name says percent.
"""

from __future__ import annotations

# A change smaller than a twentieth is within what a pump's steps and a day's luck make of it; of a single hour's basal
# a tenth, since one hour is little data and little insulin.
WORTH_A_CHANGE = 0.05
WORTH_A_BASAL_CHANGE = 0.10
# Of the repetitions that move a number the way it is recommended: with less, another fortnight would say otherwise.
AGREED = 0.9
UNSURE_HOURS_SHARE = 1 / 3
# Of fewer repetitions the fifth and the ninety-fifth percentile are the smallest and the largest.
FEW_REPETITIONS, FAILED_SHARE = 20, 0.1
# A meal a day for a week; upstream itself leaves ISF alone on days with fewer than ten points.
FEW_MEALS, FEW_ISF_POINTS = 7, 50

# AAPS and OpenAPS advise a week or more; two days cannot even disagree with one another.
FEW_DAYS, TOO_FEW_DAYS = 7, 3
AMBER_DAYS_SHARE = 1 / 3
AGED_DAYS = 14.0
EMPTY_HOURS_SHARE = 0.5
OTHER_PROFILE_AMBER, OTHER_PROFILE_RED = 0.2, 0.5

# docs/coverage.md, 21 synthetic people: of the wrong settings, how many upstream moved nearer to the truth.
NEARER_ISF, NEARER_CARB_RATIO, NEARER_DAILY_BASAL = (4, 15), (8, 18), (19, 19)

# International Consensus on Time in Range, Diabetes Care 2019;42:1593.
LOW_COVERAGE_PERCENT = 70.0
BELOW_70_PERCENT, BELOW_54_PERCENT, ABOVE_250_PERCENT = 4.0, 1.0, 5.0
BELOW_63_PERCENT, ABOVE_140_PERCENT = 4.0, 25.0  # in pregnancy

# Two rises may be the liver's or the sensor's; as many as every second day shape what upstream learns.
UNLOGGED_LOWS_AMBER, UNLOGGED_LOWS_RED_PER_DAY = 3, 0.5
AMBER_UNANNOUNCED_PERCENT, RED_UNANNOUNCED_PERCENT = 20.0, 40.0

# Changing one thing at a time, watched for two or three days (AAPS documentation), means changes of about a tenth.
AMBER_BASAL_CHANGE = 0.10
# Synthetic people and real ones are at 0.4 and more, readings without any insulin in them at 0.2 and less.
LOW_CORRELATION = 0.3
LARGE_CHANGE = 0.10
VARIANT_CHANGE = 0.10
MORE_AGGRESSIVE = 0.02
JUMP = 1.5
# Half of the hours at a cap: upstream was stopped, not satisfied. Five of six: the amounts say nothing any more.
AT_CAP_AMBER, AT_CAP_RED = 12, 20

HUMAN_ISF_MGDL = (10.0, 400.0)
HUMAN_CARB_RATIO = (3.0, 60.0)
