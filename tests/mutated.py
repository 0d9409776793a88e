"""Mutated documents through parsing, preparing and planning: `python -m tests.mutated --documents 100000 --seed 1`.

Whatever a document says, each step ends in a result or in a refusal with its reason. A case is made from the seed and
its number alone (`--only NUMBER` makes one again and shows where it failed). Of: entries and treatments of the fixtures
and of each app (`tests.app_records`), profile documents and Profile Switches, OpenAPS profiles, proposals (sealed
again), manifests and policies.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import functools
import json
import math
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.nightscout.documents import parse_records
from flows.oref0.profile import to_pumpprofile
from flows.pipeline.inspect import inspect
from flows.pipeline.prepare import prepare
from flows.pipeline.previous import previous_profile
from flows.profiles.active_in_data import in_force
from flows.profiles.parse import named_zone
from flows.profiles.raw_files import RawFiles
from flows.profiles.switches import read_switches
from flows.proposal.sealed import read_proposal, seal
from flows.report.html.report import report_html
from flows.report.text.changes import changes_text, to_type_in, verdict_text
from flows.report.text.terminal import summary
from flows.report.trend.history import document as trend_document
from flows.report.trend.history import trend
from flows.report.trend.past_runs import find_runs
from flows.settings import AnalysisRequest, InputsMode, Insulin, StartFrom
from flows.values.run_directory import RunDirectory, write_atomically
from flows.values.units import SECOND_MS
from flows.writeback.active_on_site import SiteProfiles, same_active_from
from flows.writeback.apply import check_no_special_switch
from flows.writeback.approval import Decision, Scope, SyncRequest
from flows.writeback.approval_checks import check_may_be_written, read_sealed, report_only_app, source_document
from flows.writeback.markers import content_before, newest_marked
from flows.writeback.observe import keeps_active, switch_differences
from flows.writeback.plan import plan
from flows.writeback.policy import read_policy
from flows.writeback.session import Intent, SiteSession, reissue_switch
from tests import app_records, people, proposals
from tests.conftest import ROOT
from tests.mutation import mutated
from tests.properties.person import Person, last_days, people_in
from tests.writing import Clock

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
NOW_MS = NOW.timestamp() * SECOND_MS
LONGEST_S = 20.0  # of one case: one that takes longer never ends


@dataclass
class Mutated:
    """What was tried: documents of each kind, how their cases ended, and what failed, by where in the code."""

    documents: Counter[str] = field(default_factory=Counter)
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: dict[str, list[int]] = field(default_factory=dict)


@functools.cache
def sources() -> tuple[Person, ...]:
    """The last day of each person of the fixtures, and an invented one with a record of each app."""
    found = [last_days(p, 1) for p in people_in(ROOT / "fixtures")]
    made = Person("made", people.entries(), people.treatments(), [people.profile_document()], NOW)
    return (*found, made, made)


@dataclass
class Case:
    """One number's chance, and a directory of its own."""

    number: int
    chance: random.Random
    base: Path
    documents: Counter[str] = field(default_factory=Counter)

    def mutate(self, kind: str, document: Any) -> Any:
        """As it comes back from JSON."""
        self.documents[kind] += 1
        return json.loads(json.dumps(mutated(document, self.chance)))

    def some(self, kind: str, records: list[Any], more: list[Any]) -> list[Any]:
        """The records with one or more of them, or of other apps, mutated: in place, or beside what they were."""
        made = list(records)
        for _ in range(self.chance.choice((1, 2, 4, 10, 25))):
            at = self.chance.randrange(len(made))
            from_app = self.chance.random() < 0.5
            changed = self.mutate(kind, self.chance.choice(more) if from_app else made[at])
            if from_app or self.chance.random() < 0.5:
                made.insert(at, changed)
            else:
                made[at] = changed
        return made


# --- what is tried with them


def records(case: Case) -> None:
    """Entries, treatments and seldom the profile, through all of preparing."""
    person = case.chance.choice(sources())
    loaded = {
        "entries": case.some("entry", person.entries, app_records.ENTRIES),
        "treatments": case.some("treatment", person.treatments, app_records.TREATMENTS),
        "profile": person.profile,
    }
    if case.chance.random() < 0.2:
        loaded["profile"] = [case.mutate("profile", d) for d in person.profile]
    _prepare(case, loaded, person)


