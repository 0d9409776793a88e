"""When a site is asked again: after which answers, how often, and how long is waited before. Never for a write."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3

from flows.errors import Reason, Refused
from flows.nightscout.answers import CUT_OFF, NO_CONNECTION, AnswerTooLarge, failure_kind, parse, refusal
from flows.nightscout.in_front import refusal_in_front
from flows.values.limits import ANSWER
from flows.values.progress import tell

ATTEMPTS = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 530})
# A free host that fell asleep refuses connections, or has its proxy answer one of these, for 20 to 60 s.
ASLEEP_STATUSES = frozenset({502, 503, 504, 521, 522, 523, 530})
WAKE_S, WAKE_WAIT_S = 60.0, 5.0
TOLD_AT_ATTEMPT = 3
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
        wake_s: how long the site, as long as it has answered nothing yet, is waited for to wake up.
        awake: set once the site has answered.
    """

    stopped: threading.Event
    sleep: Callable[[float], object]
    jitter: Callable[[], float]
    clock: Callable[[], float]
    wake_s: float = WAKE_S
    awake: threading.Event = field(default_factory=threading.Event)

    def ask(self, once: Callable[[], tuple[requests.Response, bytes]], what: str) -> tuple[bytes, Any]:
        """The bytes and the document of the first good answer.

        Args:
            once: sends the request, and gives its answer and the bytes of it.
            what: was asked, for a refusal; without a secret.

        Raises:
            Refused: a `SITE_…` reason; at once where asking again cannot help.
        """
        failure = Refused(Reason.SITE_UNREACHABLE, what=what, detail="the run was stopped", attempts=0)
        began_s, slept_s, attempt = self.clock(), 0.0, 0
        while not self.stopped.is_set():
            attempt += 1
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(attempt - 1, 10)) * (1 + self.jitter())
            asleep, trouble, asked_s, too_large = False, "", 0.0, False
            try:
                response, body = once()
            except REQUEST_ERRORS as error:
                trouble = failure_kind(error)
            except AnswerTooLarge:
                too_large = True
            if too_large:
                raise ANSWER.exceeded(f"The answer to {what}")
            if trouble:  # outside the handler: the error holds the address, and a refusal must not lead to it
                failure = Refused(Reason.SITE_UNREACHABLE, what=what, detail=trouble, attempts=attempt)
                asleep = trouble == NO_CONNECTION
            elif (in_front := refusal_in_front(response, body, what)) is not None:
                raise in_front
            elif response.status_code in RETRYABLE_STATUSES:
                failure, asleep = refusal(response, what, attempt), response.status_code in ASLEEP_STATUSES
                asked_s = retry_after_s(response.headers.get("Retry-After", ""), self.clock())
                if asked_s > LONGEST_WAIT_S:
                    raise Refused(
                        Reason.SITE_ASKS_TO_WAIT, what=what, seconds=math.ceil(asked_s), status=response.status_code
                    )
                wait_s = max(wait_s, asked_s)
            elif response.status_code != 200:
                raise refusal(response, what, attempt)
            elif (document := parse(body, response, what)) is not CUT_OFF:
                self.awake.set()
                return body, document
            else:
                failure = Refused(Reason.SITE_NOT_DATA, what=what, detail="the answer was cut off")
            # The clock may be set back, and a request takes time: whichever says more has passed is believed.
            left_s = self.wake_s - max(slept_s, self.clock() - began_s)
            waking = asleep and not self.awake.is_set() and left_s > 0
            if attempt >= ATTEMPTS and not waking:
                break
            if waking and attempt == TOLD_AT_ATTEMPT:
                tell("waking", seconds=math.ceil(left_s))
            if attempt >= ATTEMPTS:
                wait_s = max(min(WAKE_WAIT_S, left_s), asked_s)
            self.sleep(wait_s)
            slept_s += wait_s
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
