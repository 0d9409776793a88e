"""Makes `data/`: what an earlier version wrote, by that version itself. Nothing in `data/` is written by hand.

    git worktree add ../earlier fa22ec0    # then an environment in ../earlier/.venv, and upstream in images/oref0
    python tests/old/make.py ../earlier

The person is synthetic: the last days of `fixtures/careportal_mdi`, with fewer fields and readings for little more than
half of each day, to keep the files small. The site is the earlier version's own demonstration site at the address that
the run names, so that a test can serve it there again. All of it is made under one neutral path, and by a user and on a
host with neutral names. Standard library only.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from datetime import date, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BASE = Path("/tmp/old-run")  # noqa: S108 - a neutral path, for it stands in the files that are made
ADDRESS = ("127.0.0.1", 21337)
SITE = f"http://{ADDRESS[0]}:{ADDRESS[1]}"
DEAD_SITE = "http://127.0.0.1:21338"  # nothing listens there
# Fewer than three days are red, and cannot be applied; a day with less than half of its readings is not used.
PERSON, DAYS, GLUCOSE_UNTIL = "careportal_mdi", 3, "14:00"
RUN = "old-run"
KEPT = {
    "entries": ("_id", "date", "dateString", "sgv", "type"),
    "treatments": ("_id", "eventType", "created_at", "insulin", "carbs"),
}
# The command of that version; only the host's name, which a journal holds, is not this machine's.
AUTOTUNE = "import socket, sys; socket.gethostname = lambda: 'host'; from flows.cli import main; sys.exit(main())"
POOLS = """
import json, sys
from prefect.workers.process import ProcessWorker
from flows.service.pools import Containers, docker_template
containers = Containers("autotune-flows:local", "autotune-flows_default", runs_volume="autotune-flows_runs")
pools = {"autotune-docker": docker_template(containers), "autotune": ProcessWorker.get_default_base_job_template()}
json.dump(pools, sys.stdout, indent=1)
"""
# Blocks and deployments as a server hands them out: what the set-up of that version saved in a temporary server.
SERVER = """
import json, os, re, sys
from prefect import get_client
from prefect.testing.utilities import prefect_test_harness
with prefect_test_harness(server_startup_timeout=120):
    import set_up
    from prefect.settings import PREFECT_API_URL
    os.environ["PREFECT_API_URL"] = PREFECT_API_URL.value()
    os.environ["AUTOTUNE_TIMEZONE"] = "Europe/Berlin"
    assert set_up.main() == 0
    from flows.approval import Decision, RollbackRequest, SyncRequest
    from flows.blocks import NightscoutSite
    from flows.settings import AnalysisRequest
    site = NightscoutSite(
        url="https://site.example", timezone="Asia/Kolkata", profile="Default",
        read_token="demo-reader-5f2b0c7e91a4d836", write_token="demo-writer-a97c3e15d0482b6f",
        options={"insulin": "ultra-rapid", "days": 14},
    )
    site.save("person", overwrite=True)
    with get_client(sync_client=True) as client:
        block = client.read_block_document_by_name("person", "nightscout-site", include_secrets=True)
        document = {
            "block": {"name": block.name, "block_type": block.block_type.slug, "data": block.data},
            "deployments": {
                d.name: {
                    "entrypoint": d.entrypoint, "parameters": d.parameters, "work_pool": d.work_pool_name,
                    "work_queue": d.work_queue_name,
                }
                for d in client.read_deployments()
            },
        }
    # What a person saved by filling in every field of the run form.
    person = {"proposal_id": "old-run", "sha256": "0" * 64, "decision": Decision.APPROVE}
    saved = {
        "on-demand": AnalysisRequest(site_block="person", days=14, exclude_events=["exercise"]),
        "apply": SyncRequest(**person, only=["basal"], name="Mine", although_unsure=True),
        "rollback": RollbackRequest(**person, even_if_edited=True),
    }
    document["run_forms"] = {name: {"request": request.model_dump(mode="json")} for name, request in saved.items()}
    compose = open("docker-compose.yml", encoding="utf-8").read()
    document["compose_modules"] = sorted(set(re.findall(r"-m,? (flows[.\\w]+)", compose)))
    with open(sys.argv[1], "w", encoding="utf-8") as stream:
        json.dump(document, stream, indent=1)
"""


class Earlier:
    """The earlier version at work: its command in a neutral surrounding."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.python = checkout / ".venv" / "bin" / "python"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(BASE / "home"),
            "LOGNAME": "person",
            "PREFECT_HOME": str(BASE / "home" / ".prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": f"{checkout}:{checkout / 'images' / 'flows'}",
            "AUTOTUNE_RUNS": str(BASE / "runs"),
            "AUTOTUNE_STATE": str(BASE / "sites"),
            "AUTOTUNE_APPLIED": str(BASE / "applied"),
        }

    def start(self, code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.python, "-c", code, *arguments],
            env={**self.environment, **environment},
            cwd=self.checkout,
            text=True,
            stdout=subprocess.PIPE,
        )

    def run(self, code: str, *arguments: str, status: int = 0, **environment: str) -> str:
        process = self.start(code, *arguments, **environment)
        said, _ = process.communicate()
        if process.returncode != status:
            sys.exit(f"{arguments}: {process.returncode} instead of {status}")
        return said


