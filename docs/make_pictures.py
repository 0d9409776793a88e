"""Pictures of reports for the documentation: light, dark, and as on a phone, from finished runs.

    python docs/make_pictures.py RUN NAME [RUN NAME …]   # writes docs/pictures/NAME-light.png, -dark.png, -phone.png

Needs a Chromium (`AUTOTUNE_TEST_CHROMIUM`, else on the path) and the development packages.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

PICTURES = Path(__file__).parent / "pictures"
# Width and height in CSS pixels, pixels per CSS pixel, colour scheme.
LOOKS = {"light": (1000, 1500, 1, "light"), "dark": (1000, 1500, 1, "dark"), "phone": (390, 1500, 2, "light")}
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


def main(arguments: list[str]) -> int:
    """Take the pictures of each run."""
    if not arguments or len(arguments) % 2:
        print(__doc__)
        return 2
    names = (os.environ.get("AUTOTUNE_TEST_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    browser = next((found for name in names if name and (found := shutil.which(name))), None)
    if browser is None:
        print("No Chromium is found.")
        return 1
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
            for run, name in zip(arguments[::2], arguments[1::2], strict=True):
                print(_take(context, Path(run) / "report.html", PICTURES / f"{name}-{look}.png"))
            context.close()
    return 0


def _take(context: BrowserContext, report: Path, picture: Path) -> Path:
    page = context.new_page()
    page.goto(report.resolve().as_uri())
    page.screenshot(path=picture)
    page.close()
    return picture


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
