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
from flows.proposal.document import Agreement, Cap, Colour, Proposal
from flows.report.entering import (
    basal_key,
    cap_decided,
    curve_note,
    insulin_curve,
    isf_of,
    same,
    to_enter,
    worth_changing,
)
from flows.report.text.markdown import code_block, escaped, plain
from flows.report.wording import exact, many

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


def page(run: Path, document: dict[str, Any], address: str | None = None, *, others_see_it: bool = False) -> str:
    """The Markdown of the run's page: no number of the person's, only names, dates and where things are.

    Args:
        run: the run directory; only the names of its files are looked at.
        document: `proposal.json`; of version 1 (which has no verdict) only where it is.
        address: where the report can be opened in a browser.
        others_see_it: then only the verdict's colour, how many reasons there are, and where the report is: a reason's
            title alone tells of lows, or of meals that were not entered.
    """
    proposal = _version_2(document)
    lines = ["# Autotune proposal", ""]
    if proposal is not None:
        lines += _verdict_for_others(proposal) if others_see_it else _verdict(proposal)
    lines += _where(run, str(document["sha256"]), address)
    if proposal is not None and not others_see_it:
        lines += _how_to_apply(run, proposal)
    return "\n".join([*lines, "", DISCLAIMER])


def _version_2(document: dict[str, Any]) -> Proposal | None:
    try:
        return Proposal.model_validate_json(json.dumps(document)) if document.get("schema_version") == 2 else None
    except ValueError:  # its text would hold the person's numbers, and no page is a reason to lose a run
        return None


def _verdict(proposal: Proposal) -> list[str]:
    verdict = verdict_today(proposal)
    name = proposal.profile.get("name")
    of = f" for the profile {escaped(str(name))}" if name else ""
    used = sum(d.status == "used" for d in proposal.days)
    lines = [f"**{COLOURS[verdict.colour]}**{of}, from {many(used, 'day')}.", ""]
    if beyond_limits(proposal):
        lines += [verdict.headline, ""]
    elif verdict.nothing_sure:
        lines += ["Nothing is sure enough to act on: there is nothing to change.", ""]
    # A rule's sentence may hold a share of readings or a setting: those stay in the report.
    for reason in verdict.reasons:
        lines.append(f"- **{reason.colour.value}**: {escaped(reason.title or reason.rule, 400)}")
    if not verdict.reasons:
        lines.append(f"- none of {many(len(verdict.rules_checked), 'rule')} found anything against it")
    return [*lines, "", "The numbers behind each reason are in the report.", ""]


def _verdict_for_others(proposal: Proposal) -> list[str]:
    verdict = verdict_today(proposal)
    return [f"**{COLOURS[verdict.colour]}**, with {many(len(verdict.reasons), 'reason')} in the report.", ""]


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
    if not to_enter(proposal) or proposal.site_sha256 is None:  # not to be applied, or of no site
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
        document: `proposal.json`; of version 1, of a red verdict and of nothing to change there are no rows.
    """
    proposal = _version_2(document)
    if proposal is None or not to_enter(proposal):
        return []
    rows = [*_isf_rows(proposal), *_carb_ratio_rows(proposal), *_basal_rows(proposal)]
    if not (insulin := _insulin_rows(proposal)):
        return rows
    # A page takes its columns from the first row.
    note = {"note": curve_note(insulin_curve(proposal))}
    return [*({**row, "note": ""} for row in rows), *({**row, **note} for row in insulin)]


def _isf_rows(proposal: Proposal) -> list[dict[str, str]]:
    found, unit = proposal.evidence.isf, f"{proposal.units.value} per U"
    known = _agreed(found.agreement), found.at_cap, _worth(proposal, "isf")
    return [
        _row(f"ISF from {block.start}", unit, isf_of(block, proposal.units), *known) for block in proposal.for_pump.isf
    ]


def _carb_ratio_rows(proposal: Proposal) -> list[dict[str, str]]:
    found = proposal.evidence.carb_ratio
    known = _agreed(found.agreement), found.at_cap, _worth(proposal, "carb_ratio")
    return [
        _row(f"Carb ratio from {block.start}", "g per U", (block.current_g_per_u, block.recommended_g_per_u), *known)
        for block in proposal.for_pump.carb_ratio
    ]


def _basal_rows(proposal: Proposal) -> list[dict[str, str]]:
    rows = []
    for hour in proposal.evidence.basal:
        numbers = hour.current_u_per_h, hour.for_pump_u_per_h
        known = _agreed(hour.agreement), hour.at_cap, _worth(proposal, basal_key(hour.hour))
        rows.append(_row(f"Basal at {hour.hour:02d}:00", "U/h", numbers, *known))
    totals = proposal.current.daily_basal_u, proposal.for_pump.daily_basal_u
    return [*rows, _row("Basal in all", "U a day", totals, "", None, _worth(proposal, "daily_basal"))]


def _insulin_rows(proposal: Proposal) -> list[dict[str, str]]:
    return [_row(p.name, p.unit, (p.now, p.recommended), "", None, "") for p in insulin_curve(proposal)]


def _row(
    name: str, unit: str, numbers: tuple[float | None, float], agreed: str, at_cap: Cap | None, worth: str
) -> dict[str, str]:
    """Text throughout: no page rounds it. Every number stands beside its unit, which differs from row to row."""
    current, new = numbers
    decimals = max(len(exact(value).partition(".")[2]) for value in numbers)
    return {
        "setting": name,
        "unit": unit,
        "current (in that unit)": "not known" if current is None else exact(current, decimals),
        "recommended for the pump (in that unit)": exact(new, decimals),
        "change (%)": f"{100 * (new - current) / current:+.1f}" if current else "",
        "worth changing": "no" if current is not None and same(current, new) else worth,
        "repetitions that agree": agreed,
        "at a cap": cap_decided(at_cap),
    }


def _worth(proposal: Proposal, key: str) -> str:
    return {True: "yes", False: "no", None: "not known"}[worth_changing(proposal, key)]


def _agreed(agreement: Agreement | None) -> str:
    if agreement is None:
        return "not known"
    count = agreement.moves_up + agreement.moves_down + agreement.unchanged
    return f"{round(agreement.share * count)} of {count}"
