"""Admission: row 11 of the access rule. The limits of a call are tested first, counted together.

Calls of the last minute are counted in this process, or with LIMITS_URL by all processes together,
as streams are then. Days and months are counted in the database (calls/tallies.py). A call that is
refused later on is taken back: it uses up nothing.
"""

import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from accounts.bounds import Measure
from accounts.limits import stores
from accounts.limits.rates import Limits, Rate
from accounts.limits.stores import Ask, Reply
from accounts.limits.windows import Window
from accounts.network import addresses
from chatflows.access.decisions import Reason
from chatflows.access.plans import Bound, Plan
from chatflows.calls.tallies import Tallies, Tally
from chatflows.gate.responses import Headers
from chatflows.gate.verdicts import Verdict

if TYPE_CHECKING:
    from accounts.limits.shared_limits import SharedLimits

MAX_WINDOWS = 20_000  # beyond it the empty ones go, and again at twice those that stayed
ADDRESS = "address-minute"
ALMOST = 0.999  # of a second: what is added to round a wait up
_STREAMS = (Reason.KEY_STREAMS, Reason.CHATFLOW_STREAMS)
_OF_FLOWISE = b"x-ratelimit-limit: %d\r\nx-ratelimit-remaining: %d\r\nx-ratelimit-reset: %d\r\n"
_LENGTHS = {Measure.MINUTE: ";w=60", Measure.DAY: ";w=86400", Measure.MONTH: ""}


class Standing(NamedTuple):
    """Where a call stands with one limit."""

    name: str
    reason: Reason
    most: int
    left: int
    resets_in: int  # seconds


