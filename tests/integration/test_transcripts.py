"""The stand-in answers the recorded requests as real servers of both versions did: status, shape, counts, delays.

Each recording is 77 exchanges, replayed in their order by HTTP against a fresh stand-in whose clock is theirs. What a
server makes up itself (ids, tokens) is learned from its answers and put into the requests that follow. An answer has
the same length too where its `ETag` says how long it was.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.standin import StandIn, standing_in

SECRET = "transcript-secret-1"  # noqa: S105
# Tokens, settings; and what 15 answers from its cache, whose treatments have fields that were not recorded.
MADE_UP_LENGTH = re.compile(r"^(status|exchange of .*|.*: jwt in an exchange|how many come: no query)$")
CUT_OFF = re.compile(r"\.\.\. \(\d+ characters\)$")
SLACK_S = 0.5  # of a delay: what the real server itself took


@dataclass
class Clock:
    """The clock of the site, which only a delay moves."""

    at: datetime
    slept_s: float = 0.0

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        self.at += timedelta(seconds=seconds)


@dataclass
class Replay:
    """What the stand-in made up, under the recording's names."""

    server: StandIn
    learned: dict[str, str] = field(default_factory=dict)

    def put_in(self, text: str) -> str:
        for theirs, ours in self.learned.items():
            text = text.replace(theirs, ours)
        return text

    def learn(self, theirs: Any, ours: Any) -> None:
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for key in theirs.keys() & ours.keys():
                if key in ("_id", "accessToken", "token") and isinstance(theirs[key], str):
                    self.learned[theirs[key]] = str(ours[key])
                self.learn(theirs[key], ours[key])
        elif isinstance(theirs, list) and isinstance(ours, list):
            for their, our in zip(theirs, ours, strict=False):
                self.learn(their, our)

    def send(self, request: dict[str, Any], start: str) -> requests.Response:
        headers = {name: self.put_in(value) for name, value in request["headers"].items()}
        body = request["body"]
        if isinstance(body, str):
            sent = restored(request, start)
        else:
            sent = None if body is None else self.put_in(json.dumps(body))
        path = self.put_in(request["path"])
        return requests.request(request["method"], self.server.url + path, data=sent, headers=headers, timeout=30)


def restored(request: dict[str, Any], start: str) -> bytes:
    """A body of which only the length was recorded, made again to that length.

    Args:
        request: as recorded.
        start: the first start date of a profile that was sent.
    """
    length = int(request["body"].strip("<>").split()[0])
    begin = datetime.fromisoformat(start)
    if "treatments" in request["path"]:  # three times 400 notes, a second apart, a day before
        first = {32290: 0, 32400: 400, 32600: 800}[length]
        day_before = begin - timedelta(days=1)
        times = ((n, (day_before + timedelta(seconds=n)).isoformat(timespec="milliseconds")) for n in range(1200))
        notes = [{"eventType": "Note", "created_at": at.replace("+00:00", "Z"), "notes": str(n)} for n, at in times]
        body = json.dumps(notes[first : first + 400])
    elif "entries" in request["path"]:  # 300 readings, five minutes apart, back from then
        body = json.dumps([reading(begin - timedelta(minutes=5 * n), 100 + n % 50) for n in range(300)])
    elif length > 1000:
        at = (begin + timedelta(minutes=3)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        document: dict[str, Any] = {"defaultProfile": "Day", "startDate": at, "mills": 0, "units": "mg/dl"}
        document |= {"store": {"Day": day()}, "pad": ""}
        document["pad"] = "x" * (length - len(json.dumps(document)))
        body = json.dumps(document)
    else:
        body = {5: '{"a":', 1: "x"}[length]
    assert len(body) == length, request["path"]
    return body.encode()


def reading(at: datetime, sgv: int) -> dict[str, Any]:
    text = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"type": "sgv", "sgv": sgv, "date": int(at.timestamp() * 1000), "dateString": text, "device": "test"}


def day() -> dict[str, Any]:
    def entry(value: float) -> list[dict[str, Any]]:
        return [{"time": "00:00", "value": value, "timeAsSeconds": 0}]

    targets = {"target_low": [{"time": "00:00", "value": 100}], "target_high": [{"time": "00:00", "value": 110}]}
    numbers = {"dia": 6, "carbratio": entry(10), "sens": entry(45), "basal": entry(0.8)}
    return {**numbers, **targets, "timezone": "Europe/Berlin", "units": "mg/dl"}


# --- how alike two answers are


def shape(value: Any) -> Any:
    """Keys and JSON types; of a list those of each element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def whole_elements(text: str) -> list[Any]:
    """The complete elements of a list that was cut off: its own, or those of v3's `result`."""
    text = CUT_OFF.sub("", text)
    at = text.index("[") + 1
    decoder, found = json.JSONDecoder(), []
    while at < len(text):
        try:
            element, at = decoder.raw_decode(text, at)
        except ValueError:
            break
        found.append(element)
        at += 1
    return found