def profiles(case: Case) -> None:
    """Profile documents and switches, through all that reads them before and beside preparing."""
    documents = [
        case.mutate("profile", case.chance.choice(app_records.PROFILES))
        for _ in range(case.chance.choice((1, 1, 2, 3)))
    ]
    if case.chance.random() < 0.5:
        documents.insert(case.chance.randrange(len(documents) + 1), people.profile_document())
    switches = _switches(case)
    documents = parse_records(json.dumps(documents), "profile.json")
    named_zone(documents, name=None, until_ms=NOW_MS)
    active = in_force(
        documents, switches, name=None, window_start_ms=NOW_MS - 1e10, window_end_ms=NOW_MS, zone="Europe/Paris"
    )
    active.document()
    to_pumpprofile(active.profile, insulin=Insulin.RAPID_ACTING, peak_min=None, zone="Europe/Paris")
    if case.chance.random() < 0.2:
        person = sources()[-1]
        loaded = {"entries": person.entries, "treatments": [*person.treatments, *switches], "profile": documents}
        _prepare(case, loaded, person)


def openaps(case: Case) -> None:
    """An OpenAPS profile as it is."""
    person = sources()[-1]
    loaded = {
        "entries": person.entries,
        "treatments": person.treatments,
        "pumpprofile": case.mutate("openaps profile", people.pump_profile()),
    }
    if case.chance.random() < 0.3:
        loaded["autotune"] = case.mutate("openaps profile", people.pump_profile())
    _prepare(case, loaded, person)


def site(case: Case) -> None:
    """What a change sees of a site, and the plan of a proposal that was made from another document."""
    source = case.chance.choice((proposals.profile_document(), proposals.mmol_document()))
    made = proposals.proposal(source)
    documents = [
        case.mutate("profile", case.chance.choice(app_records.PROFILES)) for _ in range(case.chance.choice((1, 2)))
    ]
    if case.chance.random() < 0.5:
        documents.append(copy.deepcopy(source))
    whole = [d for d in parse_records(json.dumps(documents), "profile.json") if isinstance(d, dict)]
    switches = [s for s in _switches(case) if isinstance(s, dict)]
    state = SiteProfiles(tuple(whole), tuple(switches))
    clock = Clock()
    session = SiteSession(_Client(), clock.now, clock.sleep)  # type: ignore[arg-type]
    now_ms = session.now_ms()
    if (marked := newest_marked(state)) is not None:
        content_before(state, marked)
    state.names_ahead(now_ms)
    same_active_from(state, SiteProfiles((source,), state.switches), now_ms)
    Intent.of(state, now_ms, source, None)
    for switch in switches:
        switch_differences(app_records.SWITCHES[0], switch)
        if read_switches([switch], "UTC"):
            reissue_switch(switch, int(now_ms))
    report_only_app(state.newest)
    check_no_special_switch(session, state)
    keeps_active(state, SiteProfiles((*state.documents, source), state.switches), source, now_ms, new_content=True)
    session.start_for(state, state.newest)
    session.free_instant(state, state.newest)
    what = case.chance.choice(list(Scope))
    request = SyncRequest(proposal_id=made.proposal_id, sha256=made.sha256, decision=Decision.APPROVE, what=what)
    planned = plan(made, state.newest, request)
    changes_text(planned, made, activate=True)
    to_type_in(planned)


def proposal_files(case: Case) -> None:
    """A proposal that was sealed again, its manifest, and all that reads a run."""
    source = proposals.profile_document()
    made = proposals.proposal(source)
    run = proposals.run_with(case.base, made, [source])
    document = made.model_dump(mode="json")
    manifest: Any = {
        "schema_version": 1,
        "written_at": made.created_at,
        "status": case.chance.choice(("proposal", "refused", "failed")),
        "reasons": ["a reason"],
        "reason_codes": ["no_profile"],
        "proposal_sha256": made.sha256,
        "options": {
            "site": proposals.SITE,
            "timezone": "UTC",
            "profile": None,
            "allow_http": False,
            "site_block": None,
        },
    }
    if case.chance.random() < 0.7:
        changed = case.mutate("proposal", document)
        with contextlib.suppress(ValueError):  # NaN has no seal
            changed = seal(changed) if isinstance(changed, dict) and case.chance.random() < 0.9 else changed
        document = changed
    if case.chance.random() < 0.5:
        manifest = case.mutate("manifest", manifest)
    for name, content in (("proposal.json", document), ("manifest.json", manifest)):
        write_atomically(run.file(name), json.dumps(content).encode())  # also NaN, which no writer of ours writes
    trend_document(trend(find_runs(case.base), case.base))
    request = AnalysisRequest(site=proposals.SITE, timezone="UTC", start_from=StartFrom.PREVIOUS)
    previous_profile(request, {"pump_sha256": "a"}, case.base / "own")
    read_sealed(run, None).request()
    sealed = read_proposal(run.file("proposal.json"))
    report_html(sealed)
    summary(run, sealed)
    verdict_text(sealed)
    what = case.chance.choice(list(Scope))
    check_may_be_written(sealed, proposals.NOW + timedelta(hours=1), 48.0, scope=what)
    wanted = SyncRequest(proposal_id=sealed.proposal_id, sha256=sealed.sha256, decision=Decision.APPROVE, what=what)
    planned = plan(sealed, source_document(read_sealed(run, None)), wanted)  # type: ignore[arg-type]
    changes_text(planned, sealed, activate=False)


