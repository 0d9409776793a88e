"""The report as a PDF, printed by the Chromium-based browser of the system: two A4 pages, nothing folded is on them.

A browser is there on most machines and draws exactly what the browser tests look at; a PDF library would be a second
layout and a dozen packages. Everything it needs lies in a directory of its own beside the PDF, which is removed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from flows.errors import Reason, Refused
from flows.proposal.document import Proposal
from flows.report.html.report import report_html
from flows.values.run_directory import write_atomically

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome", "msedge")
PLACES = (  # where it is not on the path: macOS and Windows
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pdf-header-footer",
)
TIMEOUT_S = 120
PDF = b"%PDF-"


def write_pdf(proposal: Proposal, to: Path) -> Path:
    """Write the report of a proposal as a PDF, readable by its owner only.

    Args:
        proposal: what the report is of.
        to: the file; written whole or not at all.

    Raises:
        Refused: no browser is found, or it made no PDF.
    """
    if (browser := find_browser()) is None:
        raise Refused(Reason.PDF_NOT_MADE, detail="no Chromium, Chrome or Edge is found")
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Not in the system's temporary directory, which a browser from a snap does not see.
    with tempfile.TemporaryDirectory(prefix="pdf-", dir=to.parent, ignore_cleanup_errors=True) as made_in:
        directory = Path(made_in).resolve()
        page, pdf = directory / "report.html", directory / "report.pdf"
        page.write_bytes(report_html(proposal))
        content = _printed(browser, page, pdf)
    return write_atomically(to, content)


def find_browser() -> str | None:
    """The first browser of the system that can print a page without a window."""
    on_path = (shutil.which(name) for name in NAMES)
    return next((found for found in on_path if found), next((place for place in PLACES if Path(place).is_file()), None))


def _printed(browser: str, page: Path, pdf: Path) -> bytes:
    # Its sandbox needs what root in a container has not; the page holds no script and loads nothing.
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    own = f"--user-data-dir={page.parent / 'browser'}"
    try:
        subprocess.run(
            [browser, *FLAGS, *sandbox, own, f"--print-to-pdf={pdf}", page.as_uri()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused(Reason.PDF_NOT_MADE, detail="the browser did not end in two minutes") from None
    except OSError:
        raise Refused(Reason.PDF_NOT_MADE, detail="the browser could not be started") from None
    content = pdf.read_bytes() if pdf.is_file() else b""
    if not content.startswith(PDF):
        raise Refused(Reason.PDF_NOT_MADE, detail="the browser made none")
    return content
