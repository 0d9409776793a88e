"""What a person is told to enter: exactly the document's numbers, what to keep, and nothing where nothing is."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from flows.judgement.headline import headline as headline_of
from flows.proposal.document import Colour, GlucoseLimit, Proposal, mmoll
from flows.proposal.sealed import seal
from flows.report.html.report import TARGETS, report_html
from flows.report.rows import OUTSIDE, RowEntry, all_on_steps, joined, off_step, setting_rows
from flows.report.spreadsheet import report_csv, tables
from flows.report.text.changes import to_type_in, verdict_text
from flows.report.text.inspection import inspection
from flows.report.text.numbers import numbers_table
from flows.report.text.run_page import page_markdown, settings_table
from flows.report.text.terminal import summary
from flows.report.trend.past_runs import find_runs
from flows.report.trend.text import verdict
from flows.report.wording import exact
from flows.values.run_directory import RunDirectory
from tests import sample_proposals

Document = dict[str, Any]
# Rates that profiles hold and no step does, and whatever else a number can be.
ODD = st.sampled_from([0.005, 0.015, 0.15, 0.0125, 0.1 + 0.2, 1 / 3, 1e-5, 12.3456789]) | st.floats(1e-4, 400)
STEPS = "Every number is on a step a pump takes"


def changed(*changes: Callable[[Document], Any], **options: Any) -> Proposal:
    document = sample_proposals.document(**options)
    for change in changes:
        change(document)
    return sample_proposals.sealed(document)


def rate(hour: int, now: float, new: float) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        found = document["evidence"]["basal"][hour]
        found["current_u_per_h"] = document["current"]["basal_u_per_h"][hour] = now
        found["for_pump_u_per_h"] = document["for_pump"]["basal_u_per_h"][hour] = new

    return change


def read(text: str) -> float:
    return float(text.replace("−", "-"))


def cards(proposal: Proposal) -> tuple[str, str]:
    """The HTML of what to type, and of all that is behind it."""
    text = report_html(proposal).decode()
    return re.findall('<section class="card" aria-labelledby="h-pump">.*?</section>', text, re.S)[0], text


def terminal_rows(proposal: Proposal) -> dict[str, list[str]]:
    return {line[:17].strip(): line[17:].split() for line in numbers_table(proposal).splitlines()}


def in_html(card: str, css: str) -> list[float]:
    return [read(n) for n in re.findall(f'class="{css}[^"]*">.*?<span class="n">([^<]+)</span>', card, re.S)]


# --- 1: the very number ----------------------------------------------------------------------------------------------


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 4))
def test_a_text_reads_back_as_the_very_number(value: float, least: int) -> None:
    text = exact(value, least)
    assert read(text) == value
    assert "e" not in text
    assert len(text.partition(".")[2]) >= least


@settings(max_examples=6, phases=(Phase.explicit, Phase.generate))  # shrinking pages takes minutes
@given(st.lists(st.tuples(ODD, ODD), min_size=24, max_size=24), ODD, ODD)
def test_every_form_shows_the_very_numbers_to_enter(rates: list[tuple[float, float]], isf: float, ratio: float) -> None:
    def blocks(document: Document) -> None:
        pump = document["for_pump"]
        pump["isf"][0] |= {"recommended_mgdl_per_u": isf, "recommended_mmoll_per_u": mmoll(isf)}
        pump["carb_ratio"][0] |= {"current_g_per_u": isf, "recommended_g_per_u": ratio}

    proposal = changed(*(rate(hour, *numbers) for hour, numbers in enumerate(rates)), blocks)
    card, _ = cards(proposal)
    above, _, basals = card.partition('<ol class="rates">')
    assert in_html(above, "enter") == [isf, ratio]
    in_mmol = setting_rows(proposal).isf_in_both[1].entries[0].to_enter
    assert in_mmol in [read(n) for n in re.findall('class="mmoll"><span class="n">([^<]+)<', above)]
    shown = dict(
        zip(
            (int(start) for start in re.findall(r'class="start">(\d\d):00<', basals)),
            zip(in_html(basals, "now"), in_html(basals, "enter"), strict=True),
            strict=True,
        )
    )
    assert [shown[max(start for start in shown if start <= hour)] for hour in range(24)] == rates
    rows = terminal_rows(proposal)
    assert [(read(rows[f"{h:02d}:00"][0]), read(rows[f"{h:02d}:00"][1])) for h in range(24)] == rates
    assert read(rows["ISF [mg/dL/U]"][1]) == isf
    assert [read(n) for n in rows["Carb ratio [g/U]"][:2]] == [isf, ratio]
    table = {
        row["setting"]: (
            read(row["current (in that unit)"]),
            read(row["recommended for the pump (in that unit)"]),
        )
        for row in settings_table(proposal.model_dump(mode="json"))
    }
    assert [table[f"Basal at {h:02d}:00"] for h in range(24)] == rates
    assert (table["ISF from 00:00"][1], table["Carb ratio from 00:00"]) == (isf, (isf, ratio))
    every = list(csv.DictReader(io.StringIO(report_csv(proposal).decode("utf-8-sig"))))
    assert [(float(r["basal_current_u_per_h"]), float(r["basal_for_pump_u_per_h"])) for r in every] == rates
    assert float(every[0]["isf_for_pump_mgdl_per_u"]) == isf
    assert float(every[0]["carb_ratio_for_pump_g_per_u"]) == ratio


@pytest.mark.parametrize(("number", "shown"), [(0.0125, "0.0125"), (0.015, "0.015"), (100.0, "100")])
def test_numbers_to_type_in_after_writing_are_not_rounded(number: float, shown: str) -> None:
    from flows.values.parts import Part
    from flows.writeback.plan import Line

    class Plan:
        lines = (Line(Part.BASAL, "00:00", "24:00", 0.01, number, "U/h"),)
        daily_basal_new_u, daily_basal_current_u = 24 * number, 0.24

    assert f"  00:00  {shown}\n" in to_type_in(Plan())  # type: ignore[arg-type]


def test_steps_are_claimed_only_where_every_number_is_on_one() -> None:
    on = changed()
    off = changed(rate(2, 0.015, 0.015))
    remark = "No step of 0.05 U/h lies within upstream's caps at 02:00: the basal there stays as it is."
    said = changed(lambda d: d["for_pump"].update(remarks=[remark]))
    assert STEPS in cards(on)[0]
    assert all_on_steps(on)
    for proposal in (off, said):
        assert STEPS not in cards(proposal)[0]
    assert off_step(off) == ["basal at 02:00"]
    assert "On no step of the pump, because none lies within upstream's caps: basal at 02:00." in cards(off)[0]


@pytest.mark.parametrize("units", ["mg/dL", "mmol/L"])
def test_an_isf_and_a_ratio_off_their_steps_are_named(units: str) -> None:
    def isf_and_ratio(document: Document) -> None:
        document["for_pump"]["isf"][0] |= {"recommended_mgdl_per_u": 1.26, "recommended_mmoll_per_u": 0.07}
        document["for_pump"]["carb_ratio"][0]["recommended_g_per_u"] = 0.24

    assert off_step(changed(units=units)) == []
    assert off_step(changed(isf_and_ratio, units=units)) == ["ISF from 00:00", "carb ratio from 00:00"]


def test_neighbours_with_the_same_numbers_and_label_are_one_from_the_start_of_the_first() -> None:
    def hour(n: int, new: float, label: str = "") -> RowEntry:
        return RowEntry(f"{n:02d}:00", f"{n + 1:02d}:00", 0.5, new, "U/h", label)

    same = [hour(0, 0.5), hour(1, 0.5), hour(2, 0.6), hour(3, 0.6, "keep current value"), hour(4, 0.5)]
    assert [(e.start, e.end) for e in joined(same)] == [
        ("00:00", "02:00"),
        ("02:00", "03:00"),
        ("03:00", "04:00"),
        ("04:00", "05:00"),
    ]


@pytest.mark.parametrize("units", ["mg/dL", "mmol/L"])
def test_a_row_has_the_numbers_of_the_document_in_its_unit(units: str) -> None:
    proposal = changed(units=units, blocks=3)
    rows, found, ratio = setting_rows(proposal), proposal.evidence.isf, proposal.evidence.carb_ratio
    mgdl, mmol = rows.isf_in_both
    assert rows.isf is (mmol if units == "mmol/L" else mgdl)
    assert (mgdl.current, mgdl.interval_low, mgdl.cap_high) == (
        found.current_mgdl_per_u,
        found.interval_low_mgdl_per_u,
        found.cap_high_mgdl_per_u,
    )
    assert (mmol.recommended, mmol.interval_high, mmol.cap_low) == (
        found.recommended_mmoll_per_u,
        found.interval_high_mmoll_per_u,
        found.cap_low_mmoll_per_u,
    )
    assert (rows.carb_ratio.current, rows.carb_ratio.recommended) == (ratio.current_g_per_u, ratio.recommended_g_per_u)
    blocks = [(e.start, e.end, e.to_enter) for e in mmol.entries]
    assert {b.recommended_mmoll_per_u for b in proposal.for_pump.isf} == {2.7 if units == "mmol/L" else 2.722}
    assert blocks == [("00:00", "08:30", 2.7), ("08:30", "16:00", 2.7), ("16:00", "24:00", 2.7)]
    assert [row.entries[0].start for row in rows.basal] == [f"{hour:02d}:00" for hour in range(24)]


def test_whether_a_number_is_another_than_now_is_told_in_the_unit_that_the_person_reads() -> None:
    def a_trace(document: Document) -> None:
        document["for_pump"]["isf"][0] |= {
            "current_mgdl_per_u": 50.407,
            "current_mmoll_per_u": 2.8,
            "recommended_mgdl_per_u": 50.4,
            "recommended_mmoll_per_u": 2.8,
        }

    for units, label in (("mmol/L", "as now"), ("mg/dL", "")):
        rows = setting_rows(changed(a_trace, units=units))
        assert [row.entries[0].keep_label for row in rows.isf_in_both] == [label, label]


# --- 2: nothing to enter ---------------------------------------------------------------------------------------------


ANOTHER_NOW = {
    "isf": {"current_mgdl_per_u": 53.0, "current_mmoll_per_u": 2.944},
    "carb_ratio": {"current_g_per_u": 10.1},
}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"colour": "red"}, "The verdict is red"),
        ({"colour": "green", "nothing_to_change": True}, "No change is repeatable enough"),
        ({"colour": "green", "several": "carb_ratio"}, "The profile has several carb ratios"),
        ({"colour": "amber", "several": "isf"}, "The profile has several insulin sensitivities"),
    ],
    ids=["red", "nothing to change", "sealed before several carb ratios were red", "the same of ISF"],
)
def test_where_nothing_is_to_be_entered_no_form_shows_a_number_to_enter(options: dict[str, Any], why: str) -> None:
    several = options.get("several")

    def odd(document: Document) -> None:
        document["for_pump"].update(remarks=["A remark."])
        if several:
            document["for_pump"][several][1] |= ANOTHER_NOW[several]

    chosen = {name: value for name, value in options.items() if name != "several"}
    proposal = changed(rate(3, 0.7, 0.987654), odd, blocks=2, **chosen)
    text = numbers_table(proposal)
    assert "to enter" not in text.splitlines()[0]
    assert not re.search("keep current value|as now", text)
    assert [line.strip()[: len(why)] for line in text.splitlines()].count(why) == 1
    card, whole = cards(proposal)
    forms = [text, whole, report_csv(proposal).decode(), str(tables(proposal))]
    assert not [form for form in forms if "0.987654" in form or "for_pump" in form]
    assert 'class="enter' not in whole
    assert why in card
    assert ("Nothing to change" in whole) == (options.get("nothing_to_change") is True)
    assert settings_table(proposal.model_dump(mode="json")) == []


def sealed_now(document: Document) -> None:
    """As today's rules seal it."""
    document["verdict"] |= {
        "colour": "amber",
        "nothing_to_change": False,
        "beyond_limits": ["low"],
        "headline": headline_of(Colour.AMBER, True, (GlucoseLimit.LOW,)),
    }


