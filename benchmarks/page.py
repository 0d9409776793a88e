"""The page with many runs: the first byte of every page, right after a start and later, and the memory it takes.

    python -m benchmarks.page [--runs 500] [--people 5] [--write docs/performance.md]

A run of the bundled person is made once and copied: each copy is one person's, of another day, and sealed anew.
Prefect's server is away, so that nothing but the page is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.measure import markdown, number
from benchmarks.processes import parse_peak_mb
from flows.pipeline.run_locally import run_locally
from flows.proposal.sealed import seal
from flows.settings import AnalysisRequest
from flows.values.bundled import bundled
from flows.values.run_directory import RunDirectory
from flows.web.people import People, PersonKind
from flows.web.security.cookies import SECURE_NAME
from flows.web.security.sessions import Sessions, SignedInBy
from flows.web.store import Store

LIMIT_MS, LIMIT_MB = 200.0, 150.0
MARK = "<!-- page measured: `python -m benchmarks.page --write docs/performance.md` writes what follows -->"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class ManyRuns:
    """Runs of some people below a directory, with the page's own files beside them.

    Attributes:
        base: of everything.
        people: their ids.
        runs: the names of the runs of the first person, the newest first.
        count: of all runs.
        cookie: of a session.
    """

    base: Path
    people: list[str]
    runs: list[str]
    count: int
    cookie: str

    def paths(self) -> dict[str, str]:
        """The address of every kind of page."""
        person, run, before = self.people[0], self.runs[0], self.runs[1]
        return {
            "People": "/",
            "Person": f"/p/{person}",
            "Person, older runs": f"/p/{person}?older=1",
            "Trend": f"/p/{person}/trend",
            "New run": f"/p/{person}/new",
            "Report": f"/r/{run}",
            "Approve": f"/r/{run}/approve",
            "Entry, the choice": f"/r/{run}/entry",
            "Entry sheet": f"/r/{run}/entry/aaps",
            "Compare": f"/compare/{before}/{run}",
            "Stored report": f"/r/{run}/files/report.html",
            "Settings": "/settings",
            "Health": "/health",
        }


@dataclass
class Answers:
    """Of one page: its status, the first byte after a start in ms, and those of later requests."""

    status: int = 0
    after_start_ms: float | None = None
    later_ms: list[float] = field(default_factory=list)


def lay_out(base: Path, template: Path, runs: int, people: int) -> ManyRuns:
    """Copies of a run, the newest a minute old, of invented people whose sites nobody serves."""
    root, store = base / "runs", Store(base / "page")
    root.mkdir(mode=0o700)
    known = People(store)
    persons = [
        known.add(f"Person {n}", PersonKind.BLOCK, block=f"person-{n}", site=f"https://person-{n}.example")
        for n in range(1, people + 1)
    ]
    mine = []
    for n in range(runs):
        person = persons[n % people]
        name = _copy(template, root, n, str(person.site), datetime.now(UTC) - (n // people) * DAY)
        mine += [name] if person is persons[0] else []
    cookie = f"{SECURE_NAME}={Sessions(store).begin(SignedInBy.PASSWORD)}"
    return ManyRuns(base, [person.id for person in persons], mine, runs, cookie)


def _copy(template: Path, root: Path, n: int, site: str, made: datetime) -> str:
    name = f"{made - timedelta(minutes=1):%Y%m%d-%H%M%S}-{n:06x}"
    run = RunDirectory(root / name)
    for file in template.rglob("*"):
        if file.is_file() and file.name not in ("proposal.json", "manifest.json"):
            to = run.path / file.relative_to(template)
            to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.link(file, to)
    run.path.mkdir(exist_ok=True, mode=0o700)
    document = _of(json.loads((template / "proposal.json").read_text("utf-8")), name, site, made)
    run.write_json("proposal.json", document)
    manifest = json.loads((template / "manifest.json").read_text("utf-8"))
    digest = sha256((run.path / "proposal.json").read_bytes()).hexdigest()
    manifest |= {"proposal_sha256": document["sha256"], "written_at": document["created_at"]}
    manifest["options"] |= {"site": site, "from_directory": None}
    manifest["outputs_sha256"] = {**(manifest.get("outputs_sha256") or {}), "proposal.json": digest}
    run.write_json("manifest.json", manifest)
    return name


def _of(document: dict[str, Any], name: str, site: str, made: datetime) -> dict[str, Any]:
    """The same proposal of another site and other days, sealed anew."""
    later = made.date() - DAY - max(date.fromisoformat(day["date"]) for day in document["days"])
    days = [{**day, "date": str(date.fromisoformat(day["date"]) + later)} for day in document["days"]]
    return seal(
        {
            **document,
            "proposal_id": name,
            "created_at": (made - timedelta(minutes=1)).isoformat(timespec="seconds"),
            "site_sha256": sha256(site.encode()).hexdigest(),
            "options": {**document["options"], "site": site, "from_directory": None},
            "days": days,
            "curves": [{**one, "day": str(date.fromisoformat(one["day"]) + later)} for one in document["curves"]],
        }
    )


@contextmanager
def page_of(many: ManyRuns) -> Iterator[tuple[int, int]]:
    """The page as a process of its own, as soon as it listens; yields its port and its process's number."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "AUTOTUNE_PAGE": str(many.base / "page"),
        "AUTOTUNE_RUNS": str(many.base / "runs"),
        "AUTOTUNE_APPLIED": str(many.base / "journals"),
        "AUTOTUNE_PAGE_PORT": str(port),
        "PREFECT_API_URL": "http://127.0.0.1:9/api",  # nobody listens there
    }
    command = [sys.executable, "-m", "flows.web"]
    started = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        _wait_until_it_listens(port, started)
        yield port, started.pid
    finally:
        started.terminate()
        started.wait(timeout=30)


