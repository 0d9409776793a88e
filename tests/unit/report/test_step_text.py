"""The step in words: every reason has its sentence, and every fact it names."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from flows.proposal.document import Proposal
from flows.proposal.step import next_step
from flows.proposal.step_document import Baseline, Because, BlockValue, FollowUp, FollowUpVerdict, StepChange, Watch
from flows.report.html.report import report_html
from flows.report.step_rows import step_rows
from flows.report.text.step import (
    HELPED,
    WATCHING,
    WHY,
    baseline_sentence,
    change_lines,
    follow_up_sentence,
    step_in_words,
    what_to_do,
    why,
)
from flows.report.text.terminal import UPSTREAMS, summary
from flows.report.wording import in_chosen_unit, in_one_unit
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory
from tests import sample_proposals
from tests.unit.proposal.test_step import high, step_case


def test_every_id_has_its_sentence() -> None:
    assert (set(WHY), set(WATCHING), set(HELPED)) == (set(Because), set(Watch), set(FollowUpVerdict))


@pytest.mark.parametrize("below", [1.0, 2.2, 3.0, 6.0])
@pytest.mark.parametrize("above", [10.0, 22.0, 30.0])
def test_what_is_said_has_its_facts(below: float, above: float) -> None:
    step = next_step(step_case(glucose=high(above, below)))
    for said in (*(kept.said for kept in step.kept), *([step.said] if step.said else [])):
        assert why(said)


@pytest.mark.parametrize(
    ("days", "said"),
    [({"days_since_step": 3.5}, "for 4 more day(s)"), ({"taken_back_days_ago": 1.0}, "; 13 day(s) of pause are left")],
)
def test_days_are_counted_whole(days: dict[str, float], said: str) -> None:
    assert said in what_to_do(next_step(step_case(**days)))


@pytest.mark.parametrize(
    ("verdict", "run", "command"),
    [
        (FollowUpVerdict.TAKE_BACK, "20260501-020000-aaaaaa", " (`autotune rollback 20260501-020000-aaaaaa`)."),
        (FollowUpVerdict.TAKE_BACK, "my run", " (`autotune rollback 'my run'`)."),
        (FollowUpVerdict.TAKE_BACK, "", "worse: take it back to be safe."),
        (FollowUpVerdict.UNCLEAR, "20260501-020000-aaaaaa", "no clear difference."),
    ],
)
def test_a_step_to_take_back_is_said_with_its_command(verdict: FollowUpVerdict, run: str, command: str) -> None:
    follow_up = FollowUp(
        change="",
        proposal_sha256="",
        run=run,
        taken_on="2026-05-01",
        days_since=8,
        before=None,
        after=None,
        weekdays_paired=7,
        verdict=verdict,
        reasons=(),
    )
    assert follow_up_sentence(follow_up).endswith(command)
    page = report_html(with_step(follow_up=follow_up)).decode()
    assert ("autotune rollback" in page.partition("<strong>The last step.</strong>")[2][:300]) is (
        "rollback" in command
    )


def test_neighbouring_hours_are_one_line() -> None:
    step = next_step(step_case())
    assert change_lines(step) == ["basal 00:00–24:00: 1 → 1.05 U/h ▲", "basal a day: 24.00 → 25.20 U"]
    assert what_to_do(step) == "Step: change the basal a little."


def test_hours_apart_and_the_other_way_are_rows_of_their_own() -> None:
    def change(start: str, new: float, part: Part = Part.BASAL) -> StepChange:
        return StepChange(part=part, start=start, current=1.0, new=new, upstream=new)

    changes = (
        change("00:00", 1.1),
        change("01:00", 1.1),
        change("03:00", 1.1),
        change("04:00", 0.9),
        change("06:00", 9.5, Part.CARB_RATIO),
    )
    step = next_step(step_case()).model_copy(update={"changes": changes})
    assert [(row.when, row.new, row.arrow, row.unit) for row in step_rows(step)] == [
        ("00:00–02:00", "1.1", "▲", "U/h"),
        ("03:00–04:00", "1.1", "▲", "U/h"),
        ("04:00–05:00", "0.9", "▼", "U/h"),
        ("06:00 on", "9.5", "▲", "g/U"),
    ]


def with_step(**changes: Any) -> Proposal:
    """A proposal whose step changes the basal."""
    step = next_step(step_case()).model_copy(update=changes)
    made = sample_proposals.sealed(sample_proposals.document(seed=3))
    return made.model_copy(update={"step": step})


def test_terminal_and_page_say_the_step_before_upstreams_numbers() -> None:
    proposal = with_step()
    run = RunDirectory(Path("run"))
    said = step_in_words(proposal)
    assert said is not None
    page = report_html(proposal).decode().partition("<body>")[2]
    for sentence in (said.baseline, *said.kept):
        assert str(in_chosen_unit(sentence)) in page
    page = re.sub(r"<[^>]+>", "", page)
    on_page = "The step to take now", *said.notes, "Upstream&#39;s numbers, not what to enter"
    for text, parts in ((summary(run, proposal), (said.what, *said.notes, UPSTREAMS)), (page, on_page)):
        places = [html.unescape(text).index(html.unescape(what)) for what in parts]
        assert places == sorted(places)
    in_own = [in_one_unit(line, mmol=False) for line in (*said.kept, said.next, said.baseline)]
    assert all(line in summary(run, proposal) for line in in_own)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("above 180 mg/dL (10.0 mmol/L) for", "above [180 mg/dL][10.0 mmol/L] for"),
        ("lows (below 70 mg/dL, 3.9 mmol/L): more", "lows (below [70 mg/dL][3.9 mmol/L]): more"),
        ("ISF 54 mg/dL/U (3.00 mmol/L/U), carb", "ISF [54 mg/dL/U][3.00 mmol/L/U], carb"),
        ("below 70 mg/dL & <b>", "below 70 mg/dL &amp; &lt;b&gt;"),
    ],
)
def test_the_page_shows_glucose_of_a_sentence_in_the_unit_chosen(said: str, shown: str) -> None:
    assert re.sub(r'<span class="(?:mgdl|mmoll)">(.*?)</span>', r"[\1]", in_chosen_unit(said)) == shown


def test_how_repeatable_the_numbers_of_a_step_are_is_said_in_a_hundred() -> None:
    proposal = with_step()
    shares = [round(100 * hour.agreement.share) for hour in proposal.evidence.basal if hour.agreement]
    said = step_in_words(proposal)
    assert said is not None
    assert said.notes == (
        f"Which way these numbers go is repeatable in {min(shares)} to {max(shares)} of 100; that does not make them "
        "right.",
    )


def test_the_baseline_is_said_with_its_values_and_since_when() -> None:
    blocks = (BlockValue(start="00:00", value=54.0), BlockValue(start="06:00", value=54.0))
    baseline = Baseline(
        set_at="2026-11-01T08:00:00.000+00:00",
        basal_u_per_h=(1.0,) * 24,
        isf_mgdl_per_u=blocks,
        carb_ratio_g_per_u=(BlockValue(start="00:00", value=10.0),),
    )
    said = baseline_sentence(baseline)
    assert said.startswith("Baseline since 2026-11-01, set by the first change that was applied: basal 24.00 U a day,")
    assert "ISF 54 mg/dL/U (3.00 mmol/L/U), carb ratio 10 g/U." in said
    assert "set by hand" in baseline_sentence(baseline.model_copy(update={"by_hand": True}))
    assert baseline_sentence(None).startswith("No baseline is known")
