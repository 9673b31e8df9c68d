"""Rotation as an integration sees it: a client that calls all the time and never notices."""

import signal
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.server.shipped import OWNER, Shipped, start
from tests.server.world import eventually

pytestmark = pytest.mark.server

EVERY = 0.05  # seconds between two calls of the client
UNTIL_END = 2.0  # seconds that the overlap still lasts once all else was seen


@dataclass(frozen=True)
class Call:
    """A call that was answered: with which text, when it was sent and answered, and how."""

    text: str
    sent_at: float
    answered_at: float
    status: int


@dataclass
class Client:
    """An integration: it calls with the text that it was given, and again if nobody answers."""

    server: Shipped
    text: str
    calls: list[Call] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Client":
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def after(self, count: int) -> list[Call]:
        """Wait until the text in use was answered so often from now on; those calls."""
        text, before = self.text, len(self.calls)

        def came() -> list[Call]:
            return [call for call in self.calls[before:] if call.text == text]

        assert eventually(lambda: len(came()) >= count)
        return came()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY):
            text, sent_at = self.text, time.time()
            try:
                status = self.server.predict(text).status
            except (OSError, HTTPException):
                continue  # the server is gone for a moment: no answer, and so no refusal
            self.calls.append(Call(text, sent_at, time.time(), status))


@pytest.fixture
def server(tmp_path: Path) -> Shipped:
    return start(tmp_path / "rotating", OWNER)


def make_key(server: Shipped) -> str:
    text: str = server.do("make_key", team="acme", name="crm", opens=[server.chatflow])
    return text


def restarted(server: Shipped, how: int) -> Shipped:
    """The server again, on the same folder, after it was ended by a signal."""
    server.stop(how)
    again = start(server.folder, OWNER)
    again.chatflow = server.chatflow
    return again


def wrong(calls: list[Call], old: str, ends_at: float) -> list[Call]:
    """The calls that were answered otherwise than the overlap says."""
    return [
        call
        for call in calls
        if (call.status != 200 and (call.text != old or call.answered_at < ends_at))
        or (call.status != 401 and call.text == old and call.sent_at >= ends_at)
    ]


@pytest.mark.parametrize(
    ("count", "endings"),
    [
        (5, [signal.SIGKILL]),
        pytest.param(20, [signal.SIGTERM, signal.SIGKILL, signal.SIGKILL], marks=pytest.mark.large),
    ],
    ids=["once", "often"],
)
def test_a_client_sees_no_failed_call_through_the_overlap(
    server: Shipped, count: int, endings: list[int]
) -> None:
    """The client makes `count` calls in each part; the server is ended in the overlap."""
    old = make_key(server)
    try:
        with Client(server, old) as client:
            client.after(count)
            new = server.do("rotate", name="crm")
            client.after(count)  # the old text, in the overlap
            for how in endings:
                client.server = server = restarted(server, how)
                for client.text in (old, new):
                    client.after(count)
            client.text = old
            client.after(count)
            ends_at = server.do("end_old", name="crm", seconds=UNTIL_END)
            assert eventually(lambda: client.calls[-1].status == 401)
            client.text = new
            client.after(count)
        assert {call.text for call in client.calls} == {old, new}
        assert wrong(client.calls, old, ends_at) == []
        server = restarted(server, signal.SIGKILL)  # it stays so
        assert [server.predict(text).status for text in (old, new)] == [401, 200]
    finally:
        server.stop()


@pytest.mark.parametrize("ending", ["retire", "disable"])
def test_a_secret_that_is_ended_by_hand_is_refused_by_the_next_call(
    server: Shipped, ending: str
) -> None:
    try:
        old = make_key(server)
        new = server.do("rotate", name="crm")
        assert [server.predict(text).status for text in (old, new)] == [200, 200]
        server.do(ending, name="crm")
        expected = [401, 200] if ending == "retire" else [401, 401]
        assert [server.predict(text).status for text in (old, new)] == expected
        server = restarted(server, signal.SIGKILL)
        assert [server.predict(text).status for text in (old, new)] == expected
    finally:
        server.stop()