def _wait_until_it_listens(port: int, started: subprocess.Popen[bytes]) -> None:
    for _ in range(3000):
        if started.poll() is not None:
            raise RuntimeError(f"the page ended with status {started.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("the page did not begin to listen")


def first_byte(port: int, path: str, cookie: str) -> tuple[int, float]:
    """The status of an answer, and when its first byte was there, in ms."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        begun = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie, "Accept": "text/html"})
        answer = connection.getresponse()
        answer.read(1)
        took = (time.perf_counter() - begun) * 1000
        answer.read()
        return answer.status, took
    finally:
        connection.close()


def indexed_in(port: int, many: ManyRuns) -> float:
    """The seconds until the index of the page has every run, while somebody looks at People all the time."""
    begun, store = time.perf_counter(), Store(many.base / "page")
    while True:
        first_byte(port, "/", many.cookie)
        row = store.row("SELECT count(*) AS number FROM runs")
        if row is not None and row["number"] >= many.count:
            return time.perf_counter() - begun
        if time.perf_counter() - begun > 300:
            raise RuntimeError("the index of the page does not become whole")


def measured(
    many: ManyRuns, repeat: int, paths: dict[str, str] | None = None
) -> tuple[dict[str, Answers], dict[str, float]]:
    """Every page after a start of its own, then all several times in one process; and what else there is to know."""
    paths = paths or many.paths()
    more: dict[str, float] = {}
    with page_of(many) as (port, _):
        _, more["first request of all, nothing indexed (ms)"] = first_byte(port, "/", many.cookie)
        more["all runs indexed after (s)"] = indexed_in(port, many)
    answers = {name: Answers() for name in paths}
    for name, path in paths.items():
        with page_of(many) as (port, _):
            answers[name].status, answers[name].after_start_ms = first_byte(port, path, many.cookie)
    with page_of(many) as (port, process):
        for _ in range(repeat):
            for name, path in paths.items():
                answers[name].later_ms.append(first_byte(port, path, many.cookie)[1])
        more["peak resident memory (MB)"] = parse_peak_mb(Path(f"/proc/{process}/status").read_text()) or 0.0
    return answers, more


def table(answers: dict[str, Answers], more: dict[str, float]) -> str:
    """Both as Markdown, each time with its share of the limit; a page that is not there is left out."""
    rows = [["page", "first after start ms", "× of limit", "median ms", "slowest ms", "× of limit"]]
    for name, of in answers.items():
        if of.status == 200 and of.after_start_ms is not None:
            slowest = max(of.later_ms)
            shares = number(of.after_start_ms / LIMIT_MS), number(slowest / LIMIT_MS)
            times = (of.after_start_ms, statistics.median(of.later_ms), slowest)
            after, middle, last = (number(ms, 0) for ms in times)
            rows.append([name, after, shares[0], middle, last, shares[1]])
    limits = {"peak resident memory (MB)": LIMIT_MB, "first request of all, nothing indexed (ms)": LIMIT_MS}
    facts = [["besides", "", "× of limit"]]
    for name, value in more.items():
        facts.append([name, number(value, 1), number(value / limits[name]) if name in limits else "–"])
    return f"{markdown(rows)}\n\n{markdown(facts)}"


def written(document: str, text: str) -> str:
    """The document with a text in place of what stood between the mark and the next heading."""
    before, mark, after = document.partition(MARK)
    if not mark:
        raise ValueError("the document has no mark of the page")
    rest = after.partition("\n## ")
    return f"{before}{MARK}\n\n{text}\n{rest[1]}{rest[2]}"


def main() -> int:
    """Measure and print; a status of 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.page", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=5, help="requests of each page in one process")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        template = RunDirectory.create(Path(scratch) / "template", datetime.now(UTC))
        person = bundled("fixtures/demonstration")
        known = json.loads((person / "settings.json").read_text("utf-8"))
        truth = json.loads((person / "truth.json").read_text("utf-8"))
        days = {"start": truth["first_local_day"], "end": truth["last_local_day"]}
        run_locally(AnalysisRequest.model_validate({"from_directory": person, **known, **days}), template)
        base = Path(scratch) / "many"
        base.mkdir()
        many = lay_out(base, template.path, options.runs, options.people)
        answers, more = measured(many, options.repeat)
    shown = table(answers, more)
    head = f"{options.runs} runs of {options.people} people, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}."
    print(f"{head}\n\n{shown}")
    if options.write:
        text = written(options.write.read_text("utf-8"), f"{head}\n\n{shown}")
        options.write.write_text(text, "utf-8")
    slow = [name for name, of in answers.items() if of.status == 200 and (of.after_start_ms or 0) > LIMIT_MS]
    return 1 if slow or more["peak resident memory (MB)"] > LIMIT_MB else 0


if __name__ == "__main__":
    sys.exit(main())
