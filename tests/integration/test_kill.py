"""Two hundred changes and more, each killed at another instant: the next start finds the site before or after."""

from __future__ import annotations

from pathlib import Path

from flows.writeback.journal import ChangeOutcome
from tests.integration.kill import SCENARIOS, every_instant, stand_in_site
from tests.integration.standin import standing_in

LEAST_RUNS = 200


def test_a_change_killed_at_any_instant_leaves_the_site_before_or_after(memory: Path) -> None:
    with standing_in() as server:
        endings = every_instant(stand_in_site(server), memory, LEAST_RUNS, seed=1)
        assert server.database.harm == []
    assert len(endings) >= LEAST_RUNS
    assert sum(e.died for e in endings) > 0.9 * len(endings)
    for scenario in SCENARIOS:
        mine = [e for e in endings if e.scenario == scenario]
        assert {e.is_now for e in mine} == {"before", "after"}
        assert {e.at for e in mine} >= set(range(1, max(e.at for e in mine) + 1, 2 if scenario.switched else 1))
    assert {e.audit for e in endings} <= {ChangeOutcome.BEFORE, ChangeOutcome.AFTER}
