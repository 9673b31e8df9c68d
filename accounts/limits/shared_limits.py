"""Limits that all processes count together, in Valkey or Redis. Imported only with LIMITS_URL.

One script tests all limits of a call and counts it, in one round trip: either all of them count it
or none. The server's own clock counts, so the processes need not agree on the time.
"""

import asyncio
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from math import ceil
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import structlog
from valkey.asyncio import Valkey

from accounts.limits.rates import Admission, Limits, ProcessRates, Standing
from accounts.limits.stores import Ask, Reply

log = structlog.get_logger("flowlatch.limits")

PATIENCE = 0.25  # seconds that the store gets for one call
PAUSE = 5.0  # seconds between two tries while it is gone
AT_ONCE = 16  # calls that ask the store at once; each takes a connection
LEASE = 5  # seconds that a stream counts for without being renewed
ALIVE = 60  # seconds after its last sign for which a process counts as alive
SUSPECT_FOR = 60.0  # seconds after a flush in which each process also counts by itself
# In braces: a cluster then keeps all keys on one server, which a script asks for.
PREFIX = "{flowlatch}"

# ARGV: this process, a mark for an empty store, a stream's id, then three of each limit: its most,
# its seconds, and 1 for streams. KEYS: the mark, the processes, then the key of each limit.
# A limit in time is a hash of calls by second. A second leaves as a whole, with its last call.
_ADMIT = (
    f"""
local LEASE, ALIVE = {LEASE}, {ALIVE}
"""
    + """
local now = tonumber(redis.call('TIME')[1])
redis.call('SET', KEYS[1], ARGV[2], 'NX')
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ALIVE)
local reply = {1, redis.call('GET', KEYS[1]), redis.call('ZCARD', KEYS[2]), now}
for i = 3, #KEYS do
  local key, at = KEYS[i], 4 + (i - 3) * 3
  local most, seconds, total, oldest = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), 0, now
  if ARGV[at + 2] == '1' then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    total = redis.call('ZCARD', key)
  else
    local held = redis.call('HGETALL', key)
    for n = 1, #held, 2 do
      local second = tonumber(held[n])
      if second < now - seconds then
        redis.call('HDEL', key, held[n])
      else
        total = total + tonumber(held[n + 1])
        if second < oldest then oldest = second end
      end
    end
  end
  if total >= most then reply[1] = 0 end
  table.insert(reply, total)
  table.insert(reply, oldest + seconds + 1 - now)
end
if reply[1] == 1 then
  for i = 3, #KEYS do
    local at = 4 + (i - 3) * 3
    if ARGV[at + 2] == '1' then
      redis.call('ZADD', KEYS[i], now + LEASE + 1, ARGV[3])
      redis.call('EXPIRE', KEYS[i], LEASE + 2)
    else
      redis.call('HINCRBY', KEYS[i], now, 1)
      redis.call('EXPIRE', KEYS[i], tonumber(ARGV[at + 1]) + 2)
    end
  end
end
return reply
"""
)

Found = TypeVar("Found")


class _Link(NamedTuple):
    """The way to the store from one event loop: connections live in the loop that made them."""

    client: Valkey
    admit: Callable[..., Awaitable[Any]]
    turns: asyncio.Semaphore


