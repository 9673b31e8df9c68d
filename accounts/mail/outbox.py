"""The outbox: queue a mail in the transaction of the change it tells about. The worker sends it."""

import json
from collections.abc import Mapping
from datetime import UTC
from email.utils import getaddresses

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction
from django.template import Context, engines
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.crypto import sealing
from accounts.models import Mail, Team
from accounts.models.mail_kinds import KINDS
from accounts.outages import Unavailable
from accounts.permissions import Actor

SUBJECT_LENGTH = 200
ADDRESS_LENGTH = 254
PARTS = (".subject.txt", ".txt", ".html")
# No use in an address of a person, and a way to smuggle in more recipients or headers.
FORBIDDEN_IN_ADDRESS = frozenset(' "(),:;<>[\\]%!')


def is_configured() -> bool:
    """Whether a mail server is set. Without one, pages must say that no mail was sent."""
    return bool(settings.MAIL_SERVER)


def link(view_name: str, *args: object) -> str:
    """Return a page's address for a mail. It starts with PUBLIC_URL, never a request's Host."""
    return f"{settings.PUBLIC_URL}{reverse(view_name, args=args)}"


def queue(
    kind: str, to: str, context: Mapping[str, object], *, team: Team | None = None
) -> Mail | None:
    """Put a mail in the outbox. Without a mail server, queue nothing and return None.

    Call it in the transaction of the change, so that both happen or neither. `context` has the
    names of the kind's sample (accounts/models/mail_kinds.py). Raises ValidationError for anything
    but exactly one address.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("mails.queue needs the transaction of the change")
    check_address(to)
    subject, text, html = render(kind, context)
    if not is_configured():
        return None
    now = timezone.now()
    mail = Mail(kind=kind, recipient=to, subject=subject, team=team, next_try_at=now)
    mail.give_up_at = now + KINDS[kind].give_up_after
    parts = json.dumps({"text": text, "html": html})
    mail.key_version, mail.ciphertext = sealing.encrypt(parts, mail.place)
    mail.save(force_insert=True)
    return mail


def check_address(address: str) -> None:
    """Raise ValidationError unless this is the plain address of one recipient."""
    parsed = getaddresses([address])
    is_one = parsed == [("", address)] and address.count("@") == 1
    is_plain = address.isprintable() and not FORBIDDEN_IN_ADDRESS & set(address)
    if not (is_one and is_plain and len(address) <= ADDRESS_LENGTH):
        raise ValidationError("Write one e-mail address, such as name@example.com.")
    validate_email(address)


def render(kind: str, context: Mapping[str, object]) -> tuple[str, str, str]:
    """Return subject (one line), text and HTML of a mail.

    Raises ValueError if a value is missing or unexpected.
    """
    if set(context) != set(KINDS[kind].sample):
        raise ValueError(f"A {kind} mail takes {sorted(KINDS[kind].sample)}")
    # Whoever causes a mail may have another time zone; mails say UTC.
    values = {**context, "public_url": settings.PUBLIC_URL}
    with timezone.override(UTC):
        subject, text, html = (_render(f"accounts/mails/{kind}{part}", values) for part in PARTS)
    return " ".join(subject.split())[:SUBJECT_LENGTH], text.strip() + "\n", html


def body(mail: Mail) -> tuple[str, str]:
    """Return text and HTML of a waiting mail. Raises Unavailable if they can't be read."""
    if mail.ciphertext is None:
        raise Unavailable("the body is erased")
    parts = json.loads(sealing.decrypt(bytes(mail.ciphertext), mail.key_version, mail.place))
    return parts["text"], parts["html"]


@transaction.atomic
def try_again(mail: Mail, by: Actor) -> bool:
    """Send a mail now that waits after a failed attempt. Return False if there is none."""
    waiting = Mail.objects.retrying().filter(pk=mail.pk)
    if not waiting.update(next_try_at=timezone.now()):
        return False  # sent, given up or being sent at this moment
    name = f"{mail.label}, {mail.recipient}"
    target = audit.Target("mail", str(mail.id), name)
    audit.record(mail.team_id or audit.INSTALLATION, "mail.retry", by, target)
    return True


def _render(name: str, values: Mapping[str, object]) -> str:
    # Only HTML is escaped: `&amp;` in a plain text would be read as it stands.
    context = Context(dict(values), autoescape=name.endswith(".html"))
    return str(engines["django"].engine.get_template(name).render(context))  # type: ignore[attr-defined]
