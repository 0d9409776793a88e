"""Since when the settings are in force that a run found so, by what its site served it then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flows.errors import Refused
from flows.profiles.raw_files import RawFiles
from flows.profiles.timeline import History
from flows.proposal.document import Proposal
from flows.values.run_directory import RunDirectory
from flows.values.units import SECOND_MS


@dataclass(frozen=True)
class InForceSince:
    """Since when the profile that was tuned is in force; `None` where the data do not say, and what decided it."""

    since: datetime | None = None
    by_switch: bool = False


def in_force_since(run: RunDirectory, proposal: Proposal) -> InForceSince:
    """By the rules of which profile a run tunes.

    Args:
        run: its directory; reads what was served.
        proposal: sealed.
    """
    try:
        raw = RawFiles.open(run)
        history = History(raw.records("profile"), raw.records("treatments"), proposal.timezone)
        at_ms = datetime.fromisoformat(proposal.created_at).timestamp() * SECOND_MS
    except (Refused, ValueError, TypeError):
        return InForceSince()
    state = history.state(at_ms, permanent_only=True)
    if state is None or state.name != proposal.profile.get("name"):  # a run may have been asked for another profile
        return InForceSince()
    decided_ms, switch = history.decided_ms(at_ms), history.switch_at(at_ms, permanent_only=True)
    since = datetime.fromtimestamp(decided_ms / SECOND_MS, UTC) if decided_ms > 0 else None
    return InForceSince(since, switch is not None)
