"""A Flowise that runs: its lists for whoever holds the key, and predictions that ask for theirs."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Served(ThreadingHTTPServer):
    """Rows that it lists; `pages` is whether it knows pages, as releases since 3.0.6 do."""

    def __init__(self, flows: list[Any], keys: list[Any], *, pages: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lists = {"chatflows": flows, "apikey": keys}
        self.pages = pages
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def texts(self) -> set[str]:
        """The keys that open its lists."""
        return {row["apiKey"] for row in self.lists["apikey"]}


@contextmanager
def serving(flows: list[Any], keys: list[Any], *, pages: bool = True) -> Iterator[Served]:
    """Serve for as long as the block runs."""
    server = Served(flows, keys, pages=pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Served

    def do_GET(self) -> None:
        """List flows or keys."""
        parts = urlsplit(self.path)
        self.server.asked.append(self.path)
        rows = self.server.lists[parts.path.rpartition("/")[2]]
        if self._text() not in self.server.texts:
            self._answer(401, {"error": "Unauthorized Access"})
            return
        query = parse_qs(parts.query)
        if not self.server.pages:
            self._answer(200, rows)
            return
        page, limit = int(query["page"][0]), int(query["limit"][0])
        shown = rows[(page - 1) * limit : page * limit]
        self._answer(200, {"data": shown, "total": len(rows)})

    def do_POST(self) -> None:
        """Answer a question if the flow's own key is sent."""
        size = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(size)
        flow_id = urlsplit(self.path).path.rpartition("/")[2]
        flow = next(row for row in self.server.lists["chatflows"] if row["id"] == flow_id)
        held = [r["apiKey"] for r in self.server.lists["apikey"] if r["id"] == flow["apikeyid"]]
        if flow["apikeyid"] and self._text() not in held:
            self._answer(500, {"message": "Error: predictionsServices - Unauthorized"})
        else:
            self._answer(200, {"text": f"{flow['name']} answers"})

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def _text(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
