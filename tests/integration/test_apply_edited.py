"""What a person changed in place, in our document or the one before it, is theirs: never undone or overwritten."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.writeback.active_on_site import SiteProfiles, differences, profile_content
from flows.writeback.journal import ChangeOutcome
from tests.integration.conftest import rounding, someone_at
from tests.integration.standin import StandIn, standing_in
from tests.integration.test_apply import refusal_of
from tests.integration.test_apply_active import active_in
from tests.proposals import profile_document
from tests.writing import newest_content

Edit = Callable[[dict[str, Any]], object]


def target(document: dict[str, Any]) -> None:
    for body in document["store"].values():
        body["target_low"][0]["value"] = 95


def sibling(document: dict[str, Any]) -> None:
    document["store"]["Night shift"]["dia"] = 7


def tuned(document: dict[str, Any]) -> None:
    document["store"][list(document["store"])[-1]]["basal"][0]["value"] = 0.55


def units(document: dict[str, Any]) -> None:
    document["units"] = "mmol"


def default_profile(document: dict[str, Any]) -> None:
    document["defaultProfile"] = "Night shift"


def one_more(document: dict[str, Any]) -> None:
    document["store"]["Sport"] = copy.deepcopy(document["store"]["Day"])


EDITS: tuple[Edit, ...] = (target, sibling, tuned, units, default_profile, one_more)


def in_place(site: StandIn, edit: Edit, document: dict[str, Any]) -> dict[str, Any]:
    """What a person makes of a document with Nightscout's profile editor: the same `_id` and `startDate`."""
    changed = copy.deepcopy(document)
    edit(changed)
    changed["enteredBy"] = "a person"
    site.database.profiles[site.database.profiles.index(document)] = changed
    return changed


def attempt(act: Callable[[], object]) -> Reason | None:
    try:
        act()
    except Refused as refusal:
        return refusal.reason
    return None


# --- our own document, after a crash


@pytest.mark.parametrize("gone_after", [8, 9, 10, 11])
@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("activate", [False, True])
def test_an_edit_after_a_crash_stands(activate: bool, twice: bool, gone_after: int, memory: Path) -> None:
    ended = not activate and gone_after >= 10  # before the crash
    edits = EDITS[:1] if ended else EDITS[::2] if twice else EDITS
    cases = itertools.product(edits, (True, False) if twice else (True,))
    for number, (edit, newest) in enumerate(cases):
        with standing_in() as site:
            someone = someone_at(site, memory / str(number))
            site.handled, site.gone_after, site.twice = 0, gone_after, twice
            attempt(lambda: someone.apply(activate=activate))  # noqa: B023
            site.gone_after, site.twice = None, False
            unfinished = not someone.journal.changes()[0].ended
            ours = SiteProfiles(tuple(site.database.profiles), ()).newest_alike
            theirs = in_place(site, edit, ours[0 if newest else 1])
            before = len(site.database.profiles)
            someone.tools.sleep(7200)  # type: ignore[misc]
            someone.resume()
            where = (edit.__name__, newest)
            assert unfinished != ended, where
            assert someone.outcomes() == [ChangeOutcome.THEIRS if unfinished else ChangeOutcome.AFTER], where
            if newest:
                assert len(site.database.profiles) == before, where
            if newest or unfinished:
                assert differences(newest_content(someone.reading()), profile_content(theirs)) == [], where
            assert theirs in site.database.profiles, where
            if unfinished:
                assert active_in(someone, 1 / 60) == theirs["defaultProfile"], where


def test_an_edit_of_what_was_written_back_after_a_crash_stands(memory: Path) -> None:
    """The document of an undo is ours too, and a person may have changed it before the change had its end."""
    for number, edit in enumerate(EDITS):
        with standing_in() as site:
            someone = someone_at(site, memory / str(number))
            site.alter = lambda document: document.get("eventType") and document.pop("profileJson", None)
            site.handled, site.gone_after = 0, 14  # the undo is stored and not read back
            attempt(lambda: someone.apply(activate=True))  # noqa: B023
            site.gone_after = None
            assert len(site.database.profiles) == 3
            theirs = in_place(site, edit, site.database.profiles[-1])
            someone.tools.sleep(7200)  # type: ignore[misc]
            someone.resume()
            assert someone.outcomes() == [ChangeOutcome.THEIRS], edit.__name__
            assert differences(newest_content(someone.reading()), profile_content(theirs)) == [], edit.__name__
            assert len(site.database.profiles) == 3, edit.__name__


def test_what_the_site_altered_is_taken_back_after_a_crash_too(memory: Path) -> None:
    """By the process that had the answer: what it noted holds for the next one."""

    for gone_after in (10, 11, 12):
        with standing_in() as site:
            someone = someone_at(site, memory / str(gone_after))
            before = newest_content(someone.reading())
            site.handled, site.gone_after, site.alter = 0, gone_after, rounding
            attempt(someone.apply)
            site.gone_after = None
            someone.resume()
            assert someone.outcomes() == [ChangeOutcome.BEFORE], gone_after
            assert newest_content(someone.reading()) == before, gone_after


# --- the document of before, edited after it was applied


@pytest.mark.parametrize("edit", EDITS, ids=lambda e: e.__name__)
def test_an_edit_of_the_document_before_is_rolled_back_over_only_when_told(edit: Edit, memory: Path) -> None:
    with standing_in() as site:
        someone = someone_at(site, memory)
        someone.apply()
        someone.apply(activate=True)  # the document stands, and was another change's
        theirs = in_place(site, edit, site.database.profiles[0])
        count = len(site.database.profiles)
        assert refusal_of(someone.roll_back).reason is Reason.EDITED_SINCE
        assert (len(site.database.profiles), theirs in site.database.profiles) == (count, True)
        assert someone.roll_back(even_if_edited=True).outcome == "rolled-back"


def test_one_before_that_was_only_saved_again_or_deleted_is_no_edit(memory: Path) -> None:
    for number, act in enumerate(("saved", "deleted", "older")):
        with standing_in() as site:
            older = site.database.add_profile(profile_document(startDate="2026-01-01T00:00:00.000Z", _id="1" * 24))
            someone = someone_at(site, memory / str(number))
            someone.apply()
            if act == "saved":
                site.database.profiles[1] = {**site.database.profiles[1], "created_at": "2026-11-30", "mills": 5}
            elif act == "deleted":
                del site.database.profiles[1]
            else:
                in_place(site, target, older)
            assert someone.roll_back().outcome == "rolled-back", act
