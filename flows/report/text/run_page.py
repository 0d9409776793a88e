"""What a run's page shows: the verdict, where the report is, and the settings in the person's own units.

Prefect keeps artifacts in its database, where the run directory's mode protects nothing. So no reading, no glucose
statistic, no note and no device is in them; recommended settings are, unless the request says `page_numbers: false`.
Knows no Prefect: `flows.tasks` makes artifacts of what is made here.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from flows.judgement.verdict_today import verdict_today
from flows.proposal.consensus_limits import beyond_limits
from flows.proposal.document import READABLE_VERSIONS, Colour, Proposal
from flows.proposal.evidence_document import Agreement
from flows.report.numbers_to_enter import may_be_entered
from flows.report.rows import Row, RowEntry, curve_note, setting_rows
from flows.report.text.markdown import code_block, escaped, plain
from flows.report.wording import exact, many, signed

COLOURS = {
    Colour.GREEN: "🟢 Green",
    Colour.AMBER: "🟠 Amber: look at the reasons first",
    Colour.RED: "🔴 Red: this proposal cannot be applied",
}
DISCLAIMER = (
    "Nothing has been changed in Nightscout or on a pump. This is for thinking with your diabetes team, not a medical "
    "device."
)


def report_file(run: Path) -> str:
    """Name of the file a person opens first."""
    return next((name for name in ("report.html", "report.txt") if (run / name).is_file()), "report.txt")


def report_address(template: str | None, run: Path) -> str | None:
    """Where the report can be opened in a browser, from a template such as https://nas.example/reports/{run}/report.html.

    Args:
        template: with `{run}` for the run directory's name; empty or `None`: reports are not served.
        run: the run directory.

    Raises:
        ValueError: no http(s) address, one with a user or password, or one without `{run}`.
    """
    if not template or not template.strip():
        return None
    address = template.strip().replace("{run}", quote(run.name, safe=""))
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError("the report's address is no http(s) address without a user or password")
    if "{run}" not in template or any(c.isspace() or c in '{}<>"`\\' for c in address):
        raise ValueError("the report's address names {run} once and has no other braces or spaces")
    return address


def page_markdown(
    run: Path, document: dict[str, Any], address: str | None = None, *, others_see_it: bool = False
) -> str:
    """The Markdown of the run's page: no number of the person's, only names, dates and where things are.

    Args:
        run: the run directory; only the names of its files are looked at.
        document: `proposal.json`; of version 1 (which has no verdict) only where it is.
        address: where the report can be opened in a browser.
        others_see_it: then only the verdict's colour, how many reasons there are, and where the report is: a reason's
            title alone tells of lows, or of meals that were not entered.
    """
    proposal = _readable(document)
    lines = ["# Autotune proposal", ""]
    if proposal is not None:
        lines += _verdict_for_others(proposal) if others_see_it else _verdict(proposal)
    lines += _where(run, str(document["sha256"]), address)
    if proposal is not None and not others_see_it:
        lines += _how_to_apply(run, proposal)
    return "\n".join([*lines, "", DISCLAIMER])


def _readable(document: dict[str, Any]) -> Proposal | None:
    try:
        known = document.get("schema_version") in READABLE_VERSIONS
        return Proposal.model_validate_json(json.dumps(document)) if known else None
    except ValueError:  # its text would hold the person's numbers, and no page is a reason to lose a run
        return None


def _verdict(proposal: Proposal) -> list[str]:
    verdict = verdict_today(proposal)
    name = proposal.profile.get("name")
    of = f" for the profile {escaped(str(name))}" if name else ""
    used = sum(d.status == "used" for d in proposal.days)
    lines = [f"**{COLOURS[verdict.colour]}**{of}, from {many(used, 'day')}.", ""]
    if beyond_limits(proposal) or proposal.step is not None:
        lines += [verdict.headline, ""]
    elif verdict.nothing_certain:
        lines += ["Nothing is repeatable enough to act on: there is nothing to change.", ""]
    # A rule's sentence may hold a share of readings or a setting: those stay in the report.
    reasons = [
        f"- **{reason.colour.value}**: {escaped(reason.title or reason.rule, 400)}" for reason in verdict.reasons
    ]
    lines += reasons or [f"- none of {many(len(verdict.rules_checked), 'rule')} found anything against it"]
    return [*lines, "", "The numbers behind each reason are in the report.", ""]


def _verdict_for_others(proposal: Proposal) -> list[str]:
    verdict = verdict_today(proposal)
    return [f"**{COLOURS[verdict.colour]}**, with {many(len(verdict.reasons), 'reason')} in the report.", ""]


def _where(run: Path, sha256: str, address: str | None) -> list[str]:
    return [
        *("## Where it is", ""),
        *([f"- [Open the report](<{address}>)"] if address else []),
        f"- Run directory: {escaped(str(run), 4096)}",
        f"- Report: {escaped(report_file(run))} in it, or `autotune show` with that directory",
        f"- Proposal id: {escaped(run.name, 255)}",
        f"- Proposal sha256: `{plain(sha256)}`",
    ]


def _how_to_apply(run: Path, proposal: Proposal) -> list[str]:
    if not may_be_entered(proposal) or proposal.site_sha256 is None:  # not to be applied, or of no site
        return []
    return [
        *("", "## To approve it", "", "Read the report first. Then, where the run directory is:", ""),
        code_block([f"autotune apply {shlex.quote(str(run))}"]),
        *("", "or start the deployment `profile-sync/apply` with these in its request:", ""),
        code_block([json.dumps({"proposal_id": proposal.proposal_id, "sha256": proposal.sha256})]),
    ]


# --- the table -------------------------------------------------------------------------------------------------------


def settings_table(document: dict[str, Any]) -> list[dict[str, str]]:
    """A row for every setting in the person's units, recommended as it can be entered into the pump.

    Args:
        document: `proposal.json`; of version 1, of a red verdict and of nothing to change there are no rows.
    """
    proposal = _readable(document)
    if proposal is None or not may_be_entered(proposal):
        return []
    table = setting_rows(proposal)

    def row(name: str, entry: RowEntry, found: Row | None = None) -> dict[str, str]:
        worth = "no" if entry.keep_label else "yes" if table.says_what_is_sure else "not known"
        known = (_agreed(found.evidence.agreement), found.cap_label) if found else ("", "")
        return _cells(name, entry.unit.replace("/U", " per U"), entry.current, entry.to_enter, worth, *known)

    rows = [
        *(row(f"ISF from {entry.start}", entry, table.isf) for entry in table.isf.entries),
        *(row(f"Carb ratio from {entry.start}", entry, table.carb_ratio) for entry in table.carb_ratio.entries),
        *(row(f"Basal at {entry.start}", entry, hour) for hour in table.basal for entry in hour.entries),
        {**row("Basal in all", table.daily_basal), "unit": "U a day"},
    ]
    if not table.curve:
        return rows
    # A page takes its columns from the first row.
    insulin = [_cells(r.name, r.unit, r.current, r.recommended, "", "", "") for r in table.curve]
    return [*({**row, "note": ""} for row in rows), *({**row, "note": curve_note(table.curve)} for row in insulin)]


def _cells(
    name: str, unit: str, current: float | None, new: float, worth: str, agreed: str, at_cap: str
) -> dict[str, str]:
    """Text throughout: no page rounds it. Every number stands beside its unit, which differs from row to row."""
    decimals = max(len(exact(value).partition(".")[2]) for value in (current, new))
    return {
        "setting": name,
        "unit": unit,
        "current (in that unit)": "not known" if current is None else exact(current, decimals),
        "recommended for the pump (in that unit)": exact(new, decimals),
        "change (%)": signed(100 * (new - current) / current, 1) if current else "",
        "worth changing": worth,
        "repetitions that agree": agreed,
        "at a cap": at_cap,
    }


def _agreed(agreement: Agreement | None) -> str:
    if agreement is None:
        return "not known"
    count = agreement.moves_up + agreement.moves_down + agreement.unchanged
    return f"{round(agreement.share * count)} of {count}"
