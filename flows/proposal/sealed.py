"""The proposal's file: read with its version and its seal checked, and sealed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.proposal.document import READABLE_VERSIONS, Proposal
from flows.values.local_days import canonical_zone
from flows.values.private_files import Damaged, Missing, parse_document, read_private


def read_proposal(file: Path) -> Proposal:
    """The proposal in a run's file, its seal verified.

    Raises:
        Refused: `PROPOSAL_UNREADABLE`, `PROPOSAL_ALTERED`.
    """
    try:
        document = parse_document(read_private(file.parent, file.name))
    except (Missing, FileNotFoundError):
        raise _unreadable(file, "there is none") from None
    except Damaged as error:
        raise _unreadable(file, str(error)) from None
    except OSError as error:
        raise _unreadable(file, f"it cannot be read ({type(error).__name__})") from None
    if not isinstance(document, dict) or document.get("schema_version") not in READABLE_VERSIONS:
        raise _unreadable(file, f"it is of none of the versions {', '.join(map(str, READABLE_VERSIONS))}")
    try:
        proposal, sealed = Proposal.model_validate(document), digest(document)
        known = canonical_zone(proposal.timezone) == proposal.timezone
    except Refused:
        known = False
    except ValueError:  # pydantic's, too
        raise _unreadable(file, f"it is not a proposal of version {document['schema_version']}") from None
    if not known:  # a run writes a zone's name as the database of time zones has it
        raise _unreadable(file, "its time zone is unknown")
    if not any(day.status == "used" for day in proposal.days):
        raise _unreadable(file, "it names no day that was used")
    if proposal.sha256 != sealed:
        raise Refused(Reason.PROPOSAL_ALTERED)
    return proposal


def _unreadable(file: Path, detail: str) -> Refused:
    return Refused(Reason.PROPOSAL_UNREADABLE, run=file.parent.resolve().name, detail=detail)


def seal(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its `sha256`: over its canonical JSON without that field."""
    return {**{k: v for k, v in document.items() if k != "sha256"}, "sha256": digest(document)}


def digest(document: dict[str, Any]) -> str:
    """The sha256 a proposal document must have."""
    body = {k: v for k, v in document.items() if k != "sha256"}
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
