"""The page of a run that is not sealed: waiting, under way step by step, or ended without a result, each with what to
do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from flows.environment import speaking_as_set
from flows.language.catalogue import count_phrase, phrase, to_translate, translated
from flows.settings import site_url
from flows.web.cards import moment_text
from flows.web.people import Person, PersonKind
from flows.web.prefect_server import ServerRun
from flows.web.rendering import render
from flows.web.run_files import MANIFEST, run_of
from flows.web.state import PageState, page_of
from flows.web.watched_runs import POSTPONED, RunStep, WatchedRun, watched_runs

STEP_WORDS = {
    "load-nightscout-data": to_translate("Readings, treatments and profile are loaded"),
    "prepare-work-dir": to_translate("Days are cut and prepared"),
    "run-autotune-analysis": to_translate("Days are tuned, one after the other"),
    "assess-recommendation": to_translate("Repetitions say how sure each number is"),
    "validate-recommendation": to_translate("The verdict is made"),
    "publish-report": to_translate("The report is written"),
}
SAID_S = 10.0  # a server that was silent for less is not spoken of
LEAST_PERCENT = 20.0  # before it nothing honest can be said of the time left


@dataclass(frozen=True)
class ShownStep:
    """A step as it is shown; `count` such as "day 9 of 14", `time` what it took, or what is left."""

    name: str
    words: str
    state: str
    count: str = ""
    time: str = ""


@dataclass(frozen=True)
class RunningView:
    """What the page says now.

    Attributes:
        state: changes where the page has to be made anew.
        headline, sentence: what is, and what to do.
        colour: of its card: notice, warning or failure.
        live: whether something may still come.
        steps: in their order; none before it began.
        percent: of the step that is under way, where it is known.
        silent: that the server has not been heard of, and since when.
        message: what the server says of a failure; of unknown origin.
    """

    state: str
    headline: str
    sentence: str
    colour: str
    live: bool
    steps: tuple[ShownStep, ...] = ()
    percent: float | None = None
    silent: str = ""
    message: str = ""
    can_cancel: bool = False

    def document(self) -> dict[str, Any]:
        """For the script, which writes it as text."""
        steps = {step.name: [step.state, step.count, step.time] for step in self.steps}
        return {"state": self.state, "percent": self.percent, "silent": self.silent, "steps": steps}


def running_page(request: Request, run_name: str) -> Response:
    """The page of a run that has no proposal yet.

    Args:
        request: whose page.
        run_name: of its directory, or the id of its flow run.
    """
    page = page_of(request)
    if (directory := directory_of_id(page.settings.runs, run_name)) is not None:
        return RedirectResponse(f"{page.settings.prefix}/r/{directory}", status_code=303)
    seen = watched_runs(page).see(run_name)
    there = run_of(page.settings.runs, run_name) is not None
    if seen.run is None and not there and not seen.away:
        return render(request, "run_missing.html", status=404, there=False)
    with speaking_as_set():
        view = view_of(seen, there=there, now=datetime.now(UTC))
        person = person_of_request(page, seen.run.request) if seen.run else None
        return _page(request, run_name, view, person, seen.run)


def _page(
    request: Request, run_name: str, view: RunningView, person: Person | None, run: ServerRun | None
) -> HTMLResponse:
    return render(
        request,
        "running.html",
        run_name=run_name,
        server_name=run.name if run else "",
        view=view,
        person=person,
        of_files=bool(run and "from_directory" in run.request),
    )


def directory_of_id(root: Path, name: str) -> str | None:
    """The run directory of a flow run's id: it ends with its first six digits; the newest of them."""
    try:
        tag = UUID(name).hex[:6]
    except ValueError:
        return None
    ends = re.compile(rf"\d{{8}}-\d{{6}}-{tag}")
    try:
        return max((entry.name for entry in root.iterdir() if ends.fullmatch(entry.name)), default=None)
    except OSError:
        return None


def is_sealed(page: PageState, run_name: str) -> bool:
    """Whether a run has ended with a proposal or a reason, written down last: its page is another one then."""
    run = run_of(page.settings.runs, run_name)
    return run is not None and (run.path / MANIFEST).is_file()


def person_of_request(page: PageState, request: dict[str, Any]) -> Person | None:
    """Whose a run is by its request."""
    block, site, directory = (request.get(name) for name in ("site_block", "site", "from_directory"))
    for person in page.people.all():
        if block:
            if person.block == block:
                return person
        elif directory:
            if (page.settings.uploads / person.id) in Path(str(directory)).parents:
                return person
        elif site and person.site and person.kind is not PersonKind.UPLOADS and site_url(str(site)) == person.site:
            return person
    return None


# --- what is said