class Held:
    """The counters of a plan, found once, and the frame of its RateLimit headers."""

    __slots__ = ("_lines", "_mosts", "generation", "is_local", "tallies", "windows")

    def __init__(
        self,
        windows: list[tuple[Window, Bound]],
        tallies: list[tuple[Tally, Bound]],
        address: int | None,
        generation: int,
    ) -> None:
        self.windows, self.tallies, self.generation = windows, tallies, generation
        self.is_local = address is None
        bounds = [bound for _, bound in windows] + [bound for _, bound in tallies]
        policies = [(each.name, each.most, _LENGTHS[each.measure]) for each in bounds]
        if address is not None:
            policies.append((ADDRESS, address, _LENGTHS[Measure.MINUTE]))
        policy = ", ".join([f'"{name}";q={q}{w}' for name, q, w in policies])
        limits = ", ".join([f'"{name}";r=%d;t=%d' for name, _, _ in policies])
        self._lines = f"ratelimit-policy: {policy}\r\nratelimit: {limits}\r\n".encode()
        self._mosts = [most for _, most, _ in policies]

    def lines(self, numbers: list[int], *, is_flowise: bool) -> bytes:
        """Return the RateLimit headers, each with its line end.

        They are those of draft-ietf-httpapi-ratelimit-headers-10. `numbers` holds what is left of
        each limit and the seconds until there is more. Flowise's clients read the headers of
        `express-rate-limit` beside them (flowise-wire 1.6).
        """
        if not numbers:
            return b""
        if not is_flowise:
            return self._lines % tuple(numbers)
        left = min(numbers[::2])
        place = numbers.index(left)
        resets_at = int(time.time()) + numbers[place + 1]
        return (self._lines + _OF_FLOWISE) % (*numbers, self._mosts[place // 2], left, resets_at)


class Ticket(NamedTuple):
    """A call that was counted against its limits: what is left of each, and until when."""

    held: Held
    numbers: list[int]
    address: Limits = ()
    calls: tuple[str, ...] = ()  # what the shared store counted it for,
    second: int = 0  # in this second,
    streams: tuple[str, ...] = ()  # and for limits on streams
    stream: str = ""  # under this id

    def lines(self, *, is_flowise: bool) -> bytes:
        """Return the RateLimit headers, each with its line end."""
        return self.held.lines(self.numbers, is_flowise=is_flowise)


class Over(NamedTuple):
    """A call for which a limit leaves no room. Nothing was counted."""

    held: Held
    standings: list[Standing]

    @property
    def worst(self) -> Standing:
        """The limit for which the caller has to wait longest."""
        full = [each for each in self.standings if each.left <= 0]
        return max(full or self.standings, key=lambda each: each.resets_in)

    def lines(self, *, is_flowise: bool) -> bytes:
        """Return the RateLimit headers, each with its line end."""
        return self.held.lines(_numbers(self.standings), is_flowise=is_flowise)


class Admission:
    """Counts the calls of one process; for its event loop."""

    def __init__(self, tallies: Tallies) -> None:
        self.tallies = tallies
        self.shared = stores.shared()
        self._windows: dict[tuple[str, object], Window] = {}
        self._forget_at = 0
        self._generation = 0  # grows when windows were forgotten: holders look for them again

    def most(self, bound: Bound) -> int:
        """Return what this process may use of a limit: a part, while the shared store is gone."""
        shared = self.shared
        is_alone = shared is not None and (shared.gone_since is not None or shared.is_suspect)
        return shared.share(bound.most) if shared is not None and is_alone else bound.most

    def take_now(self, plan: Plan) -> Ticket | None:
        """Count a call, if that is all there is to do: nothing to wait for, and no limit reached.

        This is on the shortest way: it reads the counters without a call for each of them.
        """
        if self.shared is not None:
            return None
        held = self._held(plan)
        now, at = time.monotonic(), time.time()
        if not held.is_local:
            return None
        for window, bound in held.windows:
            if now >= window.leaves_at:
                window.at(now)
            if window.total >= bound.most:
                return None
        for tally, bound in held.tallies:
            if tally.is_stale(at, now) or tally.seen + tally.unwritten >= bound.most:
                return None
        numbers: list[int] = []
        for window, bound in held.windows:
            window.add(now)
            numbers += (bound.most - window.total, int(window.leaves_at - now + ALMOST))
        for tally, bound in held.tallies:
            tally.unwritten += 1
            numbers += (bound.most - tally.seen - tally.unwritten, int(tally.ends_at - at + ALMOST))
        return Ticket(held, numbers)

    async def take(self, plan: Plan, verdict: Verdict, *, is_instant: bool) -> Ticket | Over:
        """Count a call against all its limits, or against none.

        An instant answer counts for no limit on streams. Raises Unavailable.
        """
        held, address = self._held(plan), _address_of(plan, verdict)
        at, now = time.time(), time.monotonic()
        stale = [tally for tally, _ in held.tallies if tally.is_stale(at, now)]
        if stale:
            for tally in stale:
                tally.turn_to(at)
            await self.tallies.refresh(stale)
        streams = () if is_instant else plan.streams
        if self.shared is None or not (held.windows or address or streams):
            return self._take(held, address)
        if self.shared.is_suspect and self._is_full(held, address):
            return Over(held, self._standings(held, address))
        return await self._take_shared(self.shared, held, address, streams)

    async def settle(self, ticket: Ticket, *, is_let_in: bool) -> None:
        """End a call: its stream counts no longer, and a call that was refused never did."""
        if not is_let_in:
            self.take_back_now(ticket)
            if self.shared is not None and ticket.calls:
                await self.shared.take_back(ticket.calls, ticket.second)
        if self.shared is not None and ticket.streams:
            await self.shared.give_back(ticket.streams, ticket.stream)

    def take_back_now(self, ticket: Ticket) -> None:
        """Uncount a call of this process."""
        for window, _ in ticket.held.windows:
            window.take_back()
        for tally, _ in ticket.held.tallies:
            tally.take_back()
        if ticket.address:
            stores.process.take_back(ticket.address)

    async def renew(self, tickets: Iterable[Ticket]) -> None:
        """Let running streams count on in the shared store."""
        names = [(name, each.stream) for each in tickets for name in each.streams]
        if self.shared is not None and names:
            await self.shared.renew(names)

    def _take(self, held: Held, address: Limits) -> Ticket | Over:
        """Count a call in this process."""
        if self._is_full(held, address):
            return Over(held, self._standings(held, address))
        _count(held, address)
        for tally, _ in held.tallies:
            tally.unwritten += 1
        return Ticket(held, _numbers(self._standings(held, address)), address)

    async def _take_shared(
        self, shared: "SharedLimits", held: Held, address: Limits, streams: tuple[Bound, ...]
    ) -> Ticket | Over:
        """Count a call in all processes together."""
        if any(tally.taken >= bound.most for tally, bound in held.tallies):
            return Over(held, self._standings(held, address))
        for tally, _ in held.tallies:  # held while the store is asked, so that no other takes them
            tally.unwritten += 1
        bounds = [bound for _, bound in held.windows]
        asks = [Ask(_name(bound), bound.most) for bound in bounds]
        asks += [Ask(f"{rate.name}/{subject}", rate.limit) for rate, subject in address]
        asks += [Ask(_name(bound), bound.most, is_streams=True) for bound in streams]
        stream = secrets.token_hex(8) if streams else ""
        reply = await shared.ask(asks, stream)
        if reply is not None and reply.is_admitted:
            _count(held, address)
            standings = _shared_standings(reply, bounds, address) + _of_tallies(held)
            names = tuple([ask.name for ask in asks if not ask.is_streams])
            leases, numbers = tuple(map(_name, streams)), _numbers(standings)
            return Ticket(held, numbers, address, names, reply.second, leases, stream)
        for tally, _ in held.tallies:
            tally.take_back()
        if reply is None:
            return self._take(held, address)
        full = _shared_standings(reply, [*bounds, *streams], address) + _of_tallies(held)
        return Over(held, full)

    def _is_full(self, held: Held, address: Limits) -> bool:
        now = time.monotonic()
        for window, bound in held.windows:
            if window.at(now) >= self.most(bound):
                return True
        for tally, bound in held.tallies:
            if tally.taken >= bound.most:
                return True
        return bool(address) and not stores.process.test(address).is_admitted

    def _standings(self, held: Held, address: Limits) -> list[Standing]:
        now = time.monotonic()
        standings = [
            Standing(
                bound.name,
                bound.reason,
                bound.most,
                max(0, self.most(bound) - window.at(now)),
                window.wait(now),
            )
            for window, bound in held.windows
        ]
        if address:
            standings += [
                Standing(ADDRESS, Reason.ADDRESS_MINUTE, rate.limit, remaining, resets_in)
                for rate, remaining, resets_in in stores.process.test(address).standings
            ]
        return standings + _of_tallies(held) if held.tallies else standings

    def _held(self, plan: Plan) -> Held:
        held: Held | None = plan.held
        generation = self._generation + self.tallies.generation
        if held is None or held.generation != generation:
            windows = [(self._window(bound), bound) for bound in plan.minutes]
            of = self.tallies.of
            tallies = [(of(bound.subject, bound.measure), bound) for bound in plan.periods]
            held = plan.held = Held(windows, tallies, plan.address, generation)
        return held

    def _window(self, bound: Bound) -> Window:
        name = (bound.holder, bound.subject)
        found = self._windows.get(name)
        if found is None:
            if len(self._windows) >= max(MAX_WINDOWS, self._forget_at):
                self._forget()
            found = self._windows[name] = Window()
        return found

    def _forget(self) -> None:
        now = time.monotonic()
        for name, window in [*self._windows.items()]:
            if not window.at(now):
                del self._windows[name]
        # Where none was empty, the next new subject must not look at all of them once more.
        self._forget_at = 2 * len(self._windows)
        self._generation += 1


def _count(held: Held, address: Limits) -> None:
    now = time.monotonic()
    for window, _ in held.windows:
        window.add(now)
    if address:
        stores.process.hit(address)


def _of_tallies(held: Held) -> list[Standing]:
    at, found = time.time(), []
    for tally, bound in held.tallies:
        left, wait = max(0, bound.most - tally.taken), int(tally.ends_at - at + ALMOST)
        found.append(Standing(bound.name, bound.reason, bound.most, left, wait))
    return found


def _numbers(standings: list[Standing]) -> list[int]:
    """Return what is left of each limit and when there is more; streams have no header."""
    return [n for each in standings if each.reason not in _STREAMS for n in each[3:]]


def _shared_standings(reply: Reply, bounds: list[Bound], address: Limits) -> list[Standing]:
    named = [(bound.name, bound.reason, bound.most) for bound in bounds if not _is_stream(bound)]
    named += [(ADDRESS, Reason.ADDRESS_MINUTE, rate.limit) for rate, _ in address]
    named += [(bound.name, bound.reason, bound.most) for bound in bounds if _is_stream(bound)]
    return [
        Standing(name, reason, most, max(0, most - total - reply.is_admitted), wait)
        for (name, reason, most), total, wait in zip(named, reply.totals, reply.waits, strict=False)
    ]


def fields(lines: bytes) -> Headers:
    """Return headers from their lines."""
    pairs = [line.split(b": ", 1) for line in lines.split(b"\r\n")[:-1]]
    return [(name, value) for name, value in pairs]


def _is_stream(bound: Bound) -> bool:
    return bound.measure is Measure.STREAMS


def _name(bound: Bound) -> str:
    return f"{bound.name}/{bound.subject}"


def _address_of(plan: Plan, verdict: Verdict) -> Limits:
    """Return what a call counts for by its address: those without a secret key do."""
    if plan.address is None or (verdict.caller and not verdict.credential.is_publishable):
        return ()
    host = addresses.host_of(verdict.claim.request_facts.address)
    return [(Rate(ADDRESS, plan.address), f"{verdict.claim.chatflow_id} {host}")]
