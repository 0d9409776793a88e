"""The demonstration's site, serving for a test in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.demo.site import READ_TOKEN, WRITE_TOKEN, serve
from tests.conftest import ROOT

__all__ = ["PERSON", "READ_TOKEN", "WRITE_TOKEN", "demo_site"]

PERSON = ROOT / "fixtures" / "demonstration"


@contextmanager
def demo_site(data: Path, host: str = "127.0.0.1") -> Iterator[str]:
    """Its address while it serves; what is written to it is kept under `data`."""
    server = serve(PERSON, data, host, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