def demo_site(checkout: Path) -> Any:
    """The module of the earlier version's demonstration site."""
    spec = importlib.util.spec_from_file_location("demo_site", checkout / "images" / "demo_site" / "demo_site.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_person(checkout: Path, target: Path) -> None:
    """The last days of a synthetic person, with the fields that a run needs."""
    source = checkout / "fixtures" / PERSON
    truth = json.loads((source / "truth.json").read_text("utf-8"))
    since = date.fromisoformat(truth["last_local_day"]) - timedelta(days=DAYS - 1)
    target.mkdir(parents=True)
    for kind, names in KEPT.items():
        records = json.loads((source / f"{kind}.json").read_text("utf-8"))
        time = "dateString" if kind == "entries" else "created_at"
        kept = [{n: r[n] for n in names if n in r} for r in records if r[time][:10] >= since.isoformat()]
        if kind == "entries":
            kept = [{**r, "_id": f"e{n}"} for n, r in enumerate(kept) if r[time][11:16] < GLUCOSE_UNTIL]
        (target / f"{kind}.json").write_text(json.dumps(kept), "utf-8")
    shutil.copy(source / "profile.json", target)
    known = {n: truth[n] for n in ("time_zone", "last_local_day")}
    (target / "truth.json").write_text(json.dumps(known), "utf-8")


def keep(name: str) -> None:
    """Put the journals, and what the site holds that was written to it, into `data/NAME`."""
    target = HERE / "data" / name
    shutil.copytree(BASE / "applied", target / "applied", ignore=shutil.ignore_patterns("lock"))
    shutil.copy(BASE / "site" / "written.json", target / "written.json")


def main(checkout: Path) -> None:
    """Make all of `data/` anew."""
    shutil.rmtree(BASE, ignore_errors=True)
    shutil.rmtree(HERE / "data", ignore_errors=True)
    (BASE / "site").mkdir(parents=True)
    (BASE / "home").mkdir()
    make_person(checkout, BASE / "person")
    earlier, demo = Earlier(checkout), demo_site(checkout)
    server = demo.serve(BASE / "person", BASE / "site", *ADDRESS)
    writers: list[subprocess.Popen[str]] = []  # who is killed when the next document has been stored
    stored = server.RequestHandlerClass.site.write

    def write(kind: str, document: Any) -> Any:
        written = stored(kind, document)
        while writers:
            writers.pop().send_signal(signal.SIGKILL)
        return written

    server.RequestHandlerClass.site.write = write
    threading.Thread(target=server.serve_forever, daemon=True).start()

    run = str(BASE / "runs" / RUN)
    propose = ("propose", "--site", SITE, "--days", str(DAYS), "--resamples", "0", "--no-compare", "--no-prefect")
    reader, writer = (
        {"AUTOTUNE_NIGHTSCOUT_TOKEN": demo.READ_TOKEN},
        {"AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN": demo.WRITE_TOKEN},
    )
    earlier.run(AUTOTUNE, *propose, "--out", run, **reader)
    sha256 = json.loads((Path(run) / "proposal.json").read_text("utf-8"))["sha256"]
    approved = (run, "--yes", "--sha256", sha256)

    # A change that is stopped when the site has stored its document: nobody has read it back.
    with server.RequestHandlerClass.site.lock:
        stopped = earlier.start(AUTOTUNE, "apply", *approved, "--although-unsure", "--name", "First", **writer)
        writers.append(stopped)
    assert stopped.wait() == -signal.SIGKILL
    keep("unfinished")

    # The same brought to its end by that version, rolled back, and applied again with other parts, and activated.
    earlier.run(AUTOTUNE, "apply", run, "--resume", **writer)
    earlier.run(AUTOTUNE, "rollback", *approved, **writer)
    again = ("--although-unsure", "--only", "basal,isf", "--name", "Second", "--activate")
    earlier.run(AUTOTUNE, "apply", *approved, *again, **writer)
    keep("applied")
    shutil.copytree(run, HERE / "data" / "run")
    server.shutdown()

    # Three runs in a row that found no site.
    for number in range(3):
        out = str(BASE / "runs" / f"dead-{number}")
        arguments = ("propose", "--site", DEAD_SITE, "--no-prefect", "--days", "3", "--out", out)
        earlier.run(AUTOTUNE, *arguments, status=3, **reader)
    shutil.copytree(BASE / "sites", HERE / "data" / "sites", ignore=shutil.ignore_patterns("lock"))

    (HERE / "data" / "pools.json").write_text(earlier.run(POOLS), "utf-8")
    earlier.run(SERVER, str(HERE / "data" / "server.json"), AUTOTUNE_NIGHTSCOUT_SITE="https://site.example")
    for file in (HERE / "data").rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)  # as a checkout has them; the tests' copies are private again
    shutil.rmtree(BASE)  # the files name it: nothing may be found there by a test


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]).resolve())
