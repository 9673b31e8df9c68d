"""A hand inside the server's database: one JSON command a line in, one JSON answer a line out.

It runs beside the server, as another web process would, through the services that pages call. The
answer is written after the commit, so whoever reads it knows that the change is done.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django

django.setup()

from django.db import transaction  # noqa: E402 (Django must be set up first)
from django.utils import timezone  # noqa: E402

from accounts import audit  # noqa: E402
from accounts.bounds import Limits  # noqa: E402
from accounts.mail import outbox as mails  # noqa: E402
from accounts.models import (  # noqa: E402
    AuditEvent,
    Lease,
    Mail,
    Membership,
    Role,
    ServiceAccount,
    Team,
    User,
)
from accounts.models.mail_kinds import KINDS  # noqa: E402
from accounts.permissions import Actor  # noqa: E402
from accounts.services import service_accounts, teams  # noqa: E402
from accounts.services.service_accounts import About  # noqa: E402
from apikeys.models import ApiKey, Kind  # noqa: E402
from apikeys.services import keys  # noqa: E402
from chatflows.faq import entries as faq_entries  # noqa: E402
from chatflows.flow_app import chats, flow_apps  # noqa: E402
from chatflows.models import (  # noqa: E402
    Call,
    Chatflow,
    Conversation,
    Message,
    OriginDay,
    PeriodCount,
    UsageHour,
)
from chatflows.services import chatflows, engines  # noqa: E402
from tests import audit_locks  # noqa: E402
from tests.server import key_commands  # noqa: E402

BY = Actor("command", "tests", "tests")


def make_team(name: str) -> str:
    """The slug of a new team."""
    return teams.create(name, BY).slug


def make_member(team: str, name: str, role: str, password: str) -> None:
    """A person in a team."""
    person = User.objects.create_user(name, f"{name}@acme.example", password)
    Membership.objects.create(team=Team.objects.get(slug=team), user=person, role=Role(role))


def make_account(team: str, name: str) -> None:
    """A service account."""
    about = service_accounts.About(name, "production")
    service_accounts.create(Team.objects.get(slug=team), about, BY)


def make_key(
    team: str,
    name: str,
    opens: list[str],
    scopes: list[str] | None = None,
    account: str | None = None,
) -> str:
    """The text of a new key."""
    owner = Team.objects.get(slug=team)
    key, text = keys.add(owner, name, BY, service_account=_account(account) if account else None)
    chatflows.select(key, [UUID(each) for each in opens], BY)
    if scopes is not None:
        ApiKey.objects.filter(pk=key.pk).update(scopes=scopes)
    return text


def make_publishable(team: str, name: str, pinned_to: str, origins: list[str]) -> str:
    """The text of a new publishable key."""
    _, text = keys.add(
        Team.objects.get(slug=team),
        name,
        BY,
        kind=Kind.PUBLISHABLE,
        pinned_to=UUID(pinned_to),
        origins=origins,
        limits=Limits(minute=1_000_000),
    )
    return text


def make_chatflow(team: str, name: str, entries: list[list[str]], id_: str | None = None) -> str:
    """The id of a new chatflow, which can be given."""
    owner = Team.objects.get(slug=team)
    chatflow = chatflows.create(owner, name, BY, id_=UUID(id_) if id_ else None)
    for question, answer in entries:
        faq_entries.add(chatflow, question, answer, BY)
    return str(chatflow.id)


def add_entry(chatflow: str, question: str, answer: str) -> None:
    """Add an entry to a chatflow's FAQ."""
    faq_entries.add(Chatflow.objects.get(pk=chatflow), question, answer, BY)


def set_engine(
    chatflow: str, engine: str, config: dict[str, Any], secret: str | None = None
) -> None:
    """Set what answers."""
    engines.save(Chatflow.objects.get(pk=chatflow), engine, config, secret, BY)


def move_engine(chatflow: str, config: dict[str, Any]) -> None:
    """Point an engine somewhere past the checks at save time, as a changed name would."""
    row = Chatflow.objects.get(pk=chatflow)
    row.engine_config, row.engine_version = config, row.engine_version + 1
    row.save(update_fields=["engine_config", "engine_version"])


def publish(chatflow: str, title: str, starters: str) -> None:
    """Publish a chatflow in the flow app."""
    shown = chats.Shown(True, title, starters=starters)
    chats.save(Chatflow.objects.get(pk=chatflow), shown, BY)


def fill(team: str, chatflow: str, name: str) -> dict[str, str]:
    """One of everything under a long name, in an open flow app; the ids by what they are of.

    `door` is the slug of a team whose flow app asks for a password.
    """
    owner = Team.objects.get(slug=team)
    person = User.objects.create_user(name[:64], f"{name[:60]}@example.com", "never used here")
    member = Membership.objects.create(team=owner, user=person, role=Role.EDITOR)
    account = service_accounts.create(owner, About(name[:64], "production", name * 3, person), BY)
    keys.add(owner, f"of {name}"[:64], BY, created_by=person, opens=[UUID(chatflow)])
    flow_apps.save(owner, "open", None, BY)
    publish(chatflow, name, name)
    door = teams.create(name, BY)
    flow_apps.save(door, "password", flow_apps.Login("guests", "seven quiet lanterns"), BY)
    key = keys.create(owner, name[:64], BY, service_account=account)
    ids = {"team": str(owner.id), "member": str(member.id), "account": str(account.id)}
    return {**ids, "key": str(key.id), "door": door.slug}


