"""A site that an earlier version had stopped asking is not asked by this one, and the next pause is twice as long."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.old.conftest import DATA, Old, copied, read, serving

ADDRESS = ("127.0.0.1", 21338)  # where three runs of the earlier version had found nothing
PAUSE_S = 3600.0


@pytest.fixture
def old(tmp_path: Path) -> Old:
    return copied(tmp_path / "old", "applied")


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """What the site is asked for; it answers, but with no data."""
    requests: list[str] = []

    class NoNightscout(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p>A site under construction</p>")

        def log_message(self, form: str, *values: Any) -> None:
            pass

    with serving(lambda: ThreadingHTTPServer(ADDRESS, NoNightscout)):
        yield requests


def state_of(old: Old) -> Path:
    (found,) = (old.base / "sites").glob("*/state.json")
    return found


def moved(old: Old, ended_s_ago: float) -> None:
    """Move the state's times, so that its pause ended so long ago; everything else stays as it was written."""
    state: dict[str, Any] = read(state_of(old))
    by = time.time() - ended_s_ago - state["rest_until_s"]
    state.update({name: state[name] + by for name in ("since_s", "rest_until_s")})
    state_of(old).write_text(json.dumps(state, indent=1) + "\n", "utf-8")


def propose(old: Old, number: int = 1) -> list[str]:
    site = "http://{}:{}".format(*ADDRESS)
    arguments = ("propose", "--site", site, "--no-prefect", "--out", old.base / "runs" / f"new-{number}")
    return list(old.answer(*arguments, status=3)["reason_codes"])


def test_it_was_written_after_three_runs() -> None:
    (state,) = (DATA / "sites").glob("*/state.json")
    assert {n: v for n, v in read(state).items() if n in ("dead_runs", "rest_s")} == {"dead_runs": 3, "rest_s": PAUSE_S}


def test_within_the_pause_the_site_is_not_asked(old: Old, asked: list[str]) -> None:
    moved(old, ended_s_ago=-60)
    before = state_of(old).read_bytes()
    assert propose(old) == ["site_paused"]
    assert not asked
    assert state_of(old).read_bytes() == before


def test_after_the_pause_it_is_asked_and_the_next_pause_is_longer(old: Old, asked: list[str]) -> None:
    """Both from the counts that the earlier version left."""
    moved(old, ended_s_ago=60)
    assert propose(old) == ["site_not_data"]
    assert asked
    state = read(state_of(old))
    assert (state["dead_runs"], state["rest_s"]) == (4, 2 * PAUSE_S)
    del asked[:]
    assert propose(old, 2) == ["site_paused"]
    assert not asked
