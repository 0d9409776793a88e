"""What the first page would have to wait for, done at the start: templates compiled, words of dates read."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from flows.errors import Refused
from flows.language.catalogue import date_text, number_text, spoken
from flows.language.translatable import in_spoken
from flows.proposal.sealed import read_proposal
from flows.report.html.report import report_values
from flows.web.index import index_of
from flows.web.preferences import Preferences
from flows.web.rendering import static_files, templates
from flows.web.run_files import PROPOSAL, run_of
from flows.web.state import PageState

UNKNOWN = "a sentence that no catalogue knows"


def warm_up(page: PageState, preferences: Preferences) -> None:
    """Make the first answer as quick as those after it; a report by making the newest one that the index knows."""
    static_files()
    for name in templates().list_templates(extensions=["html"]):
        templates().get_template(name)
    with preferences.spoken_outside_requests():
        today = datetime.now(UTC).date()
        for form in ("day", "short day", "number", "date"):
            date_text(today, form)
        number_text("0.5")
        in_spoken(UNKNOWN)  # reads the patterns of the language's stored sentences
        with suppress(Refused, OSError, ValueError):  # what is wrong with a run, its own page says
            _make_newest(page)


def _make_newest(page: PageState) -> None:
    newest = index_of(page).newest_result()
    run = run_of(page.settings.runs, newest) if newest else None
    if run is not None:
        values = report_values(read_proposal(run.file(PROPOSAL)))
        templates().get_template("report.html").render(layout="base.html", language=spoken().value, **values)
