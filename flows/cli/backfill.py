"""`autotune backfill`: a run for each past week, so that the trend of a new person begins some weeks ago."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from flows.cli.analysis import loaded, request_of
from flows.cli.console import message, now, print_document, progress, show
from flows.cli.exit_code import ExitCode
from flows.cli.options import COMPUTING, JSON, TUNING, Command, argument, asked, number_within
from flows.cli.prefect_api import prefect_server
from flows.language.catalogue import phrase, to_translate
from flows.language.translatable import in_spoken

if TYPE_CHECKING:
    from datetime import date

    from flows.nightscout.authentication import Credentials
    from flows.pipeline.backfill import PastWeek
    from flows.settings import AnalysisRequest
    from flows.values.run_directory import RunDirectory

MOST_WEEKS = 52
ENDED = {
    "proposal": to_translate("{days} to {end}  done"),
    "refused": to_translate("{days} to {end}  no result"),
    "there": to_translate("{days} to {end}  is there already"),
}

COMMAND = Command(
    help="a run for each past week, the oldest first: fills the trend of a new person",
    description="Each run takes the days that end with a week, as a run made then would have, and is marked as past: "
    "`autotune history` shows it, and nothing else uses it: no run starts from it, no notice tells of it, and it is "
    "never written to a site. Weeks that are there already are left out, so a backfill that was cut off goes on. "
    "Needs no Prefect server, but for --block.",
    arguments=(
        argument(
            "--weeks",
            type=number_within("int", least=1, most=MOST_WEEKS),
            default=8,
            metavar="N",
            help="how many past weeks (default: 8)",
        ),
        JSON,
    ),
    fields=f"site allow_http ask_now from_directory profile_file openaps_profile days timezone exclude weekdays "
    f"exclude_events exclude_found profile insulin insulin_peak_min inputs {COMPUTING} {TUNING} compare",
    site_block=True,
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Run each week that is not there; `REFUSED` where none of them has a result."""
    from flows.pipeline.backfill import backfill, last_day, weeks_of
    from flows.profiles.raw_files import RawFiles
    from flows.values.user_directories import runs_root

    request, credentials = _whose(arguments)
    last = last_day(now())
    if request.from_directory is not None:
        with loaded(request) as (read, _):
            last = last_day(now(), RawFiles.open(read))
    requests = weeks_of(request, arguments.weeks, last)
    done: list[PastWeek] = []

    def run_one(week: AnalysisRequest) -> RunDirectory:
        assert week.start is not None and week.end is not None
        facts = {"end": week.end, "number": len(done) + 1, "of": len(requests), "days": _days(week.start, week.end)}
        message(phrase("Week to {end} ({number} of {of}): {days} …", **facts))
        return _run(week, credentials)

    for ended in backfill(requests, runs_root(), run_one):
        done.append(ended)
        if not arguments.as_json:
            show(_line(ended))
    if arguments.as_json:
        print_document({"weeks": [_document(week) for week in done]})
    return ExitCode.OK if any(week.status != "refused" for week in done) else ExitCode.REFUSED


def _whose(arguments: argparse.Namespace) -> tuple[AnalysisRequest, Credentials | None]:
    """The request, with the address of the block it names, and what its site is read with."""
    from flows.nightscout.credentials import credentials_for

    request = request_of({**asked(arguments), "site_block": arguments.site_block})
    if request.site_block is None:
        return request, credentials_for(request)
    prefect_server()
    from flows.orchestration import blocks

    request = blocks.resolved(request)
    return request, blocks.credentials_for(request)


def _run(request: AnalysisRequest, credentials: Credentials | None) -> RunDirectory:
    from flows.pipeline.run_locally import run_locally
    from flows.values.run_directory import RunDirectory

    made = RunDirectory.create(None, now())
    with progress():
        run_locally(request, made, credentials)
    return made


def _days(start: date, end: date) -> str:
    return phrase("{days} days from {start}", days=(end - start).days + 1, start=start)


def _line(week: PastWeek) -> str:
    said = phrase(ENDED[week.status], days=_days(week.start, week.end), end=week.end)
    return f"{said}: {in_spoken(week.why)}" if week.why else f"{said}  {week.run}"


def _document(week: PastWeek) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(week), "start": week.start.isoformat(), "end": week.end.isoformat()}
