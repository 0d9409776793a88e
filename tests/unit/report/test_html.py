"""The report without a browser: harmless texts, drawings, spreadsheets, and what a run's directory gets."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import subprocess
import sys
import unicodedata
import zipfile
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import Reason, Refused
from flows.pipeline.publish import WITHDRAWN, publish, refusals_recorded
from flows.proposal.sealed import digest, seal
from flows.report.html.page import TEMPLATES, environment
from flows.report.html.report import report_html
from flows.report.spreadsheet import FORMULA, report_csv, report_xlsx
from flows.report.svg import plots
from flows.report.text.terminal import summary
from flows.report.wording import (
    LONGEST_SENTENCE,
    cut,
    decimals_of,
    fixed,
    harmless,
    in_one_unit,
    isolated,
    signed,
    whole_sentence,
)
from flows.settings import AnalysisRequest
from flows.values.run_directory import RunDirectory, dump
from tests import hostile_proposals, sample_proposals
from tests.people import pump_profile

NOW = datetime(2026, 11, 25, 22, tzinfo=UTC)
UNITS_AT_END = ("_u_per_h", "_percent", "_mgdl", "_mmoll", "_per_u", "_g", "_u")
# Words and plain counts.
UNITLESS = re.compile(
    "from_local_time|basal_at_cap|basal_repetitions_.*|basal_points|basal_days_.*|.*worth_changing|.*explanation|verdict"
)


@given(st.text(st.characters(), max_size=60))
def test_a_text_of_unknown_origin_becomes_one_harmless_line(text: str) -> None:
    clean = harmless(text)
    assert harmless(clean) == clean
    assert not [c for c in clean if unicodedata.category(c) in ("Cc", "Cs") or unicodedata.bidirectional(c) in BIDI]
    clean.encode("utf-8")
    markup = str(isolated(text))
    inner = re.fullmatch("<bdi>([^<>]*)</bdi>", markup)
    assert inner and html.unescape(inner[1]) == clean


BIDI = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def test_a_long_text_is_cut_and_its_title_holds_more() -> None:
    shown = str(isolated("x" * 10_000))
    assert len(shown) < 1500
    assert re.fullmatch('<bdi title="x{999}…">x{279}…</bdi>', shown)
    assert harmless(" a \u200b b\x85c\x1f\u202e ") == "a b c"
    assert cut("a" * 9 + "e\u0301" * 3, 11) == "a" * 9 + "…"


def test_a_sentence_of_ours_is_whole_escaped_and_in_both_units() -> None:
    days = ", ".join(f"2026-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 31))
    said = f"Left out with --exclude {days}."
    assert said in str(whole_sentence(said))
    assert "<script" not in whole_sentence("<script>") and "\u202e" not in whole_sentence("a\u202eb")
    assert len(whole_sentence("x" * 2 * LONGEST_SENTENCE)) < LONGEST_SENTENCE + 20
    isf = "an insulin sensitivity outside 10–400 mg/dL/U (0.6–22 mmol/L/U)"
    assert '<span class="mgdl">10–400 mg/dL/U</span><span class="mmoll">0.6–22 mmol/L/U</span>' in whole_sentence(isf)
    assert in_one_unit(isf, mmol=True) == "an insulin sensitivity outside 0.6–22 mmol/L/U"


@pytest.mark.parametrize(
    ("value", "decimals", "shown", "with_sign"),
    [
        (1.005, 1, "1.0", "+1.0"),
        (-0.04, 1, "0.0", "0.0"),
        (-2.5, 1, "−2.5", "−2.5"),
        (None, 2, "–", "–"),
        (0, 0, "0", "0"),
    ],
)
def test_numbers_have_their_decimals_and_a_real_minus(
    value: float | None, decimals: int, shown: str, with_sign: str
) -> None:
    assert (fixed(value, decimals), signed(value, decimals)) == (shown, with_sign)


@pytest.mark.parametrize(("step", "places"), [(1.0, 0), (0.1, 1), (0.05, 2), (0.025, 3), (0.5, 1)])
def test_a_step_says_how_many_decimals_its_numbers_need(step: float, places: int) -> None:
    assert decimals_of(step) == places


@given(st.floats(-1000, 1000), st.floats(0.01, 1000), st.integers(2, 8))
def test_marks_of_an_axis_are_round_and_within_it(low: float, span: float, count: int) -> None:
    marks = plots.ticks(low, low + span, count)
    assert len(marks) <= 2.6 * count + 2
    assert all(low - span * 0.01 <= mark <= low + span * 1.01 for mark in marks)
    assert marks == sorted(set(marks))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_labels_are_moved_apart_within_their_room(places: list[float]) -> None:
    moved = plots.spread(places, 10, 0, 100)
    order = sorted(range(len(places)), key=places.__getitem__)
    assert all(moved[b] - moved[a] >= 10 - 1e-9 for a, b in pairwise(order))
    assert all(-1e-9 <= at <= 100 + 1e-9 for at in moved)


def test_lines_and_bands_break_where_nothing_is_known() -> None:
    frame = plots.Frame(100, 100, (0, 4), (0, 1))
    values = [0.1, None, 0.5, 0.6]
    assert plots.line(frame, [0, 1, 2, 3], values, "a").count("M") == 2
    assert plots.band(frame, [0, 1, 2, 3], values, [v and v + 0.1 for v in values], "a").count("Z") == 2
    assert plots.steps(frame, [0, 1, 2, 3, 4], values, "a").count("M") == 2
    assert "NaN" not in plots.boxes(frame, [0, 1, 2, 3, 4], values, values, "a")


@pytest.mark.parametrize("person", [{}, {"evidence": False, "glucose": False}, {"units": "mmol/L", "blocks": 5}])
@pytest.mark.parametrize("colour", ["green", "amber", "red"])
def test_the_page_says_its_verdict_in_a_word_and_loads_nothing(person: dict[str, Any], colour: str) -> None:
    page = report_html(sample_proposals.proposal(colour=colour, **person)).decode()
    assert page.count("<!doctype html>") == 1
    assert f'<strong class="verdict-word">{colour.capitalize()}.</strong>' in page
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=\"(?!#)|url\(|@import|https?://", page)
    assert ("Settings before and after" in page) == (colour != "red")


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        (
            {"check": {"same": True, "parts": 24, "compared": 23}},
            "23 parts of the days were computed again by untouched",
        ),
        ({"check": {"date": "2026-03-22", "same": True}}, "Part of the run was computed again by untouched"),
        (
            {"check": {"same": None, "parts": 2, "compared": 0}},
            "Not checked: upstream stopped on what was computed twice",
        ),
        ({"check": {"same": False}, "redone": True}, "Untouched upstream disagreed; all was computed again"),
        ({"check": None}, "No part was computed twice."),
        ({"check": None, "faster": False}, "No part was computed twice: upstream computed everything itself."),
    ],
    ids=["same", "before parts", "not compared", "differing", "not checked", "exact"],
)
def test_the_page_says_what_the_self_check_found_and_what_it_could_not(engine: dict[str, Any], words: str) -> None:
    document = sample_proposals.document()
    page = report_html(sample_proposals.sealed({**document, "engine": {**document["engine"], **engine}})).decode()
    (said,) = re.findall(r"<dt>Self-check</dt><dd>(.*?)</dd>", page)
    assert re.sub("</?bdi>", "", said).startswith(words)


def test_every_template_is_escaped_by_default() -> None:
    assert environment().autoescape is True
    templates = [p.read_text("utf-8") for p in TEMPLATES.glob("*.html")]
    assert len(templates) >= 5
    safe = [line for text in templates for line in text.splitlines() if "|safe" in line]
    assert all("<span class=" in line for line in safe), "only our own markup is called safe"


def test_the_check_on_the_page_finds_the_hash_of_the_document(tmp_path: Path) -> None:
    sealed = seal(sample_proposals.document())
    (tmp_path / "proposal.json").write_bytes(dump(sealed))
    page = report_html(sample_proposals.sealed(sample_proposals.document())).decode()
    (command,) = re.findall(r"python3 -c &#34;(.*?)&#34;<", page) or re.findall(r'python3 -c "(.*?)"<', page)
    done = subprocess.run(
        [sys.executable, "-c", html.unescape(command)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [digest(sealed)] * 2
    assert digest(sealed) in page


# --- spreadsheets ----------------------------------------------------------------------------------------------------


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_the_csv_holds_the_numbers_of_the_document_with_their_units() -> None:
    proposal = sample_proposals.proposal(blocks=3)
    rows = _rows(report_csv(proposal))
    by_hour = {row["from_local_time"]: row for row in rows}
    assert len(by_hour) == len(rows) == 24 + 1  # one block starts at half past
    for hour in proposal.evidence.basal:
        row = by_hour[f"{hour.hour:02d}:00"]
        assert float(row["basal_recommended_u_per_h"]) == hour.recommended_u_per_h
        assert float(row["basal_for_pump_u_per_h"]) == hour.for_pump_u_per_h
        assert row["basal_total_deviation_mgdl"] == ("" if hour.points is None else str(hour.total_deviation_mgdl))
    second = proposal.for_pump.isf[1]
    assert float(by_hour["08:00"]["isf_for_pump_mgdl_per_u"]) == proposal.for_pump.isf[0].recommended_mgdl_per_u
    assert float(by_hour[second.start]["isf_for_pump_mgdl_per_u"]) == second.recommended_mgdl_per_u
    assert [head for head in rows[0] if not head.endswith(UNITS_AT_END) and not UNITLESS.fullmatch(head)] == []


def test_a_red_verdict_gives_no_spreadsheet_number_for_a_pump() -> None:
    proposal = sample_proposals.proposal(colour="red")
    assert not [head for head in _rows(report_csv(proposal))[0] if "pump" in head]
    assert "for the pump" not in " ".join(_texts(report_xlsx(proposal)))
    assert "basal_for_pump_u_per_h" not in _texts(report_xlsx(proposal))


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", '=cmd|" /C calc"!A0'])
def test_no_text_is_a_formula(name: str) -> None:
    document = hostile_proposals.hostile()
    document["evidence"]["basal"][0]["explanation"] = [name]
    document["profile"]["name"] = name
    document["days"][0]["date"] = name
    proposal = sample_proposals.sealed(document)
    numbers = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
    for row in _rows(report_csv(proposal)):
        assert not [cell for cell in row.values() if cell.startswith(FORMULA) and not numbers.fullmatch(cell)]
    with zipfile.ZipFile(io.BytesIO(report_xlsx(proposal))) as book:
        sheets = [book.read(n) for n in book.namelist() if n.startswith("xl/worksheets/sheet")]
        links = [n for n in book.namelist() if "hyperlink" in n or n.startswith("xl/externalLinks")]
    assert sheets and not links
    assert not [e for s in sheets for e in ElementTree.fromstring(s).iter() if e.tag.endswith(("}f", "}hyperlink"))]


def test_the_same_proposal_gives_the_same_workbook() -> None:
    proposal = sample_proposals.proposal()
    assert report_xlsx(proposal) == report_xlsx(proposal)
    assert {"Verdict", "By time of day", "ISF", "Carb ratio", "Glucose", "Days", "About"} <= set(_sheets(proposal))


def _texts(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        shared = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
    return [element.text or "" for element in shared.iter() if element.tag.endswith("}t")]


def _sheets(proposal: Any) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(report_xlsx(proposal))) as book:
        return re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())


# --- the run's directory ---------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    made = RunDirectory.create(tmp_path / "run", NOW)
    for name in ("settings/pumpprofile.json", "autotune/profile.json"):
        path = made.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(pump_profile()))
    made.write_json("proposal.json", seal(sample_proposals.document()))
    return made


@pytest.fixture
def request_(tmp_path: Path) -> AnalysisRequest:
    return AnalysisRequest(from_directory=tmp_path)


def test_a_run_gets_the_page_and_the_spreadsheets_and_its_manifest_vouches_for_them(
    run: RunDirectory, request_: AnalysisRequest
) -> None:
    publish(request_, run, NOW)
    outputs = run.read_json("manifest.json")["outputs_sha256"]
    for name in ("report.html", "report.csv", "report.xlsx", "report.json", "report.txt"):
        assert outputs[name] == run.digests(lambda n, name=name: n == name)[name]
        assert run.file(name).stat().st_mode & 0o777 == 0o600


def test_the_terminal_names_the_page(run: RunDirectory, request_: AnalysisRequest) -> None:
    publish(request_, run, NOW)
    last = summary(run, sample_proposals.proposal()).splitlines()[-1]
    assert last == f"Report: {run.file('report.html')}"


def test_a_refused_run_keeps_no_report(run: RunDirectory, request_: AnalysisRequest) -> None:
    publish(request_, run, NOW)
    with pytest.raises(Refused), refusals_recorded(run, request_, NOW):
        raise Refused(Reason.SITE_URL, detail="for the test")
    assert not [name for name in WITHDRAWN if run.file(name).exists()]
