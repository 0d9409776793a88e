"""Step 1: bring the data into `raw/`, as it was served."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.circuit_breaker import CircuitBreaker
from flows.nightscout.client import Answer, NightscoutClient
from flows.nightscout.documents import DirectoryAllowance, packed, read_records
from flows.nightscout.fetch import (
    SWITCHES_SINCE_MS,
    ask_as_upstream,
    fetch_entries,
    fetch_profile_switches,
    fetch_profiles,
    fetch_together,
    fetch_treatments,
)
from flows.nightscout.profile_switches import TEXT_MARGIN_MS
from flows.nightscout.rate_limit import RateLimit
from flows.nightscout.reach import Reach
from flows.nightscout.site_memory import SiteMemory
from flows.nightscout.wait import wait_for_readings
from flows.oref0.work_dir import records_bytes
from flows.pipeline.last_change import EARLIER, earlier_window
from flows.profiles.active_in_data import MARGIN_MS
from flows.profiles.raw_files import NEWEST, Loaded, RawFiles, zone_of
from flows.profiles.timeline import History
from flows.settings import AnalysisRequest, InputsMode
from flows.values.local_days import LocalDay, Window, day_range
from flows.values.run_directory import RunDirectory, write_atomically
from flows.values.units import SECOND_MS

# The consensus on CGM metrics asks for 14 days. Of upstream's result the last five of them weigh two thirds, the first
# seven a sixth: it keeps 80 % a day (oref0@0.7.1 lib/autotune/index.js); a longer range adds almost nothing.
DEFAULT_DAYS = 14
ASK_EVERY_S = 300  # while a run waits for readings


def load(
    request: AnalysisRequest,
    run: RunDirectory,
    credentials: Credentials,
    now: datetime,
    reach: Reach = Reach.ANYWHERE,
) -> Loaded:
    """Bring the data into `raw/`, as it was served, with an index of what each file answers.

    Args:
        request: whose data and which days.
        run: the run directory; writes raw/*.
        credentials: for a site.
        now: the clock.
        reach: which addresses the site's name may stand for.

    Returns:
        Counts.

    Raises:
        Refused: a `SITE_…`, `FILE_…`, `NO_…` or `PROFILE_…` reason.
    """
    raw = RawFiles(run)
    _copy_own_files(request, raw)
    if request.from_directory is not None:
        _load_directory(request, request.from_directory, raw)
        return raw.close(requests=0)
    with client_of(request, credentials, reach) as client:
        _load_site(request, client, raw, now)
    return raw.close(client.requests_made)


def last_night_is_there(
    request: AnalysisRequest, credentials: Credentials, now: datetime, reach: Reach = Reach.ANYWHERE
) -> bool:
    """Whether the last day's readings have arrived at the site, asked once; nothing of the answer is kept.

    Raises:
        Refused: as `load`.
    """
    with TemporaryDirectory() as scratch, client_of(request, credentials, reach) as client:
        raw = RawFiles(RunDirectory.create(Path(scratch) / "run", now))
        _copy_own_files(request, raw)
        days = _days_of_site(request, client, raw, now)[1]
        return wait_for_readings(client, days[-1].glucose.end_ms, at_most_s=0, every_s=ASK_EVERY_S)


def _copy_own_files(request: AnalysisRequest, raw: RawFiles) -> None:
    for kind, file in (
        ("pumpprofile", request.openaps_profile),
        ("autotune", request.openaps_autotune),
        ("profile", request.profile_file),
    ):
        if file is not None:
            raw.copy(kind, file)


def client_of(request: AnalysisRequest, credentials: Credentials, reach: Reach) -> NightscoutClient:
    """A client of the request's site, as patient and as careful as every run's."""
    assert request.site is not None
    memory = SiteMemory(request.site)
    return NightscoutClient(
        request.site,
        credentials,
        rate_limit=RateLimit(memory),
        breaker=CircuitBreaker(memory),
        ignore_breaker=request.ask_now,
        reach=reach,
    )


def _load_directory(request: AnalysisRequest, source: Path, raw: RawFiles) -> None:
    if not source.is_dir():
        raise Refused(Reason.FILE_MISSING, file=str(source), remedy="Give --from an existing directory.")
    allowance = DirectoryAllowance()
    names = [source / f"{kind}.json" for kind in ("entries", "treatments", "profile")]
    allowance.check(path if path.is_file() else packed(path) for path in names)
    for kind in ("entries", "treatments"):
        records = read_records(source / f"{kind}.json", allowance)
        raw.write(kind, records_bytes(records), len(records))
    if not raw.has("pumpprofile") and not raw.has("profile"):
        documents = read_records(source / "profile.json", allowance)
        raw.write("profile", records_bytes(documents), len(documents))


def _days_of_site(
    request: AnalysisRequest, client: NightscoutClient, raw: RawFiles, now: datetime
) -> tuple[str, list[LocalDay]]:
    """The time zone and the days asked for; the profile, which may name the zone, is fetched where it is not there."""
    if not raw.has("pumpprofile") and not raw.has("profile"):
        raw.answer("profile", fetch_profiles(client))
    zone = zone_of(request, raw, until_ms=now.timestamp() * SECOND_MS)
    return zone, _asked_days(request, zone, now)


def _load_site(request: AnalysisRequest, client: NightscoutClient, raw: RawFiles, now: datetime) -> None:
    zone, days = _days_of_site(request, client, raw, now)
    if request.wait_for_data_min:
        # Whether it came or not: the rules for the quality of a day judge what is there.
        wait_for_readings(
            client, days[-1].glucose.end_ms, at_most_s=60 * request.wait_for_data_min, every_s=ASK_EVERY_S
        )
    if request.inputs is InputsMode.UPSTREAM:
        for day in days:
            entries, treatments = ask_as_upstream(client, day)
            raw.answer("entries", entries, str(day))
            raw.answer("treatments", treatments, str(day))
        return
    readings = Window(days[0].glucose.start_ms, days[-1].glucose.end_ms)
    span = Window(days[0].treatments.start_ms, days[-1].treatments.end_ms)
    parts = [partial(fetch_entries, client, readings), partial(fetch_treatments, client, span)]
    if raw.has("profile"):
        parts.append(partial(_switches, client, raw.records("profile"), zone, span.start_ms))
    for kind, answers in zip(("entries", "treatments", "treatments"), fetch_together(client, *parts), strict=False):
        for answer in answers:
            raw.answer(kind, answer)
    if not raw.records("entries"):  # for whoever asked for days without data: what there is
        raw.answer(NEWEST, client.records("entries/sgv.json", "count=1"))
    before = earlier_window(raw, zone, readings.start_ms, readings.end_ms) if raw.has("profile") else None
    for answer in fetch_entries(client, before) if before is not None else ():
        raw.answer(EARLIER, answer)


def _switches(client: NightscoutClient, documents: list[Any], zone: str, start_ms: int) -> list[Answer]:
    """Profile Switches back to the one that decides at the beginning of the data, or that a document overrules."""
    at_ms = start_ms - MARGIN_MS
    since_ms = min(start_ms - SWITCHES_SINCE_MS, History(documents, [], zone).decided_ms(at_ms) - TEXT_MARGIN_MS)
    return fetch_profile_switches(
        client, since_ms, lambda treatments: History(documents, treatments, zone).decided_ms(at_ms)
    )


def _asked_days(request: AnalysisRequest, zone: str, now: datetime) -> list[LocalDay]:
    """The days asked of a site: by default the last whole ones, ending with the one that ended at 04:00 today."""
    today = now.astimezone(ZoneInfo(zone))
    last = (today - timedelta(hours=28)).date() if request.end is None else request.end
    if request.start is not None:
        return day_range(request.start, last, zone)
    return day_range(last - timedelta(days=(request.days or DEFAULT_DAYS) - 1), last, zone)


def export(run: RunDirectory, directory: Path) -> dict[str, int]:
    """Save what was loaded as the directory that `--from` reads: entries.json, treatments.json, profile.json.

    Args:
        run: a run directory with raw/.
        directory: new or without files; made private, since it holds health data.

    Returns:
        How many records of each.

    Raises:
        Refused: `RUN_DIRECTORY_NOT_EMPTY`.
    """
    if directory.exists() and any(directory.iterdir()):
        raise Refused(Reason.RUN_DIRECTORY_NOT_EMPTY, path=directory)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory.chmod(0o700)
    raw = RawFiles.open(run)
    counts = {}
    for kind in ("entries", "treatments", "profile"):
        records = raw.records(kind)
        write_atomically(directory / f"{kind}.json", records_bytes(records))
        counts[kind] = len(records)
    return counts
