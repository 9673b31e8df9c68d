"""`make timing`: whether the time of an answer tells what exists.

Pairs of requests to the shipped server, the two of each in random order: a known and an unknown
e-mail at login and at the forgotten password, a known and an unknown key id. Each pair comes from a
network of its own, so that no lock-out answers. The medians must be within 10 %.
"""

import argparse
import http.client
import random
import re
import statistics
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from apikeys import key_text
from tests.server.shipped import OWNER, Shipped, start

KNOWN, UNKNOWN = OWNER["OWNER_EMAIL"], "nobody@acme.example"
WITHIN = 0.10
WARM_UP = 10  # pairs that don't count
# From one proxy, as in life; the mail server is away, so nothing leaves.
SETTINGS = {"TRUSTED_PROXIES": "127.0.0.1/32", "EMAIL_URL": "smtp://127.0.0.1:1"}
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    """What is sent, but for where it comes from."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]
    answer: int  # the status of either


@dataclass(frozen=True)
class Question:
    """Two requests whose answers must not differ."""

    name: str
    known: Request
    unknown: Request


class Wire:
    """One connection to the server, kept open."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def milliseconds(self, request: Request, address: str) -> float:
        """How long an answer takes. Raises SystemExit if it is not the expected one."""
        headers = {**request.headers, "X-Forwarded-For": address}
        started = time.perf_counter()
        self._connection.request(request.method, request.path, request.body, headers)
        response = self._connection.getresponse()
        response.read()
        took = (time.perf_counter() - started) * 1000
        if response.status != request.answer:
            raise SystemExit(f"{request.path} answered {response.status}.")
        return took


def form(server: Shipped, path: str, answer: int, **fields: str) -> Request:
    """A form with its token."""
    page = server.request("GET", path)
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body.decode())
    if found is None:
        raise SystemExit(f"{path} has no form.")
    cookie = page.headers["set-cookie"].partition(";")[0]
    headers = {"Content-Type": FORM, "Cookie": cookie, "Origin": server.url}
    body = urlencode({"csrfmiddlewaretoken": found[1], **fields}).encode()
    return Request("POST", path, body, headers, answer)


def questions(server: Shipped) -> list[Question]:
    """What an attacker would ask."""
    key = server.do("make_key", team="acme", name="timing", opens=[server.chatflow])
    known = key_text.parse(key)
    assert known is not None
    wrong = key_text.generate()
    body = wrong.text[: -key_text.CHECKSUM_LENGTH].replace(wrong.public_id, known.public_id)

    def login(email: str) -> Request:
        return form(server, "/login/", 422, login=email, password="not the right password")

    def forgotten(email: str) -> Request:
        return form(server, "/forgotten-password/", 200, login=email)

    def call(text: str) -> Request:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {text}"}
        path = f"/api/v1/prediction/{server.chatflow}"
        return Request("POST", path, b'{"question": "Hi"}', headers, 401)

    return [
        Question("e-mail at login", login(KNOWN), login(UNKNOWN)),
        Question("e-mail at forgotten password", forgotten(KNOWN), forgotten(UNKNOWN)),
        Question("key id", call(body + key_text.checksum(body)), call(wrong.text)),
    ]


def measure(wire: Wire, question: Question, pairs: int) -> float:
    """Ask in pairs and print the medians; returns their ratio."""
    requests = (question.known, question.unknown)
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(pairs + WARM_UP):
        address = f"10.{number // 256}.{number % 256}.1"
        for which in random.sample((0, 1), 2):
            milliseconds = wire.milliseconds(requests[which], address)
            if number >= WARM_UP:
                took[which].append(milliseconds)
    known, unknown = map(statistics.median, took)
    print(f"{question.name:30} {known:10.2f} {unknown:10.2f} {known / unknown:8.3f}")
    return known / unknown


def main() -> None:
    """Start the server, measure, stop it; the status says whether all are within bounds."""
    parser = argparse.ArgumentParser(prog="make timing")
    parser.add_argument("--pairs", type=int, default=300)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = start(Path(folder) / "data", {**OWNER, **SETTINGS}, is_fork=False)
        try:
            print(f"{f'medians of {arguments.pairs} pairs, ms':30}      known    unknown    ratio")
            with closing(Wire(server.port)) as wire:
                ratios = [measure(wire, each, arguments.pairs) for each in questions(server)]
        finally:
            server.stop()
    sys.exit(any(abs(ratio - 1) > WITHIN for ratio in ratios))


if __name__ == "__main__":
    main()
