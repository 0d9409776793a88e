"""A loopback site that answers upstream's script from memory, as Nightscout does: newest first, within the bounds."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flows.values.timestamps import instant_ms


@contextmanager
def serving(
    entries: list[dict[str, Any]], treatments: list[dict[str, Any]], profile: dict[str, Any] | None = None
) -> Iterator[str]:
    """Serve the records on a free port; yields the address."""
    dated = [(float(e["date"]), e) for e in entries]
    timed = [(instant_ms(t["created_at"], "UTC"), t) for t in treatments]
    events = [(found[0], t) for found, t in timed if found]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            if "profile" in parts.path:
                self._answer([profile] if profile else [])
                return
            if not any("created_at" in name or "date" in name for name in query):
                self._answer([])
                return
            sgv = "entries" in parts.path
            name, records = ("date", dated) if sgv else ("created_at", events)
            low = self._bound(query[f"find[{name}][$gte]"][0])
            high = self._bound(query.get(f"find[{name}][$lte]", ["2100-01-01T00:00Z"])[0])
            kind = query.get("find[eventType]")
            found = [r for ms, r in records if low <= ms <= high and (not kind or r.get("eventType") in kind)]
            if "find[originalProfileName][$exists]" in query:
                found = []
            self._answer(found[: int(query.get("count", ["1000000"])[0])])

        def _answer(self, records: list[dict[str, Any]]) -> None:
            body = json.dumps(records).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _bound(self, text: str) -> float:
            found = (float(text), True) if text.isdigit() else instant_ms(text.replace(" ", "+"), "UTC")
            assert found is not None
            return found[0]

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
