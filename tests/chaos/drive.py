"""Drives one case against a site, then does what a person would (resume, once more), and judges what came of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.documents import Record
from flows.nightscout.writer import NightscoutWriter
from flows.values.timestamps import instant_ms
from flows.writeback.active_on_site import SiteProfiles, differences
from flows.writeback.apply import WritebackResult
from flows.writeback.journal import Change, ChangeOutcome, Step
from flows.writeback.session import comparable
from flows.writeback.site_documents import switch_treatment
from tests.chaos.case import Case, Size
from tests.chaos.hooks import Accidents, JumpingClock, SharedClock
from tests.chaos.network import PATIENCE_S, SLOW, Between
from tests.proposals import profile_document
from tests.writing import Clock, Person, newest_content, person

LONGEST_S = 90  # of one act in its process; whoever takes longer blocks
RESUMES = 5  # until everything must be settled


class Violation(AssertionError):
    """What must not be."""


@dataclass
class Site:
    """A server: where it is, who may do all, how it is emptied and filled with one document."""

    url: str
    credentials: Credentials
    fill: Callable[[Record, list[Record]], Record]


@dataclass(frozen=True)
class Told:
    """What a process that did an act told, or how it died: `result` of the act, else the code of its refusal."""

    died: int = 0
    result: str | None = None
    refused: str | None = None
    trouble: str | None = None
    size: tuple[int, int, int] = (0, 0, 0)


@dataclass
class Ending:
    """How a case ended."""

    case: Case
    died: int = 0
    faults: int = 0
    site: str = ""
    journal: str = ""
    told: list[str] = field(default_factory=list)


class Bench:
    """Runs cases against one site through one proxy.

    Args:
        site: the server.
        network: the proxy before it.
        root: for journals and runs.
    """

    def __init__(self, site: Site, network: Between, root: Path) -> None:
        self.site = site
        self.network = network
        self.root = root
        self.number = 0
        self.stopped = False  # run no more cases

    # --- acts, each in a process of its own

    def client(self, clock: Clock | JumpingClock) -> Callable[[str, Credentials], NightscoutWriter]:
        return lambda site, held: NightscoutWriter(
            site, held, sleep=clock.sleep, jitter=lambda: 0.0, clock=lambda: clock.now().timestamp()
        )

    def in_a_process(self, someone: Person, act: str, activate: bool, case: Case, kill: int = 0) -> Told:
        """Do an act in a forked process, with the accidents of the case that happen inside it."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            self._be_a_child(someone, act, activate, case, kill, writing)
        os.close(writing)
        self.network.child = child
        with os.fdopen(reading, "rb") as stream:
            told = stream.read()
        _, status = os.waitpid(child, 0)
        self.network.child = None
        self.network.settle()
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGALRM:
            raise Violation(f"{act} took longer than {LONGEST_S} s")
        if code == -signal.SIGKILL:
            return Told(died=1)
        if code or not told:
            raise Violation(f"{act} ended with {code}")
        found = Told(**json.loads(told))
        if found.trouble:
            raise Violation(f"{act} failed:\n{found.trouble}")
        return found

    def _be_a_child(self, someone: Person, act: str, activate: bool, case: Case, kill: int, writing: int) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(LONGEST_S)
        accidents = Accidents(kill, case)
        base: Any = someone.tools.clock.__self__  # type: ignore[attr-defined]
        clock = JumpingClock(base, case.clock, case.jump_s)
        someone = someone.with_(clock=clock.now, sleep=clock.sleep, client=self.client(clock))
        if SLOW & {name for _, name in case.faults}:
            import flows.nightscout.client as client

            client.TIMEOUT_S = PATIENCE_S
        say = os.write
        accidents.install()
        told: dict[str, Any] = {}
        try:
            result = do(someone, act, activate)
            told["result"] = result.outcome if isinstance(result, WritebackResult) else f"settled {len(result)}"
        except Refused as refusal:
            told["refused"] = refusal.reason.code
        except BaseException:  # noqa: BLE001
            told["trouble"] = traceback.format_exc()[-3000:]
        told["size"] = accidents.instants, accidents.writes, clock.readings
        say(writing, json.dumps(told).encode())
        os._exit(0)

    # --- a case

    def prepare(self, case: Case) -> tuple[Person, SiteProfiles, SiteProfiles]:
        """A fresh site with a person's run: what it was at first, and what it is before the act."""
        self.number += 1
        root = self.root / f"{self.number:06d}"
        switches = []
        if case.switched:
            at_ms = int((datetime.now(UTC) - timedelta(hours=3)).timestamp() * 1000)
            body = profile_document()["store"]["Night shift"]
            switches = [switch_treatment("Night shift", body, at_ms, "by hand")]
        source = self.site.fill(profile_document(), switches)
        clock = SharedClock()
        self.network.clock = clock
        held = self.site.credentials
        url = self.network.url
        someone = person(root, url, source, held, site_itself=self.site.url, clock=clock, run=f"run-{self.number:06d}")
        original = someone.reading()
        self.network.begin({}, {})
        if case.act == "rollback":
            self.in_a_process(someone, "apply", case.activate, Case("", "apply"))
            clock.sleep(10)
        if case.act == "resume":
            self.in_a_process(someone, "apply", case.activate, Case("", "apply"), kill=case.earlier)
            clock.sleep(10)
        return someone, original, original if case.act == "resume" else someone.reading()

    def size(self, scenario: Case) -> Size:
        """How many places an act has: an undisturbed one in a process."""
        someone, _, _ = self.prepare(scenario)
        self.network.begin({}, {})
        told = self.in_a_process(someone, scenario.act, scenario.activate, scenario)
        if told.refused:
            raise Violation(f"an undisturbed {scenario} is refused: {told.refused}")
        self.remove()
        instants, writes, readings = told.size
        return Size(instants, writes, readings, self.network.place)

    def remove(self) -> None:
        shutil.rmtree(self.root / f"{self.number:06d}", ignore_errors=True)

    def run(self, case: Case) -> Ending:
        """One case.

        Raises:
            Violation: what must not be.
        """
        ending = self.judged(case, *self.prepare(case))
        self.remove()
        return ending

    def judged(self, case: Case, someone: Person, original: SiteProfiles, before: SiteProfiles) -> Ending:
        """The act with its accidents, what a person would do after it, and the judgement.

        Raises:
            Violation: what must not be.
        """
        known = {c.name for c in someone.journal.changes()} if case.act == "rollback" else set()
        clock: Any = someone.tools.clock.__self__  # type: ignore[attr-defined]
        ending = Ending(case)
        self.network.begin(dict(case.faults), dict(case.edits))
        told = self.in_a_process(someone, case.act, case.activate, case, case.kill)
        ended_in_act = {c.name for c in someone.journal.changes() if c.ended} if not told.died else set()
        network = self.network
        ending.died, ending.faults = told.died, sum(network.happened.values())
        ending.told.append(told.result or told.refused or "died")
        edits, sent = list(network.edited), list(network.sent)
        network.faults, network.edits, network.edited = {}, {}, []
        clock.sleep(20)
        calm = Case("", case.act)
        for turn in range(RESUMES + 1):
            if turn == RESUMES:
                raise Violation(f"not settled after {RESUMES} starts: {ending.told}")
            told = self.in_a_process(someone, "resume", False, calm, case.resume_kill if turn == 0 else 0)
            ending.died += told.died
            ending.told.append(told.result or told.refused or "died")
            clock.sleep(20)
            if not told.died and all(c.ended for c in someone.journal.changes()):
                break
        mine = [c for c in someone.journal.changes() if c.name not in known]
        look = Look(case, someone.reading(), before, original, mine, edits)
        look.judge(sent, ended_in_act)
        ending.site, ending.journal = look.site(), str(look.outcome or "nothing begun")
        again = "apply" if case.act == "resume" else case.act
        told = self.in_a_process(someone, again, case.activate, calm)
        ending.told.append(told.result or told.refused or "died")
        self.judge_again(case, told, someone, before, original, known, edits)
        return ending

    def judge_again(
        self,
        case: Case,
        told: Told,
        someone: Person,
        before: SiteProfiles,
        original: SiteProfiles,
        known: set[str],
        edits: list[Any],
    ) -> None:
        """The act once more, on a calm network: nothing that was left may stand in its way."""
        changes = someone.journal.changes()
        if not all(c.ended for c in changes):
            raise Violation("the next act left a change without an end")
        if told.refused and not edits and not case.clock:
            raise Violation(f"the next act is refused: {told.refused}")
        if told.refused is None:
            mine = [c for c in changes if c.name not in known and c.facts["kind"] != "reject"]
            look = Look(case, someone.reading(), before, original, mine, edits)
            stands = str(told.result).startswith("already") and edits and look.is_theirs  # they switched after it
            if not (look.is_after or stands):
                raise Violation(f"the next act said {told.result}, and the site is {look.site()}")


