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
from flows.language.catalogue import count_phrase, phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.proposal.consensus_limits import beyond_limits
from flows.proposal.document import READABLE_VERSIONS, Colour, Proposal
from flows.proposal.evidence_document import Agreement
from flows.report.numbers_to_enter import may_be_entered
from flows.report.rows import Row, RowEntry, curve_note, setting_rows
from flows.report.text.markdown import code_block, escaped, plain
from flows.report.text.verdict import colour_word, reason_title
from flows.report.wording import decimals_shown, exact, headline_in_spoken, signed

COLOURS = {
    Colour.GREEN: to_translate("🟢 Green"),
    Colour.AMBER: to_translate("🟠 Amber: look at the reasons first"),
    Colour.RED: to_translate("🔴 Red: this proposal cannot be applied"),
}
DISCLAIMER = to_translate(
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
    run: Path,
    document: dict[str, Any],
    address: str | None = None,
    approve_at: str | None = None,
    *,
    others_see_it: bool = False,
) -> str:
    """The Markdown of the run's page: no number of the person's, only names, dates and where things are.

    Args:
        run: the run directory; only the names of its files are looked at.
        document: `proposal.json`; of version 1 (which has no verdict) only where it is.
        address: where the report can be opened in a browser.
        approve_at: where the change can be looked at and approved on the page for people.
        others_see_it: then only the verdict's colour, how many reasons there are, and where the report is: a reason's
            title alone tells of lows, or of meals that were not entered.
    """
    proposal = _readable(document)
    lines = [f"# {phrase('Autotune proposal')}", ""]
    if proposal is not None:
        lines += _verdict_for_others(proposal) if others_see_it else _verdict(proposal)
    lines += _where(run, str(document["sha256"]), address)
    if proposal is not None and not others_see_it:
        lines += _how_to_apply(run, proposal, approve_at)
    return "\n".join([*lines, "", translated(DISCLAIMER)])


def _readable(document: dict[str, Any]) -> Proposal | None:
    try:
        known = document.get("schema_version") in READABLE_VERSIONS
        return Proposal.model_validate_json(json.dumps(document)) if known else None
    except ValueError:  # its text would hold the person's numbers, and no page is a reason to lose a run
        return None


def _verdict(proposal: Proposal) -> list[str]:
    verdict = verdict_today(proposal)
    name = proposal.profile.get("name")
    used = sum(d.status == "used" for d in proposal.days)
    colour = translated(COLOURS[verdict.colour])
    lines = [
        count_phrase(
            "**{colour}** for the profile {name}, from {count} day.",
            "**{colour}** for the profile {name}, from {count} days.",
            used,
            colour=colour,
            name=escaped(str(name)),
        )
        if name
        else count_phrase("**{colour}**, from {count} day.", "**{colour}**, from {count} days.", used, colour=colour),
        "",
    ]
    if beyond_limits(proposal) or proposal.step is not None:
        lines += [headline_in_spoken(verdict.headline), ""]
    elif verdict.nothing_certain:
        lines += [phrase("Nothing is repeatable enough to act on: there is nothing to change."), ""]
    # A rule's sentence may hold a share of readings or a setting: those stay in the report.
    reasons = [
        f"- **{colour_word(reason.colour)}**: {escaped(reason_title(reason), 400)}" for reason in verdict.reasons
    ]
    nothing = count_phrase(
        "- none of {count} rule found anything against it",
        "- none of {count} rules found anything against it",
        len(verdict.rules_checked),
    )
    return [*lines, *(reasons or [nothing]), "", phrase("The numbers behind each reason are in the report."), ""]


def _verdict_for_others(proposal: Proposal) -> list[str]:
    verdict = verdict_today(proposal)
    said = count_phrase(
        "**{colour}**, with {count} reason in the report.",
        "**{colour}**, with {count} reasons in the report.",
        len(verdict.reasons),
        colour=translated(COLOURS[verdict.colour]),
    )
    return [said, ""]


def _where(run: Path, sha256: str, address: str | None) -> list[str]:
    return [
        *(f"## {phrase('Where it is')}", ""),
        *([f"- [{phrase('Open the report')}](<{address}>)"] if address else []),
        phrase("- Run directory: {path}", path=escaped(str(run), 4096)),
        phrase("- Report: {file} in it, or `autotune show` with that directory", file=escaped(report_file(run))),
        phrase("- Proposal id: {id}", id=escaped(run.name, 255)),
        phrase("- Proposal sha256: `{sha256}`", sha256=plain(sha256)),
    ]


def _how_to_apply(run: Path, proposal: Proposal, approve_at: str | None) -> list[str]:
    if not may_be_entered(proposal) or proposal.site_sha256 is None:  # not to be applied, or of no site
        return []
    if approve_at:
        there = f"[{phrase('Look at this change')}](<{approve_at}>)"
        by_page = [
            phrase("Read the report first. Then: {link}", link=there),
            "",
            phrase("Without the page, where the run directory is:"),
        ]
    else:
        by_page = [phrase("Read the report first. Then, where the run directory is:")]
    return [
        *("", f"## {phrase('To approve it')}", ""),
        *(*by_page, ""),
        code_block([f"autotune apply {shlex.quote(str(run))}"]),
        *("", phrase("or start the deployment `profile-sync/apply` with these in its request:"), ""),
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
        worth = phrase("no") if entry.keep_label else phrase("yes") if table.says_what_is_sure else phrase("not known")
        known = (_agreed(found.evidence.agreement), in_spoken(found.cap_label)) if found else ("", "")
        unit = in_spoken(entry.unit.replace("/U", " per U"))
        return _cells(name, unit, entry.current, entry.to_enter, worth, *known)

    rows = [
        *(row(phrase("ISF from {time}", time=e.start), e, table.isf) for e in table.isf.entries),
        *(row(phrase("Carb ratio from {time}", time=e.start), e, table.carb_ratio) for e in table.carb_ratio.entries),
        *(row(phrase("Basal at {time}", time=e.start), e, hour) for hour in table.basal for e in hour.entries),
        {**row(phrase("Basal in all"), table.daily_basal), phrase("unit"): phrase("U a day")},
    ]
    if not table.curve:
        return rows
    # A page takes its columns from the first row.
    insulin = [_cells(in_spoken(r.name), r.unit, r.current, r.recommended, "", "", "") for r in table.curve]
    head, note = phrase("note"), in_spoken(curve_note(table.curve))
    return [*({**row, head: ""} for row in rows), *({**row, head: note} for row in insulin)]


def _cells(
    name: str, unit: str, current: float | None, new: float, worth: str, agreed: str, at_cap: str
) -> dict[str, str]:
    """Text throughout: no page rounds it. Every number stands beside its unit, which differs from row to row."""
    decimals = max(decimals_shown(value) for value in (current, new) if value is not None)
    return {
        phrase("setting"): name,
        phrase("unit"): unit,
        phrase("current (in that unit)"): phrase("not known") if current is None else exact(current, decimals),
        phrase("recommended for the pump (in that unit)"): exact(new, decimals),
        phrase("change (%)"): signed(100 * (new - current) / current, 1) if current else "",
        phrase("worth changing"): worth,
        phrase("repetitions that agree"): agreed,
        phrase("at a cap"): at_cap,
    }


def _agreed(agreement: Agreement | None) -> str:
    if agreement is None:
        return phrase("not known")
    count = agreement.moves_up + agreement.moves_down + agreement.unchanged
    return phrase("{agreeing} of {count}", agreeing=round(agreement.share * count), count=count)
