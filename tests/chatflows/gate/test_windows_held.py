"""The windows of an admission: those without a call go where there are too many."""

from uuid import UUID, uuid4

import pytest

from accounts.bounds import Measure
from chatflows.access.decisions import Reason
from chatflows.access.plans import Bound, Plan
from chatflows.calls.tallies import Tallies
from chatflows.gate.admission import Admission, Ticket

pytestmark = pytest.mark.fast


def plan_of(subject: UUID) -> Plan:
    bound = Bound("key", subject, Measure.MINUTE, 100, Reason.KEY_MINUTE, "key-minute")
    return Plan((bound,), (), (), (), None)


def test_windows_in_use_are_not_all_looked_at_again_for_each_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chatflows.gate.admission.MAX_WINDOWS", 2)

    async def read(*_: object) -> dict[tuple[UUID, str], int]:
        return {}

    admission = Admission(Tallies(read))
    first = plan_of(uuid4())
    assert isinstance(admission.take_now(first), Ticket)
    looks: list[int] = []
    forget = admission._forget

    def noted() -> None:
        looks.append(1)
        forget()

    monkeypatch.setattr(admission, "_forget", noted)
    for _ in range(63):
        assert isinstance(admission.take_now(plan_of(uuid4())), Ticket)
    assert len(looks) == 5  # at 2, 4, 8, 16 and 32
    ticket = admission.take_now(first)
    assert isinstance(ticket, Ticket)
    assert ticket.numbers[0] == 98  # its first call was not forgotten
