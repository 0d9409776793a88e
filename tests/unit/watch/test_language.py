"""Notices in another language: what is kept of them is English, what is sent is said."""

from __future__ import annotations

from datetime import UTC, date, datetime

from flows.errors import Reason
from flows.language.catalogue import Language, speaking
from flows.watch import words
from flows.watch.words import Notice, in_language
from tests.unit.language.pseudo import bracketed, outside

MISSED = (date(2026, 11, 24), date(2026, 11, 25))
NOTICES = (
    words.proposal_ready("ada", "\nRun 20261125-043000-a1b2c3", again=True),
    words.proposal_ready("ada", "", again=False),
    words.take_back("ada", ""),
    *(words.no_recommendation("ada", words.why_refused(code)) for code in ("", "policy_off", "none of ours")),
    *(words.no_recommendation("ada", words.why_refused(reason.code)) for reason in Reason),
    words.no_result("ada", MISSED, None, "UTC", words.NOT_ENDED),
    words.no_result("ada", MISSED[:1], datetime(2026, 11, 20, tzinfo=UTC), "UTC", words.NOT_ENDED),
    words.no_result("ada", MISSED, datetime(2026, 10, 20, tzinfo=UTC), "UTC", words.NOT_ENDED),
    *(words.UNREACHABLE, words.REACHABLE, words.TEST),
)


def test_every_word_of_a_notice_is_of_the_catalogue() -> None:
    data = ("ada", "\nRun 20261125-043000-a1b2c3", *(reason.code for reason in Reason))
    with bracketed():
        for said in map(in_language, NOTICES):
            assert outside(f"{said.title}\n{said.text}", *data) == []


def test_a_notice_that_was_kept_is_said_as_the_one_that_was_made() -> None:
    for made in NOTICES:
        kept = Notice(str.__str__(made.title), "".join(made.text), made.weight)
        with speaking(Language.GERMAN):
            assert in_language(kept) == in_language(made) != made


def test_a_notice_of_missed_nights_reads_as_it_is_said() -> None:
    with speaking(Language.GERMAN):
        said = in_language(words.no_result("ada", MISSED, datetime(2026, 11, 20, tzinfo=UTC), "UTC", words.NOT_ENDED))
    assert said.title == "Autotune: kein Ergebnis für ada seit Freitag"
    assert said.text.startswith("Kein Ergebnis für ada seit Freitag (ausgefallen: 2 Nächte): kein Lauf davon ist")
