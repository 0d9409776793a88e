"""What every command of the terminal shares: what is said, documents, progress. Light to import."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flows.language.catalogue import phrase
from flows.values.visible import json_text, visible


def message(text: str) -> None:
    """A line for the person, on standard error: standard output is for the result."""
    print(visible(text), file=sys.stderr, flush=True)


def show(line: str, style: str = "") -> None:
    """A line of the result; in a style of rich on a terminal, where NO_COLOR does not forbid it."""
    if not style or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        print(visible(line))
        return
    from rich.console import Console

    Console().print(visible(line), style=style, markup=False, emoji=False, highlight=False, soft_wrap=True)


def print_document(document: Any) -> None:
    """The one JSON document on standard output."""
    print(json_text(document))


def print_either(as_json: bool, document: Any, text: str) -> None:
    """The result: as the one JSON document, or as text for a person."""
    if as_json:
        print_document(document)
    else:
        show(text)


@contextmanager
def progress() -> Iterator[None]:
    """Show how far a run is: a bar on a terminal, else lines."""
    from flows.values.progress import listening

    if not sys.stderr.isatty():
        with listening(_lines):
            yield
        return
    with _bars() as draw, listening(draw):
        yield


def told_of_waiting(event: str, facts: dict[str, Any]) -> None:
    """A line where a command waits for a site, so that nobody takes it for stuck."""
    if event == "waking":
        message(
            phrase(
                "The site does not answer yet; it may be asleep. Waiting up to {seconds} s for it …",
                seconds=facts["seconds"],
            )
        )


def _lines(event: str, facts: dict[str, Any]) -> None:
    if event == "day":
        message(phrase("  day {index} of {of}: {date}", **facts))
    elif event == "repetition" and (facts["index"] == facts["of"] or facts["index"] % 25 == 0):
        message(phrase("  repeatability: {index} of {of} repetitions", **facts))


@contextmanager
def _bars() -> Iterator[Callable[[str, dict[str, Any]], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    bars = Progress(
        TextColumn(" "),
        BarColumn(30),
        TextColumn("{task.description}"),
        console=Console(stderr=True),
        redirect_stdout=False,
    )
    tasks: dict[str, TaskID] = {}

    def draw(event: str, facts: dict[str, Any]) -> None:
        if event not in ("day", "repetition"):
            return
        what = phrase("day {index} of {of}  {date}", **facts) if event == "day" else phrase("repeatability")
        if event not in tasks:
            bars.start()
            tasks[event] = bars.add_task(what)
        bars.update(tasks[event], description=what, completed=facts["index"], total=facts["of"])

    try:
        yield draw
    finally:
        bars.stop()


def now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)
