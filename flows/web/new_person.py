"""A person is added: the address and the token are tried at the site, row by row, before anything is saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.doctor.check import CheckContext, ExaminedCheck, Level
from flows.doctor.site import SiteProbe
from flows.doctor.table import OF_THE_SITE, examine
from flows.errors import Refused
from flows.language.catalogue import phrase
from flows.nightscout.authentication import Credentials
from flows.nightscout.reach import Reach
from flows.settings import AgeGroup, AnalysisRequest, Insulin
from flows.web.people import Person, PersonKind, plain_name
from flows.web.saved_sites import block_name, save_site
from flows.web.state import PageState

LONGEST_NAME = 60
ASKED = OF_THE_SITE - {"site-writing"}  # what may write is with the worker that writes, and nowhere else


@dataclass(frozen=True)
class NewPerson:
    """What was typed. `token` may read the site; empty for a site that everybody may read."""

    name: str
    site: str
    token: str = field(repr=False)
    allow_http: bool
    age_group: str
    insulin: str

    def errors(self, taken: list[Person]) -> dict[str, str]:
        """What is wrong, by field, in the language that is spoken."""
        found: dict[str, str] = name_errors(self.name, taken)
        try:
            request = self._request()
        except Refused as refusal:
            found["site"] = refusal.spoken_sentence
        except ValueError:
            found["site"] = phrase("Give the address of the Nightscout site, such as https://my.site.example.")
        else:
            if any(person.site == request.site for person in taken):
                found["site"] = phrase("There is somebody with this site already.")
        for name, values, given in (("age_group", AgeGroup, self.age_group), ("insulin", Insulin, self.insulin)):
            if given and given not in set(values):
                found[name] = phrase("Choose one of the list.")
        return found

    def look(self, runs: Path) -> list[ExaminedCheck]:
        """Ask the site what a run would ask it; nothing is written.

        Whoever is signed in may name a site of a private network, as whoever saves a block may; never one that is
        link-local.
        """
        credentials = Credentials(token=self.token.strip() or None)
        probe = SiteProbe(str(self._request().site), credentials, Credentials(), Reach.PRIVATE_TOO)
        return list(examine(CheckContext(runs_root=runs, now=datetime.now(UTC), site=probe), ASKED))

    def save(self, page: PageState) -> Person:
        """Save the site with the token, and know the person.

        Raises:
            ServerAway: nothing was saved.
        """
        request = self._request()
        block = block_name(self.name, set(page.server.saved_sites()))
        options = {k: v for k, v in (("age_group", self.age_group), ("insulin", self.insulin)) if v}
        data: dict[str, Any] = {"url": request.site, "allow_http": self.allow_http, "options": options}
        if self.token.strip():
            data["read_token"] = self.token.strip()
        save_site(page.server, block, data)
        return page.people.add(self.name.strip(), PersonKind.BLOCK, block=block, site=request.site)

    def _request(self) -> AnalysisRequest:
        return AnalysisRequest(site=self.site or None, allow_http=self.allow_http)


def lets_in(rows: list[ExaminedCheck]) -> bool:
    """Whether a run would come through."""
    return all(row.finding.level is not Level.FAIL for row in rows)


def name_errors(name: str, taken: list[Person], but: str = "") -> dict[str, str]:
    """What is wrong with a name to call and to type: two people of one name would be mistaken for each other."""
    wanted = name.strip()
    if not wanted:
        return {"name": phrase("Give a name.")}
    if len(wanted) > LONGEST_NAME or not wanted.isprintable():
        return {"name": phrase("Give a shorter name, without line breaks.")}
    if any(plain_name(person.name) == plain_name(wanted) for person in taken if person.id != but):
        return {"name": phrase("Somebody else has this name already.")}
    return {}
