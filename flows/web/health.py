"""Whether all works: the doctor's findings on Prefect's server, and the page's own. Never looked at in a request.

What needs a site's token (whether it lets runs in) the page cannot ask: `autotune doctor` does, where runs are made.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import cast

import httpx

from flows.doctor.check import CheckContext, CheckResult, ExaminedCheck, Level, fail, ok, warn
from flows.doctor.table import examine
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.web.state import PageState

ROOM = "health"
OF_THE_SERVER = frozenset({"prefect-server", "deployments", "schedules", "worker", "limits"})
FRESH = timedelta(seconds=30)
ROOM_LEFT_BYTES = 500_000_000  # below it a run or an upload may not find room
ANSWER_S = 5.0
# What stands first: what does not work.
ORDER = (Level.FAIL, Level.WARN, Level.SKIPPED, Level.OK)


class Health:
    """The last findings, and a thread that looks again when somebody asks and they are old."""

    def __init__(self, page: PageState) -> None:
        self._page = page
        self._lock = threading.Lock()
        self.rows: list[ExaminedCheck] = []
        self.at: datetime | None = None

    def freshen(self) -> None:
        """Look again beside the request, where the last look is not fresh and nobody is looking."""
        if not self._lock.locked() and (self.at is None or datetime.now(UTC) - self.at > FRESH):
            threading.Thread(target=self.look, name="autotune-page-health", daemon=True).start()

    def look(self) -> None:
        """Look now."""
        with self._lock:
            rows = sorted(findings(self._page), key=lambda row: ORDER.index(row.finding.level))
            self.rows, self.at = rows, datetime.now(UTC)


def health_of(page: PageState) -> Health:
    """The health of the page."""
    return cast(Health, page.rooms[ROOM])


def findings(page: PageState) -> Iterator[ExaminedCheck]:
    """Every finding: of the page, then of the server."""
    settings = page.settings
    for name, looks_at, look in (
        ("way-around", to_translate("whether Prefect's API is as closed as this page"), way_around),
        ("encrypted", to_translate("how people reach this page"), encrypted),
        ("room", to_translate("room for runs and uploads"), room),
    ):
        yield ExaminedCheck(name, looks_at, look(page))
    context = CheckContext(
        runs_root=settings.runs,
        now=datetime.now(UTC),
        prefect_api=settings.prefect_api,
        prefect_auth=settings.prefect_auth,
    )
    yield from examine(context, OF_THE_SERVER)


def way_around(page: PageState) -> CheckResult:
    """Prefect's API hands the secrets of saved sites to whoever may ask it: a published page needs its password."""
    settings = page.settings
    if not settings.published:
        return ok(to_translate("This page and Prefect's are for this machine alone."))
    try:
        answer = httpx.get(f"{settings.prefect_api}/admin/version", timeout=ANSWER_S, trust_env=False)
        away = answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    except httpx.HTTPError:
        away = True
    if away and settings.prefect_auth:
        return warn(
            to_translate("Others reach this page; whether Prefect's API wants a password is not known: it is away."),
            to_translate("Start Prefect's server again, then look here once more."),
        )
    if not away and answer.status_code == HTTPStatus.UNAUTHORIZED:
        return ok(to_translate("Others reach this page, and Prefect's API wants a password."))
    return fail(
        to_translate(
            "Others reach this page, and Prefect's API wants no password: whoever reaches it goes around this page, "
            "and can read the tokens of saved sites."
        ),
        to_translate(
            "Put a password into a file, name it with AUTOTUNE_SERVER_PASSWORD_FILE, and start the service again."
        ),
    )


def encrypted(page: PageState) -> CheckResult:
    """Whether the password and health data go over the network in the clear."""
    settings = page.settings
    if settings.encrypted or not settings.published:
        return ok(translatable("At {address}.", address=settings.url))
    return warn(
        translatable(
            "At {address}: without encryption, everybody in the network can read along.", address=settings.url
        ),
        to_translate("Put a proxy with https before it, and name its address with AUTOTUNE_PAGE_URL."),
    )


def room(page: PageState) -> CheckResult:
    """Whether the disks have room."""
    places = {place: place for place in (page.settings.data, page.settings.runs, page.settings.uploads)}
    free = min(shutil.disk_usage(place).free for place in places if place.exists())
    if free < ROOM_LEFT_BYTES:
        return warn(
            translatable("{free:.1f} GB are free.", free=free / 1e9),
            to_translate("Make room, or give runs and uploads another disk."),
        )
    return ok(translatable("{free:.1f} GB are free.", free=free / 1e9))
