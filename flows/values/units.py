"""Units and their factors. The values of all rooms are in mg/dL, U, g, hours, and milliseconds since 1970."""

from __future__ import annotations

# What oref0, Nightscout and every uploader use, though the molar mass of glucose says 18.016.
MGDL_PER_MMOLL = 18.0

HOURS_PER_DAY = 24
MINUTES_PER_DAY = 24 * 60
SECONDS_PER_HOUR = 60 * 60
SECONDS_PER_DAY = HOURS_PER_DAY * SECONDS_PER_HOUR
SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
