"""Fill an installation's database: run with its environment, `calls audit-rows megabytes`."""

import base64
import os
import random
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django

django.setup()

from datetime import timedelta  # noqa: E402 (Django must be set up first)
from uuid import UUID  # noqa: E402

from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts import audit  # noqa: E402
from accounts.models import Team  # noqa: E402
from accounts.permissions import Actor  # noqa: E402
from chatflows.models import Call, Chatflow, Conversation, Message  # noqa: E402
from tests.bench.many import insert  # noqa: E402

BY = Actor("command", "drill", "drill")
AT_ONCE = 1000  # rows of one transaction
LONG = 24_000  # bytes that a message's text is made from; a third more as text


def fill(calls: int, audit_rows: int, megabytes: int) -> None:
    """Add rows to the first team."""
    team, chatflow = Team.objects.get(slug="acme"), Chatflow.objects.earliest("created_at")
    now = timezone.now()
    with transaction.atomic():
        insert(
            Call(
                team=team, chatflow_id=chatflow.pk, status=200, code="ok", reason="ok", allowed=True
            ),
            ("at", "request_id", "duration_ms"),
            ((now - timedelta(seconds=n), f"req_{n:016d}", n % 900) for n in range(calls)),
        )
    target = audit.Target("chatflow", str(chatflow.pk), chatflow.name)
    for first in range(0, audit_rows, AT_ONCE):
        entries = [
            audit.Entry(
                "chatflow.update", target, {"n": n}, {"n": n + 1, "name": "Gr\u00fc\u00dfe"}
            )
            for n in range(first, min(first + AT_ONCE, audit_rows))
        ]
        with transaction.atomic():
            audit.record_all(team.pk, BY, entries)
    _talk(chatflow, megabytes * 2**20)


def _talk(chatflow: Chatflow, size: int) -> None:
    dice, now = random.Random(7), timezone.now()
    talk = Conversation.objects.create(chatflow=chatflow, caller="drill", chat_id="drill")
    while size > 0:
        texts = [base64.b64encode(dice.randbytes(LONG)).decode() for _ in range(100)]
        Message.objects.bulk_create(
            [
                Message(id=UUID(int=dice.getrandbits(128)), conversation=talk, at=now, answer=text)
                for text in texts
            ]
        )
        size -= sum(map(len, texts))


if __name__ == "__main__":
    fill(*map(int, sys.argv[1:]))
