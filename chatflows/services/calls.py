"""Calls: write what the recorder collected, and read it for pages."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from operator import attrgetter
from uuid import UUID

from django.db import DatabaseError, DataError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Team
from apikeys.models import ApiKey
from chatflows.gate.recorder import CallRecord, Turn
from chatflows.models import Call, Chatflow, Conversation, Message
from chatflows.services import bulk, unanswered

# Its handler prints lines as they are: a batch of JSON lines in one go (config/logs.py).
log = logging.getLogger("flowlatch.calls")

# Refused calls are counted by themselves: anyone can make those, and they must not push out what
# the team's own callers did.
KEEP_PER_TEAM = 50_000  # calls let in, as many refused ones and turns; older ones go
PRUNE_EVERY = 200  # batches
COLUMNS = (
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
    "request_id",
)
# Where people ask, by the reason of their calls.
PAGES = {
    Call.PLAYGROUND: "/t/{team}/chatflows/{id}/try/",
    Call.HOSTED: "/flow/{team}/{id}/",
}
CONVERSATION = ("chatflow_id", "caller", "chat_id")
TURN = ("id", "at", "question", "answer", "is_complete")
TURN_FIELDS = ("message_id", *TURN[1:])
_columns = attrgetter(*COLUMNS)
_batches = count(1)


def write(records: Sequence[CallRecord]) -> None:
    """Write one batch: calls, last uses, turns, one log line each. For the recorder's thread.

    All or nothing; raises DatabaseError for the recorder to try again. A record that the database
    will never take is left out, so that it holds up no other.
    """
    try:
        with transaction.atomic():
            teams = _teams_of(records)
            owned = [(teams.get(r.team_id or r.chatflow_id), *_columns(r)) for r in records]
            bulk.insert(Call, ("team_id", *COLUMNS), [row for row in owned if row[0] is not None])
            _note_last_uses(records)
            _keep_turns([r.turn for r in records if r.turn is not None])
    except (DataError, ValueError) as error:  # ValueError: text that is none
        if len(records) > 1:
            for record in records:
                write([record])
        else:
            log.error(json.dumps({"event": "record refused", "error": type(error).__name__}))
        return
    except DatabaseError:
        connection.close()  # the next try opens another
        raise
    log.info("\n".join(map(_line, records)))
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
        log.warning(json.dumps({"event": "not pruned", "error": type(error).__name__}))
        connection.close()


def first_since(key: ApiKey, since: datetime) -> Call | None:
    """A key's first call that was let in from `since` on, else its latest refused one."""
    mine = Call.objects.of(key.team).filter(key_id=key.id, at__gte=since)
    let_in = mine.filter(allowed=True).order_by("at").first()
    return let_in or mine.order_by("-at").first()


def count_since(key: ApiKey, days: int) -> int:
    """How many calls a key made in the last days."""
    since = timezone.now() - timedelta(days=days)
    return Call.objects.of(key.team).filter(key_id=key.id, at__gte=since).count()


def count_of_chatflow(chatflow: Chatflow, days: int) -> int:
    """How many calls came to a chatflow in the last days, the playground's aside."""
    since = timezone.now() - timedelta(days=days)
    mine = Call.objects.of(chatflow.team).from_outside()
    return mine.filter(chatflow_id=chatflow.id, at__gte=since).count()


def _teams_of(records: Sequence[CallRecord]) -> dict[UUID, UUID]:
    # A refusal by form alone read nothing, so the chatflow has to tell whose it is; an id that
    # nobody has belongs to nobody.
    named = {r.team_id for r in records if r.team_id is not None}
    unnamed = {r.chatflow_id for r in records if r.team_id is None}
    living = Team.objects.filter(id__in=named).values_list("id", "id")
    owners = Chatflow.objects.filter(id__in=unnamed).values_list("id", "team_id")
    return dict([*living, *owners])


def _note_last_uses(records: Sequence[CallRecord]) -> None:
    latest: dict[UUID, datetime] = {}
    for record in records:
        if record.allowed and record.key_id is not None:
            latest[record.key_id] = max(record.at, latest.get(record.key_id, record.at))
    for key_id, at in latest.items():
        newer = Q(last_used_at=None) | Q(last_used_at__lt=at)
        ApiKey.objects.filter(newer, pk=key_id).update(last_used_at=at)


def _keep_turns(turns: Sequence[Turn]) -> None:
    named = {turn.chatflow_id for turn in turns}
    living = set(Chatflow.objects.filter(id__in=named).values_list("id", flat=True))
    kept = [turn for turn in turns if turn.chatflow_id in living]
    begun = ((t.chatflow_id, t.caller, t.chat_id, t.at) for t in kept)
    columns = (*CONVERSATION, "created_at")
    bulk.insert(Conversation, columns, begun, ignore_conflicts=True)  # begun already: fine
    bulk.insert_with_lookup(
        Message,
        TURN,
        ("conversation_id", Conversation, CONVERSATION),
        map(attrgetter(*TURN_FIELDS, *CONVERSATION), kept),
    )
    unanswered.note(kept)


def _line(record: CallRecord) -> str:
    """JSON, put together by hand: no value is a client's own text, so none needs an escape."""
    route = PAGES.get(record.reason, record.route)
    key = f'"{record.public_id[:4]}"' if record.public_id else "null"
    return (
        f'{{"event":"call","at":"{record.at.isoformat()}","route":"{route}",'
        f'"chatflow":"{record.chatflow_id}","key":{key},'
        f'"status":{record.status},"code":"{record.code}","reason":"{record.reason}",'
        f'"milliseconds":{record.duration_ms},"request_id":"{record.request_id}",'
        f'"address":"{record.client_address}"}}'
    )
