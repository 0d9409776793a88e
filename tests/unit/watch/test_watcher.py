"""From run directories to real receivers: each address is told each notice once, whatever fails between."""

from __future__ import annotations

import os
import stat
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from filelock import FileLock

from flows.values.user_directories import notices_root
from flows.watch.addresses import NoticeAddress, NoticeAddresses, addresses_of
from flows.watch.deliver import FIRST_AGAIN, GIVEN_UP, LAST_AGAIN, deliver, enqueue
from flows.watch.memory import FILE, Memory
from flows.watch.nights import Expected
from flows.watch.watcher import Service, Watcher
from flows.watch.words import TEST
from tests.unit.watch.receiver import CANARY, Receiver
from tests.unit.watch.runs import ADA, SITE, at, leave_proposal, leave_refusal

SERVICE = Service((Expected(ADA, "UTC", tuple(at(f"11-{day} 02:00") for day in range(24, 31))),))


class Watching:
    """A watch over one directory; each look is another process's."""

    def __init__(self, root: Path) -> None:
        self.runs, self.said = root / "runs", list[str]()
        self.runs.mkdir()
        self.kept = root / "kept"

    def look(self, now: str | datetime, service: Service | None = SERVICE) -> bool:
        watcher = Watcher(self.runs, self.said.append, self.kept)
        return watcher.look(service, at(now) if isinstance(now, str) else now)


@pytest.fixture
def watching(tmp_path: Path) -> Watching:
    return Watching(tmp_path)


