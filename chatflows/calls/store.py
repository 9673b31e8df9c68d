"""Calls: write what the recorder collected, and read it for pages."""

import logging
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from operator import attrgetter
from uuid import UUID

import orjson
import structlog
from django.db import DatabaseError, DataError, connection, transaction
from django.db.models import Q

from accounts.models import Team
from apikeys.models import ApiKey, KeySecret
from apikeys.services import stored_secrets
from chatflows.calls import adding, totals
from chatflows.calls.recorder import CallRecord
from chatflows.faq import unanswered
from chatflows.models import Call, Chatflow, Conversation, Message, bulk
from chatflows.predictions.turns import Turn

# Its handler prints lines as they are: a batch of JSON lines in one go (config/logs.py).
log = logging.getLogger("flowlatch.calls")
faults = structlog.get_logger("flowlatch.recorder")

# Refused calls are counted by themselves: anyone can make those, and they must not push out what
# the team's own callers did.
LARGE = 1024 * 1024  # characters of the turns in a batch
KEEP_PER_TEAM = 50_000  # calls let in, as many refused ones and turns; older ones go
PRUNE_EVERY = 200  # batches
# The columns of a batch's rows, in this order.
CALL = (
    "team_id",
    "chatflow_id",
    "key_id",
    "key_name",
    "public_id",
    "at",
    "allowed",
    "status",
    "code",
    "reason",
    "client_address",
    "duration_ms",
    "streamed",
    "upstream_status",
    "request_id",
)
CONVERSATION = ("chatflow_id", "caller", "chat_id")
MESSAGE = ("id", "at", "question", "answer", "is_complete")
# Where people ask, by the reason of their calls.
PAGES = {
    Call.PLAYGROUND: "/t/{team}/chatflows/{id}/try/",
    Call.HOSTED: "/flow/{team}/{id}/",
}
_batches = count(1)


def write(batch: Sequence[CallRecord]) -> None:
    """Write one batch: calls, last uses, turns, counters, and log lines. For the recorder's thread.

    All or nothing; raises DatabaseError for the recorder to try again. A record that the database
    will never take is left out, so that it holds up no other.
    """
    turns = [record.turn for record in batch if record.turn is not None]
    try:
        with transaction.atomic():
            _insert_calls(batch)
            _note_last_uses(batch)
            _renew_digests(batch)
            _keep_turns(turns)
            unanswered.note([turn for turn in turns if not turn.is_answered])
            # Last: calls in other processes wait for its rows when they reserve.
            adding.add(batch)
    except (DataError, ValueError) as error:  # ValueError: text that is none
        if len(batch) > 1:
            for each in batch:
                write([each])
        else:
            faults.error("record refused", error=type(error).__name__)
            totals.add_lost(1)
        return
    except DatabaseError:
        connection.close()  # the next try opens another
        raise
    log.info("\n".join([line_of(record) for record in batch]))
    totals.add(batch)
    if sum(len(turn.question) + len(turn.answer) for turn in turns) > LARGE:
        connection.close()  # its prepared statements would keep what they were given
    if next(_batches) % PRUNE_EVERY == 0:
        _prune_if_possible()


def prune(keep: int = KEEP_PER_TEAM) -> None:
    """Let go of each team's oldest calls and turns."""
    for team in Team.objects.all():
        turns = Message.objects.filter(conversation__chatflow__team=team).order_by("-at")
        oldest_turn = turns[keep - 1 : keep].values_list("at", flat=True).first()
        if oldest_turn is not None:
            turns.filter(at__lt=oldest_turn).delete()
        Conversation.objects.filter(chatflow__team=team, messages=None).delete()
        for allowed in (True, False):
            calls = Call.objects.of(team).filter(allowed=allowed)
            newest = calls.order_by("-id").values_list("id", flat=True)
            oldest_kept = newest[keep - 1 : keep].first()
            if oldest_kept is not None:
                calls.filter(id__lt=oldest_kept).delete()


def _prune_if_possible() -> None:
    # The batch is written: a failure here must not hand it to the recorder again.
    try:
        prune()
    except DatabaseError as error:
        faults.warning("calls not pruned", error=type(error).__name__)
        connection.close()


