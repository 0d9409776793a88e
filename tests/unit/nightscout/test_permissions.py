"""Which of a role's permissions imply which, as Nightscout's own library reads them."""

from __future__ import annotations

import pytest

from flows.cli import setup_site
from flows.nightscout.permissions import READING, SWITCHING_PROFILES, WRITING_PROFILES, allowed, lacking


@pytest.mark.parametrize(
    ("held", "wanted", "is_allowed"),
    [
        ("*", "api:profile:create", True),
        ("*:*:read", "api:profile:read", True),
        ("*:*:read", "api:profile:create", False),
        ("api:*:read", "api:entries:read", True),
        ("api:profile:create,update", "api:profile:create", True),
        ("api:profile:create,update", "api:profile:delete", False),
        ("api:profile", "api:profile:delete", True),
        ("api:profile:read", "api:treatments:read", False),
        ("api:profile:read:mine", "api:profile:read", False),
        ("api:*:create,update", "api:profile:create", True),
        ("api:profile:create:one", "api:profile:create", False),
        ("api:profile:create:*", "api:profile:create", True),
        ("api:profile:create , update", "api:profile:create", False),
        (" api:profile:create", "api:profile:create", False),
        ("", "api:profile:read", False),
    ],
)
def test_a_permission_implies(held: str, wanted: str, is_allowed: bool) -> None:
    assert allowed([held], wanted) is is_allowed


def test_what_is_lacking_is_named() -> None:
    assert lacking(["api:entries:read"], READING) == ["api:treatments:read", "api:profile:read"]
    assert lacking(["*:*:read"], WRITING_PROFILES) == ["api:profile:create"]
    assert lacking(["*"], WRITING_PROFILES) == []


def test_the_command_names_the_permissions_to_give() -> None:
    assert ", ".join(READING) == setup_site.READING
    assert ", ".join([*WRITING_PROFILES, *SWITCHING_PROFILES]) == setup_site.WRITING
