"""The whole service on one machine without Docker: Prefect's server, its set-up, the workers and the page, kept alive.

This process imports no Prefect and asks no site. It starts the others, starts again what ends, and ends all of them in
order. Killed, it takes them with it (`flows.orchestration.served`); what is left all the same the next start ends.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from filelock import FileLock, Timeout

from flows.errors import Reason, Refused
from flows.orchestration import processes
from flows.orchestration.service_settings import HOST, POOL, ServiceSettings

APPLY_POOL = "autotune-apply"
LOOK_S = 0.5
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0  # before what ended is started again; doubled each time
LONG_ALIVE_S = 120.0  # what lived for so long begins with the shortest pause again
HEALTH_EVERY_S, HUNG_S = 30.0, 300.0  # a server that answers nothing for so long is ended, and started again
ANSWER_S = 10.0
PAGE_STARTS_S = 60.0  # how long the page may take until the service says where it is
END_S = 15.0  # how long each may take to end in order
SET_UP_TRIES = 5
WRONG_SETTINGS = 2  # the set-up's status where a setting is wrong: trying again helps nobody


@dataclass
class Child:
    """A process of the service; `pause_s` passes before it is started again."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    output: Path | None = None  # a file for what it says of its success, which a person need not read
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    again_at: float = 0.0
    pause_s: float = field(default=SHORTEST_PAUSE_S)

    def start(self, settings: ServiceSettings) -> None:
        """Start it in a session of its own: a Ctrl-C of the terminal is for the service, which ends it in order."""
        with self.output.open("wb") if self.output is not None else nullcontext() as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flows.orchestration.served", *self.arguments],
                cwd=settings.state,  # where there is no file of settings that Prefect would read
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=output,
                start_new_session=True,
            )
        self.began = time.monotonic()

    @property
    def pid(self) -> int | None:
        """Of the process while it lives."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def end(self) -> None:
        """End it, by force where it does not end by itself."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None


