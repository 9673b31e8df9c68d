"""One PostgreSQL connection in the event loop: prepared statements, shared by who asks the same.

psycopg's own async connection costs a request three times as much. Here libpq is driven by
`add_reader`: all who ask the same statement with the same values before it is sent share it.
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import structlog
from psycopg import pq

from accounts.outages import Unavailable

log = structlog.get_logger("flowlatch.gate")

Values = tuple[bytes | None, ...]
Rows = list[tuple[str | None, ...]]
Question = tuple[bytes, Values]
Then = Callable[[Rows | Unavailable], None]
Waiters = list[Then]

CONNECT_WITHIN = 2  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0  # seconds between attempts to connect


class PostgresLink:
    """Asks one statement at a time. Connects at the first question, and again after a loss."""

    def __init__(
        self, parameters: Mapping[str, Any], statements: Mapping[bytes, str], *, deadline: float
    ) -> None:
        """`deadline`: the seconds that an answer may take before the connection is given up."""
        self._parameters = {**parameters, "connect_timeout": CONNECT_WITHIN}
        self._statements = statements
        self._deadline = deadline
        self._unsent: OrderedDict[Question, Waiters] = OrderedDict()
        self._sent: Waiters | None = None
        self._answer: pq.abc.PGresult | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._pg: pq.abc.PGconn | None = None
        self._socket = -1  # our own name for libpq's, which closes its own when it likes
        self._connecting: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._is_scheduled = False
        self._pause = 0.0
        self._not_before = 0.0
        self.losses = 0  # what was read before the latest one is of a connection that is gone

    def ask(self, name: bytes, values: Values = ()) -> "asyncio.Future[Rows]":
        """Return the rows of a statement that is sent after this call. May fail as Unavailable."""
        waiter: asyncio.Future[Rows] = asyncio.get_running_loop().create_future()

        def then(found: Rows | Unavailable) -> None:
            if waiter.done():  # its request is gone; the others still get their rows
                return
            if isinstance(found, Unavailable):
                waiter.set_exception(found)
            else:
                waiter.set_result(found)

        self.ask_soon(name, values, then)
        return waiter

    def ask_soon(self, name: bytes, values: Values, then: Then) -> None:
        """Call `then` with the rows of a statement that is sent after this call.

        A caller that needs no future costs the loop no turn.
        """
        self._unsent.setdefault((name, values), []).append(then)
        if self._sent is None and not self._is_scheduled:
            loop = asyncio.get_running_loop()
            self._is_scheduled = True
            loop.call_soon(self._next, loop)

    def close(self) -> None:
        """Let go of the connection; who waits is told. The next question connects again."""
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        self._lose("closed")
        self._pause = self._not_before = 0.0

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_scheduled = False
        if not self._unsent or self._sent is not None or self._connecting is not None:
            return
        if self._pg is None:
            if loop.time() < self._not_before:
                self._refuse("not connected")
            else:
                self._connecting = loop.create_task(self._connect(loop))
            return
        (name, values), self._sent = self._unsent.popitem(last=False)
        self._alarm = loop.call_later(self._deadline, self._give_up, loop)
        try:
            self._pg.send_query_prepared(name, values)
            if self._pg.flush() == 1:
                loop.add_writer(self._socket, self._flush, loop)
        except psycopg.Error as error:
            self._lose(type(error).__name__)

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._pg is not None
        try:
            if self._pg.flush() == 0:
                loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self._lose(type(error).__name__)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        pg = self._pg
        if pg is None:
            return
        try:
            pg.consume_input()
            while not pg.is_busy():
                result = pg.get_result()
                if result is None:
                    break
                self._answer = result
            else:
                return
        except psycopg.Error as error:
            self._lose(type(error).__name__)
            return
        if self._sent is not None and self._answer is not None:
            self._hand_out(loop)

    def _hand_out(self, loop: asyncio.AbstractEventLoop) -> None:
        waiters, answer = self._sent, self._answer
        assert waiters is not None
        assert answer is not None
        if answer.status != pq.ExecStatus.TUPLES_OK:
            # Timed out, cancelled or changed under us: a fresh connection is the surest cure.
            self._lose("refused")
            return
        try:
            rows = _rows(answer)
        except UnicodeDecodeError:
            self._lose("no UTF-8")
            return
        self._sent = self._answer = None
        self._silence()
        _tell(waiters, rows)
        self._next(loop)

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        waited_for = self._sent
        self._read(loop)  # a loop that was busy itself may have the answer lying there
        if self._sent is waited_for:
            self._lose("too slow")

    def _silence(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                pg = await self._prepared()
        except Exception as error:  # whatever it is, those who wait are told
            self._connecting = None
            self._lose(type(error).__name__)
            return
        self._connecting = None
        self._pause = 0.0
        pg.nonblocking = 1
        self._pg = pg
        loop.add_reader(self._socket, self._read, loop)
        self._next(loop)

    async def _prepared(self) -> pq.abc.PGconn:
        connection = await psycopg.AsyncConnection.connect(**self._parameters, autocommit=True)
        try:
            for name, statement in self._statements.items():
                await connection.execute(f"PREPARE {name.decode()} AS {statement}".encode())
            self._socket = os.dup(connection.pgconn.socket)
        except BaseException:
            await connection.close()
            raise
        self._connection = connection  # who owns the libpq connection that we drive
        return connection.pgconn

    def _lose(self, why: str) -> None:
        self.losses += 1
        self._silence()
        if self._pg is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._socket)
            loop.remove_writer(self._socket)
            os.close(self._socket)
            self._pg.finish()
        else:  # it can't be reached: try less and less often
            self._pause = min(max(self._pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
            self._not_before = asyncio.get_running_loop().time() + self._pause
        self._pg = self._connection = self._answer = None
        self._refuse(why)

    def _refuse(self, why: str) -> None:
        waiters = [*(self._sent or ()), *(w for each in self._unsent.values() for w in each)]
        self._sent = None
        self._unsent.clear()
        _tell(waiters, Unavailable(why))


def _tell(waiters: Waiters, found: Rows | Unavailable) -> None:
    for then in waiters:
        try:
            then(found)
        except Exception as error:  # one that breaks must not leave the others waiting
            log.exception("reader's caller failed", error=type(error).__name__)


def _rows(answer: pq.abc.PGresult) -> Rows:
    columns = range(answer.nfields)
    return [
        tuple(None if (v := answer.get_value(n, c)) is None else v.decode() for c in columns)
        for n in range(answer.ntuples)
    ]
