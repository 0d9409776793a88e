"""Files in the shapes people have them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.documents import LONGEST_INTEGER, parse_records, plain, read_records

RECORDS = [{"_id": "1", "sgv": 100}, {"_id": "2", "sgv": 110}]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(RECORDS),
        "\ufeff" + json.dumps(RECORDS),
        "\n".join(json.dumps(r) for r in RECORDS),
        "\n".join(json.dumps(r) for r in RECORDS) + "\n\n",
        json.dumps({"status": 200, "result": RECORDS}),
        '[{"_id": {"$oid": "1"}, "sgv": {"$numberInt": "100"}}, {"_id": {"$oid": "2"}, "sgv": {"$numberLong": "110"}}]',
    ],
    ids=["array", "byte order mark", "NDJSON", "NDJSON with blank lines", "API v3", "mongoexport"],
)
def test_the_same_records_however_they_are_wrapped(text: str, tmp_path: Path) -> None:
    (tmp_path / "entries.json").write_text(text, "utf-8")
    assert read_records(tmp_path / "entries.json") == RECORDS


def test_a_single_document_is_a_list_of_one() -> None:
    assert parse_records('{"_id": "1", "store": {}}', "profile.json") == [{"_id": "1", "store": {}}]


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "entries.json.gz").write_bytes(gzip.compress(json.dumps(RECORDS).encode()))
    assert read_records(tmp_path / "entries.json") == RECORDS


def test_extended_json_dates_and_decimals_become_plain() -> None:
    record = {
        "d": {"$date": "2026-01-01T00:00:00Z"},
        "n": {"$numberDecimal": "1.5"},
        "m": {"$date": {"$numberLong": "5"}},
    }
    assert plain(record) == {"d": "2026-01-01T00:00:00Z", "n": 1.5, "m": 5}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.FILE_NOT_JSON),
        ("<html>login</html>", Reason.FILE_NOT_JSON),
        ('[{"sgv": 100}, {"sg', Reason.FILE_NOT_JSON),
        ("[NaN]", Reason.FILE_NOT_JSON),
        ("[1e999]", None),
        ("null", Reason.FILE_NOT_RECORDS),
        ('"text"', Reason.FILE_NOT_RECORDS),
        ("5", Reason.FILE_NOT_RECORDS),
        ('{"status": 401, "message": "Unauthorized"}', Reason.FILE_NOT_RECORDS),
    ],
)
def test_what_is_no_list_of_records_is_refused_by_name(text: str, reason: Reason | None) -> None:
    if reason is None:
        parse_records(text, "entries.json")
        return
    with pytest.raises(Refused) as caught:
        parse_records(text, "entries.json")
    assert caught.value.reason is reason
    assert "entries.json" in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        read_records(tmp_path / "entries.json")
    assert caught.value.reason is Reason.FILE_MISSING


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "entries.json.gz").write_bytes(gzip.compress(b"[]")[:-4])
    with pytest.raises(Refused) as caught:
        read_records(tmp_path / "entries.json")
    assert caught.value.reason is Reason.FILE_NOT_JSON


UNREADABLE: list[tuple[str, str, Callable[[], bytes], str]] = [
    (
        "half an archive",
        "entries.json.gz",
        lambda: gzip.compress(json.dumps([*range(9999)]).encode())[:-99],
        "cannot be unpacked",
    ),
    ("a bit off in an archive", "entries.json.gz", lambda: gzip.compress(b"[]")[:10] + b"\xff" * 20, "be unpacked"),
    ("no archive at all", "entries.json.gz", lambda: b"[]", "cannot be unpacked"),
    ("UTF-16", "entries.json", lambda: "[]".encode("utf-16"), "not UTF-8"),
    ("Latin-1", "entries.json", lambda: '[{"notes": "é"}]'.encode("latin-1"), "not UTF-8"),
]


@pytest.mark.parametrize(("name", "content", "detail"), [u[1:] for u in UNREADABLE], ids=[u[0] for u in UNREADABLE])
def test_a_file_that_cannot_be_read_is_one_refusal_that_says_why(
    name: str, content: Callable[[], bytes], detail: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content())
    with pytest.raises(Refused) as caught:
        read_records(tmp_path / "entries.json")
    assert caught.value.reason is Reason.FILE_NOT_JSON
    assert detail in str(caught.value)


def test_a_number_that_no_computer_holds_is_text_so_that_one_record_is_at_fault() -> None:
    long, longest = "9" * (LONGEST_INTEGER + 1), "9" * LONGEST_INTEGER
    (record,) = parse_records(f'[{{"a": 1e999, "b": {long}, "c": {longest}, "d": -1e400, "e": 1.5}}]', "file")
    assert record == {"a": "1e999", "b": long, "c": int(longest), "d": "-1e400", "e": 1.5}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'[{"notes": "a\ud800b"}]', "a\ufffdb"),
        (r'[{"notes": "\uD83D\uDE00"}]', "\U0001f600"),
        (r'[{"notes": "\ude00\ud83d"}]', "\ufffd\ufffd"),
        (r'[{"notes": "\\ud800"}]', r"\ud800"),
    ],
)
def test_half_a_character_is_replaced_and_a_whole_one_kept(text: str, expected: str) -> None:
    assert parse_records(text, "file")[0]["notes"] == expected


@pytest.mark.parametrize("levels", [400, 900, 100_000])
def test_nested_deeply_with_half_a_character_is_read_or_refused(levels: int) -> None:
    try:
        parse_records('["\\ud83d", ' + "[" * levels + "]" * levels + "]", "entries.json")
    except Refused as refusal:
        assert refusal.reason is Reason.FILE_NOT_JSON
