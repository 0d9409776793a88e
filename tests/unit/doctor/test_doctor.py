"""`autotune doctor` names the cause of each of many real broken set-ups, and the mend; nothing here is pretended."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.doctor import machine
from flows.doctor.table import CHECKS
from flows.oref0 import runtime
from tests.upstream_copies import CORE, copy_installed, rewrite

Broken = Callable[[pytest.MonkeyPatch, Path], list[str]]


@pytest.fixture(autouse=True)
def node_is_looked_for_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING", "AUTOTUNE_TIMEZONE"):
        monkeypatch.delenv(name, raising=False)
    runtime.find_node.cache_clear()
    yield
    runtime.find_node.cache_clear()


def doctor(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, dict[str, str]]]:
    status = main(["doctor", "--json", *options])
    return status, {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answering(status: int, body: str, ahead: timedelta = timedelta(0)) -> str:
    """The address of a server that gives everybody the same answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            self.send_header("Date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
            self.send_header("Content-Type", "text/html" if body.startswith("<") else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def a_node_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    monkeypatch.setenv("AUTOTUNE_NODE", str(tmp_path / "node"))
    return []


def an_upstream_somebody_changed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    root = copy_installed(tmp_path / "installed")
    rewrite(root / "node_modules" / CORE, "0.8", "0.9")
    monkeypatch.setattr(runtime, "_install_roots", lambda: [root])
    return []


def a_package_of_upstreams_somebody_changed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    root = copy_installed(tmp_path / "installed")
    rewrite(root / "node_modules" / "moment" / "moment.js", "0", "1")
    monkeypatch.setattr(runtime, "_install_roots", lambda: [root])
    return []


def no_upstream(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    monkeypatch.setattr(runtime, "_install_roots", lambda: [tmp_path])
    return []


def no_docker_for_its_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    return ["--engine", "docker"]


def runs_that_others_can_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    run = tmp_path / "open" / "20261122-020000-3f2a1c"
    run.mkdir(parents=True)
    (tmp_path / "open").chmod(0o700)
    run.chmod(0o755)
    return ["--runs", str(tmp_path / "open")]


def runs_where_none_can_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    (tmp_path / "file").write_text("no directory")
    return ["--runs", str(tmp_path / "file" / "runs")]


def no_prefect_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{unused_port()}/api")
    return []


def a_prefect_address_of_something_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    monkeypatch.setenv("PREFECT_API_URL", answering(404, "{}") + "/api")
    return []


def a_prefect_server_with_a_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    monkeypatch.setenv("PREFECT_API_URL", answering(401, "{}") + "/api")
    return []


def no_site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    return ["--site", f"http://127.0.0.1:{unused_port()}"]


def a_site_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    return ["--site", answering(200, "<html>the router's page</html>")]


def a_token_file_that_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_TOKEN_FILE", str(tmp_path / "gone"))
    return ["--site", "http://127.0.0.1:9"]


def a_clock_that_is_slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    return ["--site", answering(401, "{}", timedelta(minutes=10))]


def a_zone_there_is_none_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    return ["--timezone", "Europe/Pairs"]


BROKEN: list[tuple[Broken, str, str, str]] = [
    (a_node_that_is_none, "node", "AUTOTUNE_NODE names", "AUTOTUNE_NODE"),
    (an_upstream_somebody_changed, "oref0", "oref0 was changed", "flows.oref0.runtime install"),
    (a_package_of_upstreams_somebody_changed, "oref0", "moment was changed", "flows.oref0.runtime install"),
    (no_upstream, "oref0", "is not available", "flows.oref0.runtime install"),
    (no_docker_for_its_engine, "docker", "No Docker Engine answers", "--engine node"),
    (runs_that_others_can_read, "runs-mode", "20261122-020000-3f2a1c (mode 0755)", "chmod -R go-rwx"),
    (runs_where_none_can_be, "runs-disk", "cannot be written to", "AUTOTUNE_RUNS"),
    (no_prefect_server, "prefect-server", "cannot be reached: no connection", "PREFECT_API_URL"),
    (a_prefect_address_of_something_else, "prefect-server", "it is no Prefect API", "/api"),
    (a_prefect_server_with_a_password, "prefect-server", "asks for a password", "PREFECT_API_AUTH_STRING"),
    (no_site, "site", "cannot be reached: no connection", "Check the address"),
    (a_site_that_is_none, "site-version", "a web page", "Look at the site in a browser"),
    (a_token_file_that_is_gone, "site", "AUTOTUNE_NIGHTSCOUT_TOKEN_FILE is not there", "unset the variable"),
    (a_clock_that_is_slow, "clock", "behind the site's", "clock by the network"),
    (a_zone_there_is_none_of, "time-zone", "'Europe/Pairs'", "America/Denver"),
]


@pytest.mark.oref0
@pytest.mark.parametrize(("broken", "check", "cause", "mend"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
def test_the_cause_is_named_with_its_mend(
    broken: Broken,
    check: str,
    cause: str,
    mend: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, found = doctor(capsys, *broken(monkeypatch, tmp_path))
    assert status == 3
    assert found[check]["level"] == "fail"
    assert cause in found[check]["sentence"]
    assert mend in found[check]["mend"]
    # The one thing that is broken is what is found: nothing else fails but what follows from it.
    also = {name for name, result in found.items() if result["level"] == "fail"} - {check}
    assert also <= {"site-reading"} if check in ("site-version", "clock") else not also


@pytest.mark.oref0
def test_a_set_up_in_order_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = doctor(capsys, "--runs", str(tmp_path / "none yet"), "--timezone", "Europe/Paris")
    assert status == 0
    for name in ("node", "oref0", "runs-disk", "runs-mode", "prefect-server", "time-zone"):
        assert found[name]["level"] == "ok", found[name]
    assert set(found) == {check.name for check in CHECKS}


def test_the_password_of_the_server_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"http://admin:canary@127.0.0.1:{unused_port()}/api")
    assert main(["doctor"]) == 3
    shown = capsys.readouterr()
    assert "at http://127.0.0.1:" in shown.out
    assert "canary" not in shown.out + shown.err


def test_a_check_that_breaks_is_a_finding_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine.os, "access", lambda *_: 1 / 0)
    status, found = doctor(capsys)
    assert status == 3
    assert found["runs-disk"]["sentence"] == "The check itself failed (ZeroDivisionError)."
    assert found["time-zone"]["level"] == "skipped"


def test_json_keeps_the_keys_that_scripts_read(capsys: pytest.CaptureFixture[str]) -> None:
    _, found = doctor(capsys, "--timezone", "Europe/Pairs")
    assert all(set(check) == {"name", "looks_at", "level", "sentence", "mend"} for check in found.values())


def test_the_terminal_shows_what_to_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--timezone", "Europe/Pairs"]) == 3
    shown = capsys.readouterr().out
    assert "FAIL  time-zone" in shown
    assert shown.splitlines()[-1] == "Fix first: time-zone."
