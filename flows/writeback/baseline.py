"""The baseline of a site's settings: read from its documents' markers and the journal, and a plan held against it.

It lies in two places, so that neither a lost journal nor another machine begins to count anew: as a document of each
change, and as a text in the marker of each profile document written. In a marker it has a sha256 of its own and counts
whatever became of the rest of the document: somebody's edit is no new baseline.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.profiles.parse import unit_name
from flows.profiles.schedule_blocks import clock_text, read_schedule
from flows.proposal.baseline import further_beyond
from flows.proposal.document import Proposal, Units
from flows.proposal.step_document import Baseline, BlockValue
from flows.values.parts import Part
from flows.values.units import MGDL_PER_MMOLL
from flows.writeback.active_on_site import MARKER, store_of
from flows.writeback.journal import BASELINE, Change, ChangeOutcome, Step, altered
from flows.writeback.plan import FIELDS, Plan

FIELD, FIELD_SHA256 = "baseline", "baseline_sha256"  # of a marker


def known_baseline(documents: Iterable[Record], changes: Sequence[Change] = ()) -> Baseline | None:
    """The baseline that counts: of all that a site's documents and its journal have, the one set last.

    Args:
        documents: profile documents, as the site serves them.
        changes: of the journal.

    Raises:
        Refused: `JOURNAL_ALTERED`, `BACKUP_UNUSABLE`: one that the journal kept cannot be read.
    """
    found = [one for document in documents if (one := _marked(document)) is not None]
    kept = {change.kept_sha256(BASELINE): change for change in changes if _counts(change)}
    found += [_kept(change) for sha256, change in kept.items() if sha256 is not None]
    return max(
        found, key=lambda one: (datetime.fromisoformat(one.set_at), one.by_hand, one.model_dump_json()), default=None
    )


def marker_fields(baseline: Baseline | None) -> dict[str, str]:
    """What a marker says of it: a text, which no server writes another way."""
    if baseline is None:
        return {}
    text = json.dumps(baseline.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return {FIELD: text, FIELD_SHA256: hashlib.sha256(text.encode()).hexdigest()}


def settings_as_baseline(body: Record, units: Units, set_at: datetime, *, by_hand: bool = False) -> Baseline:
    """The settings of a profile.

    Args:
        body: the profile, as the site has it.
        units: of its ISF where it does not say.
        set_at: when they are made the baseline.
        by_hand: a person does so.

    Raises:
        Refused: `PROFILE_FIELD`.
    """
    schedules = {part: read_schedule(body.get(field), field, []) for part, field in FIELDS.items()}
    scale = MGDL_PER_MMOLL if (unit_name(body.get("units")) or units) == Units.MMOL_PER_L else 1.0
    blocks = {
        part: tuple(
            BlockValue(start=clock_text(b.minutes), value=round(b.value * (scale if part is Part.ISF else 1.0), 4))
            for b in schedule.blocks
        )
        for part, schedule in schedules.items()
    }
    return Baseline(
        set_at=set_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        by_hand=by_hand,
        basal_u_per_h=tuple(round(rate, 4) for rate in schedules[Part.BASAL].hourly()),
        isf_mgdl_per_u=blocks[Part.ISF],
        carb_ratio_g_per_u=blocks[Part.CARB_RATIO],
    )


def first_baseline(proposal: Proposal, source: Record, at: datetime) -> Baseline:
    """What becomes the baseline where none is known: the profile that was tuned, as it was before the first change."""
    return settings_as_baseline(store_of(source)[str(proposal.profile["name"])], proposal.units, at)


def check_within_baseline(baseline: Baseline, planned: Plan, proposal: Proposal, source: Record) -> None:
    """Refuse what would lie further from the baseline than any chain of changes may go.

    What lies beyond already, by somebody's own hand, may stay there and may come nearer. A step of the pump is no
    choice: what lies beyond by less is within.

    Raises:
        Refused: `BEYOND_BASELINE`, which names the settings and no number.
    """
    pump, mmol = proposal.for_pump, proposal.units is Units.MMOL_PER_L
    at = datetime.fromtimestamp(0, UTC)
    found = further_beyond(
        baseline,
        first_baseline(proposal, source, at),
        settings_as_baseline(planned.profile_json, proposal.units, at),
        slack={
            Part.BASAL: pump.basal_step_u_per_h,
            Part.ISF: pump.isf_step * (MGDL_PER_MMOLL if mmol else 1.0),
            Part.CARB_RATIO: pump.carb_ratio_step_g_per_u,
        },
    )
    if found:
        raise Refused(Reason.BEYOND_BASELINE, what=", ".join(found))


def _marked(document: Record) -> Baseline | None:
    """The baseline in a document's marker; `None` without one, and of one that is damaged."""
    marker: Any = document.get(MARKER)
    text, sha256 = (marker.get(FIELD), marker.get(FIELD_SHA256)) if isinstance(marker, Mapping) else (None, None)
    if not isinstance(text, str) or hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() != sha256:
        return None
    try:
        return _checked(json.loads(text))
    except (ValueError, RecursionError):  # pydantic's, too
        return None


def _counts(change: Change) -> bool:
    """Whether a change may have brought its document to the site, and it was not taken back."""
    sent = change.reached(Step.WRITING) or change.reached(Step.WRITTEN)
    return sent and change.outcome is not ChangeOutcome.BEFORE


def _kept(change: Change) -> Baseline:
    try:
        return _checked(change.read(BASELINE))
    except ValueError:
        raise altered(change, BASELINE, "it does not hold what it should") from None


def _checked(document: Any) -> Baseline:
    """A baseline by what it has to be.

    Raises:
        ValueError: it is none.
    """
    found = Baseline.model_validate(document)
    if datetime.fromisoformat(found.set_at).tzinfo is None or not (found.isf_mgdl_per_u and found.carb_ratio_g_per_u):
        raise ValueError("it has no instant, or lacks a setting")
    return found
