"""`autotune doctor`: looks over the set-up and says what is wrong and how to fix it. Changes nothing."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli.console import message, now, print_either, show
from flows.cli.exit_code import ExitCode
from flows.cli.options import JSON, Command, argument
from flows.language.catalogue import phrase, to_translate, translated
from flows.language.translatable import in_spoken

if TYPE_CHECKING:
    from flows.doctor.check import CheckContext, ExaminedCheck

MARKS = {"ok": "ok  ", "warn": to_translate("WARN"), "fail": to_translate("FAIL"), "skipped": "-   "}
STYLES = {"ok": "", "warn": "yellow", "fail": "bold red", "skipped": "dim"}  # on a terminal only


COMMAND = Command(
    help="look over the set-up: Node.js, oref0, Docker, Prefect, the site, its rights, the clock, the disk",
    description="Exit status 0 when a run can work (warnings included), 3 when something has to be fixed first. "
    "Nothing is written anywhere, and no secret is shown.",
    arguments=(
        argument("--site", metavar="URL", help="a Nightscout site (default: AUTOTUNE_NIGHTSCOUT_SITE)"),
        argument("--timezone", metavar="TZ", help="the person's zone (default: AUTOTUNE_TIMEZONE or the profile's)"),
        argument("--runs", type=Path, metavar="DIR", help="where runs are kept (default: AUTOTUNE_RUNS)"),
        JSON,
    ),
    fields="allow_http engine",
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Look at everything; 0 or 3."""
    message(phrase("autotune-flows: looking over the set-up …"))
    from flows.doctor.table import examine

    results = []
    for result in examine(_context(arguments)):
        results.append(result)
        if not arguments.as_json:
            _print(result)
    failed = [result.name for result in results if result.finding.level == "fail"]
    document = {"status": "fail" if failed else "ok", "checks": [result.document() for result in results]}
    print_either(arguments.as_json, document, _end(failed))
    return ExitCode.REFUSED if failed else ExitCode.OK


def _end(failed: list[str]) -> str:
    return phrase("Fix first: {checks}.", checks=", ".join(failed)) if failed else phrase("A run can work.")


def _context(arguments: argparse.Namespace) -> CheckContext:
    from flows.doctor.check import CheckContext
    from flows.environment import environment_now
    from flows.orchestration.with_password import CLIENT, prefect_auth
    from flows.values.user_directories import runs_root

    environment = environment_now()
    return CheckContext(
        runs_root=arguments.runs or runs_root(),
        now=now(),
        engine=arguments.engine,
        timezone=arguments.timezone or environment.timezone,
        prefect_api=os.environ.get("PREFECT_API_URL") or None,
        prefect_auth=os.environ.get("PREFECT_API_AUTH_STRING") or prefect_auth(environment).get(CLIENT),
        site=_site(arguments.site or environment.nightscout_site, allow_http=arguments.allow_http),
    )


def _site(named: str | None, *, allow_http: bool) -> Any:
    from flows.cli.analysis import say_assumed_scheme
    from flows.doctor.site import SiteProbe
    from flows.errors import Refused
    from flows.nightscout.credentials import credentials_for, write_credentials_for
    from flows.settings import AnalysisRequest

    if not named:
        return None
    request = AnalysisRequest(site=named, allow_http=allow_http)
    say_assumed_scheme(named, request.site)
    held: list[Any] = []
    for credentials in (credentials_for, write_credentials_for):
        try:
            held.append(credentials(request))
        except Refused as refusal:
            held.append(refusal)
    return SiteProbe(str(request.site), *held)


def _print(examined: ExaminedCheck) -> None:
    found = examined.finding
    show(f"{translated(MARKS[found.level])}  {examined.name:<15} {in_spoken(found.sentence)}", STYLES[found.level])
    if found.remedy:
        show(f"{'':<22}→ {in_spoken(found.remedy)}")
