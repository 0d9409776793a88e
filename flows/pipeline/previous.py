"""Where a nightly run goes on from: the tuned profile of the last run of the same person and the same source profile.

Upstream iterates day after day from its last profile; the caps stay those of the pump's own, so that no chain of nights
can walk further than one night may.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.language.translatable import translatable
from flows.oref0.several_values import OneValueFrom
from flows.proposal.sealed import digest
from flows.settings import AnalysisRequest, Insulin, of_past
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory
from flows.values.user_directories import runs_root

SAME_OPTIONS = (
    *("site", "from_directory", "profile", "timezone", "inputs", "weekdays", "exclude_events", "openaps_profile"),
    *("uam_as_basal", "tune_insulin_curve", "insulin", "insulin_peak_min"),
)
IDENTITY = ("pump_sha256", "several_sha256", "name")


@dataclass(frozen=True)
class Previous:
    """The last run that is continued.

    Attributes:
        start: its tuned profile; `None` where there is none to go on from.
        said: what to tell the person.
        ratios: tuned over current. Of several values the one for upstream is another for other days: the ratio is kept.
    """

    start: bytes | None
    said: str
    ratios: dict[Part, float] = field(default_factory=dict)


def previous_profile(request: AnalysisRequest, profile: dict[str, Any], own_run: Path) -> Previous:
    """The profile to start from, and what to tell the person.

    Args:
        request: whose run; only runs of the same source and options count.
        profile: identity of the source profile (`IDENTITY`): after a change the baseline is new.
        own_run: the run asking, which does not count.
    """
    mine = request.options()
    runs = [d for root in {runs_root(), own_run.parent} if root.is_dir() for d in root.iterdir() if d.is_dir()]
    proposals = [(run, _proposal(run)) for run in set(runs) if run.resolve() != own_run.resolve()]
    newest_first = sorted(proposals, key=lambda item: str(item[1].get("created_at", "")), reverse=True)
    for run, proposal in newest_first:
        options = _object(_read(run, "manifest.json").get("options"))
        if of_past(options):
            continue  # made later, of days before
        if any(_value(options, k) != _value(mine, k) for k in SAME_OPTIONS) or not proposal:
            continue
        if _object(proposal.get("verdict")).get("colour") == "red":
            continue  # nobody may apply it, so nobody goes on from it
        if any(_object(proposal.get("profile")).get(k) != profile.get(k) for k in IDENTITY):
            return Previous(None, "The source profile has changed since the last run: tuning starts from it again.")
        try:
            start = RunDirectory(run).read_bytes("work/autotune/profile.json")
            ratios = _ratios(proposal)
        except (Refused, ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError):
            continue  # damaged, or its engine was stopped
        return Previous(
            start,
            translatable("Tuning goes on from the run {name}; caps are those of the source profile.", name=run.name),
            ratios,
        )
    return Previous(None, "There is no earlier run to go on from: tuning starts from the source profile.")


def _ratios(proposal: dict[str, Any]) -> dict[Part, float]:
    now, new = proposal["current"], proposal["recommended"]
    fields = {Part.ISF: "isf_mgdl_per_u", Part.CARB_RATIO: "carb_ratio_g_per_u"}
    several = (proposal.get("for_pump") or {}).get("one_for_several") or []
    untuned = {one["part"] for one in several if one["made_from"] == OneValueFrom.TIME}
    return {part: float(new[name]) / float(now[name]) for part, name in fields.items() if part not in untuned}


def _value(options: dict[str, Any], name: str) -> Any:
    # Before the data's own insulin was the default, rapid-acting was.
    return options.get(name) or (Insulin.RAPID_ACTING.value if name == "insulin" else None)


def _proposal(run: Path) -> dict[str, Any]:
    """A run's proposal; empty where there is none, or where it is not as it was sealed."""
    found = _read(run, "proposal.json")
    try:
        return found if found.get("sha256") == digest(found) else {}
    except (ValueError, RecursionError):
        return {}


def _read(run: Path, name: str) -> dict[str, Any]:
    try:
        return _object(RunDirectory(run).read_json(name))
    except Refused:
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
