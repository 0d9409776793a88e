"""The page of a new run: what it shows before anything was looked at and after, and the one run that it starts."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from flows.errors import Reason, Refused
from flows.pipeline.look import LookKind
from flows.settings import AnalysisRequest
from flows.web.index import index_of
from flows.web.known_days import KnownDay
from flows.web.looks import FRESH, looks_of
from flows.web.new_run_form import NewRunForm, counted, weeks
from flows.web.snapshot import snapshot_of
from tests.web.conftest import Page, opened
from tests.web.runs import put, step_of

TODAY = datetime.now(UTC)
LAST = (TODAY - timedelta(hours=28)).date()
BLOCK = [{"minutes": 0, "value": 50.0}, {"minutes": 720, "value": 55.0}]


def looked(**changes: Any) -> dict[str, Any]:
    """What a look leaves: 30 days, the last but one red, the last but two amber with exercise."""
    days = [
        {
            "date": str(LAST - timedelta(days=n)),
            "quality": "green",
            "usable": True,
            "why": [],
            "events": [],
            "found": [],
        }
        for n in reversed(range(30))
    ]
    days[-2] |= {"quality": "red", "usable": False, "why": ["no glucose readings"]}
    days[-3] |= {"quality": "amber", "events": ["exercise"], "found": ["illness"]}
    profile = {
        "units": "mg/dL",
        "isf_mgdl_per_u": BLOCK,
        "carb_ratio_g_per_u": [{"minutes": 0, "value": 9.8}],
        "basal_u_per_h": [{"minutes": 0, "value": 1.125}],
        "basal_u_per_day": 27.0,
        "name": "LocalProfile1",
        "since": "2026-11-03T08:00:00.000Z",
        "rule": "switch",
    }
    other = {
        "name": "<b>Sport</b>",
        "basal_u_per_day": 20.5,
        "isf_mgdl_per_u": BLOCK,
        "carb_ratio_g_per_u": [],
        "active_now": False,
        "periods": [
            {"start": "2026-11-20T08:00:00Z", "end": "2026-11-20T10:00:00Z", "percentage": 70, "temporary": True}
        ],
    }
    return {
        "version": 1,
        "kind": "days",
        "read_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "refused": None,
        "zone": "UTC",
        "insulin": "rapid-acting",
        "profile": profile,
        "others": [other],
        "differs_from_active": False,
        "days": days,
        **changes,
    }


def leave(page: Page, document: dict[str, Any], at: int = 0) -> str:
    """The worker's part of a look that the page asked for."""
    looks_of(page.state).wait()
    asked = [run for run in page.server.runs if "look_id" in run["parameters"]]
    look_id: str = asked[at]["parameters"]["look_id"]
    directory = page.state.settings.runs / ".looks" / look_id
    directory.mkdir(parents=True, mode=0o700, exist_ok=True)
    (directory / "look.json").write_text(json.dumps(document))
    page.server.state(asked[at]["id"], "COMPLETED")
    return look_id


def path_of(page: Page, more: str = "") -> str:
    (ada,) = page.state.people.all()
    return f"/p/{ada.id}/new{more}"


def shown(page: Page) -> str:
    """The page after a look has ended."""
    page.get(path_of(page))
    leave(page, looked())
    return page.get(path_of(page)).text


def sent(text: str, **changes: Any) -> dict[str, Any]:
    """The form as a browser sends it; a value of `None` takes a field away."""
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", text):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name is None or name[1] in ("form_token", "units"):
            continue
        if re.search(r'type="(checkbox|radio)"', tag) and " checked" not in tag:
            continue
        fields.setdefault(name[1], []).append(html.unescape(value[1]) if value else "")
    for name_, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', text, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        fields[name_] = [chosen[1] if chosen else ""]
    fields["do"] = ["start"]
    return {k: v for k, v in {**fields, **changes}.items() if v is not None}


def start(page: Page, text: str, **changes: Any) -> Response:
    return page.post(path_of(page), sent(text, **changes), from_page=path_of(page))


def started(page: Page) -> list[dict[str, Any]]:
    return [run for run in page.server.runs if "run_path" in run["parameters"]]


def test_a_run_can_be_started_before_anything_was_looked_at(page: Page) -> None:
    text = page.get(path_of(page)).text
    assert text.count("<h1") == 1
    assert "not looked at" in text
    assert text.count("data-day>") == 14
    answer = start(page, text)
    assert answer.status_code == 303
    (run,) = started(page)
    assert answer.headers["location"] == f"/r/{run['name']}"
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", run["name"])
    assert run["parameters"]["run_path"] == str(page.state.settings.runs / run["name"])
    assert run["parameters"]["request"] == {
        "site": "https://ada.example",
        "start": str(LAST - timedelta(days=13)),
        "end": str(LAST),
    }


