"""What can be asked for, and what is refused before anything is read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from flows.errors import Reason, Refused
from flows.nightscout.credentials import credentials_for
from flows.settings import AnalysisRequest
from flows.writeback.approval import RollbackRequest, SyncRequest


@pytest.mark.parametrize(
    ("written", "site"),
    [
        ("my.site.example", "https://my.site.example"),
        ("https://my.site.example/", "https://my.site.example"),
        ("https://my.site.example/api/v1/", "https://my.site.example"),
        ("https://my.site.example:8443/ns/", "https://my.site.example:8443/ns"),
        ("http://127.0.0.1:1337", "http://127.0.0.1:1337"),
        ("http://[::1]:1337", "http://[::1]:1337"),
    ],
)
def test_an_address_is_tidied(written: str, site: str) -> None:
    assert AnalysisRequest(site=written).site == site


@pytest.mark.parametrize(
    "written",
    [
        "https://secret.site?token=reader-0123456789abcdef",
        "https://user:password@secret.site",
        "https://secret.site/#secret",
        "ftp://secret.site",
        "https://",
        "http://secret.site",
        "https://secret.site:99999",
        "https://secret.site:port",
    ],
)
def test_an_address_with_a_secret_or_without_protection_is_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(Refused) as caught:
        AnalysisRequest(site=written)
    assert caught.value.reason is Reason.SITE_URL
    assert "secret.site" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"site": "https://a.example", "from_directory": "x"},
        {"from_directory": "x", "days": 3, "start": "2026-01-01"},
        {"from_directory": "x", "days": 0},
        {"from_directory": "x", "openaps_profile": "p", "profile": "Default"},
        {"from_directory": "x", "openaps_autotune": "p"},
        {"from_directory": "x", "engine": "bash"},
        {"from_directory": "x", "token": "secret"},
        {"site": "https://a.example", "end": "2026-01-01"},
    ],
)
def test_a_request_that_contradicts_itself_is_no_request(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnalysisRequest(**options)


@pytest.mark.parametrize("model", [AnalysisRequest, SyncRequest, RollbackRequest])
def test_the_run_form_s_fields_are_numbered(model: type[BaseModel]) -> None:
    fields = model.model_json_schema()["properties"]
    assert list(fields) == sorted(fields, key=lambda name: fields[name]["position"]) == list(model.model_fields)


def test_every_field_is_described_for_the_run_form() -> None:
    for name, field in AnalysisRequest.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize(
    ("own", "asked", "given"),
    [
        (None, "https://a.example", True),
        ("https://a.example/", "https://a.example", True),
        ("a.example", "https://a.example/api/v1", True),
        ("https://a.example", "https://b.example", False),
        ("https://a.example", "https://a.example.evil", False),
    ],
)
def test_a_sites_secrets_are_for_that_site_only(
    own: str | None, asked: str, given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_TOKEN", "reader-0123456789abcdef")
    if own:
        monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_SITE", own)
    assert credentials_for(AnalysisRequest(site=asked)).anonymous is not given
