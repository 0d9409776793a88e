"""Which settings a person's newest run found in force, and since when: of what the site served it then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flows.errors import Refused
from flows.profiles.raw_files import RawFiles
from flows.profiles.timeline import History
from flows.proposal.document import ForPump, Proposal
from flows.values.run_directory import RunDirectory
from flows.values.units import SECOND_MS


@dataclass(frozen=True)
class SettingsInForce:
    """The settings that a run found in force.

    Attributes:
        profile: its name.
        since: since when that profile is in force; `None` where the data do not say.
        by_switch: whether a Profile Switch decided it.
        daily_basal_u: of a whole day, U.
        schedules: ISF and carb ratio as the profile has them.
    """

    profile: str
    since: datetime | None
    by_switch: bool
    daily_basal_u: float
    schedules: ForPump


def settings_in_force(run: RunDirectory, proposal: Proposal) -> SettingsInForce:
    """Of a sealed proposal and what its run was served."""
    since, by_switch = _since(run, proposal)
    name = str(proposal.profile.get("name") or "")
    return SettingsInForce(name, since, by_switch, proposal.current.daily_basal_u, proposal.for_pump)


def _since(run: RunDirectory, proposal: Proposal) -> tuple[datetime | None, bool]:
    """By the rules of which profile a run tunes; nothing where what was served cannot be read."""
    try:
        raw = RawFiles.open(run)
        history = History(raw.records("profile"), raw.records("treatments"), proposal.timezone)
        at_ms = datetime.fromisoformat(proposal.created_at).timestamp() * SECOND_MS
    except (Refused, ValueError, TypeError):
        return None, False
    state = history.state(at_ms, permanent_only=True)
    if state is None or state.name != proposal.profile.get("name"):  # a run may have been asked for another profile
        return None, False
    decided_ms, switch = history.decided_ms(at_ms), history.switch_at(at_ms, permanent_only=True)
    since = datetime.fromtimestamp(decided_ms / SECOND_MS, UTC) if decided_ms > 0 else None
    return since, switch is not None