def change_chatflow(chatflow: str, **values: Any) -> None:
    """Set columns of a chatflow."""
    Chatflow.objects.filter(pk=chatflow).update(**values)


def save_access(chatflow: str, mode: str, opens_for: list[str], in_url: bool = False) -> None:
    """Set who may call."""
    row = Chatflow.objects.get(pk=chatflow)
    ids = ApiKey.objects.of(row.team).filter(name__in=opens_for).values_list("id", flat=True)
    access = chatflows.Access(mode, frozenset(ids), in_url)
    chatflows.save_access(row, access, BY, version=row.version)


def suspend(team: str, is_suspended: bool) -> None:
    """Suspend a team, or let it go on, as its page does."""
    change = teams.suspend if is_suspended else teams.unsuspend
    change(Team.objects.get(slug=team), BY)


def disable_account(name: str) -> None:
    """Disable a service account."""
    service_accounts.disable(_account(name), BY)


def enable_account(name: str) -> None:
    """Enable a service account."""
    service_accounts.enable(_account(name), BY)


def calls(chatflow: str) -> list[dict[str, Any]]:
    """The recorded calls of a chatflow, newest first."""
    rows = Call.objects.filter(chatflow_id=chatflow).order_by("-id")
    names = ["status", "code", "reason", "allowed", "key_name", "streamed", "client_address"]
    return [dict(row) for row in rows.values(*names, "upstream_status")]


def usage(chatflow: str) -> dict[str, Any]:
    """What was counted of a chatflow's calls: in all, from pages, in a day and in a month."""
    hours = UsageHour.objects.filter(chatflow_id=chatflow).order_by("hour")
    periods = PeriodCount.objects.filter(subject=chatflow).order_by("period")
    team = Chatflow.objects.get(pk=chatflow).team
    origins = OriginDay.objects.of(team).order_by("day")
    return {
        "let_in": sum(hour.let_in for hour in hours),
        "clients": sorted({hour.last_client for hour in hours}),
        "from_pages": sum(day.let_in for day in origins),
        "periods": [period.calls for period in periods],
    }


def records(request_ids: list[str]) -> dict[str, dict[str, Any]]:
    """All that was recorded of calls but their times, by request id."""
    names = (
        *("team_id", "chatflow_id", "key_id", "key_name", "public_id", "allowed", "status"),
        *("code", "reason", "client_address", "streamed", "upstream_status"),
    )
    rows = Call.objects.filter(request_id__in=request_ids).values("request_id", *names)
    return {row["request_id"]: {name: str(row[name]) for name in names} for row in rows}


def turns(message_ids: list[str]) -> dict[str, list[Any]]:
    """What is kept of answers, by message id; not the chatId, which may be new."""
    rows = Message.objects.filter(pk__in=message_ids).select_related("conversation")
    return {
        str(row.pk): [row.question, row.answer, row.is_complete, row.conversation.caller]
        for row in rows
    }


def conversations(chatflow: str) -> list[list[Any]]:
    """chatId, caller and number of turns of each conversation."""
    rows = Conversation.objects.filter(chatflow_id=chatflow).order_by("id")
    return [[row.chat_id, row.caller, row.messages.count()] for row in rows]


def answers(chatflow: str) -> list[str]:
    """What was answered, as it is kept."""
    rows = Message.objects.filter(conversation__chatflow_id=chatflow).order_by("at")
    return list(rows.values_list("answer", flat=True))


def audit_holds(team: str) -> bool:
    """Whether the team's chain verifies."""
    return audit.verify(Team.objects.get(slug=team).id) is None


def edit_audit_row(team: str, action: str, actor_name: str) -> int:
    """Put a name into an audit row behind Flowlatch's back, past the triggers; its place."""
    row = AuditEvent.objects.get(team_id=Team.objects.get(slug=team).id, action=action)
    with audit_locks.off():
        AuditEvent.objects.filter(pk=row.pk).update(actor_name=actor_name)
    return row.sequence


def queue_mail(to: str) -> None:
    """Put an invitation in the outbox."""
    with transaction.atomic():
        mails.queue("invitation", to, KINDS["invitation"].sample)


def outbox() -> list[list[Any]]:
    """Status and attempts of each mail."""
    return [[mail.status, mail.attempts] for mail in Mail.objects.order_by("created_at")]


def lease_holder() -> str:
    """Who holds the worker's lease, or nobody."""
    return "".join(Lease.objects.filter(name="worker").values_list("holder", flat=True))


def let_leases_run_out() -> None:
    """As if minutes had passed since anybody claimed a mail or renewed a lease."""
    Lease.objects.filter(name="worker").update(expires_at=timezone.now())
    Mail.objects.exclude(next_try_at=None).update(next_try_at=timezone.now())


def _account(name: str) -> ServiceAccount:
    return ServiceAccount.objects.kept().get(name=name)


COMMANDS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        make_team,
        edit_audit_row,
        make_account,
        make_member,
        queue_mail,
        outbox,
        lease_holder,
        let_leases_run_out,
        make_key,
        make_publishable,
        make_chatflow,
        add_entry,
        set_engine,
        move_engine,
        publish,
        fill,
        change_chatflow,
        save_access,
        suspend,
        disable_account,
        enable_account,
        calls,
        usage,
        records,
        turns,
        conversations,
        answers,
        audit_holds,
    )
} | key_commands.COMMANDS

if __name__ == "__main__":
    for line in sys.stdin:
        name, arguments = json.loads(line)
        answer = COMMANDS[name](**arguments)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
