"""While Prefect starts the person sees that something happens; and nothing heavy comes before the first line."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, Settings, temporary_settings

from flows.cli.main import main
from flows.cli.prefect_api import may_be_named, server_to_use, still_starting
from flows.errors import Refused
from flows.values.progress import tell
from flows.values.user_directories import runs_root
from tests.people import export_directory
from tests.unit.nightscout.test_client import Site, send

NAMED = "http://127.0.0.1:4321/api"


def test_lines_come_until_the_run_tells_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with still_starting(0.02):
        while capsys.readouterr().err.count("still starting Prefect") < 1:
            time.sleep(0.01)
        tell("started")
        time.sleep(0.05)
        capsys.readouterr()
        time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_nothing_heavy_is_imported_before_the_first_line() -> None:
    heavy = ("pydantic", "requests", "prefect", "docker", "asyncio", "rich")
    program = f"""
import sys
import flows.cli.main, flows.cli.propose
def message(text):
    raise SystemExit(" ".join(m for m in {heavy!r} if m in sys.modules) or 0)
flows.cli.propose.message = message
flows.cli.main.main(["propose", "--from", "nowhere"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


# Where Prefect looks for its settings: a file and what it holds.
FILES = [
    (".env", f"PREFECT_API_URL={NAMED}\n"),
    ("prefect.toml", f'[api]\nurl = "{NAMED}"\n'),
    ("pyproject.toml", f'[tool.prefect.api]\nurl = "{NAMED}"\n'),
    ("home/profiles.toml", f'active = "a"\n[profiles.a]\nPREFECT_API_URL = "{NAMED}"\n'),
]


@pytest.fixture
def nothing_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("nothing_named")
@pytest.mark.parametrize(("file", "text"), FILES, ids=[file for file, _ in FILES])
def test_a_server_that_prefect_finds_in_a_file_is_found_without_prefect(file: str, text: str) -> None:
    assert (may_be_named(), Settings().api.url) == (False, None)
    Path(file).write_text(text)
    assert (may_be_named(), Settings().api.url) == (True, NAMED)


@pytest.mark.usefixtures("nothing_named")
@pytest.mark.parametrize(
    ("name", "value", "may"),
    [("prefect_api_url", NAMED, True), ("PREFECT_PROFILE", "local", True), ("PREFECT_API_URL", "", False)],
)
def test_a_server_of_the_environment_is_found_without_prefect(
    name: str, value: str, may: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert may_be_named() is may


@pytest.mark.usefixtures("nothing_named")
def test_files_that_name_no_server_are_none() -> None:
    Path(".env").write_text("AUTOTUNE_NIGHTLY=true\n")
    Path("pyproject.toml").write_text('dependencies = ["prefect"]\n')
    assert not may_be_named()


def test_where_no_server_is_named_a_run_is_made_without_prefect(tmp_path: Path) -> None:
    source = export_directory(tmp_path / "data", entries=[])
    program = f"""
import sys
from flows.cli.main import main
status = main(["propose", "--from", {str(source)!r}])
print(status, [name for name in ("prefect", "docker") if name in sys.modules])
"""
    own = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    own |= {"PREFECT_HOME": str(tmp_path / "prefect")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=own, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "3 []"
    assert "Prefect" not in done.stderr
    assert not (tmp_path / "prefect").exists()


def test_a_server_that_does_not_answer_is_one_sentence_and_leaves_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with temporary_settings({PREFECT_API_URL: "http://ada:hunter2@127.0.0.1:9/api"}):
        assert main(["propose", "--from", str(export_directory(tmp_path / "data", entries=[]))]) == 3
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 3
        assert "no connection" in said[1]
        assert "--no-prefect" in said[2]
        assert "hunter2" not in str(said)
        assert not runs_root().exists()
        assert main(["propose", "--no-prefect", "--from", str(tmp_path / "data")]) == 3
    assert "no_records" in next(runs_root().iterdir()).joinpath("manifest.json").read_text()


def test_a_server_with_a_password_says_where_it_is_put() -> None:
    site = Site()
    site.respond = lambda handler, _: send(handler, 401, b"")
    try:
        with temporary_settings({PREFECT_API_URL: f"{site.url}/api"}), pytest.raises(Refused) as caught:
            server_to_use()
    finally:
        site.server.shutdown()
        site.server.server_close()
    assert "PREFECT_API_AUTH_STRING" in caught.value.sentence
