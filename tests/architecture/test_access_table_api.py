"""The API's half of the table of routes by role and credential, walked through the gate."""

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import Team, User
from accounts.permissions import SCOPES, Permission
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from apikeys import key_text
from apikeys.services import keys
from chatflows.calls.recorder import Recorder
from chatflows.flow_app import flow_apps, visits
from chatflows.gate.middleware import BearerGate
from chatflows.gate.readers.sqlite import SqliteReader
from chatflows.models import Chatflow
from tests import access_table, factories

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the tests' database is another"),
]

ROUTES = tuple(access_table.api_routes())
PUBLISHABLE = (access_table.PUBLISHABLE, *access_table.PUBLISHABLE_ELSEWHERE)
CHAT = "0198c2f4-1c2b-4d5e-8f90-abcdef123456"


Head = tuple[tuple[bytes, bytes], ...]


class Asked(NamedTuple):
    """An answer but for its id."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@pytest.fixture
def flows(acme: Team) -> dict[str, Chatflow]:
    """A chatflow of acme in each mode."""
    modes = ("keys", "public", "off")
    return {mode: factories.chatflow(acme, f"In {mode}", mode=mode) for mode in modes}


@pytest.fixture
def foreign(globex: Team) -> Chatflow:
    return factories.chatflow(globex, "Theirs", mode="public")


class Heads:
    """The header lines that each column sends, on a chatflow of a mode."""

    def __init__(self, of_column: dict[str, Head], publishable: dict[str, bytes]) -> None:
        self._of_column = of_column
        self._publishable = publishable  # the key that is pinned to the chatflow of each mode

    def of(self, column: str, mode: str = "keys") -> Head:
        if column in self._of_column:
            return self._of_column[column]
        is_other = column == access_table.PUBLISHABLE_OTHER
        auth = self._publishable["other" if is_other else mode]
        origins = {"publishable key, other origin": b"https://evil.example"}
        if column == "publishable key, no origin":
            return (auth_line(auth),)
        return auth_line(auth), (b"origin", origins.get(column, factories.ORIGIN.encode()))


def auth_line(text: bytes) -> tuple[bytes, bytes]:
    return b"authorization", b"Bearer " + text


@pytest.fixture
def heads(
    acme: Team, globex: Team, alice: User, flows: dict[str, Chatflow], foreign: Chatflow
) -> Heads:
    flow_apps.save(acme, "open", None, factories.TESTER)
    closed = factories.team("Umbrella")
    account = service_accounts.create(acme, About("Sync", "production"), factories.TESTER)
    disabled, of_disabled = factories.key(acme, "disabled", *flows.values())
    of_account = keys.add(
        acme,
        "of an account",
        factories.TESTER,
        service_account=account,
        opens=[flow.id for flow in flows.values()],
    )[1]
    texts = {
        "mistyped key": key_text.generate().text,
        "disabled key": of_disabled,
        "disabled account's key": of_account,
        "suspended team's key": factories.key(closed, "closed")[1],
        "another team's key": factories.key(globex, "theirs", foreign)[1],
        access_table.WITHOUT_SCOPE: keys.add(
            acme,
            "without the scope",
            factories.TESTER,
            scopes=SCOPES - {Permission.PREDICTIONS_CREATE},
            opens=[flow.id for flow in flows.values()],
        )[1],
        "key not selected": factories.key(acme, "unselected")[1],
        "selected key": factories.key(acme, "selected", *flows.values())[1],
    }
    keys.disable(disabled, factories.TESTER)
    service_accounts.disable(account, factories.TESTER)
    Team.objects.filter(pk=closed.pk).update(suspended_at=timezone.now())
    session = factories.client(alice).session.session_key
    _, visit = visits.begin(flow_apps.of(acme))
    of_column: dict[str, Head] = {
        "no key": (),
        "owner's session": ((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()),),
        "visitor's cookie": ((b"cookie", f"{settings.FLOW_COOKIE_NAME}={visit}".encode()),),
    } | {column: (auth_line(text.encode()),) for column, text in texts.items()}
    pins = {**flows, "other": factories.chatflow(acme, "Another")}
    publishable = {
        name: factories.publishable(acme, f"publishable {name}", flow)[1].encode()
        for name, flow in pins.items()
    }
    return Heads(of_column, publishable)


def test_every_cell_of_the_api_is_true(flows: dict[str, Chatflow], heads: Heads) -> None:
    wrong: list[Any] = []

    async def walk(gate: BearerGate) -> None:
        for route in ROUTES:
            mode = route.mode or "keys"
            chatflow_id = flows[mode].id
            for column, expected in route.cells.items():
                head = heads.of(column, mode)
                answer = await ask(gate, route.method, route.path, chatflow_id, head)
                if answer.status != expected:
                    wrong.append((route, column, expected, answer.status))

    asyncio.run(before_the_gate(walk))
    assert wrong == []


def test_another_teams_chatflow_gets_the_answer_of_nobodys(foreign: Chatflow, heads: Heads) -> None:
    async def walk(gate: BearerGate) -> None:
        for route in ROUTES:
            if route.mode == "keys":
                for column in ("selected key", "key not selected", "mistyped key", *PUBLISHABLE):
                    answers = [
                        await ask(gate, route.method, route.path, chatflow_id, heads.of(column))
                        for chatflow_id in (foreign.id, factories.NOBODYS_ID)
                    ]
                    assert answers[0] == answers[1], (route, column)
                    assert answers[0].status in (401, 403, 404)

    asyncio.run(before_the_gate(walk))


def test_other_methods_are_refused(flows: dict[str, Chatflow], heads: Heads) -> None:
    taken = {(route.method, route.path) for route in ROUTES if not route.is_hidden}
    taken |= {("HEAD", path) for method, path in taken if method == "GET"}

    async def walk(gate: BearerGate) -> None:
        for path in {path for _, path in taken}:
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
                if (method, path) not in taken:
                    head = heads.of("selected key")
                    answer = await ask(gate, method, path, flows["keys"].id, head)
                    assert answer.status == 405, (method, path)

    asyncio.run(before_the_gate(walk))


async def before_the_gate(walk: Any) -> None:
    """A gate as it is shipped; what it notes of calls is thrown away."""
    reader = SqliteReader(Path(str(settings.DATABASES["default"]["NAME"])))
    gate = BearerGate(no_page, reader, make_recorder=lambda: Recorder(lambda batch: None))
    try:
        await walk(gate)
    finally:
        await gate({"type": "lifespan"}, nothing, nothing)


async def no_page(_: Any, __: Any, send: Any) -> None:
    """The pages, none of which has the address."""
    headers = [(b"x-request-id", b"req_A")]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def nothing(*_: Any) -> Any:
    """Nobody waits for the end."""


async def ask(
    gate: BearerGate,
    method: str,
    path: str,
    chatflow_id: object,
    head: Head,
) -> Asked:
    """One request."""
    filled = path.replace("{id}", str(chatflow_id)).replace("{chatId}", CHAT)
    body = {"question": "Hi"}
    if path.startswith("/v1/"):
        body = {"model": str(chatflow_id), "messages": [{"role": "user", "content": "Hi"}]}  # type: ignore[dict-item]
    scope = {
        "type": "http",
        "method": method,
        "path": filled,
        "raw_path": filled.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), *head],
        "client": ("192.0.2.1", 50000),
    }
    parts = iter([{"type": "http.request", "body": json.dumps(body).encode()}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if (part := next(parts, None)) is None:
            await asyncio.Event().wait()  # the client stays
        return part  # type: ignore[return-value]

    async def send(message: Any) -> None:
        sent.append(message)

    await gate(scope, receive, send)
    return without_id(sent)


def without_id(sent: list[dict[str, Any]]) -> Asked:
    headers = sent[0]["headers"]
    request_id = dict(headers)[b"x-request-id"]
    told = b"".join(message.get("body", b"") for message in sent[1:])
    kept = [(name, value) for name, value in headers if value != request_id]
    return Asked(sent[0]["status"], kept, told.replace(request_id, b"-"))
