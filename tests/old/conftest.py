"""What `make.py` made with an earlier version, copied to where a test may change it, and that person's site again."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flows.demo.site import READ_TOKEN, WRITE_TOKEN, serve

DATA = Path(__file__).resolve().parent / "data"
ADDRESS = ("127.0.0.1", 21337)  # the run names it: a run's site cannot be another one
RUN = "old-run"
AUTOTUNE = Path(sys.executable).with_name("autotune")
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Old:
    """One moment of the earlier version: a run, journals, rate limits, and the directory the site keeps its data in."""

    base: Path

    @property
    def run(self) -> Path:
        return self.base / "runs" / RUN

    @property
    def proposal(self) -> dict[str, Any]:
        """As that version made it, also where a test has damaged the copy."""
        return dict(read(DATA / "run" / "proposal.json"))

    @property
    def approval(self) -> tuple[str, ...]:
        return ("--yes", "--sha256", self.proposal["sha256"])

    def autotune(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Today's command."""
        known = {
            "AUTOTUNE_RUNS": str(self.base / "runs"),
            "AUTOTUNE_APPLIED": str(self.base / "applied"),
            "AUTOTUNE_STATE": str(self.base / "sites"),
            "AUTOTUNE_NIGHTSCOUT_TOKEN": READ_TOKEN,
            "AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN": WRITE_TOKEN,
        }
        return subprocess.run(
            [AUTOTUNE, *arguments],
            env={**os.environ, **known, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def answer(self, *arguments: str | Path, status: int = 0) -> Any:
        """The document that today's command prints."""
        done = self.autotune(*arguments, "--json")
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)

    def steps(self) -> list[dict[str, Any]]:
        """The lines of the one journal."""
        (journal,) = (self.base / "applied").glob("*/journal.jsonl")
        return [json.loads(line) for line in journal.read_text("utf-8").splitlines()]

    def written(self, kind: str) -> list[dict[str, Any]]:
        """What was written to the site, in this order."""
        return list(read(self.base / "site" / "written.json")[kind])


def read(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


def copied(base: Path, moment: str) -> Old:
    """The earlier version's files as they were at a moment: `unfinished` or `applied`."""
    shutil.copytree(DATA / "run", base / "runs" / RUN)
    shutil.copytree(DATA / moment / "applied", base / "applied")
    shutil.copytree(DATA / "sites", base / "sites")
    (base / "site").mkdir()
    shutil.copy(DATA / moment / "written.json", base / "site")
    if moment == "unfinished":
        (base / "runs" / RUN / "applied.json").unlink()  # written at a later moment: the process was killed
    return Old(base)


@pytest.fixture
def applied(tmp_path: Path) -> Iterator[Old]:
    """Applied, rolled back, and applied again with other parts and activated; its site serves."""
    with _served(copied(tmp_path / "old", "applied")) as old:
        yield old


@pytest.fixture
def unfinished(tmp_path: Path) -> Iterator[Old]:
    """Killed when the site had stored the document and nobody had read it back; its site serves."""
    with _served(copied(tmp_path / "old", "unfinished")) as old:
        yield old


@contextmanager
def _served(old: Old) -> Iterator[Old]:
    """Serve the site as it was, at the run's own address: the profile the run was made from, and what was written.

    The demonstration's site moves a person to end yesterday; one who ends yesterday stays where he is. His zone is one
    in which it is far from midnight, so that yesterday stays yesterday.
    """
    person = old.base / "person"
    person.mkdir()
    shutil.copy(DATA / "run" / "raw" / "001-profile.json", person / "profile.json")
    for kind in ("entries", "treatments"):
        (person / f"{kind}.json").write_text("[]", "utf-8")
    now = datetime.now(UTC)
    zone, ahead_h = ("UTC", 0) if 6 <= now.hour < 18 else ("Etc/GMT-12", 12)
    yesterday = (now + timedelta(hours=ahead_h)).date() - timedelta(days=1)
    truth = {"time_zone": zone, "last_local_day": yesterday.isoformat()}
    (person / "truth.json").write_text(json.dumps(truth), "utf-8")
    with serving(lambda: serve(person, old.base / "site", *ADDRESS)):
        yield old


@contextmanager
def serving(make: Callable[[], ThreadingHTTPServer]) -> Iterator[None]:
    """Serve, once the address is free: another test run on this machine may have it."""
    server, until = None, time.monotonic() + PATIENCE_S
    while server is None:
        try:
            server = make()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise
            time.sleep(0.2)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
