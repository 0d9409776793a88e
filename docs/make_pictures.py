"""The guide's pictures and what its commands print, from today's code, of two simulated people.

    python docs/make_pictures.py    # about three minutes; writes docs/pictures/*.png and the blocks of docs/guide.md

`demonstration` is the person that a seed drew, `step` one of those selected for the tests, because there is a step to
show (fixtures/README.md). Each has a site like the demonstration's, their days moved so that the last is yesterday.
Needs a Chromium (`AUTOTUNE_TEST_CHROMIUM`, else on the path) and the development packages.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.demo.site import READ_TOKEN, WRITE_TOKEN, serve
from flows.proposal.sealed import read_proposal

DOCS = Path(__file__).parent
PICTURES, GUIDE = DOCS / "pictures", DOCS / "guide.md"
SITE = "https://my.site.example"
PEOPLE = {"demonstration": ("demonstration", "teenager"), "step": ("careportal_mdi", "teenager")}
# Width and height in CSS pixels, pixels per CSS pixel, colour scheme.
LOOKS = {"light": (900, 700, 1, "light"), "dark": (900, 700, 1, "dark"), "phone": (390, 844, 1, "light")}
TAKEN = (("demonstration", "light"), ("demonstration", "phone"), ("step", "light"), ("step", "dark"))
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
# The commands whose output the guide shows, in this order: name, words, and of their lines those that are shown.
SHOWN = (
    ("doctor", ["doctor", "--site", SITE], r"(site|clock|time-zone) |^A run|^ok +(node|oref0) "),
    ("inspect", ["inspect", "--site", SITE], r"glucose records|^Profile|^day |^20"),
    ("propose", ["propose", "--site", SITE], r"^(?!  day|  repeat|Insulin|autotune)"),
    ("entry", ["entry", "last", "--for", "trio", "--pump", "omnipod"], r""),
    ("apply", ["apply", "last"], r""),
    ("history", ["history"], r""),
)
LONGEST = 118


def main() -> int:
    """Live through the guide once with each person; take the pictures, fill in the blocks."""
    names = (os.environ.get("AUTOTUNE_TEST_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    browser = next((found for name in names if name and (found := shutil.which(name))), None)
    if browser is None:
        print("No Chromium is found.")
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        reports = {}
        for name, (fixture, age_group) in PEOPLE.items():
            base = Path(scratch) / name
            with _site(DOCS.parent / "fixtures" / fixture, base) as address:
                commands = SHOWN if name == "step" else [row for row in SHOWN if row[0] == "propose"]
                said = {key: _run(words, base, address, age_group) for key, words, _ in commands}
            (reports[name],) = base.glob("runs/*/report.html")
            if name == "step":
                _fill_in({key: _kept(said[key], pattern) for key, _, pattern in commands})
        sheet = Path(scratch) / "step" / "sheet.html"
        _take_all(browser, reports, sheet)
    return 0


@contextmanager
def _site(person: Path, base: Path) -> Iterator[str]:
    base.mkdir()
    server = serve(person, base, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _run(words: list[str], base: Path, address: str, age_group: str) -> str:
    """What a command prints, with the address and the directories of the guide."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith(("AUTOTUNE_", "PREFECT_"))}
    mine |= {"AUTOTUNE_RUNS": str(base / "runs"), "AUTOTUNE_APPLIED": str(base / "applied"), "COLUMNS": "100"}
    mine |= {"AUTOTUNE_NIGHTSCOUT_TOKEN": READ_TOKEN, "AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN": WRITE_TOKEN}
    more = ["--age-group", age_group, "--insulin", "rapid-acting"] if words[0] == "propose" else []
    more += ["--html", "sheet.html"] if words[0] == "entry" else []
    if words[0] == "apply":  # as whoever read it, and typed yes
        (proposal,) = base.glob("runs/*/proposal.json")
        more += ["--yes", "--sha256", read_proposal(proposal).sha256]
    command = [sys.executable, "-m", "flows.cli.main", *(address if w == SITE else w for w in words), *more]
    done = subprocess.run(command, cwd=base, env=mine, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    text = done.stdout.replace(address, SITE).replace(f"{base}/runs", "autotune-runs").replace(f"{base}/", "")
    return text.replace(sys.prefix, ".venv").replace(str(DOCS.parent), "…")


def _kept(text: str, pattern: str) -> str:
    lines = [line.rstrip() for line in text.splitlines() if re.search(pattern, line)]
    return "\n".join(line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…" for line in lines).strip("\n")


def _fill_in(blocks: dict[str, str]) -> None:
    text = GUIDE.read_text("utf-8")
    for name, block in blocks.items():
        place = re.compile(rf"(<!-- printed by {name} -->\n```text\n)(?:(?!```).*\n)*(?=```)")
        text, count = place.subn(lambda found, block=block: f"{found[1]}{block}\n", text)
        if count != 1:
            sys.exit(f"docs/guide.md has {count} places for what {name} prints.")
    GUIDE.write_text(text, "utf-8")


def _take_all(browser: str, reports: dict[str, Path], sheet: Path) -> None:
    from playwright.sync_api import sync_playwright

    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        for look, (width, height, scale, scheme) in LOOKS.items():
            context = playwright.chromium.launch_persistent_context(
                tempfile.mkdtemp(),
                executable_path=browser,
                args=list(FLAGS),
                offline=True,
                viewport={"width": width, "height": height},
                device_scale_factor=scale,
                color_scheme=scheme,
            )
            pages = [(reports[name], f"{name}-{look}") for name, taken in TAKEN if taken == look]
            pages += [(sheet, "entry-sheet")] if look == "light" else []
            for source, name in pages:
                page = context.new_page()
                page.goto(source.resolve().as_uri())
                first = page.locator(".verdict").first.bounding_box() if source.name == "report.html" else None
                below = min(first["y"] + first["height"] + 16, height) if first else height
                clip = {"x": 0, "y": 0, "width": width, "height": below}
                page.screenshot(path=PICTURES / f"{name}.png", clip=clip)
                page.close()
                print(PICTURES / f"{name}.png")
            context.close()


if __name__ == "__main__":
    sys.exit(main())
