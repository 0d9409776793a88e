"""Whether what a change of ours wrote is in force: then it is what a run tunes, where nobody named another profile.

Applying writes a profile beside the document's default, and a switch makes it active. A nightly run that went on tuning
the default would never see what became of the step.
"""

from __future__ import annotations

from typing import Any

from flows.errors import Refused
from flows.profiles.timeline import History
from flows.writeback.active_on_site import SiteProfiles
from flows.writeback.markers import newest_marked


def applied_profile(documents: list[Any], treatments: list[Any], zone: str, end_ms: float) -> str | None:
    """The name of the profile in force, where a switch chose it and the newest document is one that was applied.

    Args:
        documents: profile documents, as served.
        treatments: as served, for Profile Switches.
        zone: the person's.
        end_ms: the end of the data.
    """
    known = tuple(d for d in documents if isinstance(d, dict))
    marked = newest_marked(SiteProfiles(known, ())) if known else None
    if marked is None or marked.kind != "apply":
        return None
    try:
        state = History(documents, treatments, zone).state(end_ms, permanent_only=True)
    except Refused:  # the run itself says why
        return None
    store = marked.document.get("store")
    if state is None or state.switch is None or not isinstance(store, dict) or state.name not in store:
        return None
    return state.name if state.name != marked.document.get("defaultProfile") else None
