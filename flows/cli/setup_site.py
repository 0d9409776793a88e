"""The part of `autotune setup` that is about the site: its address, its tokens, and whether it lets us in.

Asked from where the runs will be as far as that can be tested; writes nothing.
"""

from __future__ import annotations

import argparse
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flows.cli import inside
from flows.cli.analysis import loaded
from flows.cli.console import message, now, show
from flows.cli.exit_code import UsageError
from flows.cli.questions import Questions
from flows.language.catalogue import phrase, to_translate, translated
from flows.language.translatable import in_spoken, translatable

if TYPE_CHECKING:
    from flows.doctor.check import ExaminedCheck
    from flows.doctor.site import SiteProbe
    from flows.settings import AnalysisRequest

# `permissions.READING` and those of writing, without the imports.
READING = "api:entries:read, api:treatments:read, api:profile:read"
WRITING = "api:profile:read, api:profile:create, api:treatments:read, api:treatments:create"
WHAT_TO_MAKE = to_translate("""
In Nightscout open the menu (☰), then Admin Tools (it asks for the API secret):
  1. Roles → Add new Role. Name: {role}
     Permissions: {permissions}
  2. Subjects → Add new Subject. Name: {subject}. Roles: {role}
  3. Copy the Access Token of that subject (such as {subject}-0123456789abcdef).
{what}
""")
FOR_READING = translatable(
    WHAT_TO_MAKE,
    role="autotune-reader",
    permissions=READING,
    subject="autotune",
    what=to_translate(
        "It may read your data and change nothing. If everybody may read your site, leave the token empty."
    ),
)
FOR_WRITING = translatable(
    WHAT_TO_MAKE,
    role="autotune-writer",
    permissions=WRITING,
    subject="autotune-writer",
    what=to_translate(
        "Only the applying worker is given it, and it writes what you approved. Without the last permission a\n"
        "profile is written, and you switch to it by hand."
    ),
)
LOOPBACK = to_translate(
    """{host} is this machine only seen from itself: inside a container it is the container. Give the address that
  other machines of your network use, such as {example} (plain http needs --allow-http), and let Nightscout listen
  there; or set up `autotune serve`, which needs no container (--serve)"""
)
PRIVATE = to_translate(
    """  Its address is one of a private network. Runs may ask it because .env names it as its site; further
  sites of your own network go into AUTOTUNE_ALLOWED_SITES, or are saved as blocks."""
)
SITE, ALLOW_HTTP = "AUTOTUNE_NIGHTSCOUT_SITE", "AUTOTUNE_ALLOW_HTTP"


@dataclass
class SetUp:
    """What is known so far."""

    arguments: argparse.Namespace
    questions: Questions
    known: dict[str, str]
    token_file: Path
    write_token_file: Path
    token: str | None = field(default=None, repr=False)
    write_token: str | None = field(default=None, repr=False)
    inside: bool = False  # the site was tested from inside the container
    zone: str | None = None  # of the profile in Nightscout


class NotLetIn(Exception):
    """The site does not let in who asks, and nobody is there to say otherwise."""


def site_that_lets_in(of: SetUp) -> AnalysisRequest:
    """The site, tested; asked for again, as its token is, for as long as it does not let us in.

    Raises:
        NotLetIn: it does not, and nobody is there.
        Refused: what was given is no address, or plain http.
    """
    request = _site(of, of.arguments.site)
    of.token = _token(of)
    while failed := _why_not_let_in(of, request):
        if not of.questions.attended:
            raise NotLetIn
        message(phrase("Nothing is written yet. Ctrl-C ends the set-up."))
        if failed == {"site-reading"}:
            show(in_spoken(FOR_READING))
            of.token = of.questions.secret(phrase("Access token"))
        else:
            request = _site(of, None)
    return request


def _site(of: SetUp, given: str | None) -> AnalysisRequest:
    if given:
        try:
            return _request(of, given)
        except ValueError as error:
            raise UsageError(f"autotune setup: {error}.") from None
    before = of.known.get(SITE)
    question = phrase("Address of your Nightscout site")
    return of.questions.ask(question, before, "--site", lambda text: _request(of, text))


def _request(of: SetUp, text: str) -> AnalysisRequest:
    """The request of a test fetch.

    Raises:
        ValueError: it cannot be reached from a container.
        Refused: it is no address, or plain http that is not allowed.
    """
    from flows.settings import AnalysisRequest, site_url

    site = site_url(text)
    host = urlsplit(site).hostname or ""
    if not of.arguments.serve and _is_this_machine(host):
        port = f":{urlsplit(site).port}" if urlsplit(site).port else ""
        raise ValueError(translatable(LOOPBACK, host=host, example=f"http://{_own_address()}{port}"))
    allowed = of.arguments.allow_http or (of.known.get(ALLOW_HTTP, "").lower() == "true" and of.known.get(SITE) == site)
    plain = site.startswith("http://") and not _is_this_machine(host)
    if plain and not allowed and of.questions.attended:
        message(
            phrase("  Over plain http everybody on the way can read the token and the data; only for your own network.")
        )
        allowed = of.questions.yes(phrase("Read this site over plain http?"), False, "--allow-http")
    return AnalysisRequest(site=site, allow_http=allowed, days=1, compare=False)


def _is_this_machine(host: str) -> bool:
    return host in ("localhost", "::1") or host.endswith(".localhost") or host.startswith("127.")