def test_what_a_look_saw_is_shown_and_days_that_cannot_be_used_have_no_box(page: Page) -> None:
    text = shown(page)
    assert "LocalProfile1" in text
    assert "A Profile Switch put it in force." in text
    assert text.count("data-day>") == 13
    assert "<span data-used>13</span>" in text
    assert "exercise; Days that look like illness" in text.replace("<bdi>", "").replace("</bdi>", "")
    assert "&lt;b&gt;Sport&lt;/b&gt;" in text
    assert "<b>Sport" not in text
    assert "(70 %)" in text
    assert "All 24 hours" in text


def test_a_look_is_asked_for_once_while_it_is_fresh(page: Page) -> None:
    for _ in range(3):
        page.get(path_of(page))
    looks_of(page.state).wait()
    (look,) = page.server.runs
    assert look["parameters"]["request"] == {"site": "https://ada.example", "days": 30}
    assert look["parameters"]["kind"] == "days"
    assert look["name"] == look["parameters"]["look_id"]
    assert timedelta(minutes=15) == FRESH


def test_days_that_are_left_out_are_in_the_request(page: Page) -> None:
    text = shown(page)
    boxes = sent(text)["day"]
    answer = start(
        page, text, day=boxes[:-2], exclude_events=["exercise"], exclude_found=["yes"], insulin="ultra-rapid"
    )
    assert answer.status_code == 303
    (run,) = started(page)
    assert run["parameters"]["request"] == {
        "site": "https://ada.example",
        "start": str(LAST - timedelta(days=13)),
        "end": str(LAST),
        "exclude": sorted(boxes[-2:]),
        "exclude_events": ["exercise"],
        "exclude_found": True,
        "insulin": "ultra-rapid",
    }
    AnalysisRequest.model_validate(run["parameters"]["request"])


def test_a_double_click_makes_one_run_and_other_choices_another(page: Page) -> None:
    text = shown(page)
    first, second = start(page, text), start(page, text)
    assert first.headers["location"] == second.headers["location"]
    assert len(started(page)) == 1
    assert start(page, text, resamples="0").headers["location"] != first.headers["location"]
    assert len(started(page)) == 2


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"range": "dates", "start": "2026-11-20", "end": "2026-11-10"}, "end", "The last day is before the first"),
        ({"range": "dates", "start": "x", "end": "2026-11-10"}, "start", "This is no day"),
        ({"range": "dates", "start": "", "end": ""}, "end", "This is no day"),
        ({"range": "dates", "start": "2024-01-01", "end": "2026-11-10"}, "end", "more than 366 days"),
        ({"resamples": "1001"}, "resamples", "from 0 to 1000"),
        ({"resamples": "9" * 5000}, "resamples", "from 0 to 1000"),
        ({"resamples": "²"}, "resamples", "from 0 to 1000"),
        ({"insulin": "slow"}, "insulin", "Choose one of the insulins"),
        ({"age_group": "old"}, "age_group", "Choose one of the age groups"),
        ({"weekdays": ["mon", "someday"]}, "weekdays", "Choose among the days of the week"),
        ({"inputs": "upstream", "exclude_found": "yes"}, "inputs", "every day is used"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    page: Page, changes: dict[str, Any], field: str, said: str
) -> None:
    text = page.get(path_of(page)).text
    answer = start(page, text, **{"age_group": "teenager", **changes})
    assert answer.status_code == 422
    assert f'href="#f-{field}"' in answer.text
    assert said in answer.text
    if "age_group" not in changes:
        assert '<option value="teenager" selected>' in answer.text
    assert started(page) == []


def test_another_range_is_shown_after_update_and_taken_at_start(page: Page) -> None:
    text = shown(page)
    week = page.post(path_of(page), sent(text, range="7", do="update"), from_page=path_of(page))
    assert week.status_code == 200
    assert week.text.count("data-day>") == 6
    assert started(page) == []
    assert start(page, text, range="7").status_code == 303  # without script nobody has to press Update
    (run,) = started(page)
    assert run["parameters"]["request"]["start"] == str(LAST - timedelta(days=6))


def test_days_of_long_ago_are_looked_at_by_themselves(page: Page) -> None:
    text = shown(page)
    before = sent(text, range="dates", start="2026-01-01", end="2026-01-05", do="update")
    answer = page.post(path_of(page), before, from_page=path_of(page))
    assert answer.status_code == 200
    assert answer.text.count("data-day>") == 5
    looks_of(page.state).wait()
    assert page.server.runs[0]["parameters"]["request"] == {
        "site": "https://ada.example",
        "start": "2026-01-01",
        "end": "2026-01-05",
    }


def test_too_few_good_days_say_how_many_are_missing() -> None:
    days = [KnownDay(LAST - timedelta(days=n), "red" if n else "green") for n in range(14)]
    said = counted(NewRunForm("0"), days)
    assert (said.used, said.left_out) == (1, 13)
    assert "1 good day of 14" in said.warning
    assert "a run needs 5. 4 are missing" in said.warning
    few = counted(NewRunForm("0"), [KnownDay(LAST - timedelta(days=n), "green") for n in range(5)])
    assert "at least 7 are advised" in few.warning
    assert counted(NewRunForm("0"), [KnownDay(LAST, "")]).warning == ""


