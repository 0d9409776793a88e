"""Upstream is what the lock pins, every file of every package, or nothing is computed with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.errors import Reason, Refused
from flows.oref0 import runtime
from flows.oref0.engine import EngineReport, TuneJob
from flows.oref0.node import NodeEngine, scrubbed_environment
from flows.oref0.pool import RunnerPool
from flows.oref0.provenance import differences, package_digests, tree_sha256
from flows.oref0.reference import ReferenceEngine
from flows.oref0.work_dir import copy_openaps_directory
from flows.pipeline.parity import prove
from flows.values.local_days import LocalDay
from tests.people import DAY, ZONE, export_directory, openaps_directory
from tests.upstream_copies import CORE, copy_installed, rewrite


def lay_out(modules: Path) -> Path:
    """A small tree with all that a real one has: nested packages' files, links to commands, npm's own note."""
    files = {
        "oref0/package.json": '{"version": "0.7.1"}',
        "oref0/lib/autotune/index.js": "const weight = 0.8;",
        "oref0/lib/round.js": "",
        "moment/moment.js": "module.exports = 1;",
        "moment/locale/fr.js": "",
        ".package-lock.json": "{}",
    }
    for name, text in files.items():
        (modules / name).parent.mkdir(parents=True, exist_ok=True)
        (modules / name).write_text(text)
    (modules / ".bin").mkdir()
    (modules / ".bin" / "oref0").symlink_to("../oref0/lib/round.js")
    return modules


def replace_by_link(modules: Path) -> None:
    (modules / "oref0/lib/round.js").rename(modules.parent / "round.js")
    (modules / "oref0/lib/round.js").symlink_to(modules.parent / "round.js")


def move_package_out(modules: Path) -> None:
    (modules / "moment").rename(modules.parent / "moment")
    (modules / "moment").symlink_to(modules.parent / "moment")


def redirect_command(modules: Path) -> None:
    (modules / ".bin/oref0").unlink()
    (modules / ".bin/oref0").symlink_to("../oref0/lib/autotune/index.js")


def put_pipe(modules: Path) -> None:
    (modules / "oref0/lib/round.js").unlink()
    os.mkfifo(modules / "oref0/lib/round.js")


def add(name: str) -> Callable[[Path], None]:
    def change(modules: Path) -> None:
        (modules / name).parent.mkdir(parents=True, exist_ok=True)
        (modules / name).write_text("{}")

    return change


CHANGES: list[tuple[str, Callable[[Path], object], list[str]]] = [
    ("a digit", lambda m: rewrite(m / CORE, "0.8", "0.9"), ["oref0 was changed"]),
    ("a digit of a package", lambda m: rewrite(m / "moment/moment.js", "1", "2"), ["moment was changed"]),
    ("a byte at the end", lambda m: (m / CORE).open("a").write("\n"), ["oref0 was changed"]),
    ("an empty file gone", lambda m: (m / "oref0/lib/round.js").unlink(), ["oref0 was changed"]),
    ("a file renamed", lambda m: (m / CORE).rename(m / "oref0/lib/autotune/main.js"), ["oref0 was changed"]),
    ("a file moved up", lambda m: (m / "moment/locale/fr.js").rename(m / "moment/fr.js"), ["moment was changed"]),
    ("a module found first", add("oref0/lib/autotune.js"), ["oref0 was changed"]),
    ("another entry of a directory", add("oref0/lib/autotune/package.json"), ["oref0 was changed"]),
    ("a package found first", add("oref0/node_modules/moment/index.js"), ["oref0 was changed"]),
    ("a package more", add("aaa/index.js"), ["aaa does not belong there"]),
    ("a file beside the packages", add("moment.js"), ["moment.js does not belong there"]),
    ("a package gone", lambda m: shutil.rmtree(m / "moment"), ["moment is missing"]),
    ("two changes", lambda m: [add("aaa/x.js")(m), shutil.rmtree(m / "moment")],
     ["aaa does not belong there", "moment is missing"]),
    ("a link of the same content", replace_by_link, ["oref0 was changed"]),
    ("a package that is a link", move_package_out, ["moment was changed"]),
    ("a command that leads elsewhere", redirect_command, [".bin was changed"]),
    ("a pipe", put_pipe, ["oref0 was changed"]),
    ("a name that is no text", lambda m: Path(os.fsdecode(bytes(m / "oref0") + b"/\xff")).write_text(""),
     ["oref0 was changed"]),
    ("a name that would move the cursor", add("a\x1b[2J/x.js"), ["'a\\x1b[2J' does not belong there"]),
    ("nothing left", shutil.rmtree, [".bin is missing", "moment is missing", "oref0 is missing"]),
    # What decides nothing.
    ("a mode", lambda m: (m / CORE).chmod(0o600), []),
    ("a time", lambda m: os.utime(m / CORE, (0, 0)), []),
    ("an empty directory", lambda m: (m / "oref0/lib/index").mkdir(), []),
    ("npm's note of itself", lambda m: (m / ".package-lock.json").write_text("[]"), []),
    ("npm's note gone", lambda m: (m / ".package-lock.json").unlink(), []),
]  # fmt: skip


@pytest.mark.parametrize(("what", "change", "expected"), CHANGES, ids=[row[0] for row in CHANGES])
def test_what_could_be_resolved_counts_and_what_could_not_does_not(
    what: str, change: Callable[[Path], object], expected: list[str], tmp_path: Path
) -> None:
    modules = lay_out(tmp_path / "node_modules")
    before = package_digests(modules)
    change(modules)
    after = package_digests(modules)
    assert differences(after, before) == expected
    assert (tree_sha256(after) == tree_sha256(before)) is (not expected)


def test_a_file_that_cannot_be_read_is_no_match(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = package_digests(lay_out(tmp_path / "node_modules"))

    def read_bytes(path: Path) -> bytes:  # the tests may run as root, who reads everything
        raise PermissionError(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    after = package_digests(tmp_path / "node_modules")
    assert differences(after, before) == ["moment cannot be read", "oref0 cannot be read"]


def test_the_pinned_digests_are_those_of_the_lock() -> None:
    pinned = json.loads((runtime.image_context() / "installed.json").read_text("utf-8"))
    lock = json.loads((runtime.image_context() / "package-lock.json").read_text("utf-8"))
    assert pinned["lock_sha256"] == runtime.lock_digest(), "run `python -m flows.oref0.runtime pin`"
    packages = {name.split("/")[1] for name in lock["packages"] if name}
    assert set(pinned["packages"]) == packages | {".bin"}
    # What npm would install on some systems only could not be pinned by one digest.
    assert not [n for n, p in lock["packages"].items() if {"optional", "os", "cpu", "hasInstallScript"} & p.keys()]


def in_javascript(modules: Path) -> dict[str, str]:
    tree = runtime.image_context() / "runner" / "tree.js"
    script = f"console.log(JSON.stringify(require({str(tree)!r}).packageDigests({str(modules)!r})))"
    node = str(runtime.find_node().executable)
    done = subprocess.run([node, "-e", script], env=scrubbed_environment("UTC"), capture_output=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.oref0
def test_the_container_computes_the_same_digests(tmp_path: Path) -> None:
    installed = runtime.find_oref0().parent
    assert in_javascript(installed) == package_digests(installed) == runtime.pinned_packages()
    modules = lay_out(tmp_path / "node_modules")
    # In the order of bytes U+FFFD comes before U+1F600, in that of JavaScript's texts after it.
    for name in (b"\xff", b"\xfe", "é".encode(), "e\u0301".encode(), "\ufffd".encode(), "\U0001f600".encode(), b"a b"):
        Path(os.fsdecode(bytes(modules / "oref0") + b"/" + name)).write_bytes(name)
    for name in ("lib", "lib-a", "lib.js", "Lib", ".hidden"):
        add(f"moment/{name}.d/x")(modules)
        (modules / "moment" / f"{name}.empty").mkdir()
    move_package_out(modules)
    add("alone.js")(modules)
    add("@scope/one/index.js")(modules)
    os.mkfifo(modules / "pipe")
    (modules / "oref0" / "broken").symlink_to("nowhere")
    (modules / "oref0" / "dots").symlink_to("./lib/../lib/")
    (modules / "oref0" / "big").write_bytes(b"x" * 3_000_000)
    assert in_javascript(modules) == package_digests(modules)
    assert len(package_digests(modules)) == 6
    (modules / ".package-lock.json").unlink()
    add(".package-lock.json/index.js")(modules)
    assert in_javascript(modules) == package_digests(modules)
    assert ".package-lock.json" in package_digests(modules)
    assert in_javascript(tmp_path / "none") == package_digests(tmp_path / "none") == {}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with one digit changed in upstream's core, which no acceleration stands before."""
    root = copy_installed(tmp_path_factory.mktemp("installed"))
    rewrite(root / "node_modules" / CORE, "0.8", "0.9")
    return root


