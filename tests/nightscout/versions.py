"""In what the two versions differ: one row each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Version:
    """What a version does where versions differ.

    Attributes:
        name: as status.json says it.
        modern: has /api/v3, /api/versions and /profiles, and answers errors as JSON.
        profiles: how many profile documents come where no count is asked for; `None` for all, whatever is asked for.
        treatments: how many treatments come without a count: of a question without any `find`, and with one.
        fail_delay_s: how long the next request of an address waits after bad credentials.
        token_life_s: of a JSON web token.
        largest_body: bytes of a request that are taken.
        purifies: changes markup in the strings that are posted.
    """

    name: str
    modern: bool
    profiles: int | None
    treatments: tuple[int | None, int | None]
    fail_delay_s: float
    token_life_s: int
    largest_body: int
    purifies: bool


MIB = 1024 * 1024
OLD = Version("0.12.8", False, None, (None, None), 0.0, 3600, 50 * MIB, purifies=False)
NEW = Version("15.0.7", True, 10, (100, 1000), 5.0, 8 * 3600, MIB, purifies=True)
VERSIONS = {version.name: version for version in (OLD, NEW)}
