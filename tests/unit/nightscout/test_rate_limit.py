"""Requests of all processes and threads to a site keep a gap."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from flows.nightscout.rate_limit import GAP_S, RateLimit, next_slot_s
from flows.nightscout.site_memory import SiteMemory

SITE = "https://my.site.example"
NOW_S = 1_795_385_600.0  # 2026-11-22 22:13:20 UTC


@pytest.mark.parametrize(
    ("last_s", "slot_s"),
    [
        (0.0, NOW_S),
        (NOW_S - GAP_S, NOW_S),
        (NOW_S, NOW_S + GAP_S),
        (NOW_S + 0.5, NOW_S + 0.5 + GAP_S),  # others are waiting already
        (NOW_S + 3600, NOW_S),  # the clock was set back
    ],
)
def test_requests_keep_a_gap(last_s: float, slot_s: float) -> None:
    assert next_slot_s(last_s, NOW_S) == pytest.approx(slot_s, abs=1e-6)


def test_four_processes_together_keep_the_gap(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from flows.nightscout.rate_limit import RateLimit; "
        "from flows.nightscout.site_memory import SiteMemory\n"
        "limit = RateLimit(SiteMemory('https://my.site.example', Path(sys.argv[1])))\n"
        "for _ in range(4): limit.before_request(); print(time.time())"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    times = sorted(float(line) for process in running for line in process.communicate()[0].split())
    assert len(times) == 16
    assert times[-1] - times[0] >= 15 * GAP_S - 0.05  # planned exactly; printed a little late


def test_threads_keep_the_gap(tmp_path: Path) -> None:
    shared = RateLimit(SiteMemory(SITE, tmp_path))
    began = time.monotonic()
    threads = [threading.Thread(target=shared.before_request) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= 5 * GAP_S - 0.02
