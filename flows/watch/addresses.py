"""Where notices go: a webhook, and one apprise address per line of a file. An address is a secret.

None is ever shown: what is said of one is its kind, and of a failure its kind too.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from flows.environment import Environment
from flows.nightscout.answers import failure_kind
from flows.watch.words import TEST, Notice, in_language

TIMEOUT_S = (5, 15)
_QUIET = threading.Lock()


@dataclass(frozen=True)
class NoticeAddress:
    """One place that notices go to.

    Attributes:
        key: tells addresses apart; holds none.
        kind: such as `ntfy`; all that is said of it.
        send: sends a notice; the words of what went wrong, `None` where it was taken.
    """

    key: str
    kind: str
    send: Callable[[Notice], str | None] = field(repr=False)


@dataclass(frozen=True)
class NoticeAddresses:
    """What the environment names.

    Attributes:
        known: in the order they are written.
        not_understood: the numbers of the lines that are no address apprise knows.
    """

    known: tuple[NoticeAddress, ...]
    not_understood: tuple[int, ...] = ()


def addresses_of(environment: Environment) -> NoticeAddresses:
    """The webhook and the lines of `AUTOTUNE_NOTICES_FILE`; an address that is written twice counts once.

    Raises:
        Refused: `FILE_MISSING`.
    """
    found: dict[str, NoticeAddress] = {}
    wrong = []
    if webhook := environment.secret("webhook"):
        found[key_of(webhook)] = NoticeAddress(key_of(webhook), "webhook", lambda notice: post(webhook, notice))
    for number, line in enumerate((environment.secret("notices") or "").splitlines(), 1):
        address = line.strip()
        if not address or address.startswith("#"):
            continue
        if (kind := _kind(address)) is None:
            wrong.append(number)
        else:
            key = key_of(address)
            found.setdefault(key, NoticeAddress(key, kind, _through_apprise(address)))
    return NoticeAddresses(tuple(found.values()), tuple(wrong))


@dataclass(frozen=True)
class NoticesTest:
    """What came of a test message.

    Attributes:
        answers: of each address its kind, and what went wrong; `None` where it was taken.
        not_understood: the numbers of the lines that are no address.
    """

    answers: tuple[tuple[str, str | None], ...]
    not_understood: tuple[int, ...] = ()

    @property
    def taken(self) -> bool:
        """Whether there is an address, and every one took it."""
        return bool(self.answers) and not self.not_understood and all(why is None for _, why in self.answers)

    def message(self) -> str:
        """As JSON, for a run's state."""
        answers = [{"kind": kind, "why": why} for kind, why in self.answers]
        return json.dumps({"addresses": answers, "not_understood": list(self.not_understood)})

    @classmethod
    def of(cls, message: str) -> NoticesTest | None:
        """What a run's state says; `None` where it says something else."""
        try:
            found = json.loads(message)
            answers = tuple(
                (str(one["kind"]), None if one["why"] is None else str(one["why"])) for one in found["addresses"]
            )
            return cls(answers, tuple(int(line) for line in found["not_understood"]))
        except (ValueError, TypeError, KeyError):
            return None


def sent_test(addresses: NoticeAddresses) -> NoticesTest:
    """Send the test message to each of them, in the language that is spoken."""
    test = in_language(TEST)
    return NoticesTest(
        tuple((address.kind, address.send(test)) for address in addresses.known), addresses.not_understood
    )


def key_of(address: str) -> str:
    """What an address is called where it is remembered."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def webhook_document(notice: Notice) -> dict[str, str]:
    """What a webhook is told: `text` is what Slack reads, `content` Discord, `title` and `message` most others."""
    return {"title": notice.title, "message": notice.text, "text": notice.text, "content": notice.text}


def ping(environment: Environment) -> str | None:
    """Ask the address that an outside monitor waits for; what went wrong, `None` where it answered or there is none.

    Raises:
        Refused: `FILE_MISSING`.
    """
    if (address := environment.secret("ping")) is None:
        return None
    return _answered(lambda: requests.get(address, timeout=TIMEOUT_S))


def post(
    address: str,
    notice: Notice,
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    verify: bool = True,
) -> str | None:
    """Tell a webhook; the words of what went wrong, `None` where it was taken."""
    document = webhook_document(notice)
    return _answered(
        lambda: requests.request(method, address, json=document, headers=headers, verify=verify, timeout=TIMEOUT_S)
    )


def _answered(ask: Callable[[], requests.Response]) -> str | None:
    try:
        answer = ask()
    except (requests.RequestException, ValueError) as error:  # whose text holds the address
        return failure_kind(error)
    return None if answer.ok else f"it answered {answer.status_code}"


def _kind(address: str) -> str | None:
    import apprise

    with apprise_is_quiet():
        try:
            service = apprise.Apprise.instantiate(address)
        except Exception:  # noqa: BLE001 - whatever one of its hundred plugins makes of it; the text may hold it
            return None
    return str(service.service_name) if service else None


def _through_apprise(address: str) -> Callable[[Notice], str | None]:
    def send(notice: Notice) -> str | None:
        import apprise

        with apprise_is_quiet():
            try:
                service = apprise.Apprise()
                service.add(address)
                taken = service.notify(
                    title=notice.title,
                    body=notice.text,
                    notify_type=apprise.NotifyType(notice.weight.value),
                    body_format=apprise.NotifyFormat.TEXT,
                )
            except Exception as error:  # noqa: BLE001 - as above
                return type(error).__name__
        return None if taken else "it was not taken"

    return send


@contextmanager
def apprise_is_quiet() -> Iterator[None]:
    """Apprise says in its log to whom it sends; its log is ours to keep quiet while it does."""
    logger = logging.getLogger("apprise")
    with _QUIET:
        before, logger.disabled = logger.disabled, True
        try:
            yield
        finally:
            logger.disabled = before
