"""What the journal keeps is acted on only while it is what was written: else nothing is written, and it is said."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest

from flows.errors import Reason
from flows.writeback.journal import BACKUP, INTENT, KEPT, UNDO, Change, ChangeOutcome
from flows.writeback.tidy import tidy
from flows.writeback.transaction import Attempt
from tests.integration.standin import StandIn
from tests.integration.test_apply import posts, profile_switch, refusal_of
from tests.integration.test_apply_active import Losing, with_client
from tests.writing import Person, active_name, newest_content


def another_number(content: bytes) -> bytes:
    changed = content.replace(b'"value": 0.8', b'"value": 1.8').replace(b'"duration": 0', b'"duration": 60')
    assert changed != content
    return changed


def written_otherwise(content: bytes) -> bytes:
    return json.dumps(json.loads(content)).encode()


DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "another number": another_number,
    "cut off": lambda content: content[: len(content) // 2],
    "one byte less": lambda content: content[:-1],
    "empty": lambda _: b"",
    "another document": lambda _: b"{}\n",
    "written otherwise": written_otherwise,
    "missing": lambda _: None,
}


def spoil(change: Change, name: str, damage: Callable[[bytes], bytes | None]) -> Callable[[], object]:
    """Damage a document of a change; called, what is given back repairs it."""
    file = change.file(name)
    content = file.read_bytes()
    spoilt = damage(content)
    if spoilt is None:
        file.unlink()
    else:
        file.write_bytes(spoilt)
    return lambda: file.write_bytes(content)


def check_refused(someone: Person, site: StandIn, name: str, act: Callable[[], object]) -> None:
    before, lines = posts(site), (someone.journal.directory / "journal.jsonl").read_bytes()
    refusal = refusal_of(act)
    assert refusal.reason is Reason.JOURNAL_ALTERED
    assert f"{name}.json" in refusal.sentence
    assert f"/{name}.json back from a backup" in refusal.remedy
    assert posts(site) == before
    assert (someone.journal.directory / "journal.jsonl").read_bytes() == lines


def check_every_damage(
    someone: Person, site: StandIn, names: tuple[str, ...], *acts: Callable[[], object], kinds: Iterable[str] = DAMAGE
) -> None:
    """Each document of the first change damaged in each way, each act refused; then it is as it was."""
    for name in names:
        for kind in kinds:
            repair = spoil(someone.journal.changes()[0], name, DAMAGE[kind])
            for act in acts:
                check_refused(someone, site, name, act)
            repair()


def test_nothing_is_rolled_back_from_it(someone: Person, site: StandIn) -> None:
    before = newest_content(someone.reading())
    someone.apply(activate=True)
    whatever = partial(someone.roll_back, even_if_edited=True)
    check_every_damage(someone, site, (BACKUP, INTENT), someone.roll_back, whatever)
    assert someone.roll_back().outcome == "rolled-back"
    assert newest_content(someone.reading()) == before


def test_nothing_is_brought_to_an_end_from_it(someone: Person, site: StandIn) -> None:
    site.gone_after = 9
    refusal_of(lambda: someone.apply(activate=True))
    site.gone_after = None
    tidied = partial(tidy, someone.run, 0, someone.tools, "test")
    check_every_damage(someone, site, (BACKUP, INTENT), someone.resume, someone.apply, someone.roll_back, tidied)
    assert [a.outcome for a in someone.resume()] == ["settled-after"]


def test_nothing_is_taken_back_from_it(someone: Person, site: StandIn) -> None:
    profile_switch(site, "Night shift", 3 * 24 * 60)
    refusal_of(lambda: with_client(someone, Losing).apply(activate=True))
    check_every_damage(someone, site, (BACKUP, INTENT, UNDO), someone.resume)
    assert [a.outcome for a in someone.resume()] == ["settled-before"]
    assert active_name(someone.reading()) == "Night shift"


def test_an_undo_sends_nothing_where_the_intent_was_changed_after_all_was_checked(
    someone: Person, site: StandIn
) -> None:
    profile_switch(site, "Night shift", 3 * 24 * 60)
    refusal_of(lambda: with_client(someone, Losing).apply(activate=True))
    (change,) = someone.journal.changes()
    spoil(change, INTENT, DAMAGE["cut off"])
    with someone.tools.open_client(someone.site) as client:
        attempt = Attempt(change, someone.tools.site(client))
        check_refused(someone, site, INTENT, attempt.bring_to_an_end)


@pytest.mark.parametrize("name", [BACKUP, INTENT])
def test_nothing_is_tidied_activated_or_found_late_from_it(name: str, someone: Person, site: StandIn) -> None:
    someone.apply(name="Ours")
    repair = spoil(someone.journal.changes()[0], name, DAMAGE["another number"])
    check_refused(someone, site, name, lambda: tidy(someone.run, 0, someone.tools, "test"))
    check_refused(someone, site, name, lambda: someone.apply(name="Ours", activate=True))
    repair()
    someone.apply(name="Ours", activate=True)
    spoil(someone.journal.changes()[0], name, DAMAGE["cut off"])  # of the change that wrote what was activated
    check_refused(someone, site, name, someone.roll_back)


def test_of_several_unfinished_changes_none_is_settled_before_all_are_checked(someone: Person, site: StandIn) -> None:
    someone.apply(name="Ours")
    site.handled, site.gone_after = 0, 7
    refusal_of(someone.roll_back)
    site.gone_after = None
    _, second = someone.journal.changes()
    lines = (someone.journal.directory / "journal.jsonl").read_text().splitlines(keepends=True)
    (someone.journal.directory / "journal.jsonl").write_text("".join(x for x in lines if '"step": "done"' not in x))
    assert [c.ended for c in someone.journal.changes()] == [False, False]
    spoil(second, INTENT, DAMAGE["cut off"])
    check_refused(someone, site, INTENT, someone.resume)


# --- journals of the version before, which has hashes of what the profile said only


def of_the_version_before(someone: Person) -> None:
    file = someone.journal.directory / "journal.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert any(KEPT in record for record in records)
    file.write_text("".join(json.dumps({k: v for k, v in r.items() if k != KEPT}) + "\n" for r in records))


@pytest.mark.parametrize("activate", [False, True])
def test_an_older_journal_is_rolled_back(activate: bool, someone: Person, site: StandIn) -> None:
    before = newest_content(someone.reading())
    if activate:
        someone.apply()
    someone.apply(activate=activate)
    of_the_version_before(someone)
    assert someone.roll_back().outcome == "rolled-back"
    assert (newest_content(someone.reading()), active_name(someone.reading())) == (before, "Day")
    of_the_version_before(someone)
    assert someone.roll_back().outcome == "already-rolled-back"


def test_an_older_journal_is_brought_to_its_end(someone: Person, site: StandIn) -> None:
    profile_switch(site, "Night shift", 3 * 24 * 60)
    refusal_of(lambda: with_client(someone, Losing).apply(activate=True))
    of_the_version_before(someone)
    assert [a.outcome for a in someone.resume()] == ["settled-before"]
    assert someone.outcomes() == [ChangeOutcome.BEFORE]


def test_of_an_older_journal_too_nothing_is_rolled_back_that_was_changed(someone: Person, site: StandIn) -> None:
    someone.apply()
    of_the_version_before(someone)
    kinds = [kind for kind in DAMAGE if kind not in ("one byte less", "written otherwise")]  # which say the same
    check_every_damage(someone, site, (BACKUP, INTENT), someone.roll_back, kinds=kinds)
    assert someone.roll_back().outcome == "rolled-back"


def test_of_an_older_journal_an_undo_without_its_parts_is_refused(someone: Person, site: StandIn) -> None:
    profile_switch(site, "Night shift", 3 * 24 * 60)
    refusal_of(lambda: with_client(someone, Losing).apply(activate=True))
    of_the_version_before(someone)
    for content in (b"", b"[]", b"{}", b'{"document": {}, "switch": null, "outcome": "before", "why": ""}'):
        repair = spoil(someone.journal.changes()[0], UNDO, lambda _, content=content: content)
        check_refused(someone, site, UNDO, someone.resume)
        repair()
    assert [a.outcome for a in someone.resume()] == ["settled-before"]


OFF = {
    "percentage": lambda d: d.update(percentage=200),
    "duration": lambda d: d.update(duration=600),
    "timeshift": lambda d: d.update(timeshift=3),
    "another profile": lambda d: d.update(profile="Day"),
    "later": lambda d: d.update(created_at="2031-01-01T00:00:00.000Z"),
    "what it carries": lambda d: d.update(profileJson=json.dumps({"basal": [{"time": "00:00", "value": 9.9}]})),
}


def basal(body: dict[str, Any]) -> None:
    body["basal"][0]["value"] = 9.9


def check_every_number(
    someone: Person, site: StandIn, name: str, table: dict[str, Callable[[Any], object]], act: Callable[[], object]
) -> None:
    """Each number of a document that no hash covers, altered: refused, and then it is as it was."""
    for kind, damage in table.items():

        def changed(content: bytes, damage: Callable[[Any], object] = damage, kind: str = kind) -> bytes:
            document = json.loads(content)
            damage(document)
            assert document != json.loads(content), kind
            return json.dumps(document).encode()

        repair = spoil(someone.journal.changes()[0], name, changed)
        check_refused(someone, site, name, act)
        repair()


INTENDED: dict[str, Callable[[Any], object]] = {
    **{f"switch before: {k}": lambda d, f=f: f(d["active_before"]["switch"]) for k, f in OFF.items()},
    **{f"switch: {k}": lambda d, f=f: f(d["switch"]) for k, f in OFF.items() if k != "another profile"},
    "switch: another profile": lambda d: d["switch"].update(profile="Night shift"),
    "body before": lambda d: basal(d["active_before"]["body"]),
    "name before": lambda d: d["active_before"].update(name="Day"),
    "no switch before": lambda d: d["active_before"].update(switch=None),
    "no switch": lambda d: d.update(switch=None),
    "known documents": lambda d: d.update(known_ids=[]),
    "known switches": lambda d: d.update(known_switches=[]),
    "how long": lambda d: d.update(activate_until_ms=None),
}
UNDOES: dict[str, Callable[[Any], object]] = {
    **{f"switch: {k}": lambda d, f=f: f(d["switch"]) for k, f in OFF.items()},
    "document": lambda d: basal(d["document"]["store"]["Day"]),
    "a field of it": lambda d: d["document"].update(defaultProfile="Night shift"),
    "its start": lambda d: d["document"].update(startDate="2031-01-01T00:00:00.000Z"),
    "own": lambda d: d["own"].update(created_at="2026-01-01T00:00:00.000Z"),
    "outcome": lambda d: d.update(outcome="after all"),
}


def test_of_an_older_journal_no_number_is_posted_that_does_not_follow_from_it(someone: Person, site: StandIn) -> None:
    profile_switch(site, "Night shift", 600)
    someone.apply(activate=True)
    of_the_version_before(someone)
    check_every_number(someone, site, INTENT, INTENDED, someone.roll_back)
    assert someone.roll_back().outcome == "rolled-back"
    of_the_version_before(someone)
    assert someone.roll_back().outcome == "already-rolled-back"


def test_of_an_older_journal_no_unfinished_intent_is_posted_that_does_not_follow(
    someone: Person, site: StandIn
) -> None:
    profile_switch(site, "Night shift", 600)
    site.handled, site.gone_after = 0, 9
    refusal_of(lambda: someone.apply(activate=True))
    site.gone_after = None
    of_the_version_before(someone)
    check_every_number(someone, site, INTENT, INTENDED, someone.resume)
    assert [a.outcome for a in someone.resume()] == ["settled-after"]


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("switched", [True, False])
def test_of_an_older_journal_no_undo_is_posted_that_does_not_follow(
    arrived: bool, switched: bool, someone: Person, site: StandIn
) -> None:
    if switched:
        profile_switch(site, "Night shift", 3 * 24 * 60)
    refusal_of(lambda: with_client(someone, Losing).apply(activate=True))
    if not arrived:
        del site.database.profiles[2]
    (change,) = someone.journal.changes()
    if change.ended:  # the switch back was not needed for Nightscout
        lines = (someone.journal.directory / "journal.jsonl").read_text().splitlines(keepends=True)
        (someone.journal.directory / "journal.jsonl").write_text("".join(lines[:-1]))
    of_the_version_before(someone)
    someone.tools.sleep(3600)  # type: ignore[misc]
    check_every_number(someone, site, UNDO, UNDOES | {"switch: another profile": another_profile}, someone.resume)
    assert [a.outcome for a in someone.resume()] == ["settled-before"]
    assert active_name(someone.reading()) == ("Night shift" if switched else "Day")


def another_profile(undone: dict[str, Any]) -> None:
    undone["switch"]["profile"] = "Another"


def test_a_file_that_cannot_be_read_is_no_altered_one(
    someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone.apply()

    def denied(*_: object, **__: object) -> int:
        raise PermissionError

    (change,) = someone.journal.changes()
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", denied)
        refusal = refusal_of(lambda: change.read(INTENT))
    assert refusal.reason is Reason.BACKUP_UNUSABLE
