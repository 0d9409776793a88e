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

from flows.proposal.document import Agreement, Cap, Colour, Proposal, Units
from flows.report.markdown import code_block, escaped, plain

COLOURS = {
    Colour.GREEN: "🟢 Green",
    Colour.AMBER: "🟠 Amber: look at the reasons first",
    Colour.RED: "🔴 Red: this proposal cannot be applied",
}
CAPS = {None: "", Cap.LOW: "lowest upstream allows", Cap.HIGH: "highest upstream allows"}
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


def page(run: Path, document: dict[str, Any], address: str | None = None) -> str:
    """The Markdown of the run's page: no number of the person's, only names, dates and where things are.

    Args:
        run: the run directory; only the names of its files are looked at.
        document: `proposal.json`; of version 1 (which has no verdict) only where it is.
        address: where the report can be opened in a browser.
    """
    proposal = _version_2(document)
    lines = ["# Autotune proposal", ""]
    if proposal is not None:
        lines += _verdict(proposal)
    lines += _where(run, str(document["sha256"]), address)
    if proposal is not None:
        lines += _how_to_apply(run, proposal)
    return "\n".join([*lines, "", DISCLAIMER])


def _version_2(document: dict[str, Any]) -> Proposal | None:
    try:
        return Proposal.model_validate_json(json.dumps(document)) if document.get("schema_version") == 2 else None
    except ValueError:  # its text would hold the person's numbers, and no page is a reason to lose a run
        return None


def _verdict(proposal: Proposal) -> list[str]:
    verdict = proposal.verdict
    name = proposal.profile.get("name")
    of = f" for the profile {escaped(str(name))}" if name else ""
    used = sum(d.status == "used" for d in proposal.days)
    lines = [f"**{COLOURS[verdict.colour]}**{of}, from {used} days.", ""]
    if verdict.nothing_to_change:
        lines += ["Nothing is sure enough to act on: there is nothing to change.", ""]
    # A rule's sentence may hold a share of readings or a setting: those stay in the report.
    for reason in verdict.reasons:
        lines.append(f"- **{reason.colour.value}**: {escaped(reason.title or reason.rule, 400)}")
    if not verdict.reasons:
        lines.append(f"- none of {len(verdict.rules_checked)} rules found anything against it")
    return [*lines, "", "The numbers behind each reason are in the report.", ""]


def _where(run: Path, sha256: str, address: str | None) -> list[str]:
    lines = ["## Where it is", ""]
    if address:
        lines.append(f"- [Open the report](<{address}>)")
    return [
        *lines,
        f"- Run directory: {escaped(str(run), 4096)}",
        f"- Report: {escaped(report_file(run))} in it, or `autotune show` with that directory",
        f"- Proposal id: {escaped(run.name, 255)}",
        f"- Proposal sha256: `{plain(sha256)}`",
    ]


def _how_to_apply(run: Path, proposal: Proposal) -> list[str]:
    if proposal.verdict.colour is Colour.RED or proposal.verdict.nothing_to_change:
        return []
    parameters = {"proposal_id": proposal.proposal_id, "sha256": proposal.sha256}
    return [
        *("", "## To approve it", "", "Read the report first. Then, where the run directory is:", ""),
        code_block([f"autotune apply {shlex.quote(str(run))}"]),
        *("", "or start the deployment `profile-sync/apply` with these in its request:", ""),
        code_block([json.dumps(parameters)]),
    ]


# --- the table -------------------------------------------------------------------------------------------------------


def settings_table(document: dict[str, Any]) -> list[dict[str, str]]:
    """A row for every setting in the person's units, recommended as it can be entered into the pump.

    Args:
        document: `proposal.json`; of version 1 there are no rows.
    """
    proposal = _version_2(document)
    if proposal is None:
        return []
    return [*_isf_rows(proposal), *_carb_ratio_rows(proposal), *_basal_rows(proposal)]


def _isf_rows(proposal: Proposal) -> list[dict[str, str]]:
    found, unit = proposal.evidence.isf, f"{proposal.units.value} per U"
    rows = []
    for block in proposal.for_pump.isf:
        if proposal.units is Units.MMOL_PER_L:
            numbers = block.current_mmoll_per_u, block.recommended_mmoll_per_u
        else:
            numbers = block.current_mgdl_per_u, block.recommended_mgdl_per_u
        rows.append(_row(f"ISF from {block.start}", unit, numbers, _agreed(found.agreement), found.at_cap))
    return rows


def _carb_ratio_rows(proposal: Proposal) -> list[dict[str, str]]:
    found = proposal.evidence.carb_ratio
    rows = []
    for block in proposal.for_pump.carb_ratio:
        numbers = block.current_g_per_u, block.recommended_g_per_u
        rows.append(_row(f"Carb ratio from {block.start}", "g per U", numbers, _agreed(found.agreement), found.at_cap))
    return rows


def _basal_rows(proposal: Proposal) -> list[dict[str, str]]:
    rows = []
    for hour in proposal.evidence.basal:
        numbers = hour.current_u_per_h, hour.for_pump_u_per_h
        rows.append(_row(f"Basal at {hour.hour:02d}:00", "U/h", numbers, _agreed(hour.agreement), hour.at_cap))
    totals = proposal.current.daily_basal_u, proposal.for_pump.daily_basal_u
    return [*rows, _row("Basal in all", "U a day", totals, "", None)]


def _row(name: str, unit: str, numbers: tuple[float, float], agreed: str, at_cap: Cap | None) -> dict[str, str]:
    """Text throughout: no page rounds it. Every number stands beside its unit, which differs from row to row."""
    current, new = numbers
    decimals = max(len(f"{value:g}".partition(".")[2]) for value in numbers)
    return {
        "setting": name,
        "unit": unit,
        "current (in that unit)": f"{current:.{decimals}f}",
        "recommended for the pump (in that unit)": f"{new:.{decimals}f}",
        "change (%)": f"{100 * (new - current) / current:+.1f}" if current else "",
        "repetitions that agree": agreed,
        "at a cap": CAPS[at_cap],
    }


def _agreed(agreement: Agreement | None) -> str:
    if agreement is None:
        return "not known"
    count = agreement.moves_up + agreement.moves_down + agreement.unchanged
    return f"{round(agreement.share * count)} of {count}"