def first_with(key: ApiKey, secret: KeySecret) -> Call | None:
    """The first call with a key's secret that was let in, else its latest refused one."""
    # `at` is for the index. During a rotation the key's other secret is in use too.
    mine = Call.objects.of(key.team).filter(key_id=key.id, at__gte=secret.created_at)
    mine = mine.filter(public_id=secret.public_id)
    let_in = mine.filter(allowed=True).order_by("at").first()
    return let_in or mine.order_by("-at").first()


def _insert_calls(batch: Sequence[CallRecord]) -> None:
    # A refusal by form alone read nothing, so the chatflow has to tell whose it is; an id that
    # nobody has belongs to nobody. CROSS JOIN: SQLite takes the tables in the order written.
    if not batch:
        return
    given = bulk.given((Call, CALL))
    call, team, chatflow = map(bulk.table, (Call, Team, Chatflow))
    given.execute(
        f"INSERT INTO {call} ({bulk.names(CALL)}) "  # noqa: S608 (our own names)
        f"SELECT {team}.id, {given.all(CALL[1:])} FROM {bulk.GIVEN} "
        f"LEFT JOIN {chatflow} ON {chatflow}.id = {given['chatflow_id']} CROSS JOIN {team} "
        f"WHERE {team}.id = COALESCE({given['team_id']}, {chatflow}.team_id)" + given.ordered,
        [_columns(record) for record in batch],
    )


_columns = attrgetter(*CALL)


def _note_last_uses(batch: Sequence[CallRecord]) -> None:
    latest: dict[UUID, datetime] = {}
    for record in batch:
        if record.allowed and record.key_id is not None:
            latest[record.key_id] = max(record.at, latest.get(record.key_id, record.at))
    for key_id, at in sorted(latest.items()):  # in one order: no circle of waiting processes
        newer = Q(last_used_at=None) | Q(last_used_at__lt=at)
        ApiKey.objects.filter(newer, pk=key_id).update(last_used_at=at)


def _renew_digests(batch: Sequence[CallRecord]) -> None:
    renewals = {r.public_id: r.renewal for r in batch if r.renewal is not None}
    for public_id in sorted(renewals):  # in one order, likewise
        stored_secrets.renew(public_id, renewals[public_id])


def _keep_turns(turns: Sequence[Turn]) -> None:
    if not turns:
        return
    rows = [
        (
            *(turn.chatflow_id, turn.caller, turn.chat_id),
            *(turn.message_id, turn.at, turn.question, turn.answer, turn.is_complete),
        )
        for turn in turns
    ]
    given = bulk.given((Conversation, CONVERSATION), (Message, MESSAGE))
    conversation, message, chatflow = map(bulk.table, (Conversation, Message, Chatflow))
    given.execute(
        f"INSERT INTO {conversation} ({bulk.names((*CONVERSATION, 'created_at'))}) "  # noqa: S608
        f"SELECT {given.all((*CONVERSATION, 'at'))} FROM {bulk.GIVEN} CROSS JOIN {chatflow} "
        f"WHERE {chatflow}.id = {given['chatflow_id']}"
        f"{given.ordered} ON CONFLICT DO NOTHING",  # begun already: fine
        rows,
    )
    matches = " AND ".join(f"{conversation}.{name} = {given[name]}" for name in CONVERSATION)
    given.execute(
        f"INSERT INTO {message} ({bulk.names((*MESSAGE, 'conversation_id'))}) "  # noqa: S608
        f"SELECT {given.all(MESSAGE)}, {conversation}.id "
        f"FROM {bulk.GIVEN} CROSS JOIN {conversation} WHERE {matches}"
        f"{given.ordered} ON CONFLICT DO NOTHING",  # kept already: it stays as it is
        rows,
    )


def line_of(record: CallRecord) -> str:
    """Return the log line of a call."""
    line = {
        "at": record.at,
        "level": "info",
        "logger": log.name,
        "event": "call",
        "route": PAGES.get(record.reason, record.route),
        "chatflow": record.chatflow_id,
        "key": record.public_id[:4] or None,
        "status": record.status,
        "code": record.code,
        "upstream_status": record.upstream_status,
        "reason": record.reason,
        "milliseconds": record.duration_ms,
        "request_id": record.request_id,
        "address": record.client_address,
    }
    return orjson.dumps(line, option=orjson.OPT_UTC_Z).decode()
