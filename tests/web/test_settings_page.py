"""The settings: a person is added only when a run would come through, and a night is changed whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.demo.site import READ_TOKEN, serve
from flows.web.saved_sites import block_name
from flows.web.snapshot import snapshot_of
from tests.conftest import ROOT
from tests.web.conftest import Page

PERSON = ROOT / "fixtures" / "demonstration"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The demonstration's site, on this machine."""
    (tmp_path / "site").mkdir()
    server = serve(PERSON, tmp_path / "site", "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def saved(page: Page) -> list[dict[str, Any]]:
    return [body for method, path, body in page.server.asked if (method, path) == ("POST", "/block_documents/")]


def add(page: Page, **form: object) -> Any:
    return page.post("/settings/people/new", form, from_page="/settings/people/new")


def test_a_person_is_saved_when_the_site_lets_a_run_in(page: Page, site: str) -> None:
    answer = add(page, name="Ben", site=site, token=READ_TOKEN, insulin="ultra-rapid")
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings")
    (block,) = saved(page)
    assert block["name"] == "ben"
    assert block["data"] == {
        "url": site,
        "allow_http": False,
        "options": {"insulin": "ultra-rapid"},
        "read_token": READ_TOKEN,
    }
    (ben,) = (person for person in page.state.people.all() if person.name == "Ben")
    assert (ben.block, ben.site) == ("ben", site)
    assert READ_TOKEN not in page.get("/settings").text


def test_nothing_is_saved_where_the_token_is_wrong(page: Page, site: str) -> None:
    answer = add(page, name="Ben", site=site, token="not-it")
    assert answer.status_code == 422
    assert "does not let a run in" in answer.text
    assert "check-fail" in answer.text
    assert "not-it" not in answer.text  # a secret is typed again, never shown again
    assert (saved(page), [person.name for person in page.state.people.all()]) == ([], ["ada"])


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"name": "", "site": "https://b.example"}, "name"),
        ({"name": "ADA", "site": "https://b.example"}, "name"),
        ({"name": "x" * 61, "site": "https://b.example"}, "name"),
        ({"name": "Ben", "site": ""}, "site"),
        ({"name": "Ben", "site": "ftp://b.example"}, "site"),
        ({"name": "Ben", "site": "https://b.example?token=x"}, "site"),
        ({"name": "Ben", "site": "http://b.example"}, "site"),
        ({"name": "Ben", "site": "https://ada.example/"}, "site"),
        ({"name": "Ben", "site": "https://b.example", "age_group": "old"}, "age_group"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_before_a_site_is_asked(
    page: Page, form: dict[str, Any], field: str
) -> None:
    answer = add(page, **form)
    assert answer.status_code == 422
    assert f'id="e-{field}"' in answer.text
    assert saved(page) == []


def test_a_link_local_address_is_never_asked(page: Page) -> None:
    answer = add(page, name="Ben", site="http://169.254.169.254", allow_http="true")
    assert answer.status_code == 422
    assert "link-local" in answer.text
    assert saved(page) == []


def test_a_person_is_renamed_and_two_have_never_one_name(page: Page) -> None:
    (ada,) = page.state.people.all()
    assert page.post(f"/settings/people/{ada.id}", {"name": "Ada", "units": "mmol/L"}).status_code == 303
    (ada,) = page.state.people.all()
    assert (ada.name, ada.units) == ("Ada", "mmol/L")
    page.state.people.add("Ben", ada.kind, site="https://ben.example")
    answer = page.post(f"/settings/people/{ada.id}", {"name": "ben"})
    assert answer.status_code == 422
    assert f'id="e-name-{ada.id}"' in answer.text


def test_a_night_is_made_once_and_then_changed_whole(page: Page) -> None:
    (ada,) = page.state.people.all()
    form = {"at": "05:15", "zone": "Europe/Paris", "active": "true"}
    assert page.post(f"/settings/people/{ada.id}/night", form).status_code == 303
    (made,) = page.server.schedules
    assert made["schedule"] == {"cron": "15 5 * * *", "timezone": "Europe/Paris", "day_or": True}
    assert (made["active"], made["slug"]) == (True, "nightly")
    assert made["parameters"] == {"request": {"wait_for_data_min": 180, "site": "https://ada.example"}}
    made["parameters"]["request"]["days"] = 7  # somebody changed it on Prefect's page
    snapshot_of(page.state).look()
    assert page.post(f"/settings/people/{ada.id}/night", {"at": "04:30", "zone": "UTC"}).status_code == 303
    (changed,) = page.server.schedules
    assert (changed["active"], changed["schedule"]["cron"]) == (False, "30 4 * * *")
    assert changed["parameters"]["request"]["days"] == 7


@pytest.mark.parametrize(("at", "zone", "field"), [("25:00", "UTC", "at"), ("04:30", "Europe/Pari", "zone")])
def test_a_wrong_time_or_zone_changes_nothing(page: Page, at: str, zone: str, field: str) -> None:
    (ada,) = page.state.people.all()
    answer = page.post(f"/settings/people/{ada.id}/night", {"at": at, "zone": zone, "active": "true"})
    assert answer.status_code == 422
    assert f'id="e-{field}-{ada.id}"' in answer.text
    assert page.server.schedules == []


def test_a_server_that_is_away_is_said_and_nothing_is_half_done(page: Page) -> None:
    (ada,) = page.state.people.all()
    page.server.away = True
    answer = page.post(f"/settings/people/{ada.id}/night", {"at": "04:30", "zone": "UTC", "active": "true"})
    assert answer.status_code == 422
    assert "stays as it was" in answer.text


def test_who_was_removed_stays_away_and_the_saved_site_stays(page: Page) -> None:
    page.server.blocks.append({"name": "ben", "data": {"url": "https://ben.example"}})
    snapshot_of(page.state).look()
    (ben,) = (person for person in page.state.people.all() if person.name == "ben")
    page.post(f"/settings/people/{ben.id}/remove")
    snapshot_of(page.state).look()
    assert [person.name for person in page.state.people.all()] == ["ada"]
    assert not [path for method, path, _ in page.server.asked if method == "DELETE"]


def test_the_page_speaks_the_language_that_was_chosen(page: Page) -> None:
    assert '<html lang="en"' in page.get("/settings").text
    page.post("/settings/language", {"language": "de"})
    text = page.get("/settings").text
    assert '<html lang="de"' in text
    assert "Einstellungen" in text
    page.post("/settings/language", {"language": "xx"})  # no language of ours
    assert '<html lang="de"' in page.get("/").text


@pytest.mark.parametrize(
    ("name", "taken", "block"),
    [
        ("Ben", set(), "ben"),
        ("Ben", {"ben"}, "ben-2"),
        ("Zoë Müller", set(), "zoe-muller"),
        ("李", set(), "person"),
        ("--", {"person", "person-2"}, "person-3"),
    ],
)
def test_a_block_s_name_is_one_that_prefect_takes(name: str, taken: set[str], block: str) -> None:
    assert block_name(name, taken) == block