def check_body(recorded: str, answer: requests.Response) -> None:
    """Compare an answer with one as it was noted: whole, cut off, or in a few words."""
    kind = answer.headers.get("Content-Type", "")
    if words := re.fullmatch(r"<HTML: (.*)>", recorded, re.DOTALL):
        assert kind.startswith("text/html")
        assert words[1] in answer.text
    elif words := re.fullmatch(r"<JSON with a stack trace: (.*)>", recorded, re.DOTALL):
        assert words[1] in answer.json()["message"]
    elif words := re.fullmatch(r"<(\d+) records(?:, first (.*))?>", recorded, re.DOTALL):
        records = answer.json()
        assert len(records) == int(words[1])
        if words[2]:
            assert shape(records[0]) == shape(json.loads(words[2]))
    else:
        check_json(recorded, answer.json())


def check_json(recorded: str, ours: Any) -> None:
    try:
        theirs = json.loads(recorded)
    except ValueError:
        elements = whole_elements(recorded)
        ours = ours["result"] if isinstance(ours, dict) else ours
        assert elements or recorded.startswith('[{"')
        assert [shape(e) for e in elements] == [shape(o) for o in ours[: len(elements)]]
        for their, our in zip(elements, ours, strict=False):
            assert steady(their) == steady(our)
    else:
        assert shape(theirs) == shape(ours)
        assert steady(theirs) == steady(ours)


def steady(value: Any) -> Any:
    """A document without what each server makes up for itself."""
    made_up = {"_id", "identifier", "created_at", "accessToken", "token", "iat", "exp", "srvDate"}
    if isinstance(value, dict):
        kept = value.keys() - (made_up | {"srvModified", "srvCreated"})
        return {key: steady(value[key]) for key in kept}
    return [steady(v) for v in value] if isinstance(value, list) else value


def check_status(recorded: str, ours: dict[str, Any]) -> None:
    """Of status.json what a client may rest on; the real one has a hundred settings more."""
    theirs = whole_elements("[" + re.sub(r',"settings":.*', "}", recorded))[0]
    assert shape(theirs) == {k: v for k, v in shape(ours).items() if k not in ("settings", "extendedSettings")}
    for key in ("status", "name", "version", "apiEnabled", "careportalEnabled"):
        assert theirs[key] == ours[key]
    assert f'"units":"{ours["settings"]["units"]}"' in recorded


def exchanges(directory: Path, version: str) -> list[dict[str, Any]]:
    file = directory / "nightscout_transcripts" / f"{version}.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def replayed(version: str, recorded: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], requests.Response, float]]:
    """Each exchange with the stand-in's answer, and how long that would have taken."""
    begin = re.search(r'"serverTime":"([^"]*)"', recorded[0]["response"]["body"])
    assert begin is not None
    bodies = [e["request"]["body"] for e in recorded]
    start = next(body["startDate"] for body in bodies if isinstance(body, dict) and "startDate" in body)
    clock = Clock(datetime.fromisoformat(begin[1]))
    with standing_in(version, secret=SECRET, clock=clock.now, sleep=clock.sleep) as server:
        server.site.access.subjects.clear()
        replay = Replay(server, {"<secret>": hashlib.sha1(SECRET.encode()).hexdigest()})  # noqa: S324
        for exchange in recorded:
            clock.slept_s = 0.0
            answer = replay.send(exchange["request"], start)
            for theirs in _documents(exchange["response"]["body"]):
                replay.learn(theirs, _json(answer))
            yield exchange, answer, clock.slept_s


def _documents(recorded: str) -> list[Any]:
    try:
        return [json.loads(recorded)]
    except ValueError:
        return []


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


@pytest.mark.parametrize("version", ["0.12.8", "15.0.7"])
def test_the_stand_in_answers_as_the_real_server_did(version: str, reference_data: Path) -> None:
    recorded = exchanges(reference_data, version)
    assert len(recorded) == 77
    wrong = []
    for exchange, answer, slept_s in replayed(version, recorded):
        try:
            check(exchange, answer, slept_s)
        except (AssertionError, ValueError, KeyError, TypeError) as error:
            wrong.append(f"{exchange['what']}: {type(error).__name__} {str(error)[:600]}")
    assert wrong == []


def check(exchange: dict[str, Any], answer: requests.Response, slept_s: float) -> None:
    theirs, headers = exchange["response"], exchange["response"]["headers"]
    assert answer.status_code == theirs["status"]
    assert answer.headers.get("Content-Type") == headers.get("Content-Type")
    if exchange["request"]["method"] == "GET":
        assert answer.headers.get("Last-Modified") == headers.get("Last-Modified")
    if theirs["seconds"] >= 4 or slept_s:  # a write of 400 notes took the real one two seconds
        assert abs(slept_s - theirs["seconds"]) < SLACK_S
    if exchange["what"] == "status":
        check_status(theirs["body"], answer.json())
        return
    check_body(theirs["body"], answer)
    if (etag := headers.get("ETag")) and not MADE_UP_LENGTH.match(exchange["what"]):
        assert len(answer.content) == int(etag.removeprefix('W/"').partition("-")[0], 16), "another length"
