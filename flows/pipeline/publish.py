"""Step 6: the report in its forms, and last the manifest that vouches for every file."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows import __version__
from flows.errors import Reason, Refused, is_full_disk
from flows.language.catalogue import Language, speaking, spoken
from flows.oref0.engine import EngineReport
from flows.oref0.runtime import find_oref0, lock_digest, upstream_digest
from flows.proposal.document import Proposal
from flows.proposal.sealed import read_proposal
from flows.proposal.step_document import StepKind
from flows.report.text.upstream_table import recommendations_table
from flows.settings import AnalysisRequest
from flows.values.run_directory import RunDirectory, write_atomically

MANIFEST_VERSION = 1
LANG, LANG_WITHIN = re.compile(rb'<html lang="(\w+)"'), 200  # a page's language, and the bytes that hold it
WITHDRAWN = ("proposal.json", "report.json", "report.txt", "report.html", "report.csv", "report.xlsx")


@dataclass(frozen=True)
class Published:
    """Where the results are, and whether they say that the last step is to be taken back."""

    run_directory: str
    proposal_sha256: str
    take_back: bool = False


def publish(request: AnalysisRequest, run: RunDirectory, now: datetime) -> Published:
    """Write the report in its forms, and last the manifest that vouches for every file.

    Reads proposal.json and work/*; writes report.txt, report.json, report.html, report.csv, report.xlsx, manifest.json.
    """
    proposal = read_proposal(run.file("proposal.json"))
    pump = json.loads((run.work / "settings" / "pumpprofile.json").read_bytes())
    tuned = json.loads((run.work / "autotune" / "profile.json").read_bytes())
    write_atomically(run.file("report.txt"), recommendations_table(pump, tuned).encode())
    run.write_json("report.json", report_document(run, proposal.model_dump(mode="json")))
    write_pages(run, proposal)
    write_manifest(run, request, now, status="proposal", proposal_sha256=proposal.sha256)
    to_be_taken_back = not request.past and proposal.step is not None and proposal.step.kind is StepKind.TAKE_BACK
    return Published(str(run.path), proposal.sha256, to_be_taken_back)


def write_pages(run: RunDirectory, proposal: Proposal) -> None:
    """report.html, report.csv and report.xlsx: of the proposal document and nothing else; pages as is spoken."""
    from flows.report.html.report import report_html
    from flows.report.spreadsheet import report_csv, report_xlsx

    write_atomically(run.file("report.html"), report_html(proposal))
    with speaking(Language.ENGLISH):  # programs read it
        write_atomically(run.file("report.csv"), report_csv(proposal))
    write_atomically(run.file("report.xlsx"), report_xlsx(proposal))


def page_as_spoken(run: RunDirectory) -> Path:
    """The report's page in the language that is spoken: report.html, or report.LANGUAGE.html, made where it is not.

    report.html stays in the language it was published in, as manifest.json vouches for it.
    """
    sealed = run.file("report.html")
    is_in = LANG.search(sealed.read_bytes()[:LANG_WITHIN]) if sealed.is_file() else None
    if is_in is None or is_in[1].decode() == spoken().value:
        return sealed
    from flows.report.html.report import report_html

    page = report_html(read_proposal(run.file("proposal.json")))
    return write_atomically(run.file(f"report.{spoken().value}.html"), page)


def report_document(run: RunDirectory, proposal: dict[str, Any]) -> dict[str, Any]:
    """The one document `--json` prints for a run with a proposal."""
    kept = {k: v for k, v in proposal.items() if k not in ("rests_on", "sha256", "schema_version", "curves")}
    return {
        "status": "proposal",
        "reasons": [],
        "reason_codes": [],
        **kept,
        "changed_by_correction": (proposal["without_correction"] or {}).get("changed", []),
        "proposal_sha256": proposal["sha256"],
        "run_directory": str(run.path),
    }


def refusal_document(refusal: Refused, run: RunDirectory | None) -> dict[str, Any]:
    """The one document `--json` prints for a refused run."""
    prepared: dict[str, Any] = {"days": [], "ledger": {}}
    if run is not None and run.file("prepared.json").is_file():
        prepared = run.read_json("prepared.json")
    return {
        "status": "refused",
        "reasons": [f"{refusal.sentence} {refusal.remedy}"],
        "reason_codes": [refusal.reason.code],
        "warnings": [],
        "current": None,
        "recommended": None,
        "days": prepared["days"],
        "ledger": prepared["ledger"],
        "run_directory": str(run.path) if run else None,
    }


def write_manifest(run: RunDirectory, request: AnalysisRequest | None, now: datetime, **outcome: Any) -> None:
    """manifest.json: versions, options, the outcome, and the sha256 of every file of the run."""
    engine = run.read_json("engine.json") if run.file("engine.json").is_file() else {}
    upstream = {"node_modules_sha256": engine["upstream_sha256"]} if engine.get("upstream_sha256") else {}
    with suppress(Refused):  # an incomplete installation must not hide why the run ended
        upstream["lock_sha256"] = lock_digest()
        upstream["tree_sha256"] = upstream_digest(find_oref0())
    everything = run.digests(lambda name: name != "manifest.json")
    inputs = {n: d for n, d in everything.items() if n.startswith("raw/") or "/ns-" in n or "/settings/" in n}
    run.write_json(
        "manifest.json",
        {
            "schema_version": MANIFEST_VERSION,
            "written_at": now.astimezone(UTC).isoformat(timespec="seconds"),
            **outcome,
            "versions": {
                "autotune_flows": __version__,
                "python": platform.python_version(),
                "node": engine.get("node"),
                "oref0": engine.get("oref0"),
            },
            "upstream": upstream,
            "engine": engine.get("engine"),
            "computed": EngineReport.from_document(engine).computed() if engine else None,
            "options": request.options() if request else None,
            "inputs_sha256": inputs,
            "outputs_sha256": {n: d for n, d in everything.items() if n not in inputs},
        },
    )


@contextmanager
def refusals_recorded(run: RunDirectory, request: AnalysisRequest | None, now: datetime) -> Iterator[None]:
    """A run that ends early leaves its reason in the manifest, and no proposal and no report."""
    try:
        yield
    except BaseException as error:
        for name in WITHDRAWN:  # also where it was stopped from outside: what was just sealed is not to be approved
            run.file(name).unlink(missing_ok=True)
        full = is_full_disk(error)
        ended = Refused(Reason.DISK_FULL, path=run.path) if full else error
        if isinstance(ended, Refused):
            reasons = {"reasons": [ended.sentence], "reason_codes": [ended.reason.code]}
            with suppress(OSError):  # what keeps the manifest from being written must not hide why the run ended
                write_manifest(run, request, now, status="refused", **reasons)
        elif isinstance(ended, Exception):
            write_manifest(run, request, now, status="failed", error=type(error).__name__)
        if full:
            raise ended from None
        raise
