"""Checks of a Nightscout site: reachable, its version, and what the credentials may do. Nothing is ever written."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from flows.doctor.check import CheckContext, CheckResult, fail, ok, skipped, warn
from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.nightscout.answers import failure_kind
from flows.nightscout.authentication import Credentials
from flows.nightscout.client import NightscoutClient
from flows.nightscout.connections import session_within
from flows.nightscout.permissions import READING, SWITCHING_PROFILES, WRITING_PROFILES, lacking, permissions_of
from flows.nightscout.reach import Reach
from flows.nightscout.writer import NightscoutWriter

TIMEOUT_S = (10, 30)
# What the corrections and the write-back were tried with, by real servers.
TRIED = ("0.12", "14.", "15.")
KINDS = {"entries": "entries/sgv.json", "treatments": "treatments.json", "profile": "profile.json"}
ROLE = ", ".join(READING)
NOT_REACHED = "the site was not reached"


class SiteProbe:
    """One site, asked once for each thing that several checks need.

    Args:
        site: its address.
        credentials: for reading, or why there are none.
        write_credentials: for writing; anonymous where nothing is to be written.
        reach: which addresses the site's name may stand for.
    """

    def __init__(
        self,
        site: str,
        credentials: Credentials | Refused,
        write_credentials: Credentials | Refused | None = None,
        reach: Reach = Reach.ANYWHERE,
    ) -> None:
        self.site = site
        self.reach = reach
        self.credentials = credentials
        self.write_credentials = write_credentials if write_credentials is not None else Credentials()
        self.clock: datetime | None = None

    @functools.cached_property
    def trouble(self) -> str | None:
        """Why the site cannot be reached, `None` where it answers; notes the clock of its answer."""
        try:
            status = f"{self.site}/api/v1/status.json"  # its body is not read
            with (
                session_within(self.reach) as session,
                session.get(status, auth=lambda r: r, timeout=TIMEOUT_S, allow_redirects=False, stream=True) as answer,
            ):
                pass
        except Refused as refusal:
            return refusal.sentence
        except (requests.RequestException, ValueError) as error:
            return failure_kind(error)
        with suppress(ValueError, TypeError):
            self.clock = parsedate_to_datetime(answer.headers.get("Date", ""))
        return f"it fails with status {answer.status_code}" if answer.status_code >= 500 else None

    @property
    def answers(self) -> bool:
        """Whether there is anything more to ask."""
        return self.trouble is None and isinstance(self.credentials, Credentials)

    @functools.cached_property
    def status(self) -> dict[str, Any] | Refused:
        """status.json, or why it may not be read."""
        document = self._get("status.json")
        return document if isinstance(document, dict | Refused) else {}

    @functools.cached_property
    def reads(self) -> dict[str, Any]:
        """For each kind of data a document of one record, or the refusal."""
        return {kind: self._get(path, "count=1") for kind, path in KINDS.items()}

    @property
    def profile_zone(self) -> str | None:
        """The time zone of the newest profile, where it can be read."""
        documents = self.reads["profile"] if self.answers else None
        if not isinstance(documents, list) or not documents or not isinstance(documents[0], dict):
            return None
        store, name = documents[0].get("store"), documents[0].get("defaultProfile")
        profile = store.get(name) if isinstance(store, dict) else None
        zone = profile.get("timezone") if isinstance(profile, dict) else None
        return zone if isinstance(zone, str) else None

    def _get(self, path: str, query: str = "") -> Any:
        assert isinstance(self.credentials, Credentials)
        try:
            with NightscoutClient(
                self.site, self.credentials, sleep=lambda _: None, wake_s=0, reach=self.reach
            ) as client:
                return client.get(path, query).document
        except Refused as refusal:
            return refusal


def _when_it_answers(look: Callable[[SiteProbe], CheckResult]) -> Callable[[CheckContext], CheckResult]:
    @functools.wraps(look)
    def looked(context: CheckContext) -> CheckResult:
        if context.site is None:
            return skipped(to_translate("no site is named"))
        return look(context.site) if context.site.answers else skipped(NOT_REACHED)

    return looked


def reachable(context: CheckContext) -> CheckResult:
    """Whether the site answers at all."""
    probe = context.site
    if probe is None:
        return skipped(to_translate("no site is named (--site, or AUTOTUNE_NIGHTSCOUT_SITE)"))
    if isinstance(probe.credentials, Refused):
        return fail(probe.credentials.sentence, probe.credentials.remedy)
    if probe.trouble:
        return fail(
            translatable("{site} cannot be reached: {trouble}.", site=probe.site, trouble=probe.trouble),
            to_translate("Check the address and the network."),
        )
    return ok(translatable("{site} answers", site=probe.site))


@_when_it_answers
def version(probe: SiteProbe) -> CheckResult:
    """Which Nightscout it is."""
    status = probe.status
    if isinstance(status, Refused):
        if status.reason in (Reason.SITE_UNAUTHORIZED, Reason.SITE_FORBIDDEN):
            return skipped(
                to_translate("the role may not read the site's status (api:status:read), which no run needs")
            )
        return fail(status.sentence, status.remedy)
    name = str(status.get("version", ""))
    if not name:
        return fail(
            to_translate("The address answers, but not as Nightscout does."),
            to_translate("Give the address of the Nightscout page."),
        )
    if not name.startswith(TRIED):
        return warn(
            translatable("Nightscout {name} was not tried with this program.", name=name),
            to_translate("Look at the first report with care."),
        )
    return ok(translatable("Nightscout {name}", name=name))


@_when_it_answers
def reading(probe: SiteProbe) -> CheckResult:
    """Whether entries, treatments and profile may be read; whether the token is known at all."""
    held = probe.credentials
    assert isinstance(held, Credentials)
    try:
        # An open site takes a wrong secret for nobody's, and answers all the same.
        permissions = [] if held.anonymous else permissions_of(probe.site, held, probe.reach)
    except Refused as refusal:
        if refusal.reason is not Reason.SITE_UNAUTHORIZED:
            raise
        what = to_translate("access token") if held.access_token else to_translate("API secret")
        return fail(
            translatable("The site does not know the {what}.", what=what),
            to_translate("Copy it again from Nightscout's Admin Tools."),
        )
    refused = {kind: answer for kind, answer in probe.reads.items() if isinstance(answer, Refused)}
    if not refused:
        if not lacking(permissions, WRITING_PROFILES):
            return warn(
                to_translate("The credentials for reading may also write to the site."),
                translatable("Make a token whose role has just {role}.", role=ROLE),
            )
        by_whom = to_translate(" by everybody: the site is open") if held.anonymous else ""
        return ok(translatable("entries, treatments and profile can be read{by_whom}", by_whom=by_whom))
    first = next(iter(refused.values()))
    if first.reason not in (Reason.SITE_UNAUTHORIZED, Reason.SITE_FORBIDDEN):
        return fail(first.sentence, first.remedy)
    what = ", ".join(refused)
    if held.anonymous:
        return fail(
            translatable("The site is not open to everybody, and there are no credentials for it ({what}).", what=what),
            translatable(
                "In Nightscout's Admin Tools make a subject whose role has {role}; set "
                "AUTOTUNE_NIGHTSCOUT_TOKEN(_FILE).",
                role=ROLE,
            ),
        )
    missing = ", ".join(f"api:{kind}:read" for kind in refused)
    return fail(
        translatable("The token is known, but may not read {what}.", what=what),
        translatable("Give its role {missing}.", missing=missing),
    )


@_when_it_answers
def writing(probe: SiteProbe) -> CheckResult:
    """Whether the credentials for writing may create a profile, and switch to it. Asked, not tried."""
    held = probe.write_credentials
    if isinstance(held, Refused):
        return fail(held.sentence, held.remedy)
    if held.anonymous:
        return skipped(to_translate("no credentials for writing are set; nothing can be written to the site"))
    try:
        # The writer's own question, so that what it says here is what `apply` will say.
        with NightscoutWriter(probe.site, held, reach=probe.reach) as writer:
            every = writer.missing_permissions((*WRITING_PROFILES, *SWITCHING_PROFILES))
    except Refused as refusal:
        if refusal.reason is Reason.SITE_UNAUTHORIZED:
            return fail(
                to_translate("The site does not know the token or secret for writing."), to_translate("Set a new one.")
            )
        return fail(refusal.sentence, refusal.remedy)
    if missing := [p for p in every if p in WRITING_PROFILES]:
        return fail(
            translatable(
                "The token for writing may not write profiles: its role lacks {missing}.", missing=", ".join(missing)
            ),
            translatable("Give its role {writing_profiles}.", writing_profiles=", ".join(WRITING_PROFILES)),
        )
    if missing := every:
        return warn(
            translatable(
                "A profile can be written, but not switched to: the role lacks {missing}.", missing=", ".join(missing)
            ),
            translatable(
                "Give it {switching_profiles}, or switch by hand.", switching_profiles=", ".join(SWITCHING_PROFILES)
            ),
        )
    if isinstance(probe.status, dict) and probe.status.get("careportalEnabled") is False:
        return warn(
            to_translate("The site's careportal is off: it takes no profile switch."),
            to_translate("Add careportal to its ENABLE."),
        )
    return ok(to_translate("a profile can be written and switched to"))