class SharedLimits:
    """Counts in Valkey or Redis. While the store is gone or slow, each process counts by itself."""

    def __init__(self, url: str, fallback: ProcessRates, processes: int = 1) -> None:
        """`processes` is the least number of processes that share a limit while it is gone."""
        self._url = url.replace("valkey+unix://", "unix://").replace("redis+unix://", "unix://")
        self._fallback = fallback
        self._links: WeakKeyDictionary[asyncio.AbstractEventLoop, _Link] = WeakKeyDictionary()
        self._id = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._least, self._alive = processes, processes
        self._mark: str | None = None  # of the store since it was last empty
        self._suspect_until = 0.0  # these are on the monotonic clock
        self._next_trial_at = 0.0
        self.gone_since: float | None = None  # in seconds since 1970

    @property
    def is_suspect(self) -> bool:
        """Whether the store was emptied or gone a moment ago: it may let in too many."""
        return time.monotonic() < self._suspect_until

    def share(self, most: int) -> int:
        """Return the part of a limit that this process may use while the store is gone."""
        return ceil(most / max(self._alive, self._least))

    async def ask(self, asks: Sequence[Ask], stream: str = "") -> Reply | None:
        """Count a call against all its limits, or against none. None while the store is gone."""
        return await self._guarded(lambda link: self._ask(link, asks, stream))

    async def renew(self, names: Sequence[tuple[str, str]]) -> None:
        """Let streams count for another LEASE: their limits' names with their ids."""

        async def run(link: _Link) -> bool:
            now = (await link.client.time())[0]
            async with link.client.pipeline(transaction=False) as pipe:
                for name, stream in names:
                    pipe.zadd(f"{PREFIX}/{name}", {stream: now + LEASE + 1}, xx=True)
                    pipe.expire(f"{PREFIX}/{name}", LEASE + 2)
                await pipe.execute()
            return True

        await self._guarded(run)

    async def give_back(self, names: Sequence[str], stream: str) -> None:
        """Uncount a stream that ended."""

        async def run(link: _Link) -> bool:
            async with link.client.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.zrem(f"{PREFIX}/{name}", stream)
                await pipe.execute()
            return True

        await self._guarded(run)

    async def take_back(self, names: Sequence[str], second: int) -> None:
        """Uncount a call that was refused after all, of the second in which it was counted."""

        async def run(link: _Link) -> bool:
            async with link.client.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hincrby(f"{PREFIX}/{name}", str(second), -1)
                    pipe.expire(f"{PREFIX}/{name}", ALIVE + 2)
                await pipe.execute()
            return True

        await self._guarded(run)

    async def admit(self, limits: Limits) -> Admission:
        """Count a call of a page against all its rates, or against none."""
        if self.is_suspect:
            own = self._fallback.test(self._shares(limits))
            if not own.is_admitted:
                return own
        asks = [Ask(f"{rate.name}/{subject}", rate.limit, rate.window) for rate, subject in limits]
        reply = await self.ask(asks)
        if reply is None:
            return self._fallback.admit(self._shares(limits))
        standings = [
            Standing(rate, max(0, rate.limit - total - reply.is_admitted), wait)
            for (rate, _), total, wait in zip(limits, reply.totals, reply.waits, strict=True)
        ]
        if reply.is_admitted:
            self._fallback.hit(limits)  # so that it knows them when the store is gone
        return Admission(reply.is_admitted, tuple(standings))

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        link = self._links.pop(asyncio.get_running_loop(), None)
        if link is not None:
            await link.client.aclose()

    def _shares(self, limits: Limits) -> Limits:
        return [(rate._replace(limit=self.share(rate.limit)), subject) for rate, subject in limits]

    async def _ask(self, link: _Link, asks: Sequence[Ask], stream: str) -> Reply:
        keys = [f"{PREFIX}/mark", f"{PREFIX}/processes", *[f"{PREFIX}/{ask.name}" for ask in asks]]
        values: list[Any] = [self._id, secrets.token_hex(8), stream]
        for each in asks:
            values += [each.most, each.seconds, int(each.is_streams)]
        is_admitted, mark, alive, second, *rest = await link.admit(keys=keys, args=values)
        self._note_mark(mark.decode())
        self._alive = max(self._least, alive)
        return Reply(bool(is_admitted), tuple(rest[::2]), tuple(rest[1::2]), second)

    def _note_mark(self, mark: str) -> None:
        if self._mark is not None and mark != self._mark:
            log.warning("shared limits were emptied; each process counts too for a minute")
            self._suspect_until = time.monotonic() + SUSPECT_FOR
        self._mark = mark

    async def _guarded(self, run: Callable[[_Link], Awaitable[Found]]) -> Found | None:
        """Ask the store; None while it is gone."""
        link = self._link()
        async with link.turns:  # outside the time: a long queue here is no fault of the store
            is_trial = self.gone_since is not None
            if is_trial:
                if time.monotonic() < self._next_trial_at:
                    return None
                self._put_off()  # one call tries, and no other waits with it
            try:
                async with asyncio.timeout(PATIENCE):
                    found = await run(link)
            except Exception as error:  # of the client, of the network, of time
                self._note_gone(error)
                return None
        if is_trial:
            self.gone_since = None
            # What the others let in meanwhile is not in the store.
            self._suspect_until = time.monotonic() + SUSPECT_FOR
            log.warning("limits are shared again")
        return found

    def _note_gone(self, error: Exception) -> None:
        self._put_off()
        if self.gone_since is None:
            self.gone_since = time.time()
            self._mark = None  # it may be another one when it is back
            # The error's name alone: its message can quote the URL.
            log.warning("limits are counted by each process", error=type(error).__name__)

    def _put_off(self) -> None:
        self._next_trial_at = time.monotonic() + PAUSE

    def _link(self) -> _Link:
        loop = asyncio.get_running_loop()
        link = self._links.get(loop)
        if link is None:
            client = Valkey.from_url(self._url, max_connections=2 * AT_ONCE)
            admit = client.register_script(_ADMIT)
            link = self._links[loop] = _Link(client, admit, asyncio.Semaphore(AT_ONCE))
        return link
