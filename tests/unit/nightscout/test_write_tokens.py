"""What one file says that several sites may be written with: to whom each secret goes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.credentials import credentials_for, write_credentials_for
from flows.nightscout.write_tokens import write_tokens_for
from flows.settings import AnalysisRequest

SITE = "https://my.site.example"
SECRET = "writer-0123456789abcdef"  # noqa: S105


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_TOKENS_FILE", str(tmp_path / "tokens.json"))
    return tmp_path / "tokens.json"


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        ({SITE: {"token": SECRET}}, Credentials(token=SECRET)),
        ({f"{SITE}/": {"api_secret": SECRET, "basic_auth": "a:b"}}, Credentials(api_secret=SECRET, basic="a:b")),
        ({"https://my.site.example.evil.example": {"token": SECRET}}, None),
        ({f"{SITE}:8443": {"token": SECRET}, "http://my.site.example": {"token": SECRET}}, None),
        ({}, None),
    ],
    ids=["token", "secret and a server in front", "a longer name", "another port or scheme", "nothing"],
)
def test_a_secret_goes_to_the_address_it_stands_beside(sites: Any, expected: Credentials | None, file: Path) -> None:
    file.write_text(json.dumps(sites))
    assert write_tokens_for(SITE) == expected
    request = AnalysisRequest(site=SITE)
    assert write_credentials_for(request) == (expected or Credentials())
    assert credentials_for(request) == Credentials()  # it is for writing only


def test_it_comes_before_the_one_for_all_and_an_empty_file_is_none(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN", "for-any-site-0123456789abcdef")
    file.write_text(json.dumps({SITE: {"token": SECRET}}))
    assert write_credentials_for(AnalysisRequest(site=SITE)).token == SECRET
    file.write_text("\n")
    assert write_credentials_for(AnalysisRequest(site=SITE)).token == "for-any-site-0123456789abcdef"  # noqa: S105


BAD = {
    "no JSON": (f"{SITE} {SECRET}", "not JSON"),
    "a list": (json.dumps([{"token": SECRET}]), "the whole: dict type"),
    "a bare secret": (json.dumps({SITE: SECRET}), f"{SITE}: model type"),
    "a misspelt key": (json.dumps({SITE: {"tokn": SECRET}}), f"tokn of {SITE}: extra forbidden"),
    "one site twice": (json.dumps({SITE: {"token": SECRET}, f"{SITE}/": {"token": SECRET}}), "one site twice"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_used_is_refused_and_not_shown(text: str, said: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(Refused) as refused:
        write_tokens_for(SITE)
    assert refused.value.reason is Reason.WRITE_TOKENS_FILE
    assert said in str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_file_that_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(Refused) as refused:
        write_tokens_for(SITE)
    assert refused.value.reason is Reason.FILE_MISSING


@pytest.mark.parametrize("token", ["AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN", "AUTOTUNE_NIGHTSCOUT_WRITE_TOKENS"])
def test_leave_to_read_over_plain_http_is_none_to_write(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    site = "http://nas.example:1337"
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_SITE", f"{site}/")
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_TOKEN", "reader-0123456789abcdef")
    for refused in ("", "false", "yes"):
        monkeypatch.setenv("AUTOTUNE_ALLOW_HTTP", refused)
        with pytest.raises(Refused, match="plain http"):
            AnalysisRequest(site=site)
    monkeypatch.setenv("AUTOTUNE_ALLOW_HTTP", "true")
    request = AnalysisRequest(site=site)
    assert credentials_for(request).token == "reader-0123456789abcdef"  # noqa: S105
    assert write_credentials_for(request).anonymous
    with pytest.raises(Refused, match="plain http"):
        AnalysisRequest(site="http://another.example")
    written = json.dumps({site: {"token": SECRET}}) if token.endswith("S") else SECRET
    monkeypatch.setenv(token, written)
    with pytest.raises(Refused, match="AUTOTUNE_ALLOW_HTTP is for reading"):
        write_credentials_for(request)
    assert write_credentials_for(AnalysisRequest(site=site, allow_http=True)).token == SECRET
