"""The stored files of a run: which are given out, as what, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.web.run_files import GIVEN_OUT
from tests.web import runs
from tests.web.conftest import Page


@pytest.fixture
def run(page: Page) -> Path:
    made = runs.put(page.state.settings.runs, runs.step_of(), files=True)
    (made / "report.pdf").write_bytes(b"%PDF-1.7")
    (made / "secret.txt").write_text("a secret")
    return made


@pytest.mark.parametrize("name", GIVEN_OUT)
def test_each_is_given_out_byte_by_byte(page: Page, run: Path, name: str) -> None:
    answer = page.get(f"/r/{run.name}/files/{name}")
    assert answer.status_code == 200
    assert answer.content == (run / name).read_bytes()
    assert answer.headers["content-type"] == GIVEN_OUT[name]
    disposition = answer.headers["content-disposition"]
    assert disposition == f'{"inline" if name == "report.html" else "attachment"}; filename="{run.name}-{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "allow-" not in policy


@pytest.mark.parametrize(
    "name",
    [
        *("secret.txt", "applied.json", "raw", "REPORT.HTML", "report.html.", "report.html%00", ""),
        *("..%2Fsecret.txt", "%2e%2e%2fproposal.json", "raw%2Fprofile.json", "report.de.html"),
    ],
)
def test_nothing_else_is(page: Page, run: Path, name: str) -> None:
    answer = page.get(f"/r/{run.name}/files/{name}", follow_redirects=False)
    assert answer.status_code in (404, 307)
    assert "secret" not in answer.text


def test_a_link_is_not_followed(page: Page, run: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("a secret")
    for name in ("report.pdf", "report.csv"):
        (run / name).unlink()
        (run / name).symlink_to(tmp_path / "outside")
        assert page.get(f"/r/{run.name}/files/{name}").status_code == 404


def test_a_pipe_is_not_waited_for(page: Page, run: Path) -> None:
    import os

    (run / "report.pdf").unlink()
    os.mkfifo(run / "report.pdf")
    assert page.get(f"/r/{run.name}/files/report.pdf").status_code == 404
