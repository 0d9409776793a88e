"""What was shown is what is written, or nothing is: the digests of the plan and of the site that a request names."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from flows.errors import Reason
from flows.writeback.apply import preview
from flows.writeback.approval import SyncRequest
from flows.writeback.journal import ChangeOutcome
from flows.writeback.seen import content_sha256
from tests.integration.standin import StandIn
from tests.integration.test_apply import posts, refusal_of
from tests.integration.test_apply_edited import EDITS, Edit, in_place
from tests.writing import Person, active_name


def seen(someone: Person, **options: Any) -> dict[str, str]:
    """What a page shows now of what would be written with these options."""
    _, planned = preview(someone.run, someone.request(**options))
    return {
        "seen_profile_sha256": content_sha256(planned.document),
        "seen_site_sha256": content_sha256(someone.reading().newest),
    }


def test_what_is_as_it_was_shown_is_written(someone: Person, site: StandIn) -> None:
    assert someone.apply(**seen(someone)).outcome == "applied"
    assert posts(site) == 1


@pytest.mark.parametrize(
    "other",
    [{"what": "reductions"}, {"what": "step"}, {"only": ["isf"]}, {"hours": [3]}, {"name": "Another"}],
    ids=lambda other: next(iter(other)),
)
def test_another_plan_than_was_shown_is_not_written(someone: Person, site: StandIn, other: dict[str, Any]) -> None:
    shown, asked = seen(someone, only=["basal"]), len(site.database.requests)
    assert refusal_of(lambda: someone.apply(**shown, **other)).reason is Reason.PLAN_NOT_AS_SEEN
    assert len(site.database.requests) == asked
    assert someone.journal.changes() == []


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: str(edit.__name__))
@pytest.mark.parametrize("place", ["in place", "anew", "beside"])
def test_a_site_that_was_changed_since_is_not_written_over(
    someone: Person, site: StandIn, edit: Edit, place: str
) -> None:
    shown, document = seen(someone), site.database.profiles[0]
    if place == "in place":
        in_place(site, edit, document)
    else:
        changed = copy.deepcopy({k: v for k, v in document.items() if k != "_id"})
        edit(changed)
        later = {} if place == "beside" else {"startDate": "2026-11-29T10:33:00.000Z"}
        site.database.add_profile({**changed, **later})
    assert refusal_of(lambda: someone.apply(**shown)).reason is Reason.SITE_NOT_AS_SEEN
    assert posts(site) == 0
    assert [(c.outcome, c.records[-1]["why"]) for c in someone.journal.changes()] == [
        (ChangeOutcome.BEFORE, "site_not_as_seen")
    ]


def test_a_site_that_changes_while_it_is_written_to_is_not_written_over(
    someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, read = seen(someone), []
    profiles = type(someone.tools.client(someone.site, someone.tools.credentials)).profiles  # type: ignore[misc]

    def edited_meanwhile(client: Any) -> Any:
        read.append(client)
        if len(read) == 3:  # planned and backed up: the last look before the first write
            in_place(site, EDITS[0], site.database.profiles[0])
        return profiles(client)

    monkeypatch.setattr("flows.nightscout.writer.NightscoutWriter.profiles", edited_meanwhile)
    refused = refusal_of(lambda: someone.apply(**shown)).reason
    assert refused in (Reason.SITE_PROFILE_CHANGED, Reason.SITE_NOT_AS_SEEN)
    assert (posts(site), len(read) >= 3) == (0, True)


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ({}, {}, "already-applied"),  # two browsers, one change
        ({}, {"activate": True}, Reason.SITE_NOT_AS_SEEN),
        ({"only": ["isf"]}, {}, Reason.SITE_NOT_AS_SEEN),
    ],
)
def test_of_two_who_saw_the_same_the_second_writes_nothing(
    someone: Person, site: StandIn, first: dict[str, Any], second: dict[str, Any], outcome: str | Reason
) -> None:
    of_one, of_other = seen(someone, **first), seen(someone, **second)
    someone.apply(**first, **of_one)
    act: Callable[[], Any] = lambda: someone.apply(**second, **of_other)  # noqa: E731
    if isinstance(outcome, Reason):
        assert refusal_of(act).reason is outcome
    else:
        assert act().outcome == outcome
    assert posts(site) == 1
    assert active_name(someone.reading()) == "Day"


def test_a_digest_is_of_what_a_document_says(someone: Person, site: StandIn) -> None:
    document = site.database.profiles[0]
    again = {**document, "_id": "another", "startDate": "2026-01-01T00:00:00Z", "created_at": "now", "mills": 1}
    assert content_sha256(again) == content_sha256(document)
    for edit in EDITS:
        changed = copy.deepcopy(document)
        edit(changed)
        assert content_sha256(changed) != content_sha256(document)


@pytest.mark.parametrize("digest", ["", "abc", "G" * 64, "a" * 63])
def test_a_digest_that_is_none_is_no_request(someone: Person, digest: str) -> None:
    known = someone.request().model_dump(mode="json")
    with pytest.raises(ValueError, match="seen_"):
        SyncRequest(**{**known, "seen_site_sha256": digest})