def sealed_before_the_limits(document: Document) -> None:
    document["verdict"]["headline"] = headline_of(Colour.GREEN, True, ())


@pytest.mark.parametrize("sealed", [sealed_now, sealed_before_the_limits])
@pytest.mark.parametrize("shares", [{"below_54_percent": 1.0}, {"above_250_percent": 5.1}], ids=["low", "high"])
def test_beyond_a_limit_no_form_says_that_there_is_nothing_to_change(
    shares: dict[str, float], sealed: Callable[[Document], None], tmp_path: Path
) -> None:
    def outside(document: Document) -> None:
        document["glucose"] |= shares

    proposal = changed(sealed, outside, colour="green", nothing_to_change=True)
    document = seal(proposal.model_dump(mode="json"))
    run = RunDirectory.create(tmp_path / proposal.proposal_id, datetime(2026, 11, 25, tzinfo=UTC))
    run.write_json("proposal.json", document)
    (past,) = find_runs(tmp_path).runs
    card, whole = cards(proposal)
    forms = {
        "terminal": summary(run, proposal),
        "before writing": verdict_text(proposal),
        "page": whole,
        "spreadsheet": str(tables(proposal)),
        "artifact": page_markdown(run.path, document),
        "history": f"{past.headline} {verdict(past)}",
    }
    said = {name: " ".join(text.lower().split()) for name, text in forms.items()}
    assert [name for name, text in said.items() if "nothing to change" in text or "no change," in text] == []
    assert [name for name, text in said.items() if "outside the consensus limits" not in text] == []
    assert "keep the settings that are in the pump" not in " ".join(said.values())
    assert (verdict(past), past.nothing_to_change) == (Colour.AMBER, False)
    assert 'class="enter' not in card  # what is not sure is no number to enter, as before
    assert settings_table(document) == []


