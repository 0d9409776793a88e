"""What a saved site makes of a request, and what it does not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flows.errors import Reason, Refused
from flows.nightscout import credentials
from flows.orchestration.blocks import NightscoutSite
from flows.settings import AnalysisRequest, Insulin
from tests.demo import READ_TOKEN, WRITE_TOKEN, demo_site

URL = "https://my.site.example"


def block(**fields: Any) -> NightscoutSite:
    return NightscoutSite(url=f"{URL}/", **fields)


def request(**fields: Any) -> AnalysisRequest:
    return AnalysisRequest(site_block="mine", **fields)


def test_the_address_comes_from_the_block_and_what_is_left_open_too() -> None:
    saved = block(timezone="europe/paris", profile="Work", options={"insulin": "ultra-rapid", "days": 14})
    made = saved.completed(request())
    assert (made.site, made.site_block) == (URL, "mine")
    assert (made.timezone, made.profile, made.insulin, made.days) == ("Europe/Paris", "Work", Insulin.ULTRA_RAPID, 14)


def test_what_a_run_asks_for_comes_first() -> None:
    saved = block(timezone="Europe/Paris", options={"insulin_peak_min": 55, "days": 14})
    made = saved.completed(request(days=3, insulin_peak_min=60, timezone=""))
    assert (made.days, made.insulin_peak_min, made.timezone) == (3, 60, "Europe/Paris")


def test_a_form_full_of_defaults_takes_nothing_from_what_is_known_of_a_person() -> None:
    saved = block(timezone="Europe/Paris", options={"insulin": "ultra-rapid", "weekdays": ["mon"], "resamples": 0})
    form = request().model_dump(mode="json")
    assert form["insulin"] is None  # the data's own
    made = saved.completed(AnalysisRequest(**form))
    assert (made.insulin, made.weekdays, made.resamples) == (Insulin.ULTRA_RAPID, ["mon"], 0)
    assert made.timezone == "Europe/Paris"


def test_completing_twice_changes_nothing() -> None:
    saved = block(options={"days": 14})
    once = saved.completed(request(resamples=0))
    assert saved.completed(once) == once


def test_another_address_beside_the_block_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        block().completed(request(site="https://other.example"))
    assert caught.value.reason is Reason.SITE_BLOCK


def test_plain_http_needs_the_block_s_own_word() -> None:
    plain = NightscoutSite(url="http://ns.lan")
    with pytest.raises(Refused):
        plain.completed(request())
    assert NightscoutSite(url="http://ns.lan", allow_http=True).completed(request()).site == "http://ns.lan"


@pytest.mark.parametrize("option", ["site", "from_directory", "dayz"])
def test_an_option_that_is_none_is_not_saved(option: str) -> None:
    with pytest.raises(ValidationError):
        block(options={option: "x"})


def test_an_address_with_a_secret_is_not_saved() -> None:
    with pytest.raises(Refused):
        NightscoutSite(url=f"{URL}/?token=abc")


def test_fields_left_empty_in_the_form_are_absent() -> None:
    saved = block(read_token="", write_token=" ", timezone="", profile="", basic_auth="")
    assert saved.credentials().anonymous
    assert saved.write_credentials().anonymous
    assert (saved.timezone, saved.profile, saved.basic_auth) == (None, None, None)


def test_what_may_only_read_is_never_used_to_write() -> None:
    saved = block(read_token="reader-1", basic_auth="me:pass")
    assert saved.credentials().token == "reader-1"
    assert saved.write_credentials().anonymous
    assert saved.write_credentials().basic == "me:pass"


def test_nothing_shows_a_secret() -> None:
    saved = block(read_token="canary-1", write_api_secret="canary-2")
    shown = f"{saved!r} {saved.credentials()!r} {saved.model_dump_json()}"
    assert "canary" not in shown


def test_the_environment_s_secrets_are_not_for_a_block_s_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_TOKEN", "canary")
    for read in (credentials.credentials_for, credentials.write_credentials_for):
        with pytest.raises(Refused) as caught:
            read(block().completed(request()))
        assert caught.value.reason is Reason.SITE_BLOCK


def test_the_check_says_what_the_doctor_says(tmp_path: Path) -> None:
    with demo_site(tmp_path) as site:
        good = NightscoutSite(url=site, read_token=READ_TOKEN, write_token=WRITE_TOKEN)
        assert {r.name: r.finding.level for r in good.check()} == dict.fromkeys(
            ("site", "site-version", "site-reading", "site-writing", "clock", "time-zone"), "ok"
        )
        bad = NightscoutSite(url=site, read_token=READ_TOKEN, write_token=READ_TOKEN)
        assert [r.name for r in bad.check() if r.finding.level == "fail"] == ["site-writing"]
