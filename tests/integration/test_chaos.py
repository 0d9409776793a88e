"""A sample of the chaos run (`python -m tests.chaos`), and that it sees what must not be."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flows.nightscout.writer import NightscoutWriter, WriteAttempt
from flows.writeback.journal import Change, ChangeOutcome
from tests.chaos.__main__ import bench, cases, run
from tests.chaos.case import Case
from tests.chaos.drive import Bench, Violation

ACTS = [Case("", "apply", activate=True), Case("", "rollback", activate=True), Case("", "resume", True, earlier=54)]
SAMPLE = 15


@pytest.fixture(scope="module")
def site() -> Iterator[Bench]:
    with bench("15") as found:
        yield found


def test_a_sample_of_accidents_leaves_the_site_before_after_or_anothers(site: Bench) -> None:
    sample = itertools.islice(cases(site, seed=1, acts=ACTS), SAMPLE)
    table, violations = run(site, sample, until=time.monotonic() + 600, kills=0, faults=0)
    assert violations == []
    assert table.cases == SAMPLE
    assert table.kills >= 3
    assert table.faults >= 3


def test_a_case_written_down_is_the_same_case() -> None:
    case = Case("mixed", "apply", True, kill=17, tear=0.0, faults=((3, "drop"),), edits=((4, "switches"),))
    assert Case.from_text(str(case)) == case


FOUND = [  # and repaired
    # One empty list of documents, after the Profile Switch, was taken for a site that somebody had emptied.
    Case("fault", "apply", True, faults=((12, "empty_list"),)),
    # Records that are no profile documents, too.
    Case("fault", "apply", True, faults=((12, "other_answer"),)),
]


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_what_was_found_once_stays_repaired(case: Case, site: Bench) -> None:
    assert site.run(case).journal == ChangeOutcome.AFTER


# --- what it must see


def sends_twice(post: Callable[..., WriteAttempt]) -> Callable[..., WriteAttempt]:
    def sent(writer: NightscoutWriter, document: Any) -> WriteAttempt:
        post(writer, document)
        return post(writer, document)

    return sent


def says_before(end: Callable[..., None]) -> Callable[..., None]:
    def ended(change: Change, outcome: ChangeOutcome, why: str, **facts: Any) -> None:
        end(change, ChangeOutcome.BEFORE, why, **facts)

    return ended


def fails(_: Callable[..., Any]) -> Callable[..., Any]:
    def failed(*_: Any, **__: Any) -> None:
        raise KeyError("nothing a person can read")

    return failed


@pytest.mark.parametrize(
    ("place", "name", "fault", "said"),
    [
        (NightscoutWriter, "post_profile", sends_twice, "sent 2 times"),
        (Change, "end", says_before, "the journal says before"),
        (NightscoutWriter, "profiles", fails, "failed"),
    ],
)
def test_a_fault_of_ours_is_seen(
    place: type, name: str, fault: Callable[..., Any], said: str, site: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case("fault", "apply")
    prepared = site.prepare(case)
    monkeypatch.setattr(place, name, fault(getattr(place, name)))
    with pytest.raises(Violation, match=said):
        site.judged(case, *prepared)
