"""A verdict sealed before the consensus' limits were a rule, as every form shows it: never green beyond one."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.judgement.verdict_today import verdict_today
from flows.proposal.document import Proposal
from flows.proposal.sealed import seal
from flows.report.html.report import report_html
from flows.report.spreadsheet import report_csv, tables
from flows.report.text.changes import verdict_text
from flows.report.text.run_page import page_markdown
from flows.report.text.terminal import summary
from flows.report.trend.history import trend as trend_of
from flows.report.trend.html import trend_page
from flows.report.trend.past_runs import find_runs
from flows.report.trend.text import history
from flows.values.run_directory import RunDirectory
from tests.sample_proposals import document, sealed

LIMIT_SAID = "is asked for)"  # of the limit's own reason
LOW, HIGH = "Glucose is too often too low", "Glucose is too often very high"
# Which side is exceeded, by which share; the other shares of the sample are within the limits.
BEYOND: dict[str, tuple[dict[str, float], dict[str, Any], list[str]]] = {
    "below 54": ({"below_54_percent": 1.0}, {}, [LOW]),
    "below 70": ({"below_54_percent": 0.5, "from_54_to_69_percent": 3.5}, {}, [LOW]),
    "above 250": ({"above_250_percent": 5.01}, {}, [HIGH]),
    "both": ({"below_54_percent": 1.0, "above_250_percent": 5.01}, {}, [LOW, HIGH]),
    "in pregnancy below 63": ({"below_63_percent": 4.0, "above_140_percent": 25.0}, {"age_group": "pregnant"}, [LOW]),
    "in pregnancy above 140": ({"below_63_percent": 3.9, "above_140_percent": 25.1}, {"age_group": "pregnant"}, [HIGH]),
}
WITHIN = {"below_54_percent": 0.99, "from_54_to_69_percent": 2.9, "above_250_percent": 5.0}


def old(colour: str, shares: dict[str, float], options: dict[str, Any], *, nothing: bool = False) -> Proposal:
    """As it was sealed before: no limit is in the verdict."""
    made = document(colour=colour, nothing_to_change=nothing)
    made["glucose"] |= shares
    made["options"] |= options
    return sealed(made)


def forms(proposal: Proposal, root: Path) -> dict[str, str]:
    """What each form says of the verdict, in small letters."""
    dump = seal(proposal.model_dump(mode="json"))
    run = RunDirectory.create(root / proposal.proposal_id, datetime(2026, 11, 25, tzinfo=UTC))
    run.write_json("proposal.json", dump)
    trend = trend_of(find_runs(root), root)
    whole = report_html(proposal).decode().partition("<body>")[2]
    card = whole[whole.index('<section class="card verdict') : whole.index('aria-labelledby="h-pump"')]
    trend_whole = trend_page(trend).decode()
    trend_card = trend_whole[trend_whole.index('<section class="card') :].split("</section>")[0]
    rows = list(csv.DictReader(io.StringIO(report_csv(proposal).decode("utf-8-sig"))))
    said = {
        "report": card,
        "terminal": summary(run, proposal).split("Recommendation of oref0")[0],
        "before writing": verdict_text(proposal),
        "artifact": page_markdown(run.path, dump),
        "artifact for others": page_markdown(run.path, dump, others_see_it=True),
        "workbook": str(tables(proposal)[0].rows),
        "csv": str({row["verdict"] for row in rows}),
        "history": history(trend).splitlines()[4],
        "trend page": trend_card,
    }
    return {name: " ".join(text.lower().split()) for name, text in said.items()}


@pytest.mark.parametrize("nothing", [False, True], ids=["something sure", "nothing sure"])
@pytest.mark.parametrize(("shares", "options", "titles"), BEYOND.values(), ids=BEYOND)
def test_a_green_sealed_before_the_limits_is_amber_in_every_form(
    shares: dict[str, float], options: dict[str, Any], titles: list[str], nothing: bool, tmp_path: Path
) -> None:
    proposal = old("green", shares, options, nothing=nothing)
    said = forms(proposal, tmp_path)
    assert [name for name, text in said.items() if re.search(r"\bgreen\b", text)] == []
    assert [name for name, text in said.items() if not re.search(r"\bamber\b", text)] == []
    with_reasons = ("report", "terminal", "before writing", "workbook")
    assert [name for name in with_reasons if LIMIT_SAID not in said[name]] == []
    assert "no rule found anything" not in said["report"]
    assert "found anything against it" not in said["artifact"]
    assert [title for title in titles if title.lower() not in said["artifact"]] == []
    count = f"with {len(titles)} reason{'s' if len(titles) > 1 else ''} in the report"
    assert count in said["artifact for others"]
    # Others are told of no low: neither a title nor a headline says it.
    assert "glucose" not in said["artifact for others"]
    assert proposal.verdict.colour.value == "green"  # what was sealed stays


@pytest.mark.parametrize("nothing", [False, True], ids=["something sure", "nothing sure"])
def test_within_the_limits_a_green_stays_green_in_every_form(nothing: bool, tmp_path: Path) -> None:
    said = forms(old("green", WITHIN, {}, nothing=nothing), tmp_path)
    assert [name for name, text in said.items() if not re.search(r"\bgreen\b", text)] == []
    assert [name for name, text in said.items() if LIMIT_SAID in text] == []


@pytest.mark.parametrize("colour", ["amber", "red"])
def test_what_was_sealed_with_reasons_keeps_its_colour_and_has_the_limit_beside_them(colour: str) -> None:
    proposal = old(colour, {"below_54_percent": 1.0}, {})
    verdict = verdict_today(proposal)
    assert verdict.colour.value == colour
    assert verdict.reasons[:-1] == proposal.verdict.reasons
    assert verdict.reasons[-1].rule == "beyond_low_limit"
    assert (verdict.worth_changing, verdict.nothing_certain) == (proposal.verdict.worth_changing, False)


def test_a_limit_that_was_sealed_is_said_once() -> None:
    proposal = old("green", {"below_54_percent": 1.0}, {})
    today = verdict_today(proposal).model_dump(mode="json")
    again = sealed({**proposal.model_dump(mode="json"), "verdict": {**today, "beyond_limits": ["low"]}})
    assert verdict_today(again) == again.verdict


def targets_table(group: str, shares: dict[str, float]) -> str:
    whole = report_html(old("amber", shares, {"age_group": group})).decode()
    table = next(t for t in re.findall(r"<table>.*?</table>", whole, re.DOTALL) if "Time in range" in t)
    return " ".join(re.sub(r"<[^>]+>", " ", table).split())


def test_in_pregnancy_the_targets_are_those_the_verdict_judges_by() -> None:
    table = targets_table("pregnant", {"below_63_percent": 4.2, "above_140_percent": 31.0})
    assert "limits in pregnancy" in table and "adults" not in table
    for said in ("below 63", "4.2 % less than 4 %", "above 140", "31.0 % at most 25 %", "below 3.5", "above 7.8"):
        assert said in table
    assert "over 70 %" not in table and "under 4 %" not in table


def test_in_pregnancy_a_share_that_an_older_proposal_has_not_is_no_number() -> None:
    table = targets_table("pregnant", {})
    assert re.search(r"below 63 below 3\.5 \D+ less than 4 %", table)
    assert table.count("below 54") == 1


@pytest.mark.parametrize("group", ["adult", "child"])
def test_else_the_targets_are_the_consensus_for_type_1(group: str) -> None:
    table = targets_table(group, {"below_63_percent": 4.2, "above_140_percent": 31.0})
    assert "type 1 diabetes" in table and "over 70 %" in table
    assert "pregnancy" not in table and "below 63" not in table
