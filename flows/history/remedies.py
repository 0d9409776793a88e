"""What a person can do about each correction, in a few words, for `autotune inspect`.

A correction that needs nothing done has no line here.
"""

from __future__ import annotations

REMEDIES: dict[str, str] = {
    "glucose_value": "look in ledger.json for what their uploader wrote",
    "glucose_date": "nothing, if the time zone is right",
    "glucose_unit": "set the uploader's unit to that of the sensor",
    "glucose_beside_sgv": "nothing where both agree; else look in ledger.json which is right",
    "glucose_low": "nothing: they count as lows in the verdict",
    "glucose_high": "nothing: they count as highs in the verdict",
    "glucose_copy": "nothing; one uploader is enough",
    "glucose_cadence": "nothing: upstream takes four readings for twenty minutes",
    "one_sensor": "let one sensor upload; where the wrong one was kept, take the other out of the data",
    "stray_reading": "delete them in Nightscout; check the clock of what uploads",
    "not_a_record": "export the data again",
    "numbers_as_text": "nothing, where the numbers are right",
    "created_at": "nothing, if the time zone is right",
    "duration_unit": "nothing to do",
    "impossible_amount": "correct the amount in Nightscout",
    "temp_basal_rate": "nothing to do",
    "pump_record": "nothing to do",
    "priming": "nothing: it filled the tube",
    "long_acting": "nothing: the profile's basal stands for it",
    "extended_bolus": "nothing to do",
    "extended_carbs": "nothing to do",
    "bolus_event_type": "nothing to do",
    "meal_time": "nothing to do",
    "duplicate": "let one uploader send doses",
}
