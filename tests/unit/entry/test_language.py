"""The sheet in another language: every word of it is of the catalogue, and what programs read stays English."""

from __future__ import annotations

import json

import pytest

from flows.entry.apps import APPS
from flows.entry.pumps import PUMPS
from flows.entry.sheet import EntrySheet, SettingsToEnter, entry_sheet
from flows.language.catalogue import Language, speaking
from flows.proposal.document import Units
from flows.report.entry_rows import sheet_document
from flows.report.html.entry import sheet_html
from flows.report.text.entry import sheet_text
from flows.writeback.approval import Scope
from tests import sample_proposals
from tests.unit.entry.cases import adult, schedule, settings
from tests.unit.language.pseudo import bracketed, outside, shown

PROPOSAL = sample_proposals.proposal()
# Names of their own, codes and units, which are the same in each language; the sheet's options as they are typed.
DATA = (
    PROPOSAL.sha256[:12],
    PROPOSAL.timezone,
    "DIA",
    "ISF",
    "IC",
    "BAS",
    *(name for name in ("AAPS", "Trio", "iAPS", "Loop", "Dana R Korean", "YpsoPump", "Medtrum Nano", "EOPatch")),
    *("Accu-Chek Insight", "Accu-Chek Combo", "Diaconn G", "Equil", "Omnipod"),
)
SETTINGS = {
    "plain": settings(schedule(*[0.83, 0.91] * 12), schedule(*[0.8, 0.95] * 12), schedule(9.87), schedule(9.5)),
    "odd": settings(
        schedule(*[0.83, 0.91] * 12, minutes=45),
        schedule(*[0.81, 0.93] * 12, minutes=45),
        schedule(9.87, 10.2, minutes=45),
        schedule(9.5, 10.6, minutes=45),
        dia_h=4.3,
    ),
    "too low": settings(schedule(*[0.013, 0.02] * 12), schedule(*[0.014, 0.03] * 12), isf=schedule(1200.0)),
    "mmol/L": settings(
        schedule(*[1.0, 2.0] * 12), schedule(*[1.02, 1.97] * 12), schedule(*range(10, 34)), units=Units.MMOL_PER_L
    ),
}


def sheet(case: SettingsToEnter, name: str) -> EntrySheet:
    return entry_sheet(case, adult(name, "omnipod" if name in APPS else None, case.units))


@pytest.mark.parametrize("case", SETTINGS.values(), ids=SETTINGS)
def test_every_word_of_the_sheet_is_of_the_catalogue(case: SettingsToEnter) -> None:
    with bracketed():
        for made in (sheet(case, name) for name in (*APPS, *PUMPS)):
            assert outside(sheet_text(made, PROPOSAL, Scope.STEP), *DATA) == [], made.system.name
            if not made.refusals:
                page = sheet_html(made, PROPOSAL, Scope.ALL).decode()
                page = page[page.index("<h1") :]
                assert outside(shown(page), *DATA) == [], made.system.name


def test_numbers_and_names_are_those_of_the_language() -> None:
    with speaking(Language.GERMAN):
        said = sheet_text(sheet(SETTINGS["plain"], "insight"), PROPOSAL, Scope.STEP)
    assert "1. Basalrate [IE/h]" in said
    assert "ganzer Tag 21,00 IE (jetzt 20,88 IE, gewünscht 21,00 IE)" in said


def test_what_programs_read_is_the_same_in_each_language() -> None:
    made = sheet(SETTINGS["odd"], "aaps")
    english = json.dumps(sheet_document(made, PROPOSAL, Scope.STEP))
    with speaking(Language.GERMAN):
        assert json.dumps(sheet_document(made, PROPOSAL, Scope.STEP)) == english
    assert "It takes a duration of insulin action of 5 to 9 h on steps of 0.1 h; these numbers were tuned" in english
