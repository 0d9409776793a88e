"""How much is read of what others made: an answer, a directory, levels of JSON, and that a limit is said when hit."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.documents import read_records
from flows.nightscout.permissions import permissions_of
from flows.nightscout.writer import NightscoutWriter, WriteStatus
from flows.pipeline.load import load
from flows.settings import AnalysisRequest
from flows.values.limits import ANSWER, DEPTH, DIRECTORY, MIB, ReadLimit, is_deeper
from flows.values.run_directory import RunDirectory
from tests.unit.nightscout.test_client import NOW_S, Site, client, send

ANSWER_NAME, FILES_NAME, DEPTH_NAME = "AUTOTUNE_MAX_ANSWER_MIB", "AUTOTUNE_MAX_FILES_MIB", "AUTOTUNE_MAX_JSON_DEPTH"


def test_what_the_limits_are_unless_they_are_set() -> None:
    assert (ANSWER.value, DIRECTORY.value, DEPTH.value) == (64, 1024, 100)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "64 MiB", "301", "9" * 5000, "٣"])
def test_a_limit_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEPTH_NAME, text)
    with pytest.raises(Refused, match=f"{DEPTH_NAME} is not a whole number from 1 to 300"):
        _ = DEPTH.value
    monkeypatch.setenv(DEPTH_NAME, "300")
    assert DEPTH.value == 300


def nested(levels: int, opening: bytes = b"[", closing: bytes = b"]", inside: bytes = b"") -> bytes:
    return opening * levels + inside + closing * levels


def depth_of(value: Any) -> int:
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 1 + max(map(depth_of, value.values()), default=0) if isinstance(value, dict) else 0


IN_A_STRING = json.dumps([{"notes": "[" * 500}, {"notes": '"]}\\' * 500 + '"'}, {"a [ b": "} \\"}]).encode()
HIDDEN = b'["]",' * 101 + b"1" + b',"["]' * 101  # each bracket is closed by one within a text, were these counted


@pytest.mark.parametrize(
    ("content", "deeper"),
    [
        (b"", False),
        (b"1", False),
        (b"[]", False),
        (nested(100), False),
        (nested(101), True),
        (nested(50, b'{"a":[', b"]}"), False),
        (nested(50, b'{"a":[', b"]}", b"[]"), True),
        (nested(50, b'[{"a":', b"}]", b"1"), False),
        (nested(51, b'[{"a":', b"}]", b"1"), True),
        (b"[" + b",".join([nested(99)] * 50) + b"]", False),
        (b"[" + b",".join([nested(99)] * 50 + [nested(100)]) + b"]", True),
        (IN_A_STRING, False),
        (HIDDEN, True),
        (nested(100, b'["\\\\",', b"]", b'"\\""'), False),
        (nested(101, b'["\\\\",', b"]", b'"\\""'), True),
        (b"\xef\xbb\xbf" + nested(101), True),
        (nested(101).decode().encode("utf-16"), True),
        (nested(101).decode().encode("utf-32-be"), True),
        (b"[" * 200_000, True),
    ],
)
def test_how_deep_json_is(content: bytes, deeper: bool) -> None:
    assert is_deeper(content, 100) is deeper


TEXTS = strategies.text('[]{}"\\a,é', max_size=6)
VALUES = strategies.recursive(
    strategies.none() | strategies.integers(0, 9) | TEXTS,
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=20,
)


@hypothesis.given(VALUES, strategies.integers(1, 9), strategies.booleans(), strategies.sampled_from([None, 1]))
def test_the_depth_is_what_a_parser_finds(value: Any, levels: int, ascii_only: bool, indent: int | None) -> None:
    content = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert is_deeper(content, levels) is (depth_of(value) > levels)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def exceeded(act: Callable[[], object], name: str, *said: str) -> None:
    with pytest.raises(Refused) as caught:
        act()
    assert caught.value.reason is Reason.LIMIT_EXCEEDED
    assert f"with {name}" in caught.value.remedy
    for text in said:
        assert text in caught.value.sentence


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_of_the_limit_is_read_and_one_byte_more_is_not(
    site: Site, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setenv(ANSWER_NAME, "1")

    def answering(size: int) -> None:
        body = b"[" + b" " * (size - 2) + b"]"
        headers = {"Content_Encoding": "gzip"} if packed else {}
        site.respond = lambda h, _: send(h, 200, gzip.compress(body) if packed else body, **headers)

    answering(MIB)
    assert client(site).records("entries/sgv.json").document == []
    answering(MIB + 1)
    exceeded(lambda: client(site).records("entries/sgv.json"), ANSWER_NAME, "entries/sgv.json", "1 MiB for one answer")
    assert len(site.asked) == 2  # asking again cannot help
    exceeded(lambda: permissions_of(site.url, Credentials(api_secret="a-secret-of-twelve")), ANSWER_NAME)  # noqa: S106


@pytest.mark.parametrize("times", [1, 2])
def test_a_few_bytes_that_hold_very_many_are_never_unpacked_whole(
    site: Site, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setenv(ANSWER_NAME, "2")
    bomb = b" " * (64 * MIB)
    for _ in range(times):
        bomb = gzip.compress(bomb, 1)
    assert len(bomb) < MIB
    site.respond = lambda h, _: send(h, 200, bomb, Content_Encoding=", ".join(["gzip"] * times))
    tracemalloc.start()
    try:
        exceeded(lambda: client(site).records("entries/sgv.json"), ANSWER_NAME)
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


def test_an_answer_that_is_nested_too_deeply_is_refused_at_once(site: Site) -> None:
    site.respond = lambda h, _: send(h, 200, nested(100))
    assert client(site).records("entries/sgv.json").records == 1
    site.respond = lambda h, _: send(h, 200, nested(101))
    exceeded(lambda: client(site).records("entries/sgv.json"), DEPTH_NAME, "entries/sgv.json", "100 levels")


def test_a_write_whose_answer_is_beyond_the_limit_may_have_happened(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ANSWER_NAME, "1")
    monkeypatch.setattr(
        site.server.RequestHandlerClass, "do_POST", lambda h: send(h, 200, b" " * (MIB + 1)), raising=False
    )
    attempt = NightscoutWriter(site.url, Credentials()).post_profile({"store": {"Day": {}}})
    assert (attempt.status, attempt.http_status) == (WriteStatus.UNKNOWN, 0)


def sized(size: int) -> bytes:
    return b"[]" + b" " * (size - 2)


def directory(place: Path, **files: bytes) -> Path:
    place.mkdir(exist_ok=True)
    for name, content in files.items():
        (place / name.replace("_", ".")).write_bytes(content)
    return place


def loaded(place: Path) -> None:
    from datetime import UTC, datetime

    run = RunDirectory.create(place.parent / f"run-of-{place.name}", datetime.fromtimestamp(NOW_S, UTC))
    load(AnalysisRequest(from_directory=place), run, Credentials(), datetime.fromtimestamp(NOW_S, UTC))


def test_the_files_of_a_directory_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILES_NAME, "1")
    half = sized(MIB // 2)
    loaded(directory(tmp_path / "a", entries_json=half, treatments_json=half[:-2], profile_json=b"[]"))
    exceeded(
        lambda: loaded(directory(tmp_path / "b", entries_json=half, treatments_json=half, profile_json=b"[]")),
        FILES_NAME,
        "entries.json, treatments.json, profile.json",
        "1 MiB for one directory",
    )
    packed = {"entries_json_gz": gzip.compress(half), "treatments_json": half[:-2], "profile_json": b"[]"}
    loaded(directory(tmp_path / "c", **packed))
    exceeded(lambda: loaded(directory(tmp_path / "d", **packed | {"profile_json": b"[] "})), FILES_NAME, "profile.json")


def test_a_file_that_holds_very_many_is_never_unpacked_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILES_NAME, "1")
    (tmp_path / "entries.json.gz").write_bytes(gzip.compress(b" " * (64 * MIB), 1))
    tracemalloc.start()
    try:
        exceeded(lambda: read_records(tmp_path / "entries.json"), FILES_NAME, "entries.json.gz")
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


def test_a_file_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    (tmp_path / "entries.json").write_bytes(nested(101))
    exceeded(lambda: read_records(tmp_path / "entries.json"), DEPTH_NAME, "entries.json")
    (tmp_path / "entries.json").write_bytes(nested(100))
    assert len(read_records(tmp_path / "entries.json")) == 1


def test_a_profile_file_has_the_same_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    monkeypatch.setenv(FILES_NAME, "1")
    now, profile = datetime.fromtimestamp(NOW_S, UTC), tmp_path / "profile.json"
    for n, (content, name) in enumerate(((sized(MIB + 1), FILES_NAME), (nested(101), DEPTH_NAME))):
        profile.write_bytes(content)
        request = AnalysisRequest(from_directory=tmp_path, profile_file=profile)
        run = RunDirectory.create(tmp_path / f"run{n}", now)
        exceeded(lambda: load(request, run, Credentials(), now), name, "profile.json")  # noqa: B023


def test_the_highest_depth_is_one_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEPTH_NAME, str(DEPTH.highest))
    (tmp_path / "entries.json").write_bytes(nested(DEPTH.highest))
    assert len(read_records(tmp_path / "entries.json")) == 1


def test_every_limit_is_named_by_its_variable() -> None:
    limits: tuple[ReadLimit, ...] = (ANSWER, DIRECTORY, DEPTH)
    assert [limit.exceeded("It").remedy.split("with ")[1] for limit in limits] == [
        f"{name}." for name in (ANSWER_NAME, FILES_NAME, DEPTH_NAME)
    ]