def do(someone: Person, act: str, activate: bool) -> Any:
    if act == "apply":
        return someone.apply(activate=activate)
    return someone.roll_back() if act == "rollback" else someone.resume()


class Look:
    """What a site is after a case, against what it was, what was planned, and what others saved."""

    def __init__(
        self,
        case: Case,
        now: SiteProfiles,
        before: SiteProfiles,
        original: SiteProfiles,
        mine: list[Change],
        edits: list[Any],
    ) -> None:
        self.case, self.now, self.before, self.original, self.edits = case, now, before, original, edits
        self.change = mine[-1] if mine else None
        self.outcome = self.change.outcome if self.change else None
        self.planned = [c.read("intent") for c in mine if c.file("intent").is_file() and c.kept_sha256("intent")]
        self.contents = [e.content for e in edits if e.content is not None]
        self.switched_to = [e.switched_to for e in edits if e.switched_to is not None]

    def active(self, state: SiteProfiles) -> str:
        """By what counts once every time that was written has come: a clock that jumped wrote later ones."""
        times = [datetime.now(UTC).timestamp() * 1000, *(s.at_ms for s in state.read_switches)]
        times += [found[0] for d in state.documents if (found := instant_ms(d.get("startDate"), "UTC"))]
        return state.active(max(times) + 300_000).name

    @property
    def is_before(self) -> bool:
        same = newest_content(self.now) == newest_content(self.before)
        return same and self.active(self.now) == self.active(self.before)

    @property
    def is_after(self) -> bool:
        if self.case.act == "rollback":
            same = newest_content(self.now) == newest_content(self.original)
            return same and self.active(self.now) == self.active(self.original)
        planned = self.planned[-1] if self.planned else None
        if planned is None or differences(self.now.newest.get("store"), planned["document"]["store"]):
            return False
        if planned["switch"]:
            return bool(self.active(self.now) == planned["switch"]["profile"])
        return self.active(self.now) in (self.active(self.before), *self.switched_to)

    @property
    def is_theirs(self) -> bool:
        """Whether what another client saved stands: its content is the newest, or its profile is active."""
        if self.contents:
            return newest_content(self.now) in self.contents
        return self.active(self.now) in self.switched_to

    def site(self) -> str:
        found = {"before": self.is_before, "after": self.is_after, "theirs": bool(self.edits) and self.is_theirs}
        return next((name for name, holds in found.items() if holds), "none of these")

    def judge(self, sent: list[tuple[str, Record]], ended_in_act: set[str]) -> None:
        """The invariant.

        Args:
            sent: every write that was sent.
            ended_in_act: names of changes that had an end before anything was resumed.
        """
        if not (self.is_before or self.is_after or (self.edits and self.is_theirs)):
            raise Violation(f"the site is neither before nor after nor another's; the journal says {self.outcome}")
        if self.outcome is ChangeOutcome.AFTER and not self.is_after:
            late = self.edits and self.change is not None and self.change.name in ended_in_act
            if not (late and self.documents_of_ours()):
                raise Violation(f"the journal says after, the site is {self.site()}")
        if self.outcome in (ChangeOutcome.BEFORE, None) and not (self.is_before or (self.edits and self.is_theirs)):
            raise Violation(f"the journal says {self.outcome}, the site is {self.site()}")
        if self.outcome is ChangeOutcome.THEIRS and not (self.edits and self.is_theirs):
            raise Violation(f"the journal says theirs, the site is {self.site()}; {len(self.edits)} edits")
        self._judge_ours(sent)

    def documents_of_ours(self) -> list[Record]:
        """The documents that say what was planned."""
        return [d for d in self.now.documents for p in self.planned[-1:] if same(p["document"], d)]

    def _judge_ours(self, sent: list[tuple[str, Record]]) -> None:
        """One document of ours or none, sent once; what a proxy delivered again is its own."""
        if not self.planned or self.planned[-1]["stands"]:
            return
        document = self.planned[-1]["document"]
        times = sum(same(document, body) for path, body in sent if "profile" in path)
        if times > 1:
            raise Violation(f"our document was sent {times} times")
        found = len(self.documents_of_ours())
        repeated = any(name == "twice" for _, name in self.case.faults)
        if found > 1 + repeated:
            raise Violation(f"our document is there {found} times")
        taken_back = self.change is not None and self.change.reached(Step.UNDOING)
        if self.outcome is ChangeOutcome.BEFORE and found and not taken_back:
            raise Violation("our document is there, and the journal says before")


def same(sent: Record, stored: Record) -> bool:
    return not differences(comparable(sent), comparable(stored))
