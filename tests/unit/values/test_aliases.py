"""What was stored or typed in an earlier form is read in it."""

from __future__ import annotations

from importlib import import_module

import pytest

from flows import __version__
from flows.cli.main import parser
from flows.errors import Reason
from flows.judgement.rules import certainty, data, numbers
from flows.oref0.engine import EngineReport
from flows.values.aliases import RENAMED, TYPED_UNTIL, NameKind, Renamed, current, earlier
from flows.writeback.approval import SyncRequest


def of_kind(kind: NameKind) -> list[Renamed]:
    return [row for row in RENAMED if row.kind is kind]


def in_use(kind: NameKind) -> set[str]:
    if kind is NameKind.REASON:
        return {reason.code for reason in Reason}
    if kind is NameKind.RULE:
        return {rule.name for module in (certainty, data, numbers) for rule in module.RULES}
    if kind is NameKind.ENGINE_FACT:
        return set(EngineReport.__dataclass_fields__)
    return set(SyncRequest.model_fields)


@pytest.mark.parametrize("row", RENAMED, ids=lambda row: row.old)
def test_an_old_name_leads_to_the_new_one_in_one_step(row: Renamed) -> None:
    assert current(row.kind, row.old) == row.new
    assert current(row.kind, row.new) == row.new
    assert row.old in earlier(row.kind, row.new)


def test_an_old_name_has_one_new_name() -> None:
    olds = [(row.kind, row.old) for row in RENAMED]
    assert len(set(olds)) == len(olds)
    assert not set(olds) & {(row.kind, row.new) for row in RENAMED}


def test_a_name_is_renamed_where_it_stands_and_nowhere_else() -> None:
    assert current(NameKind.OPTION, "goes_on") == "goes_on"
    assert current(NameKind.RULE, "small_change") == "small_change"
    assert list(earlier(NameKind.RULE, "small_change")) == []


@pytest.mark.parametrize("kind", [NameKind.REASON, NameKind.RULE, NameKind.ENGINE_FACT, NameKind.PARAMETER])
def test_one_form_of_a_renamed_name_is_in_use(kind: NameKind) -> None:
    """The old one until it is renamed, then the new one; never both, never none."""
    for row in of_kind(kind):
        assert (row.old in in_use(kind)) is not (row.new in in_use(kind)), row


def test_an_old_option_does_what_the_new_one_does_and_is_in_no_help() -> None:
    for row in of_kind(NameKind.OPTION):
        old, new = (vars(parser().parse_args(["apply", "RUN", form])) for form in (row.old, row.new))
        assert old == new != vars(parser().parse_args(["apply", "RUN"]))
        apply = parser()._subparsers._group_actions[0].choices["apply"]  # type: ignore[union-attr, index, call-overload]
        assert row.old not in apply.format_help()
        assert row.new in apply.format_help()


def test_an_old_module_starts_what_the_new_one_starts() -> None:
    for row in of_kind(NameKind.MODULE):
        assert import_module(row.old).main is import_module(row.new).main


def test_typed_names_are_accepted_for_a_minor_version() -> None:
    assert tuple(int(part) for part in __version__.split(".")[:2]) < TYPED_UNTIL