def _own_address() -> str:
    """This machine's address in its network, by which a container reaches it; nothing is sent."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return "192.168.1.5"


def _token(of: SetUp) -> str | None:
    if (given := _given("nightscout_token", of.token_file)) is not None or not of.questions.attended:
        return given
    show(in_spoken(FOR_READING))
    return of.questions.secret(phrase("Access token"))


def _given(name: str, file: Path) -> str | None:
    from flows.environment import environment_now

    if given := environment_now().secret(name):
        return given.strip()
    return file.read_text("utf-8").strip() or None if file.is_file() else None


def _why_not_let_in(of: SetUp, request: AnalysisRequest) -> set[str]:
    """The names of the checks that failed, none where the site lets us read; a day of it is fetched and thrown away."""
    from flows.doctor.site import SiteProbe
    from flows.nightscout.authentication import Credentials
    from flows.nightscout.reach import Reach

    message(phrase("Asking {site} …", site=request.site))
    _explain_private(request)
    inside = _tested_inside(of, request)
    if inside:
        return inside
    credentials = Credentials(token=of.token)
    probe = SiteProbe(str(request.site), credentials, reach=Reach.PRIVATE_TOO)
    if of.inside and probe.trouble:
        message(phrase("  From this machine itself it is not reached, which no run needs."))
        return set()
    failed = _looked_at(probe, {"site", "site-version", "site-reading", "clock"})
    if failed:
        return failed
    of.zone = probe.profile_zone
    with loaded(request, credentials) as (_, got):
        message(
            phrase(
                "Fetched a day to try: {readings} readings, {treatments} treatments, {profiles} profile documents.",
                readings=got.entries,
                treatments=got.treatments,
                profiles=got.profiles,
            )
        )
    if not got.entries:
        message(phrase("  There are no readings of the last whole day: is the sensor's uploader at work?"))
    return set()


def _looked_at(probe: SiteProbe, names: set[str]) -> set[str]:
    from flows.doctor.check import CheckContext
    from flows.doctor.table import examine

    found: list[ExaminedCheck] = list(examine(CheckContext(Path(), now(), site=probe), frozenset(names)))
    for result in found:
        if result.finding.remedy:
            message(f"  {in_spoken(result.finding.sentence)}\n  → {in_spoken(result.finding.remedy)}")
    return {result.name for result in found if result.finding.level == "fail"}


def _explain_private(request: AnalysisRequest) -> None:
    from flows.nightscout.reach import AddressKind, kind_of

    parts = urlsplit(str(request.site))
    with suppress(OSError, ValueError):
        found = socket.getaddrinfo(parts.hostname or "", parts.port or 443, type=socket.SOCK_STREAM)
        if any(kind_of(str(address[4][0])) is AddressKind.PRIVATE for address in found):
            message(translated(PRIVATE))


def _tested_inside(of: SetUp, request: AnalysisRequest) -> set[str]:
    """What failed inside the worker's container; none where all was well, or it could not be tested there."""
    arguments, of.inside = of.arguments, False
    if arguments.serve or arguments.inside is False:
        return set()
    trouble = inside.why_not(arguments.directory)
    if trouble is None and not inside.is_built(arguments.directory):
        wanted = arguments.inside or (
            of.questions.attended
            and of.questions.yes(
                phrase("Build the service's image now, to test from inside it (some minutes)?"), True, "--inside"
            )
        )
        if not wanted:
            arguments.inside = False
            return set()
        trouble = None if inside.build(arguments.directory) else to_translate("the image could not be built")
    found = None if trouble else inside.checks(arguments.directory, of_site(request), of.token)
    if found is None:
        arguments.inside = False  # once is enough
        why = in_spoken(trouble or to_translate("it could not be started"))
        message(phrase("  The site is not tested from inside the container: {why}.", why=why))
        return set()
    of.inside = True
    for check in found:
        if check.get("mend"):
            sentence, remedy = in_spoken(check["sentence"]), in_spoken(check["mend"])
            message(phrase("  From inside the container: {sentence}", sentence=sentence) + f"\n  → {remedy}")
    failed = {str(check["name"]) for check in found if check["level"] == "fail"}
    if not failed:
        message(phrase("  From the worker's container it can be read."))
    return failed


def token_for_writing(of: SetUp, request: AnalysisRequest) -> str | None:
    """What may write, tested for its permissions without writing; `None` where nothing is to be written.

    Raises:
        NotLetIn: what was given may not, and nobody is there.
    """
    from flows.doctor.site import SiteProbe
    from flows.nightscout.authentication import Credentials

    given = _given("nightscout_write_token", of.write_token_file)
    if request.goes_unencrypted:
        message(phrase("  What may write is not sent over plain http: without https, write by hand what you approve."))
        return None
    question = phrase("May what you approve be written to the site? It needs a token of its own.")
    if given is None:
        if not (of.questions.attended and of.questions.yes(question, False, "--write-token-file")):
            return None
        show(in_spoken(FOR_WRITING))
        given = of.questions.secret(phrase("Access token for writing"))
    while given:
        probe = SiteProbe(str(request.site), Credentials(token=of.token), Credentials(token=given))
        if probe.trouble or not _looked_at(probe, {"site-writing"}):
            return given
        if not of.questions.attended:
            raise NotLetIn
        given = of.questions.secret(phrase("Access token for writing"))
    return None


def of_site(request: AnalysisRequest) -> dict[str, str]:
    plain = "true" if request.goes_unencrypted else "false"
    return {SITE: str(request.site), ALLOW_HTTP: plain}
