"""The report in a browser: what a person sees, in which unit, on which screen, with which aids."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from flows.proposal.consensus_limits import below_70_percent
from flows.proposal.document import Proposal
from flows.proposal.step_case import above_180_percent
from flows.report.html.report import report_html
from flows.report.wording import fixed, harmless_all
from tests import hostile_proposals, sample_proposals
from tests.browser.conftest import DESK, PHONE, Open, ask
from tests.browser.looking import CONTRAST, SEEN, STRUCTURE, UNLABELLED, pixels_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

A4_WIDTH, A4_HEIGHT = 703, 1024  # in CSS pixels, within its margins

PEOPLE: dict[str, dict[str, Any]] = {
    "amber": {},
    "a step, red, mmol/L": {"step": True, "colour": "red", "units": "mmol/L", "blocks": 3},
    "a step, green, mmol/L, blocks": {"step": True, "colour": "green", "units": "mmol/L", "blocks": 4, "days": 30},
    "nothing to change, 90 days": {"colour": "green", "nothing_to_change": True, "days": 90},
    "evidence missing": {"evidence": False, "glucose": False, "days": 3},
    "evidence missing, mmol/L, red": {"evidence": False, "units": "mmol/L", "colour": "red", "blocks": 2, "days": 3},
}
everyone = pytest.mark.parametrize("person", PEOPLE.values(), ids=PEOPLE)
NUMBER = re.compile(r"(?<![\w.:,;-])[−+]?\d+(?:\.\d+)?(?![\w:])")
DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d-\d\d")
UNIT = re.compile(r"^(?: to [\d.]+)?\s*(?:mg/dL|mmol/L|U/h|g/U|U|g|h|min|days|readings)(?!\w)|^\s*%")
# What sentences hold glucose against, alone in a text node; such a number is no one's measurement.
LIMITS = {"54 mg/dL", "70 mg/dL", "180 mg/dL", "3.0 mmol/L", "3.9 mmol/L", "10.0 mmol/L"}
# Columns of plain counts, whose head is their unit.
COUNTS = {"Readings", "Records", "Days without data", "Days smoothed"}


def _page_of(open_page: Open, person: dict[str, Any], **how: Any) -> tuple[Page, Proposal]:
    proposal = sample_proposals.proposal(**person)
    return open_page(report_html(proposal), **how), proposal


def _choose(page: Page, unit: str) -> None:
    ask(page, f"document.querySelector('#unit-{unit}').click()")


def _numbers(value: Any, key: str = "") -> list[float]:
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int | float):
        return [value, value * 100] if key == "share" else [value]
    if isinstance(value, dict):
        return [n for k, v in value.items() for n in _numbers(v, k)]
    return [n for v in value for n in _numbers(v)] if isinstance(value, list) else []


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [s for k, v in value.items() for s in [k, *_strings(v)]]
    return [s for v in value for s in _strings(v)] if isinstance(value, list) else []


@everyone
def test_every_number_is_in_the_proposal(open_page: Open, person: dict[str, Any]) -> None:
    page, proposal = _page_of(open_page, person, all_open=True)
    document = harmless_all(proposal.model_dump(mode="json"))
    numbers, strings = _numbers(document), " ".join(_strings(document))
    if proposal.glucose:
        numbers += [below_70_percent(proposal.glucose), above_180_percent(proposal.glucose)]
    known = {places: {fixed(n, places).lstrip("−") for n in numbers} for places in range(5)}
    for unit in ("mgdl", "mmoll"):
        _choose(page, unit)
        shown = 0
        for seen in ask(page, SEEN):
            if (
                seen["reference"]
                or seen["text"].strip() in LIMITS
                or (seen["quoted"] and seen["text"].rstrip("…") in strings)
            ):
                continue
            for number in NUMBER.findall(DATE.sub("", seen["text"])):
                digits = number.lstrip("−+")
                shown += 1
                places = len(digits.partition(".")[2])
                assert digits in known[places], f"{number} of “{seen['text']}” ({unit}) is not in the proposal"
        assert shown > 100


@everyone
def test_a_person_sees_one_unit_and_no_number_without_one(open_page: Open, person: dict[str, Any]) -> None:
    page, proposal = _page_of(open_page, person, all_open=True)
    own = proposal.units.value
    other = ({"mg/dL", "mmol/L"} - {own}).pop()
    texts = [seen for seen in ask(page, SEEN) if not seen["quoted"]]
    assert not [seen for seen in texts if seen["unit"] == other], "the other unit is hidden until it is chosen"
    mentions = [seen["text"] for seen in texts if other in seen["text"]]
    assert mentions == [other], "the other unit is named by its button only"
    for unit in ("mgdl", "mmoll"):
        _choose(page, unit)
        for n in ask(page, UNLABELLED):
            labelled = (
                UNIT.match(n["after"]) or re.search(r"%|mg/dL|mmol/L|\bU\b|\bg\b", n["head"]) or n["head"] in COUNTS
            )
            count = re.search(r"(?:: |\w: |used, |Repeatable in |the repetitions |it up, |, and )$", n["before"])
            assert labelled or count, n


@everyone
def test_both_units_agree_to_rounding(open_page: Open, person: dict[str, Any]) -> None:
    page, _ = _page_of(open_page, person)
    pairs = ask(
        page,
        """() => [...document.querySelectorAll('.mgdl + .mmoll, g.mgdl + g.mmoll')].map(other => {
          const read = e => [...e.querySelectorAll('.n, text:not(.tick):not(.name)')].map(n => n.textContent);
          return [read(other.previousElementSibling), read(other)];
        })""",
    )
    compared = 0
    for mgdl, mmoll in pairs:
        assert len(mgdl) == len(mmoll)
        for one, two in zip(mgdl, mmoll, strict=True):
            first, second = (NUMBER.search(text) for text in (one, two))
            assert first and second
            values = [float(match[0].replace("−", "-")) for match in (first, second)]
            half = [0.5 * 10 ** -len(match[0].partition(".")[2]) for match in (first, second)]
            assert abs(values[1] * 18 - values[0]) <= half[0] + 18 * half[1] + 0.01, (one, two)
            compared += 1
    assert compared >= 8


def test_the_table_of_basals_holds_the_evidence_of_each_hour(open_page: Open) -> None:
    page, proposal = _page_of(open_page, {})
    ask(page, "document.querySelector('table.basals').closest('details').open = true")
    rows = ask(
        page,
        """() => [...document.querySelectorAll('table.basals tbody tr')].map(
          row => [...row.cells].slice(0, 7).map(cell => cell.innerText.replace(/\\s+/g, ' ').trim()))""",
    )
    expected = []
    for hour in proposal.evidence.basal:
        assert hour.agreement
        change = fixed(hour.change_percent, 1)
        expected.append(
            [
                f"{hour.hour:02d}:00",
                fixed(hour.current_u_per_h, 3),
                fixed(hour.recommended_u_per_h, 3),
                f"{'' if change.startswith('−') or float(change) == 0 else '+'}{change} %",
                "stopped at the limit"
                if hour.at_cap
                else f"{fixed(hour.interval_low_u_per_h, 3)} to {fixed(hour.interval_high_u_per_h, 3)}",
                {None: "", "high": "upper cap decided", "low": "lower cap decided"}[hour.at_cap],
                f"{hour.agreement.share * 100:.0f} %",
            ]
        )
    assert rows == expected


def test_what_goes_into_the_pump_is_the_rounded_schedule(open_page: Open) -> None:
    page, proposal = _page_of(open_page, {"blocks": 3})
    rates = ask(
        page,
        """() => [...document.querySelectorAll('.rates li')].map(row =>
          ['.start', '.now .n', '.enter .n', '.quiet'].map(part => row.querySelector(part)?.innerText ?? ''))""",
    )
    hours: list[tuple[float, float, str]] = []
    for at, (start, now, rate, word) in enumerate(rates):
        end = int(rates[at + 1][0][:2]) if at + 1 < len(rates) else 24
        hours += [(float(now), float(rate), word)] * (end - int(start[:2]))
    assert tuple(now for now, _, _ in hours) == proposal.current.basal_u_per_h
    assert tuple(rate for _, rate, _ in hours) == proposal.for_pump.basal_u_per_h
    words = []
    for hour, (now, rate, _) in enumerate(hours):
        sure = f"basal_{hour:02d}" in proposal.verdict.worth_changing
        words.append("as now" if now == rate else "" if sure else "too small or not repeatable: keep current value")
    assert [word for _, _, word in hours] == words
    assert set(words) == {"as now", "", "too small or not repeatable: keep current value"}


@everyone
@pytest.mark.parametrize("how", [{"all_open": False}, {"all_open": True}], ids=["closed", "open"])
def test_a_phone_never_scrolls_sideways(open_page: Open, person: dict[str, Any], how: dict[str, bool]) -> None:
    page, _ = _page_of(open_page, person, width=PHONE, **how)
    assert ask(page, "document.documentElement.scrollWidth") <= PHONE


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_numbers_of_many_digits_neither_widen_the_page_nor_lie_over_each_other(open_page: Open, width: int) -> None:
    document, odd = sample_proposals.document(units="mmol/L"), 1 / 3
    for number, hour in enumerate(document["evidence"]["basal"]):
        hour |= {"current_u_per_h": odd + number, "for_pump_u_per_h": odd + number}
    document["for_pump"]["isf"][0] |= {"current_mmoll_per_u": odd, "recommended_mmoll_per_u": odd}
    document["for_pump"]["carb_ratio"][0] |= {"current_g_per_u": odd, "recommended_g_per_u": odd}
    page = open_page(report_html(sample_proposals.sealed(document)), width=width)
    assert ask(page, "document.documentElement.scrollWidth") <= width
    covered = ask(
        page,
        """() => [...document.querySelectorAll('.rates li, .settings tbody tr, .pump tbody tr')].flatMap(row => {
          const boxes = [...row.querySelectorAll('.start, th, .n, .quiet')].filter(e => e.checkVisibility())
            .flatMap(e => { const r = new Range(); r.selectNodeContents(e); return [...r.getClientRects()]; });
          return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b => a.left < b.right - 1 && b.left < a.right - 1
            && a.top < b.bottom - 4 && b.top < a.bottom - 4).map(() => row.innerText));
        })""",
    )
    assert covered == []


@pytest.mark.parametrize(
    "person", [PEOPLE["amber"], PEOPLE["a step, red, mmol/L"], PEOPLE["nothing to change, 90 days"]]
)
@pytest.mark.parametrize("how", [{}, {"dark": True}, {"media": "print"}], ids=["light", "dark", "print"])
def test_texts_stand_out_from_what_is_behind_them(open_page: Open, person: dict[str, Any], how: dict[str, Any]) -> None:
    page, _ = _page_of(open_page, person, all_open=True, **how)
    assert ask(page, CONTRAST) == {}


@everyone
def test_the_page_has_landmarks_headings_captions_and_names(open_page: Open, person: dict[str, Any]) -> None:
    page, _ = _page_of(open_page, person)
    assert ask(page, STRUCTURE) == []


def test_the_unit_is_chosen_by_keyboard_and_focus_is_seen(open_page: Open) -> None:
    page, _ = _page_of(open_page, {})
    places = []
    for _ in range(9):
        page.keyboard.press("Tab")
        places.append(
            ask(
                page,
                """() => { const e = document.activeElement, shown = e.labels?.[0] ?? e;
                  const style = getComputedStyle(shown);
                  return [e.id || e.className || e.tagName, style.outlineStyle, parseFloat(style.outlineWidth),
                          shown.getBoundingClientRect().left >= 0]; }""",
            )
        )
        if places[-1][0] == "unit-mgdl":
            page.keyboard.press("ArrowRight")
    assert [place[0] for place in places] == ["skip", "unit-mgdl", *["A"] * 6, "SUMMARY"]
    assert all(style == "solid" and width >= 2 and on_screen for _, style, width, on_screen in places)
    assert ask(page, "document.querySelector('#unit-mmoll').checked")
    assert not [seen for seen in ask(page, SEEN) if seen["unit"] == "mg/dL"]


def test_a_red_verdict_gives_nothing_to_type(open_page: Open) -> None:
    page, _ = _page_of(open_page, PEOPLE["a step, red, mmol/L"], all_open=True)
    text = ask(page, "document.body.innerText")
    assert "Red. Not to be used: the data do not carry a change of settings" in text
    assert "Nothing to type into the pump" in text
    assert "for the pump:" not in text.lower()
    assert (
        ask(page, "document.querySelectorAll('.enter, section:not([aria-labelledby=h-glucose]) .pump-line').length")
        == 0
    )


@pytest.mark.parametrize("units", ["mg/dL", "mmol/L"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_hostile_texts_neither_script_nor_break_the_page(open_page: Open, units: str, width: int) -> None:
    proposal = sample_proposals.sealed(hostile_proposals.hostile(units=units, blocks=3))
    html = report_html(proposal)
    page = open_page(html, width=width, all_open=True)
    page.mouse.click(5, 5)
    assert "owned" not in page.title()
    assert ask(page, "document.querySelectorAll('script, img, iframe, link, object, embed, form, [src]').length") == 0
    attributes = ask(page, "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes].map(a => a.name))")
    assert not [name for name in set(attributes) if name.startswith("on") or name == "style"]
    assert ask(page, "document.querySelectorAll('style').length") == 1
    assert ask(page, "getComputedStyle(document.body).display") == "block"
    assert ask(page, "document.documentElement.scrollWidth") <= width
    assert ask(page, STRUCTURE) == []
    text = ask(page, "document.documentElement.textContent")
    assert not re.search("[\x00-\x08\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]", text)
    assert "{{ 7 * 7 }}" in text
    assert len(html) < 1_000_000


def test_the_page_forbids_scripts_and_loading(open_page: Open) -> None:
    page, _ = _page_of(open_page, {})
    policy = ask(page, "document.querySelector('meta[http-equiv=Content-Security-Policy]').content")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "script-src" not in policy


def test_a_year_stays_under_a_megabyte() -> None:
    assert len(report_html(sample_proposals.proposal(days=366, blocks=8))) < 1_000_000


@pytest.mark.parametrize("person", [*PEOPLE.values(), {"blocks": 8}], ids=[*PEOPLE, "many blocks"])
def test_it_prints_on_two_a4_pages_with_no_table_over_their_edge(open_page: Open, person: dict[str, Any]) -> None:
    page, _ = _page_of(open_page, person, width=A4_WIDTH, dark=True, media="print")
    tables = ask(
        page,
        """() => [...document.querySelectorAll('table, .rates')].filter(e => e.checkVisibility())
          .map(e => [getComputedStyle(e).breakInside, e.getBoundingClientRect().height])""",
    )
    assert tables and all(breaks == "avoid" and height < A4_HEIGHT for breaks, height in tables)
    document = page.pdf(prefer_css_page_size=True, print_background=True)  # test_paper.py reads its text
    boxes = [tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox \[([^\]]+)\]", document)]
    assert 1 <= len(boxes) <= 2
    assert all(abs(box[2] - 595) < 2 and abs(box[3] - 842) < 2 for box in boxes)


def test_each_day_is_drawn_on_screen_and_says_whether_it_was_left_out(open_page: Open) -> None:
    days = """() => [...document.querySelectorAll('.day-by-day li')].filter(e => e.checkVisibility())
      .map(e => [e.innerText.replace(/\\s+/g, ' ').trim(), e.getBoundingClientRect().left])"""
    page, _ = _page_of(open_page, PEOPLE["a step, green, mmol/L, blocks"], width=PHONE)
    shown = ask(page, days)
    assert len(shown) == 14
    assert len({left for _, left in shown}) == 2, "two beside each other on a phone"
    assert shown[-1][0].startswith("Sat 18 Apr")
    page, proposal = _page_of(open_page, PEOPLE["a step, green, mmol/L, blocks"], all_open=True)
    texts = [text for text, _ in ask(page, days)]
    assert len(texts) == len(proposal.days) == 30
    left_out = [text for text in texts if "left out" in text]
    assert len(left_out) == sum(day.status != "used" for day in proposal.days) == 1
    assert left_out[0].startswith("Tue 24 Mar")
    page, _ = _page_of(open_page, PEOPLE["a step, green, mmol/L, blocks"], media="print")
    assert ask(page, days) == []


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_light_and_dark_are_drawn_and_differ(open_page: Open, width: int) -> None:
    brightness = {}
    for dark in (False, True):
        page, _ = _page_of(open_page, {}, width=width, dark=dark)
        for section in ("h-verdict", "h-pump"):
            ask(page, f"document.querySelector('section[aria-labelledby={section}]').scrollIntoView()")
            place = page.locator(f"section[aria-labelledby={section}]").bounding_box()
            assert place
            clip = {"x": place["x"] + 20, "y": place["y"], "width": 200, "height": 90}
            pixels = pixels_of(page.screenshot(clip=clip))
            assert len(set(pixels)) > 9, f"{section} is blank"
            brightness[dark, section] = sum(sum(p) for p in pixels) / len(pixels) / 3
    for section in ("h-verdict", "h-pump"):
        assert brightness[False, section] > 170
        assert brightness[True, section] < 90


def test_numbers_of_a_document_are_told_from_its_shares() -> None:
    assert _numbers(json.loads('{"a": 1, "b": [true, null, {"share": 0.5}]}')) == [1, 0.5, 50.0]
