"""A real receiver of notices on this machine: it keeps what it is sent, and can be told to refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CANARY = "canary-address"


class Receiver:
    """`got` holds method, path and document of each request; `status` is what they are answered."""

    def __init__(self, port: int) -> None:
        self.status, self.got = 200, list[tuple[str, str, Any]]()
        self.host = f"127.0.0.1:{port}"

    @property
    def webhook(self) -> str:
        return f"http://{self.host}/{CANARY}-webhook"

    @property
    def json(self) -> str:
        return f"json://{self.host}/{CANARY}-json"

    @property
    def ntfy(self) -> str:
        return f"ntfy://{self.host}/{CANARY}"

    @property
    def ping(self) -> str:
        return f"http://{self.host}/{CANARY}-ping"

    def titles(self, of: str) -> list[str]:
        """The titles that came to one of the addresses."""
        path = "/" if of == self.ntfy else f"/{of.rpartition('/')[2]}"
        return [document["title"].removeprefix("Autotune: ") for _, at, document in self.got if at == path]

    def pings(self) -> int:
        return sum(method == "GET" for method, _, _ in self.got)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Receives until the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            here.got.append((self.command, self.path, json.loads(body) if body else None))
            self.send_response(here.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Receiver(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