def addresses(*lines: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> NoticeAddresses:
    from flows.environment import Environment

    file = tmp_path / "addresses"
    file.write_text("\n".join(lines))
    monkeypatch.setenv("AUTOTUNE_NOTICES_FILE", str(file))
    return addresses_of(Environment())


def test_every_address_gets_each_notice_once_and_the_monitor_is_asked_while_all_is_well(
    watching: Watching, received: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    addresses(received.json, received.ntfy, monkeypatch=monkeypatch, tmp_path=tmp_path)
    (tmp_path / "webhook").write_text(received.webhook)
    (tmp_path / "ping").write_text(received.ping)
    monkeypatch.setenv("AUTOTUNE_WEBHOOK_FILE", str(tmp_path / "webhook"))
    monkeypatch.setenv("AUTOTUNE_PING_FILE", str(tmp_path / "ping"))
    monkeypatch.setenv("AUTOTUNE_REPORT_URL", "https://nas.example/{run}/report.html")
    assert watching.look("11-24 01:00")
    assert received.pings() == 1
    leave_proposal(watching.runs, "good", at("11-24 02:00"))
    assert watching.look("11-24 02:06")
    assert watching.look("11-24 02:09")
    leave_refusal(watching.runs, "bad", at("11-25 02:00"))
    for minute in range(3, 12, 3):
        assert not watching.look(f"11-25 02:{minute:02}")
    told = ["a proposal is ready for ada", "no result for ada since Tuesday"]
    for of in (received.webhook, received.json, received.ntfy):
        assert received.titles(of) == told
    assert received.pings() == 3
    texts = str([document for method, _, document in received.got if method == "POST"])
    assert "the site refused the token" in texts
    assert "https://nas.example/good/report.html" in texts
    assert "canary" not in texts.replace(CANARY, "")
    assert CANARY not in "\n".join(watching.said)
    assert "no result for ada since Tuesday" in "\n".join(watching.said)  # in the log too


def test_what_could_not_be_sent_is_sent_later_and_only_where_it_failed(
    watching: Watching, received: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tests.unit.watch.receiver import receiver

    with receiver() as other:
        addresses(received.json, other.json, monkeypatch=monkeypatch, tmp_path=tmp_path)
        watching.look("11-24 01:00")
        leave_proposal(watching.runs, "good", at("11-24 02:00"))
        other.status = 500
        began = at("11-24 02:06")
        assert not watching.look(began)
        assert (len(received.titles(received.json)), len(other.titles(other.json))) == (1, 1)
        other.status = 200
        assert not watching.look(began + FIRST_AGAIN - timedelta(seconds=1))
        assert len(other.titles(other.json)) == 1
        assert watching.look(began + FIRST_AGAIN)
        assert (len(received.titles(received.json)), len(other.titles(other.json))) == (1, 2)
    assert any("could not be sent by JSON" in line for line in watching.said)
    assert CANARY not in "\n".join(watching.said)


def test_an_address_that_never_answers_is_asked_less_often_and_given_up() -> None:
    tried, said, began = list[datetime](), list[str](), at("11-24 02:00")
    clock = began
    address = NoticeAddress("key", "ntfy", lambda _: tried.append(clock) or "it answered 503")
    memory = Memory()
    enqueue(memory, [TEST], [address], began)
    while not deliver(memory, [address], clock, said.append):
        clock += timedelta(minutes=1)
    waited = [after - before for before, after in pairwise(tried)]
    assert waited[:4] == [FIRST_AGAIN, FIRST_AGAIN * 2, FIRST_AGAIN * 4, FIRST_AGAIN * 8]
    assert set(waited[5:]) == {LAST_AGAIN}
    assert GIVEN_UP <= clock - began < GIVEN_UP + LAST_AGAIN
    assert "given up" in said[-1]
    assert not any("given up" in line for line in said[:-1])


def test_what_waits_for_a_block_stays_while_the_server_that_holds_it_is_away() -> None:
    block = NoticeAddress("of a block", "slack-webhook", lambda _: None)
    memory = Memory(blocks=["of a block"])
    enqueue(memory, [TEST], [], at("11-24 02:00"))
    assert not deliver(memory, [], at("11-24 02:00"), print)
    assert deliver(memory, [block], at("11-24 02:03"), print)
    enqueue(memory, [TEST], [], at("11-24 03:00"))
    memory.blocks = []  # it was deleted
    assert deliver(memory, [], at("11-24 03:03"), print)


def test_what_is_kept_is_private_and_holds_no_address_and_a_damaged_file_is_begun_anew(
    watching: Watching, received: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    addresses(received.json, monkeypatch=monkeypatch, tmp_path=tmp_path)
    leave_refusal(watching.runs, "bad", at("11-25 02:00"), site=SITE)
    watching.look("11-25 05:00")
    file = watching.kept / FILE
    assert stat.S_IMODE(watching.kept.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "canary" not in file.read_text()
    for damaged in ("", "[]", "{", '{"runs": 3}'):
        file.write_text(damaged)
        watching.look("11-25 05:03")
        assert "ada" in file.read_text()


def test_two_directories_of_runs_are_watched_apart(
    received: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AUTOTUNE_STATE", str(tmp_path / "state"))
    addresses(received.json, monkeypatch=monkeypatch, tmp_path=tmp_path)
    for name in ("one", "other"):
        leave_proposal(tmp_path / name, "good", at("11-24 02:00"))
        leave_proposal(tmp_path / name, name, at("11-24 02:01"))
    for minute in (0, 3):
        for name in ("one", "other"):
            Watcher(tmp_path / name, print).look(SERVICE, at(f"11-24 03:0{minute}"))
    assert received.got == []
    assert notices_root(tmp_path / "one") == notices_root(tmp_path / "other" / ".." / "one")


def test_two_watches_over_the_same_runs_tell_once(
    watching: Watching, received: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    addresses(received.json, monkeypatch=monkeypatch, tmp_path=tmp_path)
    watching.look("11-24 05:00")
    with FileLock(watching.kept / "lock"):
        assert not watching.look("11-25 05:00")
    assert len(received.titles(received.json)) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write anywhere")
def test_where_nothing_can_be_kept_nothing_is_sent(
    watching: Watching, received: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    addresses(received.json, monkeypatch=monkeypatch, tmp_path=tmp_path)
    watching.kept.mkdir(mode=0o500)
    with pytest.raises(OSError):
        watching.look("11-25 05:00")
    assert received.got == []


def test_lines_that_are_no_address_are_counted_and_doubles_told_once(
    received: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ("# mine", "", received.json, f"  {received.json}", f"{CANARY}://no", f"https://{CANARY}.example")
    found = addresses(*lines, monkeypatch=monkeypatch, tmp_path=tmp_path)
    assert [address.kind for address in found.known] == ["JSON"]
    assert found.not_understood == (5, 6)
    assert CANARY not in repr(found)
    assert found.known[0].send(TEST) is None
    received.status = 404
    assert found.known[0].send(TEST) == "it was not taken"
    gone = addresses(f"json://127.0.0.1:9/{CANARY}", monkeypatch=monkeypatch, tmp_path=tmp_path)
    assert gone.known[0].send(TEST) is not None
    assert CANARY not in caplog.text


def test_a_file_that_is_gone_or_no_text_ends_no_look(
    watching: Watching, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AUTOTUNE_NOTICES_FILE", str(tmp_path / "nothing"))
    monkeypatch.setenv("AUTOTUNE_PING_FILE", str(tmp_path / "nothing"))
    assert watching.look("11-24 01:00")
    assert any("AUTOTUNE_NOTICES_FILE" in line for line in watching.said)
    assert any("outside monitor" in line for line in watching.said)
    watching.said.clear()
    (tmp_path / "nothing").write_bytes(b"ntfy://\xff")
    assert watching.look("11-24 01:03")
    assert sum("UTF-8" in line for line in watching.said) == 2


def test_the_outlook_sends_nothing_and_keeps_nothing(
    watching: Watching, received: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    addresses(received.json, monkeypatch=monkeypatch, tmp_path=tmp_path)
    leave_refusal(watching.runs, "bad", at("11-25 02:00"))
    outlook = Watcher(watching.runs, watching.said.append, watching.kept).outlook(SERVICE, at("11-25 03:00"))
    assert [one.why for one in outlook.people] == ["the site refused the token"]
    assert len(outlook.notices) == 1
    assert not watching.kept.exists()
    assert received.got == []