def policies(case: Case) -> None:
    """The file that lets changes be applied without a person."""
    policy = {"allow": True, "max_change_percent_per_night": 5, "max_change_percent_per_week": 10, "only": ["basal"]}
    file = case.base / "policy.json"
    file.write_text(json.dumps(case.mutate("policy", {**policy, "activate": False})), "utf-8")
    file.chmod(0o600)
    read_policy(file)


KINDS: tuple[tuple[Callable[[Case], None], int], ...] = (
    (records, 3),
    (profiles, 14),
    (openaps, 2),
    (site, 16),
    (proposal_files, 4),
    (policies, 1),
)


class _Client:
    """A site that has nothing of its own."""

    site_ahead_s = 0.0


def _switches(case: Case) -> list[Any]:
    made = [
        case.mutate("switch", case.chance.choice(app_records.SWITCHES)) for _ in range(case.chance.choice((0, 1, 2)))
    ]
    return parse_records(json.dumps(made), "treatments.json")


def _prepare(case: Case, loaded: dict[str, Any], person: Person) -> None:
    run = RunDirectory.create(case.base / "run", NOW)
    raw = RawFiles(run)
    for kind, documents in loaded.items():
        raw.write(kind, json.dumps(documents).encode(), len(documents) if isinstance(documents, list) else 1)
    raw.close(1)
    corrected = case.chance.random() < 0.85
    request = AnalysisRequest(
        from_directory=case.base,
        timezone=None if case.chance.random() < 0.2 else person.zone,
        inputs=InputsMode.CORRECTED if corrected else InputsMode.UPSTREAM,
    )
    if case.chance.random() < 0.1:
        inspect(request, run, person.now)
    else:
        prepare(request, run, person.now)


# --- the run


def try_case(seed: int, number: int, base: Path, found: Mutated, *, show: bool = False) -> None:
    """One case; what fails is kept by where in the product it failed."""
    chance = random.Random(f"{seed}:{number}")  # noqa: S311
    act = chance.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS])[0]
    case = Case(number, chance, base / str(number))
    case.base.mkdir(parents=True)
    started, ended = time.monotonic(), "a result"
    try:
        act(case)
    except Refused as refusal:
        ended = refusal.reason.code
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "/flows/" in f.filename]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "tests"
        ended = f"FAILED {type(error).__name__} in {where}"
        if show:
            traceback.print_exc()
    if time.monotonic() - started > LONGEST_S:
        ended = "FAILED by taking too long"
    if ended.startswith("FAILED"):
        found.failed.setdefault(f"{act.__name__}: {ended}", []).append(number)
    found.ended[act.__name__, ended] += 1
    found.documents += case.documents
    shutil.rmtree(case.base, ignore_errors=True)


def run(
    documents: int, seed: int, base: Path, deadline_s: float = math.inf, tell: Callable[[str], object] = str
) -> Mutated:
    """Cases until so many documents were mutated, or the time is over; `tell` hears each new place that fails."""
    found, number, started = Mutated(), 0, time.monotonic()
    while found.documents.total() < documents and time.monotonic() - started < deadline_s:
        known = set(found.failed)
        try_case(seed, number, base, found)
        for where in set(found.failed) - known:
            tell(f"{where} (case {number})\n")
        number += 1
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=math.inf, help="end after so many, with what was tried")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="this case alone, with its traceback")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if given.only is None:
            result = run(given.documents, given.seed, Path(scratch), given.seconds, sys.stderr.write)
        else:
            result = Mutated()
            try_case(given.seed, given.only, Path(scratch), result, show=True)
    lines = [f"{count:>7} × {kind}" for kind, count in result.documents.most_common()]
    lines += [f"{count:>7} × {kind}: {ended}" for (kind, ended), count in result.ended.most_common()]
    lines += [f"{where} ({len(numbers)}, first {numbers[0]})" for where, numbers in result.failed.items()]
    lines.append(f"{result.documents.total()} documents, {len(result.failed)} places that failed")
    sys.stdout.write("\n".join([*lines, ""]))
    sys.exit(bool(result.failed))
