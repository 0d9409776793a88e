"""Who is told how far a run is: the terminal, when there is one. Counts and dates only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Listener = Callable[[str, dict[str, Any]], None]
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell `listener` of every event until the block ends (in this process; the run's page has its own artifact)."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(event: str, **facts: Any) -> None:
    """Tell whoever listens."""
    for listener in _listeners:
        listener(event, facts)
