"""A run against a real Nightscout: credentials, completeness, and upstream's complete script on the same site."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests

from flows.cli.main import main
from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.client import NightscoutClient
from flows.nightscout.fetch import fetch_entries, fetch_profiles, fetch_treatments
from flows.oref0.docker import ensure_image, hardening
from flows.oref0.runtime import find_node, find_oref0
from flows.pipeline.parity import compare
from flows.values.local_days import Window
from tests.conftest import ROOT, docker_trouble
from tests.integration.conftest import REAL, Nightscout, real_only

pytestmark = pytest.mark.nightscout

PERSON = ROOT / "fixtures" / "aaps_closed_loop"
START, END, ZONE = "2026-03-28", "2026-03-29", "Europe/Berlin"  # the clock changes on the 29th
READ = ["api:entries:read", "api:treatments:read", "api:profile:read"]


@pytest.fixture(scope="module")
def person(nightscout: Nightscout) -> dict[str, Any]:
    """The whole fortnight of a fixture on the site."""
    documents = {k: json.loads((PERSON / f"{k}.json").read_text()) for k in ("entries", "treatments", "profile")}
    nightscout.clear("entries", "treatments", "profile")
    nightscout.fill(documents["entries"], documents["treatments"])
    for document in documents["profile"]:
        nightscout.post("v1/profile.json", {k: v for k, v in document.items() if k != "_id"})
    return documents


def reader(site: Nightscout, **credentials: str) -> NightscoutClient:
    return NightscoutClient(site.url, Credentials(**credentials), sleep=lambda _: None)


def test_everything_is_fetched_and_nothing_twice(nightscout: Nightscout, person: dict[str, Any]) -> None:
    client = reader(nightscout, api_secret=nightscout.api_secret)
    dates = [e["date"] for e in person["entries"]]
    window = Window(int(min(dates)), int(max(dates)))
    got = [e for a in fetch_entries(client, window) for e in a.document]
    assert sorted(e["date"] for e in {e["_id"]: e for e in got}.values()) == sorted(dates)
    events = [t for a in fetch_treatments(client, window) for t in a.document]
    insulin = sum(t.get("insulin") or 0 for t in {str(t["_id"]): t for t in events}.values())
    assert insulin == pytest.approx(sum(t.get("insulin") or 0 for t in person["treatments"]))
    assert client.requests_made <= 20


def test_credentials_are_told_apart(nightscout: Nightscout, person: dict[str, Any]) -> None:
    token = nightscout.token("reader", READ)
    blind = nightscout.token("blind", ["api:entries:read"])
    for credentials in ({"token": token}, {"api_secret": nightscout.api_secret}):
        assert fetch_profiles(reader(nightscout, **credentials)).document
    for credentials in ({}, {"token": "nobody-0123456789abcdef"}, {"api_secret": "wrong-secret-123"}, {"token": blind}):
        with pytest.raises(Refused) as caught:
            fetch_profiles(reader(nightscout, **credentials))
        assert caught.value.reason is Reason.SITE_UNAUTHORIZED


def propose(site: Nightscout, out: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_API_SECRET", site.api_secret)
    arguments = [
        "propose",
        "--no-prefect",
        "--json",
        "--resamples",
        "0",
        "--no-compare",
        "--site",
        site.url,
        "--start",
        START,
        "--end",
        END,
    ]
    return main([*arguments, "--out", str(out), *more])


def content(file: Path) -> bytes:
    """What a file holds; of a workbook, which is packed, what its parts hold."""
    if file.suffix != ".xlsx":
        return file.read_bytes()
    with zipfile.ZipFile(file) as packed:
        return b"".join(packed.read(name) for name in packed.namelist())


@real_only
def test_a_site_and_its_export_give_the_same_proposal(
    nightscout: Nightscout,
    person: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert propose(nightscout, tmp_path / "site", monkeypatch) == 0
    from_site = json.loads(capsys.readouterr().out)
    arguments = [
        "propose",
        "--no-prefect",
        "--json",
        "--resamples",
        "0",
        "--no-compare",
        "--from",
        str(PERSON),
        "--start",
        START,
        "--end",
        END,
    ]
    assert main([*arguments, "--out", str(tmp_path / "directory")]) == 0
    from_directory = json.loads(capsys.readouterr().out)
    assert from_site["recommended"] == from_directory["recommended"]
    assert [d["readings"] for d in from_site["days"]] == [d["readings"] for d in from_directory["days"]]
    for file in (tmp_path / "site").rglob("*"):
        if file.is_file():
            assert nightscout.api_secret.encode() not in content(file)
            assert nightscout.headers["api-secret"].encode() not in content(file)


@pytest.mark.parametrize("open_nightscout", [REAL], indirect=True)
def test_an_open_site_that_shows_mmol_is_read_without_credentials(
    open_nightscout: Nightscout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = ROOT / "fixtures" / "loop_temp_basal"
    documents = {k: json.loads((source / f"{k}.json").read_text()) for k in ("entries", "treatments", "profile")}
    days = ("2025-10-27", "2025-10-28")
    open_nightscout.clear("entries", "treatments", "profile")
    near = [t for t in documents["treatments"] if "2025-10-25" <= t["created_at"] <= "2025-10-31"]
    open_nightscout.fill([e for e in documents["entries"] if e["dateString"] <= "2025-10-31"], near)
    open_nightscout.post("v1/profile.json", {k: v for k, v in documents["profile"][0].items() if k != "_id"})
    assert requests.get(f"{open_nightscout.url}/api/v1/status.json", timeout=30).json()["settings"]["units"] != "mg/dl"
    found = {}
    for name, where in (("site", ["--site", open_nightscout.url]), ("directory", ["--from", str(source)])):
        arguments = [
            "propose",
            "--no-prefect",
            "--json",
            "--resamples",
            "0",
            "--no-compare",
            *where,
            "--start",
            days[0],
            "--end",
            days[1],
        ]
        assert main([*arguments, "--out", str(tmp_path / name)]) == 0
        found[name] = json.loads(capsys.readouterr().out)["recommended"]
    assert found["site"] == found["directory"]


@real_only
def test_an_export_is_what_from_reads(
    nightscout: Nightscout,
    person: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_API_SECRET", nightscout.api_secret)
    exported = tmp_path / "export"
    days = ["--start", START, "--end", END]
    assert main(["export", "--site", nightscout.url, *days, str(exported)]) == 0
    assert exported.stat().st_mode & 0o077 == 0
    assert main(["export", "--site", nightscout.url, *days, str(exported)]) == 3, "an export is not overwritten"
    capsys.readouterr()
    found = []
    for where in (["--from", str(exported)], ["--from", str(PERSON)]):
        arguments = ["propose", "--no-prefect", "--json", "--resamples", "0", "--no-compare", *where, *days]
        assert main([*arguments, "--out", str(tmp_path / str(len(found)))]) == 0
        found.append(json.loads(capsys.readouterr().out)["recommended"])
    assert found[0] == found[1]


@pytest.mark.oref0
@real_only  # upstream's own fetch is what is looked at, and takes half a minute
def test_untouched_inputs_equal_upstreams_complete_script(
    nightscout: Nightscout, person: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert propose(nightscout, tmp_path / "ours", monkeypatch, "--inputs", "upstream") == 0
    ours = tmp_path / "ours" / "work"
    theirs = tmp_path / "theirs"
    (theirs / "settings").mkdir(parents=True)
    shutil.copy(ours / "settings" / "pumpprofile.json", theirs / "settings" / "pumpprofile.json")
    run_script(nightscout, theirs)
    written = sorted(p.name for p in (theirs / "autotune").iterdir())
    dates = [START, END]
    assert [n for n in written if n.startswith("newprofile.")] == [f"newprofile.{d}.json" for d in dates]
    for log in (theirs / "autotune").glob("autotune.*.log"):
        log.unlink()
    files, differing = compare(theirs, ours, ("autotune.", "newprofile.", "profile."))
    assert files >= 3 * len(dates) + 2
    assert differing == ["autotune_recommendations.log"] or differing == []
    for date in dates:
        for kind in ("ns-entries", "ns-treatments"):
            name = f"{kind}.{date}.json"
            assert json.loads((theirs / "autotune" / name).read_text()) == json.loads(
                (ours / "autotune" / name).read_text()
            )
    report = (theirs / "autotune" / "autotune_recommendations.log").read_text()
    assert report == (tmp_path / "ours" / "report.txt").read_text()


def run_script(site: Nightscout, directory: Path) -> None:
    """Upstream's oref0-autotune, complete and unmodified: in its image, else on this host."""
    arguments = [f"--dir={directory}", f"--ns-host={site.url}", f"--start-date={START}", f"--end-date={END}"]
    environment = {"TZ": ZONE, "API_SECRET": site.headers["api-secret"]}
    if docker_trouble() is None:
        import docker

        client = docker.from_env()
        limits = hardening() | {"network_mode": "host", "read_only": False}
        limits["user"] = f"{os.getuid()}:{os.getgid()}"
        output = client.containers.run(
            ensure_image(client),
            ["oref0-autotune", *arguments],
            environment=environment,
            volumes={str(directory): {"bind": str(directory), "mode": "rw"}},
            remove=True,
            stderr=True,
            **limits,
        )
        client.close()
        (directory / "output.txt").write_bytes(output)
        return
    tools = [t for t in ("bash", "jq", "bc", "curl") if shutil.which(t) is None]
    if tools:
        pytest.skip(f"upstream's script needs {', '.join(tools)}, or Docker")
    binaries = find_oref0().parent / ".bin"
    path = os.pathsep.join([str(binaries), str(find_node().executable.parent), os.environ["PATH"]])
    script = ["bash", str(binaries / "oref0-autotune"), *arguments]
    done = subprocess.run(
        script, env={**environment, "PATH": path, "HOME": str(directory)}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
