"""Notices on their way: each address is sent each notice once, and one that fails is asked again later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from flows.environment import speaking_as_set
from flows.watch.addresses import NoticeAddress
from flows.watch.memory import Memory, Waiting
from flows.watch.words import Notice, in_language

FIRST_AGAIN = timedelta(minutes=3)
LAST_AGAIN = timedelta(hours=1)
DOUBLED = 5  # times, until the last pause is reached
GIVEN_UP = timedelta(days=2)  # later nobody is helped by it; what is still wrong is told again each day


def enqueue(memory: Memory, notices: Iterable[Notice], addresses: Sequence[NoticeAddress], now: datetime) -> None:
    """Have notices wait for every address; those of blocks too while the server that holds them does not answer."""
    to = list(dict.fromkeys([*(address.key for address in addresses), *memory.blocks]))
    memory.waiting += [
        Waiting(title=notice.title, text=notice.text, weight=notice.weight, made_at=now, to=to)
        for notice in notices
        if to
    ]


def deliver(memory: Memory, addresses: Sequence[NoticeAddress], now: datetime, say: Callable[[str], object]) -> bool:
    """Send what waits and whose time has come; whether nothing waits any more.

    Args:
        memory: what waits is taken out of it once it was taken.
        addresses: that are known now; what waits for another is kept while its block is remembered.
        now: this computer's clock.
        say: is told of what failed, without the address.
    """
    known = {address.key: address for address in addresses}
    still = []
    for waiting in memory.waiting:
        waiting.to = [key for key in waiting.to if key in known or key in memory.blocks]
        if waiting.not_before is not None and now < waiting.not_before:
            still.append(waiting)
            continue
        with speaking_as_set():
            notice = in_language(waiting.notice())
        for key in [key for key in waiting.to if key in known]:
            if (trouble := known[key].send(notice)) is None:
                waiting.to.remove(key)
            else:
                say(f"A notice could not be sent by {known[key].kind} ({trouble}); it is tried again later.")
        if not waiting.to:
            continue
        if now - waiting.made_at >= GIVEN_UP:
            say("A notice could not be sent for two days and is given up.")
            continue
        waiting.not_before = now + min(LAST_AGAIN, FIRST_AGAIN * 2 ** min(waiting.tries, DOUBLED))
        waiting.tries += 1
        still.append(waiting)
    memory.waiting = still
    return not still