def test_weeks_begin_on_monday() -> None:
    days = [KnownDay(date(2026, 11, 14) + timedelta(days=n), "") for n in range(10)]
    rows = weeks(days)
    assert [len(row) for row in rows] == [7, 7, 7]
    assert rows[0][:5] == [None] * 5
    assert rows[1][0] is not None
    assert rows[1][0].date == date(2026, 11, 16)
    assert weeks([]) == []


def test_days_of_the_last_run_are_shown_at_once_with_their_date(page: Page) -> None:
    put(page.state.settings.runs, step_of())
    index_of(page.state).renew()
    text = page.get(path_of(page)).text
    assert "As the last run saw them" in text


def test_why_the_site_cannot_be_looked_at_is_said_with_the_way_out(page: Page) -> None:
    page.get(path_of(page))
    refusal = Refused(Reason.SITE_UNAUTHORIZED, url="https://ada.example", detail="", remedy="Give a token.", what="x")
    leave(
        page,
        {
            "version": 1,
            "kind": "days",
            "read_at": TODAY.isoformat(),
            "refused": {"code": refusal.reason.code, "sentence": "It says <no>.", "remedy": "Do <this>."},
        },
    )
    text = page.get(path_of(page)).text
    assert "It says &lt;no&gt;." in text
    assert "Do &lt;this&gt;." in text
    assert "/uploads" in text
    looks_of(page.state).wait()
    assert len(page.server.runs) == 1, "a site that refuses is not asked again by itself"
    page.post(path_of(page), sent(text, do="look"), from_page=path_of(page))
    looks_of(page.state).wait()
    assert len(page.server.runs) == 2


def test_a_server_that_is_away_starts_nothing_and_says_so(page: Page) -> None:
    text = page.get(path_of(page)).text
    page.server.away = True
    answer = start(page, text, age_group="child")
    assert answer.status_code == 503
    assert "Nothing was started" in answer.text
    assert '<option value="child" selected>' in answer.text


def test_a_run_again_begins_with_its_choices(page: Page) -> None:
    start(page, shown(page), profile="active", resamples="12", insulin="ultra-rapid", compare=None)
    (run,) = started(page)
    text = page.get(path_of(page, f"?again={run['name']}")).text
    again = sent(text)
    assert (again["resamples"], again["insulin"], again["profile"]) == (["12"], ["ultra-rapid"], ["active"])
    assert "compare" not in again
    assert page.get(path_of(page, "?again=../../x")).status_code == 200


@pytest.mark.parametrize("path", ["/p/nobody/new", "/p/..%2f/new"])
def test_nobody_has_no_new_run(page: Page, path: str) -> None:
    assert page.get(path).status_code == 404


def test_the_script_is_told_when_a_look_has_ended(page: Page) -> None:
    (ada,) = page.state.people.all()
    assert page.get(f"/p/{ada.id}/look").json()["state"] == "none"
    page.get(path_of(page))
    looks_of(page.state).wait()
    assert page.get(f"/p/{ada.id}/look").json()["state"] == "under way"
    leave(page, looked())
    assert page.get(f"/p/{ada.id}/look").json()["state"] == "ended"


def test_nothing_is_looked_at_once_the_page_has_ended(tmp_path: Path) -> None:
    with opened(tmp_path) as page:
        (ada,) = page.state.people.all()
        looks = looks_of(page.state)
        looks.start(ada, LookKind.DAYS)
        looks.wait()
        asked = len(page.server.runs)
    with pytest.raises(RuntimeError):
        looks.start(ada, LookKind.SITE)
    assert len(page.server.runs) == asked == 1


def test_where_no_worker_listens_nothing_is_said_to_be_read(page: Page) -> None:
    said = page.get(path_of(page)).text
    assert "The settings are being read" in said
    assert "No worker listens" not in said
    page.server.ready.clear()
    snapshot_of(page.state).look()
    said = page.get(path_of(page)).text
    assert "No worker listens now" in said
    assert "being read" not in said
    assert "No readings yet" not in said
    assert '<button class="first" name="do" value="start">' in said


@pytest.mark.parametrize("quality", [None, "blue"])
def test_days_of_a_run_that_nobody_judged_are_days_that_nobody_looked_at(page: Page, quality: str | None) -> None:
    days = [{"date": str(LAST), "status": "used", "reason": None, "quality": quality}]
    put(page.state.settings.runs, step_of(seal_with={"days": days}))
    index_of(page.state).renew()
    answer = page.get(path_of(page))
    assert answer.status_code == 200
    assert "not looked at" in answer.text