def view_of(seen: WatchedRun, *, there: bool, now: datetime) -> RunningView:
    """What the page says of a run.

    Args:
        seen: as the server has it.
        there: whether its directory is there.
        now: the clock.
    """
    run = seen.run
    if run is None:
        return _unknown(seen, there=there)
    state = f"{run.id.hex[:8]}.{run.state_type}.{run.state_name}"
    silent = _silent(seen)
    if run.state_type == "CANCELLING":
        sentence = phrase("It ends after the step that is under way.")
        return RunningView(state, phrase("The run is being cancelled"), sentence, "notice", True, silent=silent)
    if run.waiting:
        return _waiting(run, seen, state, silent, now)
    if run.ended:
        return _ended(run, state)
    if run.state_type == "PAUSED":
        sentence = phrase("It was paused on Prefect's page, and can be resumed there. Or cancel it here.")
        return RunningView(
            state, phrase("The run is paused"), sentence, "warning", True, silent=silent, can_cancel=True
        )
    steps = tuple(_shown(step, now) for step in seen.steps)
    under_way = next((step for step in seen.steps if step.state == "now"), None)
    return RunningView(
        state=state,
        headline=phrase("The run is under way"),
        sentence=phrase("You can close this page; the result will be on the page of people."),
        colour="notice",
        live=True,
        steps=steps,
        percent=under_way.percent if under_way else None,
        silent=silent,
        can_cancel=True,
    )


def _unknown(seen: WatchedRun, *, there: bool) -> RunningView:
    if seen.away:
        said = phrase("Prefect's server does not answer ({why}). This page looks again by itself.", why=seen.away)
        return RunningView("away", phrase("Nothing is known of this run now"), said, "warning", True)
    if there:
        said = phrase(
            "Prefect's server does not know it: it is under way in a terminal, or was ended there without a result."
        )
        return RunningView("terminal", phrase("This run has no result"), said, "warning", False)
    return RunningView("none", phrase("There is no run of this name"), "", "warning", False)


def _silent(seen: WatchedRun) -> str:
    if not seen.away or seen.heard_s < SAID_S:
        return ""
    return phrase("last heard {seconds} s ago", seconds=round(seen.heard_s))


def _waiting(run: ServerRun, seen: WatchedRun, state: str, silent: str, now: datetime) -> RunningView:
    colour = "notice"
    if not seen.worker:
        state, colour = f"{state}.no worker", "warning"
        headline = phrase("The run waits for a worker")
        sentence = phrase(
            "No worker listens now. It begins by itself as soon as one does; Health says what is missing."
        )
    elif run.expected is not None and (run.expected - now).total_seconds() > 60:
        headline = phrase("The run begins {time}", time=moment_text(run.expected, "UTC", now))
        sentence = phrase("Last night's readings were not on the site yet: it looks again then (UTC).")
    elif run.state_name == "AwaitingConcurrencySlot":
        headline = phrase("The run waits for another one")
        sentence = phrase("One run at a time is computed. It begins by itself.")
    else:
        headline = phrase("The run is about to begin")
        sentence = phrase("You can close this page; the result will be on the page of people.")
    return RunningView(state, headline, sentence, colour, True, silent=silent, can_cancel=True)


def _ended(run: ServerRun, state: str) -> RunningView:
    again = phrase("Run again with the same choices, or with others.")
    if run.state_type == "CANCELLED":
        return RunningView(state, phrase("The run was cancelled"), again, "notice", False)
    if run.state_type == "CRASHED":
        said = phrase("The worker ended it, such as by a restart of this machine. {again}", again=again)
        return RunningView(state, phrase("The run was cut off"), said, "failure", False, message=run.message)
    if run.state_type == "FAILED":
        said = phrase("It ended before it wrote anything down. {again}", again=again)
        return RunningView(state, phrase("The run failed"), said, "failure", False, message=_public(run.message))
    if run.state_name == POSTPONED:
        said = phrase("Last night's readings were not on the site yet, and the run that looks again was deleted.")
        return RunningView(state, phrase("The run was postponed"), said, "warning", False)
    said = phrase("Its directory is not here: it was deleted, or lies where this page does not read.")
    return RunningView(state, phrase("The run has ended, and its result is not here"), said, "warning", False)


def _public(message: str) -> str:
    """What the server says of a failure: of a refusal its own words, which hold no number of a person."""
    return message.partition("Refused: ")[2] or message


def _shown(step: RunStep, now: datetime) -> ShownStep:
    count = took = ""
    if step.of and step.done is not None and step.state == "now":
        words = {
            "run-autotune-analysis": phrase("day {done} of {of}", done=step.done, of=step.of),
            "assess-recommendation": phrase("{done} of at most {of}", done=step.done, of=step.of),
        }
        count = words.get(step.name, "")
    if step.state == "done" and step.seconds is not None:
        took = _duration(step.seconds)
    elif step.state == "now" and step.percent is not None and step.percent >= LEAST_PERCENT and step.began is not None:
        left = (now - step.began).total_seconds() * (100 - step.percent) / step.percent
        took = phrase("about {time} left", time=_duration(max(left, 1)))
    return ShownStep(step.name, translated(STEP_WORDS[step.name]), step.state, count, took)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return phrase("{seconds:.0f} s", seconds=seconds)
    return count_phrase("{count} minute", "{count} minutes", round(seconds / 60))