def test_within_the_limits_it_is_said_that_there_is_nothing_to_change() -> None:
    proposal = changed(sealed_before_the_limits, colour="green", nothing_to_change=True)
    assert "Nothing to change" in verdict_text(proposal)
    assert "Nothing to change in the pump" in cards(proposal)[0]


# --- 3: what to keep -------------------------------------------------------------------------------------------------


def test_what_is_not_worth_changing_is_marked_in_every_form() -> None:
    def unsure(document: Document) -> None:
        document["verdict"]["worth_changing"] = ("carb_ratio", "basal_03")

    proposal = changed(unsure, rate(3, 0.8, 0.95), rate(4, 0.8, 0.85), rate(5, 0.8, 0.8))
    hours = setting_rows(proposal).unsure_hours
    assert "04:00" in hours
    assert {"03:00", "05:00"}.isdisjoint(hours)
    named = ", ".join(hours)
    card, _ = cards(proposal)
    assert f"basal at {named}." in card
    rates = re.findall(r'<li><span class="start">(\d\d:\d\d)</span>(.*?)</li>', card, re.S)
    marks = {start: re.findall('class="quiet">(.*?)</span>', row) for start, row in rates}
    keep = "too small or not repeatable: keep current value"
    assert (marks["03:00"], marks["04:00"], marks["05:00"]) == ([], [keep], ["as now"])
    isf, ratio = (card.partition(f"<h3>{name}")[2].partition("</table>")[0] for name in ("Insulin", "Carb ratio"))
    assert "too small or not repeatable: keep current value" in isf
    assert "keep current value" not in ratio
    rows = {line[:17].strip(): line for line in numbers_table(proposal).splitlines()}
    assert [w in rows["04:00"] for w in ("keep current value", "as now")] == [True, False]
    assert "keep current value" in rows["ISF [mg/dL/U]"]
    assert "keep current value" not in rows["03:00"] + rows["05:00"] + rows["Carb ratio [g/U]"]
    assert f"Change too small or not repeatable, keep the current value: basal at {named}." in numbers_table(proposal)
    worth = {row["setting"]: row["worth changing"] for row in settings_table(proposal.model_dump(mode="json"))}
    named_rows = ("ISF from 00:00", "Carb ratio from 00:00", "Basal at 03:00", "Basal at 04:00", "Basal in all")
    assert [worth[name] for name in named_rows] == ["no", "yes", "yes", "no", "no"]


