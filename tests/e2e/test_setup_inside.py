"""`autotune setup` asks a site from inside the worker's container, before anything is written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flows.cli.main import main
from tests.conftest import ROOT
from tests.demo import READ_TOKEN
from tests.e2e.conftest import Stack

pytestmark = pytest.mark.docker


@pytest.mark.parametrize(("token", "status"), [(READ_TOKEN, 0), ("demo-reader-of-nobody", 3)])
def test_a_site_that_only_the_containers_reach_is_set_up(
    token: str,
    status: int,
    stack: Stack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    (tmp_path / "images" / "flows").mkdir(parents=True)
    (tmp_path / "images" / "flows" / "no-token").touch()
    told = {k: v for k, v in stack.environment.items() if k.startswith(("AUTOTUNE_", "COMPOSE_"))}
    del told["AUTOTUNE_NIGHTSCOUT_TOKEN_FILE"]
    for name, value in {**told, "COMPOSE_PROJECT_NAME": stack.project, "AUTOTUNE_NIGHTSCOUT_TOKEN": token}.items():
        monkeypatch.setenv(name, value)
    options = ["--yes", "--directory", str(tmp_path), "--token-file", str(tmp_path / "token"), "--timezone", "UTC"]
    assert main(["setup", "--site", "http://demo-site:1337", "--allow-http", *options]) == status
    shown = capsys.readouterr()
    assert (tmp_path / ".env").exists() is (status == 0)
    if status == 0:
        assert "From the worker's container it can be read." in shown.err
        assert "this machine only" not in shown.out
    else:
        assert "From inside the container: The site does not know the access token." in shown.err
