"""A step waits a week after a change and two after a rollback; a person who names numbers is told and let through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.writeback.active_on_site import profile_content
from flows.writeback.approval import Scope, SyncRequest
from flows.writeback.cool_down import LastChanges, check_not_too_soon, last_changes, too_soon
from flows.writeback.markers import with_marker
from tests.proposals import profile_document

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def ago(days: float | None) -> datetime | None:
    return None if days is None else NOW - timedelta(days=days)


def request(**options: Any) -> SyncRequest:
    return SyncRequest(proposal_id="x", sha256="0" * 64, decision="approve", **options)  # type: ignore[arg-type]


STEP: dict[str, Any] = {}
REDUCTIONS, ALL = {"what": "reductions"}, {"what": "all"}
ONLY, HOURS, LESS_OF_BASAL = {"only": ["basal"]}, {"hours": [3]}, {"what": "reductions", "only": ["basal"]}


@pytest.mark.parametrize(
    ("options", "applied", "rolled_back", "found"),
    [
        (STEP, None, None, "nothing"),
        (STEP, 6.99, None, "refused"),
        (STEP, 7.0, None, "nothing"),
        (STEP, -1.0, None, "refused"),  # a clock was set back
        (STEP, None, 13.99, "refused"),
        (STEP, None, 14.0, "nothing"),
        (STEP, 7.0, 13.99, "refused"),
        (REDUCTIONS, 6.99, None, "refused"),
        (REDUCTIONS, 7.0, None, "nothing"),
        (REDUCTIONS, None, 0.1, "said"),
        (LESS_OF_BASAL, 6.99, None, "refused"),
        (ALL, 6.99, None, "said"),
        (ALL, 7.0, None, "nothing"),
        (ALL, None, 13.99, "said"),
        (ALL, None, 14.0, "nothing"),
        (ONLY, 0.1, None, "said"),
        (HOURS, 0.1, None, "said"),
    ],
    ids=str,
)
def test_what_waits_and_what_is_only_told(
    options: dict[str, Any], applied: float | None, rolled_back: float | None, found: str
) -> None:
    last = LastChanges(ago(applied), ago(rolled_back))
    said = too_soon(request(**options).scope, last, NOW)
    assert ("nothing" if said is None else "refused" if said.forbids else "said") == found
    if found == "refused":
        with pytest.raises(Refused) as caught:
            check_not_too_soon(request(**options), last, NOW)
        assert caught.value.reason is Reason.STEP_TOO_SOON
    else:
        check_not_too_soon(request(**options), last, NOW)


def test_it_says_from_which_day_on() -> None:
    said = too_soon(Scope.STEP, LastChanges(applied=ago(3)), NOW)
    assert said is not None
    assert "applied on 2026-11-27; the next step may be taken from 2026-12-04 12:00 UTC on" in said.refusal.sentence
    assert "before 2026-12-04 12:00 UTC" in said.note


SOURCE = profile_document(startDate="2026-11-01T00:00:00.000Z")


def marked(day: int, kind: str = "apply", proposal: str = "a", of: str = "", dia: int = 7) -> dict[str, Any]:
    """A document that another journal wrote on a day of November, to a source with another duration of insulin."""
    at = f"2026-11-{day:02d}T00:00:00.000Z"
    change: Any = SimpleNamespace(
        name=f"{kind}-{day}", facts={"kind": kind, "at": at, "proposal_sha256": proposal, "of": of}
    )
    document = profile_document(startDate=at)
    document["store"]["Day"]["dia"] = dia
    return with_marker(document, change, profile_content(SOURCE))


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


EDITED = marked(10)
EDITED["store"]["Day"]["dia"] = 8


@pytest.mark.parametrize(
    ("documents", "applied", "rolled_back"),
    [
        ([SOURCE], None, None),
        ([SOURCE, marked(10)], day(10), None),
        ([SOURCE, EDITED], day(10), None),
        ([SOURCE, marked(10), {**EDITED, "startDate": "2026-11-20T00:00:00.000Z"}], day(10), None),
        ([SOURCE, marked(10), marked(12, proposal="b", dia=9)], day(12), None),
        ([SOURCE, marked(10), marked(12, "rollback", of="apply-10", dia=6)], None, day(12)),
        ([SOURCE, marked(8), marked(10, "rollback", of="apply-8", dia=6), marked(12)], day(12), day(10)),
        ([SOURCE, marked(10), marked(12, "tidy", proposal="", dia=9)], day(10), None),
        # the document that follows says what was before: somebody put it back
        ([SOURCE, marked(10), profile_document(startDate="2026-11-11T00:00:00.000Z")], None, None),
    ],
)
def test_the_site_says_what_was_applied_and_taken_back(
    documents: list[dict[str, Any]], applied: datetime | None, rolled_back: datetime | None
) -> None:
    assert last_changes([], documents) == LastChanges(applied, rolled_back)


def test_a_proposals_own_application_can_be_left_out() -> None:
    documents = [SOURCE, marked(10), marked(12, proposal="b", dia=9)]
    assert last_changes([], documents, but="b") == LastChanges(day(10), None)
