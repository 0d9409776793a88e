"""A person's night as it is changed on the page: one schedule of the nightly deployment, sent whole, no other touched.

The same schedules as of `autotune nights` (flows.orchestration.nights), over Prefect's HTTP interface.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from flows.language.catalogue import phrase
from flows.values.local_days import clock_time, is_clock_time
from flows.web.people import Person
from flows.web.prefect_server import NIGHTLY, PrefectServer, ServerAway
from flows.web.snapshot import NightlySchedule

AT = "04:30"  # the day that ended at 04:00 counts
WAIT_MIN = 180  # what a new night waits for late readings, as `autotune nights add` has it
SLUG = "nightly"


def errors_of(at: str, timezone: str) -> dict[str, str]:
    """What is wrong with a time and a zone, by field, in the language that is spoken."""
    found = {}
    if not is_clock_time(at):
        found["at"] = phrase("Give a time of the day, such as {example}.", example=AT)
    if timezone not in available_timezones():
        found["zone"] = phrase("Give the name of a time zone, such as {example}.", example="Europe/Paris")
    return found


def set_night(
    server: PrefectServer, person: Person, known: NightlySchedule | None, *, active: bool, at: str, timezone: str
) -> None:
    """Make a person's schedule, or give it another time, zone or switch; what its runs ask for stays.

    Args:
        server: Prefect's.
        person: of a site.
        known: the person's schedule, where there is one.
        active: whether it is on.
        at: its local time as HH:MM.
        timezone: of the time.

    Raises:
        ServerAway: nothing was changed, or nobody knows.
    """
    deployment = server.get(f"/deployments/name/{NIGHTLY}")
    if deployment is None:
        raise ServerAway("it does not know the nightly deployment: the service is not set up")
    hour, minute = clock_time(at)
    how = {"cron": f"{minute} {hour} * * *", "timezone": timezone, "day_or": True}
    whole: dict[str, Any] = {"schedule": how, "active": active}
    if known is not None:
        whole |= {"parameters": known.parameters, "slug": known.slug}  # Prefect 3.9.1 drops what is left out
        server.send("PATCH", f"/deployments/{deployment['id']}/schedules/{known.id}", whole)
        return
    request = {"wait_for_data_min": WAIT_MIN, **person.request()}
    whole |= {"parameters": {"request": request}, "slug": f"{SLUG}-{person.block}" if person.block else SLUG}
    server.send("POST", f"/deployments/{deployment['id']}/schedules", [whole])  # type: ignore[arg-type]
