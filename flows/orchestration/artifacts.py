"""A run's page in Prefect: artifacts of progress, of the proposal and of what became of it.

What they say is made in `flows.report.text.run_page`, which knows what may be shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.runtime import flow_run

from flows.environment import environment_now, on_page, reports_at
from flows.report.text.markdown import escaped
from flows.report.text.run_page import page_markdown, report_address, settings_table
from flows.settings import AnalysisRequest
from flows.values.run_directory import RunDirectory
from flows.writeback.apply import WritebackResult


def fill_the_page(request: AnalysisRequest, run: Path) -> None:
    """The artifacts of a finished run: the settings and the reasons among them unless the request says otherwise."""
    document = RunDirectory(run).read_json("proposal.json")
    environment = environment_now()
    try:
        address = report_address(reports_at(environment), run)
        approve_at = report_address(on_page(environment, "/r/{run}/approve"), run)
    except ValueError as error:
        address = approve_at = None
        get_run_logger().warning("AUTOTUNE_REPORT_URL or AUTOTUNE_PAGE_URL is not used: %s", error)
    markdown = page_markdown(run, document, address, approve_at, others_see_it=not request.page_numbers)
    shown_on_the_page(
        lambda: create_markdown_artifact(
            key="autotune-proposal", description="The verdict and where the proposal is", markdown=markdown
        )
    )
    if rows := settings_table(document) if request.page_numbers else []:
        shown_on_the_page(
            lambda: create_table_artifact(
                key="autotune-settings", description="Current and recommended settings", table=rows
            )
        )
    if address:
        shown_on_the_page(
            lambda: create_link_artifact(
                key="autotune-report", description="The report", link=address, link_text="Open the report"
            )
        )


def show_change(proposal_id: str, sha256: str, done: WritebackResult) -> None:
    """The artifact of an applied, rejected or rolled-back proposal."""
    there = _page_of_change()
    markdown = (
        f"# {done.outcome.replace('-', ' ').capitalize()}\n\n"
        f"- Proposal: `{proposal_id}`\n- Proposal sha256: `{sha256}`\n- Change in the journal: `{done.change}`\n"
        f"- Active: {'yes' if done.active else 'no'}\n"
        + (f"- [What to do now, and how to undo it](<{there}>)\n" if there else "")
        + "".join(f"- Note: {escaped(note, 400)}\n" for note in done.notes)
    )
    shown_on_the_page(
        lambda: create_markdown_artifact(key="autotune-change", description="What became of it", markdown=markdown)
    )


def _page_of_change() -> str | None:
    """Of the change that this run makes: the page knows it by the run's id."""
    try:
        return report_address(on_page(environment_now(), "/c/{run}"), Path(flow_run.id)) if flow_run.id else None
    except ValueError:
        return None


def shown_on_the_page(create: Callable[[], Any]) -> Any:
    """Make or update an artifact; a page that cannot be reached is no reason to lose a run."""
    try:
        return create()
    except Exception as error:  # noqa: BLE001 - whatever the API's client raises
        get_run_logger().warning("the run's page could not be updated (%s)", type(error).__name__)
        return None


def progress_on_the_page(key: str, description: str) -> Callable[[int, int], None]:
    """A progress artifact, made at the first step done and moved on at most once a second.

    Its description ends with of how many, which the page reads: an artifact itself holds percent alone.
    """
    made: list[Any] = []
    last = [0.0]

    def step(index: int, of: int) -> None:
        percent = 100.0 * index / of
        if not made:
            made.append(
                shown_on_the_page(
                    lambda: create_progress_artifact(progress=percent, key=key, description=f"{description} (of {of})")
                )
            )
        elif isinstance(made[0], UUID) and (index == of or time.monotonic() - last[0] >= 1.0):
            shown_on_the_page(lambda: update_progress_artifact(made[0], percent))
        else:
            return
        last[0] = time.monotonic()

    return step
