"""When a site is asked again: after which answers, how often, and how long is waited before. Never for a write."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3

from flows.errors import Reason, Refused
from flows.nightscout.answers import CUT_OFF, failure_kind, parse, refusal

ATTEMPTS = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 530})
REQUEST_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    ValueError,
)  # of any request: no usable answer


@dataclass(frozen=True)
class Retry:
    """How one client asks again.

    Attributes:
        stopped: set when nothing is to be asked any more.
        sleep: waits for seconds.
        jitter: by which share of it, 0 to 1, a wait is longer.
        clock: seconds since 1970.
    """

    stopped: threading.Event
    sleep: Callable[[float], object]
    jitter: Callable[[], float]
    clock: Callable[[], float]

    def ask(self, once: Callable[[], tuple[requests.Response, bytes]], what: str) -> tuple[bytes, Any]:
        """The bytes and the document of the first good answer.

        Args:
            once: sends the request, and gives its answer and the bytes of it.
            what: was asked, for a refusal; without a secret.

        Raises:
            Refused: a `SITE_…` reason; at once where asking again cannot help.
        """
        failure = Refused(Reason.SITE_UNREACHABLE, what=what, detail="the run was stopped", attempts=0)
        for attempt in range(1, ATTEMPTS + 1):
            if self.stopped.is_set():
                break
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1)) * (1 + self.jitter())
            trouble = ""
            try:
                response, body = once()
            except REQUEST_ERRORS as error:
                trouble = failure_kind(error)
            if trouble:  # outside the handler: the error holds the address, and a refusal must not lead to it
                failure = Refused(Reason.SITE_UNREACHABLE, what=what, detail=trouble, attempts=attempt)
            elif response.status_code in RETRYABLE_STATUSES:
                failure = refusal(response, what, attempt)
                asked_s = retry_after_s(response.headers.get("Retry-After", ""), self.clock())
                if asked_s > LONGEST_WAIT_S:
                    raise Refused(
                        Reason.SITE_ASKS_TO_WAIT, what=what, seconds=math.ceil(asked_s), status=response.status_code
                    )
                wait_s = max(wait_s, asked_s)
            elif response.status_code != 200:
                raise refusal(response, what, attempt)
            elif (document := parse(body, response, what)) is not CUT_OFF:
                return body, document
            else:
                failure = Refused(Reason.SITE_NOT_DATA, what=what, detail="the answer was cut off")
            if attempt < ATTEMPTS:
                self.sleep(wait_s)
        raise failure


def retry_after_s(value: str, now_s: float) -> float:
    """Seconds a `Retry-After` header asks to wait, written as a number or as a date; 0 where it is neither.

    Args:
        value: the header.
        now_s: seconds since 1970.
    """
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now_s)
