"""What was applied and is in force is what a run tunes, where nobody named another profile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from flows.pipeline.applied_profile import applied_profile
from flows.writeback.active_on_site import profile_content
from flows.writeback.journal import Change
from flows.writeback.markers import with_marker
from tests.unit.profiles.test_active_in_data import ZONE, body, document, ms, switch

END = ms("13T00:00")
STORE = {"Day": body(), "Autotune 2026-05-09": body(1.05)}


def applied(kind: str = "apply", **changes: Any) -> dict[str, Any]:
    """The document that a change wrote on the ninth of May."""
    facts = {"kind": kind, "at": "2026-05-09T08:00:00Z", "proposal_sha256": "a" * 64}
    change = cast(Change, SimpleNamespace(name="20260509-1", facts=facts))
    made = document("09T08:00", STORE)
    return {**with_marker(made, change, profile_content(document())), **changes}


@pytest.mark.parametrize(
    ("newest", "switches", "found"),
    [
        (applied(), [switch("09T09:00", "Autotune 2026-05-09")], "Autotune 2026-05-09"),
        (applied(), [], None),
        (applied(), [switch("09T09:00", "Day")], None),
        (applied(), [switch("14T09:00", "Autotune 2026-05-09")], None),
        (applied(), [switch("09T09:00", "Autotune 2026-05-09", duration=600)], None),
        (applied("rollback"), [switch("09T09:00", "Autotune 2026-05-09")], None),
        # somebody else saved it since, or wrote it
        (applied(units="mmol"), [switch("09T09:00", "Autotune 2026-05-09")], None),
        (document("09T08:00", STORE), [switch("09T09:00", "Autotune 2026-05-09")], None),
    ],
)
def test_what_was_applied_is_tuned_once_it_is_in_force(
    newest: dict[str, Any], switches: list[dict[str, Any]], found: str | None
) -> None:
    assert applied_profile([newest, document()], switches, ZONE, END) == found


def test_without_documents_nothing_was_applied() -> None:
    assert applied_profile([], [], ZONE, END) is None
