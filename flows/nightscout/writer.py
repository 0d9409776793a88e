"""Writes to a Nightscout site: a profile document, a Profile Switch, and what has to be known before and after.

A write is sent once. What became of it is never concluded from the answer, nor from its absence: the caller reads the
site. The requests cannot be those that kill Nightscout 0.12.8 or make it store an empty profile (facts of its API):
never an `_id`, never an array, never an empty document, always `application/json`, never `If-Modified-Since`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum

import requests

from flows.errors import InternalError, Reason, Refused
from flows.nightscout.answers import AnswerTooLarge, failure_kind
from flows.nightscout.client import NightscoutClient, _Access
from flows.nightscout.documents import Record
from flows.nightscout.permissions import READ_PROFILE, READ_TREATMENTS, exchange_path, granted, is_admin, lacking
from flows.nightscout.profile_switches import PROFILE_SWITCHES, switches_since
from flows.nightscout.retry import REQUEST_ERRORS

REFUSALS = range(400, 500)
NOT_DECIDED = frozenset({408, 409, 425, 429})  # the write may have happened, or may yet
# A profile document has one of these, also of the old flat shape and one that somebody broke.
PROFILE_FIELDS = frozenset({"store", "defaultProfile", "startDate", "basal", "sens", "carbratio"})
REQUIRED = {"profile": "store", "treatments": "eventType"}


class WriteStatus(StrEnum):
    """What a site's answer to a write says of it."""

    TAKEN, REFUSED, UNKNOWN = "taken", "refused", "unknown"


@dataclass(frozen=True)
class WriteAttempt:
    """A write that was sent: its status by the answer, HTTP's (0 for none), why it is not known, the new id."""

    status: WriteStatus
    http_status: int
    detail: str
    document_id: str | None = None


class NightscoutWriter(NightscoutClient):
    """A client that may also write."""

    site_ahead_s: float | None = None

    def profiles(self) -> list[Record]:
        """Every profile document.

        Raises:
            Refused: a `SITE_…` reason; `SITE_NOT_DATA` too where none of the records is one.
        """
        found = [d for d in self.records("profile.json", "count=0").document if isinstance(d, dict)]
        if found and not any(PROFILE_FIELDS & d.keys() for d in found):
            raise Refused(Reason.SITE_NOT_DATA, what="profile.json", detail="records that are no profile documents")
        return found

    def profile_switches(self, since_ms: float) -> list[Record]:
        """Every Profile Switch from an instant on.

        Raises:
            Refused: a `SITE_…` reason; `SWITCHES_TOO_MANY`.
        """
        # All of them, whatever decides now: what was there before has to be known when something is there after.
        answers = switches_since(self, (PROFILE_SWITCHES,), since_ms, lambda _: float("-inf"))
        found = {json.dumps(t, sort_keys=True): t for answer in answers for t in answer.document}
        return [t for t in found.values() if isinstance(t, dict) and t.get("eventType") == "Profile Switch"]

    def missing_permissions(self, wanted: tuple[str, ...]) -> list[str]:
        """Which of the permissions the credentials do not have; nothing is written to find out.

        A token's permissions come with its exchange; the API secret has all, once the site says it is the right one.

        Raises:
            Refused: a `SITE_…` reason.
        """
        token = self._credentials.access_token
        access = self._authorize()
        if token is not None:
            basic = _Access(self._credentials.basic_header())
            answer = self._ask(exchange_path(token), "the permissions of the access token", "", basic)
            return [w for w in lacking(granted(answer.document), wanted) if not self._open_to_all(w)]
        answer = self._ask("/api/v1/verifyauth", "verifyauth", "", access)
        return [] if is_admin(answer.document) else list(wanted)

    def _open_to_all(self, wanted: str) -> bool:
        """Whether a permission to read comes with the site's default role: found out by reading."""
        path = {READ_PROFILE: "profile.json", READ_TREATMENTS: "treatments.json"}.get(wanted)
        if path is None:
            return False
        try:
            self.get(path, "count=1")
        except Refused as refusal:
            if refusal.reason in (Reason.SITE_UNAUTHORIZED, Reason.SITE_FORBIDDEN):
                return False
            raise
        return True

    def post_profile(self, document: Record) -> WriteAttempt:
        """Send a new profile document, once."""
        return self._post("profile", document)

    def post_switch(self, treatment: Record) -> WriteAttempt:
        """Send a Profile Switch, once. Nightscout keeps one of a kind at one time: sent again it replaces itself."""
        return self._post("treatments", treatment)

    def _post(self, path: str, document: Record) -> WriteAttempt:
        if not isinstance(document, dict) or "_id" in document or not document.get(REQUIRED[path]):
            raise InternalError(f"what was to be posted to {path} is no document that may be")
        body = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        access = self._authorize()
        questions = f"?{access.secret_query}" if access.secret_query else ""
        try:
            response, answer = self._send(f"{self.site}/api/v1/{path}.json{questions}", access, body)
        except REQUEST_ERRORS as error:
            return WriteAttempt(WriteStatus.UNKNOWN, 0, failure_kind(error))
        except AnswerTooLarge:
            return WriteAttempt(WriteStatus.UNKNOWN, 0, "its answer is too large to be read")
        status = response.status_code
        if status in (200, 201):
            return WriteAttempt(WriteStatus.TAKEN, status, "", _id_in(answer))
        if status in REFUSALS and status not in NOT_DECIDED:
            return WriteAttempt(WriteStatus.REFUSED, status, f"status {status}")
        return WriteAttempt(WriteStatus.UNKNOWN, status, f"status {status}")

    def _send(self, url: str, access: _Access, sent: bytes | None = None) -> tuple[requests.Response, bytes]:
        response, body = super()._send(url, access, sent)
        try:
            date = parsedate_to_datetime(response.headers.get("Date", ""))
        except (ValueError, TypeError, OverflowError):
            return response, body
        if date.tzinfo is not None:
            # The header cuts off the part of a second: the largest difference seen is the nearest to the truth.
            ahead_s = date.timestamp() - self._clock()
            self.site_ahead_s = ahead_s if self.site_ahead_s is None else max(self.site_ahead_s, ahead_s)
        return response, body


def _id_in(answer: bytes) -> str | None:
    try:
        document = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    first = document[0] if isinstance(document, list) and document else document
    found = first.get("_id") if isinstance(first, dict) else None
    return found if isinstance(found, str) and re.fullmatch(r"[0-9a-fA-F]{24}", found) else None