def test_a_document_that_does_not_say_what_is_sure_is_not_marked() -> None:
    proposal = changed(lambda d: d["verdict"].update(worth_changing=()))
    assert "keep current value" not in cards(proposal)[0] + numbers_table(proposal)
    assert "does not say which of these" in cards(proposal)[0]
    rows = settings_table(proposal.model_dump(mode="json"))
    assert {row["worth changing"] for row in rows} == {"no", "not known"}  # no: the same number as now


# --- 4: the insulin curve --------------------------------------------------------------------------------------------


def curve(dia_h: float, peak_min: float) -> Callable[[Document], None]:
    return lambda d: d["recommended"].update(dia_h=dia_h, insulin_peak_min=peak_min)


def test_a_tuned_insulin_curve_is_shown_in_every_form() -> None:
    proposal = changed(curve(7.25, 65.5))
    card, whole = cards(proposal)
    for part in (card, whole.partition('aria-labelledby="h-settings"')[2]):
        for name, now, new in (("Duration of insulin action", "6", "7.25"), ("Peak of insulin action", "75", "65.5")):
            row = re.findall(f'<tr><th scope="row">{name}</th>(.*?)</tr>', part, re.S)[0]
            assert re.findall('class="n">([^<]+)<', row) == [now, new]
        assert "belong together" in part
        assert "no field for the peak" in part
    text = numbers_table(proposal)
    assert terminal_rows(proposal)["duration [h]"][:2] == ["6", "7.25"]
    assert terminal_rows(proposal)["peak [min]"][:2] == ["75", "65.5"]
    assert "belong together" in " ".join(text.split())
    rows = {row["setting"]: row for row in settings_table(proposal.model_dump(mode="json"))}
    assert rows["Duration of insulin action"]["recommended for the pump (in that unit)"] == "7.25"
    assert rows["Peak of insulin action"]["unit"] == "min"
    assert "no field for the peak" in rows["Peak of insulin action"]["note"]
    assert {tuple(row) for row in rows.values()} == {tuple(rows["Basal at 00:00"])}
    first = next(csv.DictReader(io.StringIO(report_csv(proposal).decode("utf-8-sig"))))
    assert first["duration_of_insulin_action_recommended_h"] == "7.25"
    assert first["peak_of_insulin_action_current_min"] == "75.0"
    (sheet,) = (table for table in tables(proposal) if table.name == "Insulin action")
    assert sheet.rows[0][1:3] == (6.0, 7.25)
    assert "belong together" in str(sheet.rows[-1])