@pytest.fixture
def changed_upstream(changed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(runtime, "_install_roots", lambda: [changed])
    return changed / "node_modules"


@pytest.fixture
def job(tmp_path: Path) -> TuneJob:
    copy_openaps_directory(openaps_directory(tmp_path / "openaps"), tmp_path / "work")
    return TuneJob(tmp_path / "work", (LocalDay(DAY, ZONE),), timeout_seconds=120)


WAYS: list[tuple[str, Callable[[TuneJob], object]]] = [
    ("node", lambda job: NodeEngine().run(job, lambda *_: None)),
    ("exact", lambda job: NodeEngine().run(TuneJob(job.work, job.days, exact=True), lambda *_: None)),
    ("reference", lambda job: ReferenceEngine().run(job, lambda *_: None)),
    ("pool", lambda job: list(RunnerPool(1).run_all([lambda: job]))),
    ("parity", lambda _: prove(None, docker=False, now=datetime.now(UTC))),
    ("install", lambda _: runtime.ensure_upstream()),
]


@pytest.mark.oref0
@pytest.mark.parametrize(("way", "compute"), WAYS, ids=[way for way, _ in WAYS])
def test_nothing_is_computed_with_a_changed_upstream(
    way: str, compute: Callable[[TuneJob], object], job: TuneJob, changed_upstream: Path
) -> None:
    with pytest.raises(Refused) as caught:
        compute(job)
    assert caught.value.reason is Reason.UPSTREAM_CHANGED
    assert "oref0 was changed" in caught.value.sentence
    assert f"Delete {changed_upstream} and run `python -m flows.oref0.runtime install`" in caught.value.remedy
    assert not list((job.work / "autotune").glob("autotune.*"))


@pytest.mark.oref0
@pytest.mark.parametrize("command", ["propose", "tune"])
def test_a_command_refuses_a_changed_upstream(
    command: str, changed_upstream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--json", "--out", str(tmp_path / "run")]
    if command == "propose":
        status = main(["propose", "--no-prefect", "--from", str(export_directory(tmp_path / "data")), *out])
    else:
        status = main(["tune", str(openaps_directory(tmp_path / "openaps")), "--timezone", ZONE, *out])
    assert status == 3
    document = json.loads(capsys.readouterr().out)
    assert document["reason_codes"] == ["upstream_changed"]
    assert document["recommended"] is None
    assert not (tmp_path / "run" / "proposal.json").exists()
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["reason_codes"] == ["upstream_changed"]
    assert "node_modules_sha256" not in manifest["upstream"]


def test_a_report_of_an_engine_from_before_is_readable() -> None:
    document: dict[str, Any] = EngineReport(engine="node", node="v24.0.0").document()
    del document["upstream_sha256"]
    assert EngineReport.from_document(document) == EngineReport(engine="node", node="v24.0.0")
