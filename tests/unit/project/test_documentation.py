"""The documentation says what the program does."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from docs import reference
from docs.rule_tables import (
    apps_as_markdown,
    proposal_schema,
    pumps_as_markdown,
    rules_as_markdown,
    safety_as_markdown,
    steps_as_markdown,
)
from flows.cli.main import parser
from flows.demo.argument import COUNTS
from flows.errors import Reason
from flows.proposal.document import SCHEMA_VERSION
from flows.proposal.step_limits import LIMITS
from tests.conftest import ROOT

STUDIES = json.loads(COUNTS.read_text("utf-8"))


def test_the_rules_in_the_documentation_are_the_programs_own() -> None:
    assert rules_as_markdown() in (ROOT / "docs" / "data.md").read_text("utf-8")


def test_the_rules_of_the_verdict_in_the_documentation_are_the_programs_own() -> None:
    assert safety_as_markdown() in (ROOT / "docs" / "safety.md").read_text("utf-8")


def test_the_thresholds_of_a_step_in_the_documentation_are_the_programs_own() -> None:
    assert steps_as_markdown() in (ROOT / "docs" / "safety.md").read_text("utf-8")


def test_what_apps_and_pumps_take_is_in_the_documentation_as_the_program_has_it() -> None:
    text = (ROOT / "docs" / "entry.md").read_text("utf-8")
    assert apps_as_markdown() in text
    assert pumps_as_markdown() in text


def test_the_published_schema_is_that_of_the_program() -> None:
    assert proposal_schema() == (ROOT / "docs" / "schemas" / f"proposal-{SCHEMA_VERSION}.json").read_text("utf-8")


def test_every_reason_code_in_the_documentation_exists() -> None:
    text = (ROOT / "docs" / "upstream.md").read_text("utf-8")
    rows = [line.split("|")[3] for line in text.splitlines() if line.count("|") == 4]
    named = {code for row in rows for code in re.findall(r"`([a-z]+_[a-z_]+)`", row)}
    assert len(named) > 15
    assert named <= {r.code for r in Reason}


@pytest.mark.parametrize("name", reference.documents())
def test_what_is_made_from_the_program_is_as_it_would_be_made_now(name: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == reference.documents()[name]  # else: python -m docs.reference


def test_every_command_option_and_refusal_is_in_the_reference() -> None:
    lines = reference.commands().splitlines()
    for command, its in parser()._subparsers._group_actions[0].choices.items():  # type: ignore[union-attr, attr-defined]
        begin = lines.index(f"## `autotune {command}`")
        end = next((n for n, line in enumerate(lines) if n > begin and line.startswith("## ")), len(lines))
        for action in its._actions:
            if action.option_strings and action.help != "==SUPPRESS==" and "--help" not in action.option_strings:
                assert any(f"`{action.option_strings[0]}" in line for line in lines[begin:end]), (command, action)
    assert {f"| `{reason.code}` |" for reason in Reason} == set(re.findall(r"^\| `\w+` \|", reference.refusals(), re.M))


@pytest.mark.parametrize("name", ["README.md", "docs/guide.md", "docs/usage.md", "docs/clinicians.md"])
def test_each_command_that_is_shown_is_one_that_is_taken(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    shown = [
        line.partition("#")[0] for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()
    ]
    shown += re.findall(r"`(autotune [a-z][^`\n]*)`", text)
    commands = [shlex.split(line)[1:] for line in shown if line.startswith("autotune ") and "…" not in line]
    assert commands
    known = set(parser()._subparsers._group_actions[0].choices)  # type: ignore[union-attr, arg-type]
    for words in commands:
        if len(words) == 1 and words[0] in known:  # named, not shown
            continue
        try:
            parser().parse_args(words)
        except SystemExit:
            pytest.fail(f"{name}: autotune {' '.join(words)}")


def test_what_prose_says_of_steps_is_so() -> None:
    guide, readme, entry, clinicians = (
        " ".join((ROOT / name).read_text("utf-8").split())
        for name in ("docs/guide.md", "README.md", "docs/entry.md", "docs/clinicians.md")
    )
    limit = {limit.name: f"{limit.value:g}" for limit in LIMITS}
    for said in (
        f"about {limit['basal_step']} % a day at most, a carb ratio by {limit['carb_ratio_step']} %",
        f"{limit['least_of_baseline']} to {limit['most_of_baseline']} times the settings",
    ):
        assert said in guide
    assert f"none by more than a step may change an hour ({limit['hour_step']} %)" in entry
    in_words = {"cool_down": ("7", "seven days"), "pause": ("14", "fourteen after one that was rolled back")}
    assert {name: limit[name] for name in in_words} == {name: number for name, (number, _) in in_words.items()}
    assert all(words in entry for _, words in in_words.values())
    assert "for seven days the next run says to wait" in guide
    assert (limit["acts_for"], limit["before"]) == ("4", "14")
    assert "where lows follow within four hours" in clinicians
    assert "held against the fourteen before" in clinicians
    followed = {
        policy: [s["policies"][policy]["pushed_low"]["failing"] for s in STUDIES] for policy in ("ours", "upstream")
    }
    assert "many were, and none of those who took only the steps" in readme
    assert sum(followed["ours"]) == 0
    assert sum(followed["upstream"]) > 10


def test_every_option_in_the_readme_exists() -> None:
    named = ("data", "entry", "writing-back", "guide", "usage", "clinicians", "history")
    documents = (ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in named))
    readme = "".join(document.read_text("utf-8") for document in documents)
    known = {"--watch", "--param", "--runs"}  # Prefect's, and the kill test's
    for action in parser()._subparsers._group_actions[0].choices.values():  # type: ignore[union-attr, attr-defined]
        known |= set(action._option_string_actions)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", readme)) <= known


def test_links_between_documents_lead_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "fixtures" / "README.md"]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), (document.name, target)
