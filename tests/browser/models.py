"""A model's server that stops in the middle of its answer until it is told to go on."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Model(BaseHTTPRequestHandler):
    """An OpenAI-compatible server that says one word, waits to be told, and says the rest."""

    go_on = threading.Event()
    has_left = threading.Event()
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        """The models."""
        body = json.dumps({"object": "list", "data": [{"id": "slow-1", "object": "model"}]})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self) -> None:
        """A completion, streamed."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            self._say("One")
            while not self.go_on.wait(0.05):
                self.wfile.write(b": wait\n\n")
                self.wfile.flush()
            self._say(" two", finish="stop")
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.has_left.set()
        self.close_connection = True

    def _say(self, text: str, finish: str | None = None) -> None:
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
        self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
        self.wfile.flush()


@contextmanager
def serving() -> Iterator[str]:
    """The address of such a server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    Model.go_on.set()
    server.shutdown()
    server.server_close()
