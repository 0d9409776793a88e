"""What every task and flow must have: no health data in Prefect's storage, and what a person sees on the run's page."""

from __future__ import annotations

import errno
import inspect
import logging
import traceback
from typing import Any

import pytest
from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE

from flows import __version__, autotune_analysis, notices_test, profile_sync, site_look, tasks
from flows.errors import InternalError, Reason, Refused

TASKS = [t for t in vars(tasks).values() if isinstance(t, Task)]
FLOWS = [
    f
    for m in (autotune_analysis, profile_sync, site_look, notices_test)
    for f in vars(m).values()
    if isinstance(f, Flow)
]
# Words that may name parameters and results: settings of the run, paths, counts.
HARMLESS = {"request", "run_path", "look_id", "kind"}


def test_the_tasks_and_flows_are_those_the_documentation_names() -> None:
    assert {t.name for t in TASKS} == {
        "look-for-last-night",
        "look-at-site",
        "load-nightscout-data",
        "prepare-work-dir",
        "run-autotune-analysis",
        "assess-recommendation",
        "validate-recommendation",
        "publish-report",
        "apply-approved-proposal",
        "roll-back-profile",
    }
    assert {f.name for f in FLOWS} == {
        "autotune-analysis",
        "data-preparation",
        "profile-sync",
        "profile-rollback",
        "site-look",
        "notices-test",
    }


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_a_task_stores_nothing(task: Task[Any, Any]) -> None:
    assert task.persist_result is False
    assert task.cache_policy == NO_CACHE
    assert task.log_prints is not True
    assert set(inspect.signature(task.fn).parameters) <= HARMLESS


@pytest.mark.parametrize("flow", FLOWS, ids=lambda f: f.name)
def test_a_flow_stores_nothing_and_says_its_version(flow: Flow[Any, Any]) -> None:
    assert flow.persist_result is False
    assert flow.log_prints is False
    assert flow.version == __version__
    assert flow.should_validate_parameters
    assert set(inspect.signature(flow.fn).parameters) <= HARMLESS


@pytest.mark.parametrize("item", [*TASKS, *FLOWS], ids=lambda i: i.name)
def test_every_step_explains_itself(item: Task[Any, Any] | Flow[Any, Any]) -> None:
    assert item.description and item.description.endswith(".")
    documentation = inspect.getdoc(item.fn) or ""
    for section in ("Args:", "Returns:", "Raises:", "Example:"):
        assert section in documentation, section
    if isinstance(item, Task):
        assert not item.tags  # Prefect would ask the server at each start, and not ask again
        assert "-" in item.name


READING = "187 mg/dL"  # in the text of what nobody foresaw


def raised_by_a_step(error: Exception, monkeypatch: pytest.MonkeyPatch) -> Exception:
    """What Prefect is given of an exception in a step."""
    monkeypatch.setattr(tasks, "get_run_logger", lambda: logging.getLogger("a step"))
    with pytest.raises(Exception) as caught, tasks.logged("prepare-work-dir"):  # noqa: PT011
        raise error
    return caught.value


def test_what_nobody_foresaw_is_our_fault_and_quotes_no_reading(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("AUTOTUNE_DEBUG", raising=False)
    raised = raised_by_a_step(ValueError(READING), monkeypatch)
    assert isinstance(raised, InternalError)
    assert str(raised) == "prepare-work-dir: ValueError; AUTOTUNE_DEBUG=1 shows where"
    shown = "".join(traceback.format_exception(raised))  # as Prefect logs it
    assert "187" not in shown + repr(raised) + caplog.text
    assert "prepare-work-dir: failed (ValueError)" in caplog.text


@pytest.mark.parametrize(
    ("error", "debug"),
    [
        (ValueError(READING), "1"),
        (InternalError("a step after another's end"), ""),
        (OSError(errno.ENOSPC, "No space left on device"), ""),  # the flow makes a refusal of it
        (Refused(Reason.NO_PROFILE, where="the site"), ""),
        (Refused(Reason.NO_PROFILE, where="the site"), "1"),
    ],
    ids=["unforeseen, AUTOTUNE_DEBUG", "our fault", "full disk", "refused", "refused, AUTOTUNE_DEBUG"],
)
def test_what_may_be_read_goes_through_as_it_is(
    error: Exception, debug: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AUTOTUNE_DEBUG", debug)
    assert raised_by_a_step(error, monkeypatch) is error
    said = "refused (no_profile)" if isinstance(error, Refused) else f"failed ({type(error).__name__})"
    assert [r.message for r in caplog.records if r.levelno == logging.ERROR] == [f"prepare-work-dir: {said}"]
