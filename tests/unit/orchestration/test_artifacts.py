"""What stands on a run's page: the verdict and the settings, nothing that betrays more, and no markup from data."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from flows.orchestration import artifacts
from flows.report.text.markdown import code_block, escaped, plain
from flows.report.text.run_page import page_markdown, report_address, settings_table
from flows.writeback.apply import WritebackResult
from tests.proposal_documents import proposal, settings

RUN = Path("/runs/20260515-020000-aaaaaa")
HOSTILE = [
    "a|b",
    "`code` ``` fence",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[click](javascript:alert(1)) ![x](https://evil.example/x.png)",
    "https://evil.example www.evil.example a@evil.example <https://evil.example>",
    "line\n# heading\r\n\n- item\u2028next\u0085last",
    "&lt;b&gt; &#60; &amp;",
    "\\`still code\\`",
    "safe\u202egnp.exe\u2066\u2069\u200f\ufeff",
    "*bold* _em_ ~~gone~~ $x$ ^a^ {: .c}",
    "ליל שבת",
    "\x00\x1b[31mred\x07",
    "x" * 10_000,
    "\ud800 alone",
    "1. one",
    "---",
]


def rendered(markdown: str) -> str:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)


def text_and_tags(markup: str) -> tuple[str, set[str]]:
    tags = set(re.findall(r"</?([a-z0-9]+)[^>]*>", markup))
    return html.unescape(re.sub(r"<[^>]*>", "", markup)), tags


@pytest.mark.parametrize("text", HOSTILE, ids=lambda t: ascii(t[:24]))
def test_a_hostile_name_is_shown_as_it_reads(text: str) -> None:
    harmless_in_its_place(text)


@given(st.text(max_size=300))
def test_no_text_at_all_becomes_markup(text: str) -> None:
    harmless_in_its_place(text)


@given(st.text(alphabet="|`*_[]()<>!#&\\~-+.1:/@\"'=${}\n\u202e\u2066 a", max_size=60))
def test_no_mixture_of_marks_becomes_markup(text: str) -> None:
    harmless_in_its_place(text)


def harmless_in_its_place(text: str) -> None:
    in_a_list, tags = text_and_tags(rendered(f"- Name: {escaped(text)} end"))
    assert tags == {"ul", "li"}
    assert in_a_list.strip().replace("\u2068", "").replace("\u2069", "") == f"Name: {plain(text)} end"
    _, tags = text_and_tags(rendered(f"| a | b |\n|---|---|\n| {escaped(text)} | 7 |\n"))
    assert tags == {"table", "thead", "tbody", "tr", "th", "td"}
    assert len(plain(text)) <= 80
    assert not re.search("[\\x00-\\x1f\\x7f-\\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]", plain(text))


@given(st.lists(st.text(alphabet="`~ ab\n\u202e\x1b\u2028'$", min_size=1, max_size=40), min_size=1, max_size=3))
def test_what_is_to_be_copied_stays_in_its_block(lines: list[str]) -> None:
    text, tags = text_and_tags(rendered(code_block(lines)))
    assert tags == {"pre", "code"}
    assert text.rstrip("\n").split("\n") == [re.sub("[\n\u202e\x1b\u2028]", "�", line) for line in lines]


def test_the_page_says_the_verdict_where_it_is_and_how_to_approve_it() -> None:
    sentence = "Time below 70 mg/dL is 5.13 %."
    document = proposal(colour="amber", title="Lows & more", sentence=sentence, name="Day|<b>`x`")
    markdown = page_markdown(RUN, document, "https://nas.example/r/report.html")
    text, _ = text_and_tags(rendered(markdown))
    assert "Amber" in text
    assert "Lows & more" in text
    assert "5.13" not in text
    assert "Day|<b>`x`" in text
    assert f"autotune apply {RUN}" in text
    assert json.dumps({"proposal_id": document["proposal_id"], "sha256": document["sha256"]}) in text
    assert 'href="https://nas.example/r/report.html"' in rendered(markdown)
    assert "Nothing has been changed" in text


def test_the_page_holds_no_number_of_the_person() -> None:
    canaries = settings(47.6125, 9.2175, [0.8375 + hour / 1000 for hour in range(24)])
    document = proposal(
        current=canaries,
        recommended=settings(51.7375, 8.8125, 0.9125),
        in_range=61.375,
        sentence="Only 61.375 % in range, ISF 51.7375.",
        facts={"in_range_percent": 61.375, "isf_mgdl_per_u": 51.7375},
    )
    shown = page_markdown(RUN, document)
    numbers = [canaries["isf_mgdl_per_u"], 51.7375, 8.8125, 9.2175, 0.9125, 61.375, 146.0, 0.8375]
    assert not [n for n in numbers if str(n) in shown]


@pytest.mark.parametrize(
    "verdict",
    [{"colour": "red", "nothing_to_change": False}, {"colour": "green", "nothing_to_change": True}],
    ids=["red", "nothing to change"],
)
def test_what_cannot_or_need_not_be_applied_has_no_command(verdict: dict[str, Any]) -> None:
    document = proposal()
    document = {**document, "verdict": {**document["verdict"], **verdict, "reasons": []}}
    shown = page_markdown(RUN, document)
    assert "autotune apply" not in shown
    assert document["sha256"] in shown


@pytest.mark.parametrize("document", [{"schema_version": 1, "sha256": "a" * 64}, {**proposal(), "units": "stones"}])
def test_a_document_it_does_not_understand_is_only_located(document: dict[str, Any]) -> None:
    shown = page_markdown(RUN, document)
    assert RUN.name in text_and_tags(rendered(shown))[0]
    assert str(document["sha256"]) in shown
    assert "autotune apply" not in shown
    assert settings_table(document) == []


@pytest.mark.parametrize(("units", "isf"), [("mg/dL", ("50.00", "54.25")), ("mmol/L", ("2.778", "3.014"))])
def test_the_table_is_in_the_persons_units(units: str, isf: tuple[str, str]) -> None:
    rows = settings_table(proposal(units=units))
    assert [r["setting"] for r in rows[:3]] == ["ISF from 00:00", "Carb ratio from 00:00", "Basal at 00:00"]
    assert len(rows) == 2 + 24 + 1
    first = rows[0]
    assert (first["unit"], first["current (in that unit)"]) == (f"{units} per U", isf[0])
    assert first["recommended for the pump (in that unit)"] == isf[1]
    assert first["repetitions that agree"] == "94 of 100"
    assert rows[2]["recommended for the pump (in that unit)"] == "0.85"
    assert not [v for row in rows for v in row.values() if "mg" in v and units == "mmol/L"]


@pytest.mark.parametrize(
    ("template", "address"),
    [
        (None, None),
        ("  ", None),
        ("https://nas/reports/{run}/report.html", "https://nas/reports/a%20b/report.html"),
        ("http://127.0.0.1:8000/{run}/", "http://127.0.0.1:8000/a%20b/"),
    ],
)
def test_the_reports_address_is_made_from_the_template(template: str | None, address: str | None) -> None:
    assert report_address(template, Path("/runs/a b")) == address


@pytest.mark.parametrize(
    "template",
    [
        "javascript:alert({run})",
        "https://user:secret@nas/{run}",
        "https://nas/report.html",
        "nas/{run}",
        "https://nas/{run}/{file}",
        "https://nas/{run}>) [x](y",
    ],
)
def test_a_template_that_cannot_be_an_address_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="address"):
        report_address(template, RUN)


def test_a_proposal_from_a_directory_has_no_site_to_be_applied_to() -> None:
    document = proposal(site=None)
    assert "autotune apply" not in page_markdown(RUN, document)
    assert "autotune apply" in page_markdown(RUN, proposal())


def test_the_page_for_people_comes_before_the_command() -> None:
    at = "https://at.example/r/20260515-020000-aaaaaa/approve"
    with_page = page_markdown(RUN, proposal(), approve_at=at)
    assert f'href="{at}"' in rendered(with_page)
    assert with_page.index(at) < with_page.index("autotune apply")
    assert "at.example" not in page_markdown(RUN, proposal(site=None), approve_at=at)  # nothing can be approved
    assert "at.example" not in page_markdown(RUN, proposal(), approve_at=at, others_see_it=True)


@pytest.mark.parametrize(
    ("url", "there"),
    [
        (None, False),
        ("https://at.example/tune/", True),
        ("javascript:alert(1)", False),
        ("https://user:secret@at.example", False),
        ("https://at.example>) [x](y", False),
    ],
)
def test_what_became_of_a_change_leads_to_its_page(
    url: str | None, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    run_id = "0f0e0d0c-0000-4000-8000-000000000001"
    monkeypatch.setattr(artifacts, "create_markdown_artifact", lambda markdown, **_: made.append(markdown))
    monkeypatch.setattr(artifacts, "flow_run", SimpleNamespace(id=run_id))
    if url:
        monkeypatch.setenv("AUTOTUNE_PAGE_URL", url)
    artifacts.show_change("a", "b", WritebackResult(outcome="applied", change="c", name="n", active=False))
    (markdown,) = made
    assert (f"(<https://at.example/tune/c/{run_id}>)" in markdown) is there
    assert ("](" in markdown) is there
