"""Re-checks of the gate's running answers: decided again, and ended by aborts elsewhere."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pytest_django import Settings

from accounts.network import addresses
from accounts.outages import Unavailable
from apikeys.bearer import Carrier
from apikeys.credentials import ABSENT
from chatflows import predictions
from chatflows.access.decisions import ChatflowAccess, Mode, RequestFacts, decide
from chatflows.engines.sources import EngineRef
from chatflows.gate.readers.facts import Facts
from chatflows.gate.rechecks import GateAnswer, GateAnswers
from chatflows.gate.verdicts import Claim, Verdict
from chatflows.predictions.running import Ending, RunningAnswers
from tests.chatflows.gate import counts

pytestmark = pytest.mark.fast

FLOW, OTHER, KEY = UUID(int=1), UUID(int=2), UUID(int=3)
THREAD = predictions.thread_id(FLOW, str(KEY), "c")


@dataclass
class Reader:
    """A database with public chatflows, where somebody stopped conversations so long ago."""

    aborted: dict[str, float] | Exception = field(default_factory=dict)
    fault: Exception | None = None
    mode: Mode = Mode.PUBLIC
    looked_up: list[list[str]] = field(default_factory=list)

    async def read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        """See AccessReader."""
        if self.fault is not None:
            raise self.fault
        return Facts(None, ChatflowAccess(chatflow_id, OTHER, self.mode), EngineRef("openai", 1))

    async def aborts(self, thread_ids: Sequence[str]) -> dict[str, float]:
        """See AbortReader."""
        self.looked_up.append([*thread_ids])
        if isinstance(self.aborted, Exception):
            raise self.aborted
        return self.aborted


def group(reader: Reader) -> GateAnswers:
    return GateAnswers(reader, counts.admission())  # type: ignore[arg-type]


def answer(
    mine: GateAnswers, flow: UUID = FLOW, caller: str = "", address: str = "192.0.2.1"
) -> GateAnswer:
    access = ChatflowAccess(flow, OTHER, Mode.PUBLIC)
    request_facts = RequestFacts(address=addresses.parse(address))
    claim = Claim(Carrier.NONE, None, flow, request_facts)
    facts = Facts(None, access, EngineRef("openai", 1))
    decision = decide(ABSENT, access, request_facts)
    return GateAnswer(mine, Verdict(datetime.now(UTC), ABSENT, facts, decision, claim, caller))


async def ending_of(running: GateAnswer, times: int = 1) -> object:
    """How a running answer ends by so many re-checks."""
    task = asyncio.create_task(asyncio.sleep(10))
    with running.running(task):
        for _ in range(times):
            await running.group.recheck([running])
    task.cancel()
    return running.ending


def test_a_key_is_counted_over_all_chatflows_and_strangers_for_each(settings: Settings) -> None:
    settings.MAX_STREAMS, settings.MAX_STREAMS_PER_KEY = 100, 1

    async def story() -> None:
        registry, mine = RunningAnswers(), group(Reader())
        assert registry.enter(answer(mine, FLOW, str(KEY)))
        assert not registry.enter(answer(mine, OTHER, str(KEY)))
        assert registry.enter(answer(mine, FLOW))
        assert not registry.enter(answer(mine, FLOW))
        assert registry.enter(answer(mine, OTHER))
        settings.MAX_STREAMS = 3
        assert not registry.enter(answer(mine, KEY)), "the process has its bound too"

    asyncio.run(story())


def test_strangers_of_one_address_and_all_together_leave_room(settings: Settings) -> None:
    settings.MAX_STREAMS, settings.MAX_STREAMS_PER_ADDRESS = 12, 2

    async def story() -> None:
        registry, mine = RunningAnswers(), group(Reader())
        same = ["2001:db8::1", "2001:db8::2", "2001:db8::3"]  # one host may have a whole /64
        entered = [registry.enter(answer(mine, address=each)) for each in same]
        assert entered == [True, True, False]
        others = [f"192.0.2.{number}" for number in range(10)]
        entered = [registry.enter(answer(mine, address=each)) for each in others]
        assert entered == [True] * 4 + [False] * 6
        assert registry.enter(answer(mine, FLOW, str(KEY), "2001:db8::1"))

    asyncio.run(story())


@pytest.mark.parametrize(
    ("reader", "times", "code"),
    [
        (Reader(), 2, None),
        (Reader(mode=Mode.KEYS), 1, "missing_token"),
        (Reader(fault=Unavailable("away")), 1, None),
        (Reader(fault=Unavailable("away")), 2, "unavailable"),
        (Reader(fault=ValueError()), 1, None),
        (Reader(fault=ValueError()), 2, "unavailable"),
    ],
    ids=["allowed", "closed", "away once", "away", "fault once", "fault"],
)
def test_an_answer_is_decided_again(reader: Reader, times: int, code: str | None) -> None:
    ending = asyncio.run(ending_of(answer(group(reader)), times))
    assert getattr(getattr(ending, "code", None), "name", None) == code


@pytest.mark.parametrize(
    ("aborted", "ending"),
    [
        ({THREAD: -1200.0}, None),  # the clock was set back
        ({THREAD: 1.0}, Ending.ABORTED),
        ({THREAD: 9.0}, None),
        ({str(OTHER): 1.0}, None),
        (Unavailable("away"), None),
        (ValueError(), None),
    ],
    ids=["clock set back", "since it began", "before it began", "another", "away", "fault"],
)
def test_an_abort_in_another_process_ends_what_began_before_it(
    aborted: dict[str, float] | Exception, ending: Ending | None
) -> None:
    mine = answer(group(Reader(aborted)), FLOW, str(KEY))
    mine.chat_id = "c"
    mine.began -= 5
    assert asyncio.run(ending_of(mine)) == ending


def test_all_running_answers_are_asked_for_in_one_question() -> None:
    reader = Reader()
    mine = group(reader)
    opened = [answer(mine, UUID(int=n)) for n in range(1, 200)]
    for each in opened[1:]:
        each.chat_id = "c"
    asyncio.run(mine.recheck(opened))
    (looked_up,) = reader.looked_up
    assert len(set(looked_up)) == 198, "one whose question is not read yet has no name"
