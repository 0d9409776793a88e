"""What a person can do about each correction, in a few words, for `autotune inspect`.

A correction that needs nothing done has no line here.
"""

from __future__ import annotations

from flows.language.catalogue import to_translate

REMEDIES: dict[str, str] = {
    "glucose_value": to_translate("look in ledger.json for what their uploader wrote"),
    "glucose_date": to_translate("nothing, if the time zone is right"),
    "glucose_unit": to_translate("set the uploader's unit to that of the sensor"),
    "glucose_beside_sgv": to_translate("nothing where both agree; else look in ledger.json which is right"),
    "glucose_low": to_translate("nothing: they count as lows in the verdict"),
    "glucose_high": to_translate("nothing: they count as highs in the verdict"),
    "glucose_copy": to_translate("nothing; one uploader is enough"),
    "glucose_cadence": to_translate("nothing: upstream takes four readings for twenty minutes"),
    "one_sensor": to_translate("let one sensor upload; where the wrong one was kept, take the other out of the data"),
    "stray_reading": to_translate("delete them in Nightscout; check the clock of what uploads"),
    "not_a_record": to_translate("export the data again"),
    "numbers_as_text": to_translate("nothing, where the numbers are right"),
    "created_at": to_translate("nothing, if the time zone is right"),
    "duration_unit": to_translate("nothing to do"),
    "impossible_amount": to_translate("correct the amount in Nightscout"),
    "temp_basal_rate": to_translate("nothing to do"),
    "pump_record": to_translate("nothing to do"),
    "priming": to_translate("nothing: it filled the tube"),
    "long_acting": to_translate("nothing: the profile's basal stands for it"),
    "extended_bolus": to_translate("nothing to do"),
    "extended_carbs": to_translate("nothing to do"),
    "bolus_event_type": to_translate("nothing to do"),
    "meal_time": to_translate("nothing to do"),
    "duplicate": to_translate("let one uploader send doses"),
}