class LocalService:
    """The service of one state directory."""

    def __init__(self, settings: ServiceSettings, say: Callable[[str], None]) -> None:
        self.settings, self.say = settings, say
        self.stop = threading.Event()
        self.server = Child("the server", ("server", str(settings.port)), settings.environment())
        writing = settings.environment(reads=True, writes=True)
        self.workers = [
            Child("the worker", ("worker", POOL), settings.environment(reads=True)),
            Child("the applying worker", ("worker", APPLY_POOL), writing),
        ]
        self.people_page = Child("the page", ("page",), settings.environment())
        self.answered = time.monotonic()

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; 0 then, else the status of a set-up that cannot succeed.

        Raises:
            Refused: `SERVICE_RUNNING`, `SERVICE_PORT`.
        """
        self.settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.settings.home.mkdir(exist_ok=True, mode=0o700)
        self.settings.runs.mkdir(parents=True, exist_ok=True, mode=0o700)  # the page looks there before the first run
        with self._the_only_one(), self._signals():
            processes.end(self._of_the_service(), END_S)  # what a service that was killed left behind
            for port in (self.settings.port, self.settings.page_port):
                refuse_taken(port)
            try:
                return self._serve()
            finally:
                self._end()

    def _serve(self) -> int:
        self.say("Starting the server …")
        if not self._up_and_answering():
            return 0
        self.say("Setting it up: work pool, limits, deployments, schedules …")
        if (status := self._set_up()) != 0 or self.stop.is_set():
            return status
        self._keep(self.people_page)
        began = time.monotonic()
        while not (answers(self._live) or self.stop.wait(LOOK_S) or time.monotonic() - began > PAGE_STARTS_S):
            self._keep(self.people_page)
        self.say(f"The service runs: open {self.settings.people_page} (runs in {self.settings.runs}). Ctrl-C ends it.")
        self.say(f"  Prefect's own page, for operators: {self.settings.page}")
        while not self.stop.wait(LOOK_S):
            for child in (self.server, *self.workers, self.people_page):
                self._keep(child)
            self._end_a_hung_server()
        return 0

    def _up_and_answering(self) -> bool:
        """Keep the server until it answers; `False` where the service is to end first."""
        while not self.stop.is_set():
            self._keep(self.server)
            if answers(self._health):
                self.answered = time.monotonic()
                return True
            self.stop.wait(LOOK_S)
        return False

    def _set_up(self) -> int:
        status = 1
        for attempt in range(SET_UP_TRIES):
            if attempt and (self.stop.wait(SHORTEST_PAUSE_S) or not self._up_and_answering()):
                return 0
            log = self.settings.state / "set-up.log"
            child = Child("the set-up", ("set-up",), self.settings.environment(), log)
            child.start(self.settings)
            try:
                while child.pid is not None and not self.stop.wait(LOOK_S):
                    self._keep(self.server)
                status = 0 if child.process is None or self.stop.is_set() else child.process.wait()
            finally:
                child.end()
            if status in (0, WRONG_SETTINGS):
                break
            self.say(f"The set-up ended ({status}); {log} has all that it said.")
        return status

    def _keep(self, child: Child) -> None:
        """Start what is not there, after its pause."""
        if child.pid is not None:
            return
        now = time.monotonic()
        if child.process is not None:
            status = child.process.wait()
            child.end()
            child.pause_s = SHORTEST_PAUSE_S if now - child.began > LONG_ALIVE_S else child.pause_s
            child.again_at = now + child.pause_s
            self.say(f"{child.name.capitalize()} ended ({status}); it is started again in {child.pause_s:g} s.")
            child.pause_s = min(2 * child.pause_s, LONGEST_PAUSE_S)
        if now >= child.again_at:
            if child in self.workers:  # a run of a worker that is gone would be a second one at work
                processes.end(self._of_the_service() - self._of_living(), END_S)
            self.answered = now
            child.start(self.settings)

    def _end_a_hung_server(self) -> None:
        now = time.monotonic()
        if self.server.pid is None or now - self.answered < HEALTH_EVERY_S:
            return
        if answers(self._health):
            self.answered = now
        elif now - self.answered > HUNG_S:
            self.say(f"The server has not answered for {HUNG_S:g} s.")
            self.server.end()

    def _end(self) -> None:
        """The runs first, which tell the server that they are; a worker would kill them; the server last."""
        self.say("Ending the service …")
        self.people_page.end()  # so that nobody starts anything meanwhile
        processes.end(self._of_the_service() - {child.pid for child in (self.server, *self.workers)}, END_S)
        for worker in self.workers:
            worker.end()
        self.server.end()
        processes.end(self._of_the_service(), END_S)

    @property
    def _health(self) -> str:
        return f"{self.settings.page}/api/health"

    @property
    def _live(self) -> str:
        return f"http://{HOST}:{self.settings.page_port}/live"

    def _of_living(self) -> set[int]:
        """The processes that live because one of the service's own does."""
        children = (self.server, *self.workers, self.people_page)
        return processes.family(pid for child in children if (pid := child.pid) is not None)

    def _of_the_service(self) -> set[int]:
        return processes.with_setting("PREFECT_HOME", str(self.settings.home))

    @contextmanager
    def _the_only_one(self) -> Iterator[None]:
        lock = FileLock(self.settings.state / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise Refused(Reason.SERVICE_RUNNING, state=self.settings.state) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        for number in before:
            signal.signal(number, lambda *_: self.stop.set())
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def refuse_taken(port: int) -> None:
    """Say that somebody else has the port, before a server fails at it again and again.

    Raises:
        Refused: `SERVICE_PORT`.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: one that just ended is gone
        try:
            probe.bind((HOST, port))
        except OSError:
            raise Refused(Reason.SERVICE_PORT, port=port) from None


def answers(address: str) -> bool:
    """Whether a server says at an address that it is well; no proxy of the environment is asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=ANSWER_S) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False