def test_an_untuned_insulin_curve_is_nowhere_and_of_a_tuned_duration_alone_no_peak_is_said() -> None:
    plain, longer = changed(), changed(curve(7, 75))
    for proposal, names in ((plain, []), (longer, ["Duration of insulin action"])):
        rows = settings_table(proposal.model_dump(mode="json"))
        assert [row["setting"] for row in rows if "insulin" in row["setting"]] == names
        assert "no field for the peak" not in cards(proposal)[0] + numbers_table(proposal)
        assert ("belong together" in cards(proposal)[0]) == bool(names)


# --- 5: each change beside its number --------------------------------------------------------------------------------


def test_every_change_is_that_of_the_number_beside_it() -> None:
    def upstream(document: Document) -> None:
        document["evidence"]["basal"][6] |= {"recommended_u_per_h": 0.412, "change_percent": 3.0}

    proposal = changed(rate(6, 0.4, 0.45), upstream)
    head, row = numbers_table(proposal).splitlines()[0].split(), _line(proposal, "06:00").split()
    assert head[:6] == ["now", "to", "enter", "change", "upstream", "change"]
    assert " ".join(row[1:8]) == "0.4 0.45 +12 % 0.412 +3 %"
    rows = {r["setting"]: r for r in settings_table(proposal.model_dump(mode="json"))}
    assert rows["Basal at 06:00"]["change (%)"] == "+12.5"


def _line(proposal: Proposal, label: str) -> str:
    return next(line for line in numbers_table(proposal).splitlines() if line.strip().startswith(label))


# --- 6 and 7: days without data, caps, intervals ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "without", "said"),
    [
        (1, None, "smoothed on 1 day"),
        (5, 0, "smoothed on 5 days"),
        (5, 1, "smoothed on 5 days, no data on 1 day"),
        (0, 0, None),
    ],
)
def test_smoothed_days_are_not_called_days_without_data(missing: int, without: int | None, said: str | None) -> None:
    days = {"days_missing": missing, "days_without_points": without}
    proposal = changed(lambda d: [h.update(days, at_cap=None) for h in d["evidence"]["basal"]])
    text, row = numbers_table(proposal), _line(proposal, "07:00")
    assert row.endswith(said) if said else "smoothed" not in row
    assert ("held at its cap, or no need for a change" in " ".join(text.split())) == bool(said)
    whole = cards(proposal)[1]
    assert not re.search("no evidence of its own", text + whole, re.I)
    cells = re.findall(r'<tr><th scope="row">07:00</th>(.*?)</tr>', whole.partition("h-deviations")[2], re.S)[0]
    shown = re.findall(r'class="(?:n|none)">(?:<span aria-hidden="true">)?([^<]+)<', cells)
    assert shown[-2:] == ["–" if without is None else str(without), str(missing)]


