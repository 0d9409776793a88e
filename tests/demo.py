"""The demonstration's site, serving for a test in this process."""

from __future__ import annotations

import runpy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

MODULE: dict[str, Any] = runpy.run_path(str(ROOT / "images" / "demo_site" / "demo_site.py"), run_name="demo_site")
READ_TOKEN, WRITE_TOKEN = MODULE["READ_TOKEN"], MODULE["WRITE_TOKEN"]
PERSON = ROOT / "fixtures" / "aaps_closed_loop"


@contextmanager
def demo_site(data: Path) -> Iterator[str]:
    """Its address while it serves; what is written to it is kept under `data`."""
    server = MODULE["serve"](PERSON, data, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
