"""Changes of every kind, each killed at another instant: the next start finds the site before or after.

Every second instant of them; `python -m tests.integration.kill` takes all, and tests/chaos draws among everything else.
"""

from __future__ import annotations

from pathlib import Path

from flows.writeback.journal import ChangeOutcome
from tests.integration.kill import SCENARIOS, every_instant, stand_in_site, step
from tests.integration.standin import standing_in

THINNED, LEAST_RUNS = 6, 26


def test_a_change_killed_at_any_instant_leaves_the_site_before_or_after(memory: Path) -> None:
    with standing_in() as server:
        endings = every_instant(stand_in_site(server), memory, LEAST_RUNS, seed=1, thinned=THINNED)
        assert server.database.harm == []
    assert len(endings) >= LEAST_RUNS
    assert sum(e.died for e in endings) > 0.9 * len(endings)
    for scenario in SCENARIOS:
        mine = [e for e in endings if e.scenario == scenario]
        assert {e.is_now for e in mine} == {"before", "after"}
        assert {e.at for e in mine} >= set(range(1, max(e.at for e in mine) + 1, step(scenario, THINNED)))
    assert {e.audit for e in endings} <= {ChangeOutcome.BEFORE, ChangeOutcome.AFTER}