def test_where_a_cap_decided_the_interval_is_no_certainty() -> None:
    def capped(document: Document) -> None:
        document["evidence"]["isf"]["at_cap"] = "high"
        for hour in document["evidence"]["basal"]:
            hour["at_cap"] = "low" if hour["hour"] == 9 else None

    proposal = changed(capped)
    whole = cards(proposal)[1]
    assert re.findall(r'<td role="cell" class="h">(?:<span class="at-cap">(.*?)</span>)?</td>', whole) == [
        "upper cap decided",
        *[""] * 10,
        "lower cap decided",
        *[""] * 14,
    ]
    assert whole.count("an interval would say nothing of the number's worth") == 2
    assert whole.count('<span class="stopped">stopped at the limit</span>') == 2
    text = numbers_table(proposal)
    assert "lower cap decided" in _line(proposal, "09:00")
    assert "upper cap decided" in _line(proposal, "ISF")
    assert "a narrow range of the repetitions says nothing of the number's worth" in text
    assert {r["at a cap"] for r in settings_table(proposal.model_dump(mode="json"))} == {
        "",
        "upper cap decided",
        "lower cap decided",
    }


def test_a_number_outside_its_own_interval_says_why() -> None:
    def outside(document: Document) -> None:
        evidence = document["evidence"]
        evidence["isf"] |= {"interval_low_mgdl_per_u": 40.0, "interval_high_mgdl_per_u": 41.0}
        evidence["basal"][8] |= {"interval_low_u_per_h": 2.0, "interval_high_u_per_h": 2.1}

    inside, moved = changed(), changed(outside)
    assert "outside its own interval" not in cards(inside)[1]
    why = re.findall("<summary>Why(.*?)</details>", cards(moved)[1], re.S)
    assert [n for n, text in enumerate(why) if "outside its own interval" in text] == [0, 2 + 8]
    for text in (numbers_table(moved), cards(moved)[1]):
        assert text.count(OUTSIDE) == 2
    assert OUTSIDE in _line(moved, "08:00")
    assert OUTSIDE in _line(moved, "ISF")
    assert "order of days" not in numbers_table(inside)


# --- 8 and 9: words --------------------------------------------------------------------------------------------------


def test_one_of_a_thing_is_said_so(tmp_path: Path) -> None:
    def one(document: Document) -> None:
        document["evidence"]["repetitions"]["count"] = 1
        document["verdict"] |= {"reasons": [], "rules_checked": ["caps"]}

    proposal = changed(one, days=1)
    text = summary(RunDirectory.create(tmp_path / "run", datetime.now(UTC)), proposal)
    texts = [text, page_markdown(tmp_path, proposal.model_dump(mode="json")), cards(proposal)[1]]
    document = {
        "entries": 1, "treatments": 1, "sensors": {}, "uploaders": {}, "event_types": {}, "refused": "no data",
    }  # fmt: skip
    for shown in (*texts, inspection(document)):
        assert not re.findall(r"(?<![\d.])1 (?:days|times|rules|records|glucose records|treatments)\b", shown)
    assert "from 1 day (2026-03-20, " in text


def test_in_mmol_the_edge_of_the_highest_band_is_not_a_reading_above_it() -> None:
    for field, _, mgdl, in_mmol, _ in TARGETS[:2]:
        assert re.findall(r"\d+", mgdl)[-1] == "250", field
        edge = float(re.findall(r"[\d.]+", in_mmol)[-1])
        # 13.9 mmol/L is above 250 mg/dL, and counted there; 250 mg/dL itself is not.
        assert 250 / 18 <= edge < 13.9
    assert "13.9 " not in html.unescape(re.sub("<text.*?</text>", "", cards(changed(units="mmol/L"))[1]))


def test_a_page_that_others_see_tells_only_the_colour_the_count_and_the_place() -> None:
    proposal = changed(colour="red")
    document = proposal.model_dump(mode="json")
    document["verdict"]["reasons"][0]["title"] = "Lows, and more insulin"
    run = Path("/runs/20261125-215733-a1b2c3")
    mine = page_markdown(run, document)
    theirs = page_markdown(run, document, "https://nas.example/r.html", others_see_it=True)
    assert "Lows" in mine
    assert "Red" in theirs
    assert "2 reasons" in theirs
    assert "https://nas.example/r.html" in theirs
    assert document["sha256"] in theirs
    betrayed = [
        "Lows",
        "Workdays",
        "lows_with",
        "meals",
        "words",
        "13 days",
        "nothing to change",
        *document["rests_on"],
    ]
    assert not [word for word in betrayed if word.lower() in theirs.lower()]
    one = {**document, "verdict": {**document["verdict"], "reasons": document["verdict"]["reasons"][:1]}}
    assert "1 reason in" in page_markdown(run, one, others_see_it=True)
