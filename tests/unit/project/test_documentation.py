"""The documentation says what the program does."""

from __future__ import annotations

import re

from docs.rule_tables import (
    apps_as_markdown,
    proposal_schema,
    pumps_as_markdown,
    rules_as_markdown,
    safety_as_markdown,
    steps_as_markdown,
)
from flows.cli.main import parser
from flows.errors import Reason
from flows.proposal.document import SCHEMA_VERSION
from tests.conftest import ROOT


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


def test_every_option_in_the_readme_exists() -> None:
    documents = (ROOT / "README.md", *(ROOT / "docs" / name for name in ("data.md", "entry.md", "writing-back.md")))
    readme = "".join(document.read_text("utf-8") for document in documents)
    known = {"--watch", "--param", "--runs"}  # Prefect's, and the kill test's
    for action in parser()._subparsers._group_actions[0].choices.values():  # type: ignore[union-attr, attr-defined]
        known |= set(action._option_string_actions)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", readme)) <= known


def test_links_between_documents_lead_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "fixtures" / "README.md"]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), (document.name, target)
