"""What goes over the wire when something is written: never what makes a Nightscout crash or store nothing."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter

from flows.errors import InternalError
from flows.nightscout.authentication import Credentials
from flows.nightscout.writer import NightscoutWriter, WriteStatus

SECRET = "a-secret-of-some-length"  # noqa: S105


class Wire(BaseAdapter):
    """Takes requests and answers them in memory."""

    def __init__(self, status: int = 200, body: bytes = b"[]", error: Exception | None = None) -> None:
        super().__init__()
        self.status, self.body, self.error = status, body, error
        self.requests: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.requests.append(request)
        if self.error:
            raise self.error
        answer = requests.Response()
        answer.status_code, answer.url = self.status, str(request.url)
        answer.raw = urllib3.HTTPResponse(io.BytesIO(self.body), preload_content=False)
        return answer

    def close(self) -> None:
        pass


def writer(wire: Wire) -> NightscoutWriter:
    session = requests.Session()
    found = NightscoutWriter("http://in.memory", Credentials(api_secret=SECRET), session=session)
    session.mount("http://in.memory", wire)
    return found


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"_id": "a" * 24, "store": {"x": {}}},
        {"store": {}},
        {"defaultProfile": "x"},
        [{"store": {"x": {}}}],
        None,
    ],
)
def test_what_would_crash_or_empty_a_site_is_never_sent(document: Any) -> None:
    wire = Wire()
    with pytest.raises(InternalError):
        writer(wire).post_profile(document)
    with pytest.raises(InternalError):
        writer(wire).post_switch({"_id": "a" * 24, "eventType": "Profile Switch"})
    assert wire.requests == []


def test_a_document_goes_as_json_once_with_the_secret_in_a_header_only() -> None:
    wire = Wire(body=b'[{"_id": "0123456789abcdef01234567"}]')
    sent = writer(wire).post_profile({"store": {"x": {"basal": 0.5}}, "ö": 1})
    (request,) = wire.requests
    assert (request.method, request.url) == ("POST", "http://in.memory/api/v1/profile.json")
    assert request.headers["Content-Type"] == "application/json"
    assert "If-Modified-Since" not in request.headers
    assert SECRET not in str(request.headers)
    assert json.loads(request.body or b"") == {"store": {"x": {"basal": 0.5}}, "ö": 1}
    assert (sent.status, sent.document_id) == (WriteStatus.TAKEN, "0123456789abcdef01234567")


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (Wire(200, b"not json"), WriteStatus.TAKEN),
        (Wire(201, b"{}"), WriteStatus.TAKEN),
        (Wire(401), WriteStatus.REFUSED),
        (Wire(404), WriteStatus.REFUSED),
        (Wire(413), WriteStatus.REFUSED),
        (Wire(408), WriteStatus.UNKNOWN),
        (Wire(429), WriteStatus.UNKNOWN),
        (Wire(500), WriteStatus.UNKNOWN),
        (Wire(502), WriteStatus.UNKNOWN),
        (Wire(302), WriteStatus.UNKNOWN),
        (Wire(error=requests.ConnectionError("http://in.memory/?secret=x")), WriteStatus.UNKNOWN),
        (Wire(error=requests.ReadTimeout()), WriteStatus.UNKNOWN),
    ],
)
def test_a_write_is_sent_once_whatever_is_answered(wire: Wire, status: WriteStatus) -> None:
    sent = writer(wire).post_profile({"store": {"x": {}}})
    assert sent.status is status
    assert len(wire.requests) == 1
    assert "secret" not in sent.detail


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ({"status": 200, "message": "OK"}, []),
        ({"status": 200, "message": "UNAUTHORIZED"}, ["api:profile:create"]),
        ({"message": {"canRead": True, "canWrite": True, "isAdmin": True, "message": "OK"}}, []),
        ({"message": {"canRead": True, "canWrite": False, "isAdmin": False, "message": "OK"}}, ["api:profile:create"]),
        ({"message": {"canRead": True, "canWrite": True, "isAdmin": False, "message": "OK"}}, ["api:profile:create"]),
        ({}, ["api:profile:create"]),
    ],
)
def test_the_api_secret_may_write_once_the_site_says_so(answer: Any, missing: list[str]) -> None:
    wire = Wire(body=json.dumps(answer).encode())
    assert writer(wire).missing_permissions(("api:profile:create",)) == missing
    assert [r.method for r in wire.requests] == ["GET"]
