"""Calls: write what the recorder collected, and read it for pages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

import structlog
from django.db import close_old_connections, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Team
from apikeys.models import ApiKey
from chatflows.gate.recorder import CallRecord, Turn
from chatflows.models import Call, Chatflow, Conversation, Message

log = structlog.get_logger("flowlatch.calls")

KEEP_PER_TEAM = 50_000  # calls, and as many turns of conversations; older ones go
PRUNE_EVERY = 200  # batches
_batches = count(1)


def write(records: Sequence[CallRecord]) -> None:
    """Write one batch: calls, last uses, turns, one log line each. For the recorder's thread.

    All or nothing; raises DatabaseError for the recorder to try again.
    """
    close_old_connections()
    with transaction.atomic():
        teams = _teams_of(records)
        owned = [(r, teams[r.chatflow_id, r.team_id]) for r in records]
        Call.objects.bulk_create([_row(r, team) for r, team in owned if team is not None])
        _note_last_uses(records)
        _keep_turns([r.turn for r in records if r.turn is not None])
    for record in records:
        _log(record)
    if next(_batches) % PRUNE_EVERY == 0:
        prune()


def prune(keep: int = KEEP_PER_TEAM) -> None:
    """Let go of each team's oldest calls and turns."""
    for team in Team.objects.all():
        turns = Message.objects.filter(conversation__chatflow__team=team).order_by("-at")
        oldest_turn = turns[keep - 1 : keep].values_list("at", flat=True).first()
        if oldest_turn is not None:
            turns.filter(at__lt=oldest_turn).delete()
        newest = Call.objects.of(team).order_by("-id").values_list("id", flat=True)
        oldest_kept = newest[keep - 1 : keep].first()
        if oldest_kept is not None:
            Call.objects.of(team).filter(id__lt=oldest_kept).delete()


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
    """How many calls came to a chatflow in the last days."""
    since = timezone.now() - timedelta(days=days)
    return Call.objects.of(chatflow.team).filter(chatflow_id=chatflow.id, at__gte=since).count()


def _teams_of(records: Sequence[CallRecord]) -> dict[tuple[UUID, UUID | None], UUID | None]:
    # A refusal by form alone read nothing, so the chatflow has to tell whose it is; an id that
    # nobody has belongs to nobody.
    named = {r.team_id for r in records if r.team_id is not None}
    unnamed = {r.chatflow_id for r in records if r.team_id is None}
    known = dict(Chatflow.objects.filter(id__in=unnamed).values_list("id", "team_id"))
    living = set(Team.objects.filter(id__in=named).values_list("id", flat=True))
    return {
        (r.chatflow_id, r.team_id): (
            known.get(r.chatflow_id)
            if r.team_id is None
            else (r.team_id if r.team_id in living else None)
        )
        for r in records
    }


def _row(record: CallRecord, team_id: UUID) -> Call:
    return Call(
        team_id=team_id,
        chatflow_id=record.chatflow_id,
        key_id=record.key_id,
        key_name=record.key_name,
        public_id=record.public_id,
        at=record.at,
        allowed=record.allowed,
        status=record.status,
        code=record.code,
        reason=record.reason,
        client_address=record.client_address,
        duration_ms=record.duration_ms,
        streamed=record.streamed,
        request_id=record.request_id,
    )


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
    conversations = _conversations({(t.chatflow_id, t.caller, t.chat_id) for t in kept})
    Message.objects.bulk_create(
        Message(
            id=turn.message_id,
            conversation_id=conversations[turn.chatflow_id, turn.caller, turn.chat_id],
            at=turn.at,
            question=turn.question,
            answer=turn.answer,
            is_complete=turn.is_complete,
        )
        for turn in kept
    )


def _conversations(names: set[tuple[UUID, str, str]]) -> dict[tuple[UUID, str, str], int]:
    Conversation.objects.bulk_create(
        [Conversation(chatflow_id=f, caller=c, chat_id=i) for f, c, i in names],
        ignore_conflicts=True,  # begun already, here or on another worker
    )
    rows = Conversation.objects.filter(chat_id__in={chat_id for _, _, chat_id in names})
    columns = rows.values_list("chatflow_id", "caller", "chat_id", "id")
    return {(f, caller, chat_id): number for f, caller, chat_id, number in columns}


def _log(record: CallRecord) -> None:
    log.info(
        "call",
        route="/api/v1/prediction/{id}",
        chatflow=str(record.chatflow_id),
        key=record.public_id[:4] or None,
        status=record.status,
        code=record.code,
        reason=record.reason,
        milliseconds=record.duration_ms,
        request_id=record.request_id,
        address=record.client_address,
    )
