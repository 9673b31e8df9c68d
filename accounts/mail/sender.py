"""The sender: takes due mails from the outbox to the mail server. Only the worker calls it."""

import random
from contextlib import closing
from datetime import timedelta
from email.utils import parseaddr
from threading import Event

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.mail import outbox
from accounts.mail.troubles import Trouble, trouble
from accounts.models import Mail

log = structlog.get_logger("flowlatch.mail")

BATCH = 50
TIMEOUT = 10  # seconds that the server gets for each answer
# More than a dozen answers at their slowest: whoever claimed a mail is surely gone after this.
CLAIM = timedelta(minutes=3)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)


def send_due(stopping: Event) -> None:
    """Send what is due over one connection. Stop at the first problem of the server itself."""
    if not outbox.is_configured():
        return
    due = list(Mail.objects.due(timezone.now()).order_by("next_try_at")[:BATCH])
    if not due:
        return
    with closing(_server()) as server:
        for mail in due:
            if stopping.is_set() or not _is_done(mail, server):
                return


def _is_done(mail: Mail, server: EmailBackend) -> bool:
    # False: the next mail would meet the same trouble.
    if not _claim(mail):
        return True  # another worker has it
    try:
        server.open()
        server.send_messages([_message(mail)])
    except Exception as error:
        server.close()
        found = trouble(error)
        _note(mail, found)
        return not found.is_of_server
    _finish(mail, sent_at=timezone.now(), last_error="")
    log.info("mail sent", mail=str(mail.id), kind=mail.kind, attempts=mail.attempts)
    return True


def _claim(mail: Mail) -> bool:
    # For exactly one worker; if it dies, the mail is due again when the claim runs out.
    until = timezone.now() + CLAIM
    seen = Mail.objects.filter(pk=mail.pk, next_try_at=mail.next_try_at)
    if not seen.update(next_try_at=until, attempts=F("attempts") + 1, last_error=""):
        return False
    mail.next_try_at, mail.attempts = until, mail.attempts + 1
    return True


def _note(mail: Mail, found: Trouble) -> None:
    now = timezone.now()
    is_over = found.is_final or now >= mail.give_up_at
    if is_over:
        _finish(mail, failed_at=now, last_error=found.words)
    else:
        again = min(now + pause_after(mail.attempts), mail.give_up_at)
        _mine(mail).update(next_try_at=again, last_error=found.words)
    log.warning(
        "mail given up" if is_over else "mail not sent yet",
        mail=str(mail.id),
        kind=mail.kind,
        attempts=mail.attempts,
        error=found.name,
    )


def pause_after(attempts: int) -> timedelta:
    """Return the pause: half a minute, doubled each time up to an hour, 25 % more or less."""
    longest: timedelta = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), LONGEST_PAUSE)
    return longest * random.uniform(0.75, 1.25)  # noqa: S311 (spreads load, hides nothing)


def _finish(mail: Mail, **values: object) -> None:
    # The body goes in the same statement: nothing that lets anybody in stays behind.
    _mine(mail).update(next_try_at=None, ciphertext=None, **values)


def _mine(mail: Mail) -> QuerySet[Mail]:
    return Mail.objects.filter(pk=mail.pk, next_try_at=mail.next_try_at)


def _message(mail: Mail) -> EmailMultiAlternatives:
    text, html = outbox.body(mail)
    domain = parseaddr(settings.MAIL_FROM)[1].rpartition("@")[2]
    message = EmailMultiAlternatives(
        mail.subject,
        text,
        settings.MAIL_FROM,
        [mail.recipient],
        headers={
            # The same at each attempt: a mail that arrived twice is recognised.
            "Message-ID": f"<{mail.id}@{domain}>",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    message.attach_alternative(html, "text/html")
    return message


def _server() -> EmailBackend:
    server = settings.MAIL_SERVER
    return EmailBackend(
        host=server["EMAIL_HOST"],
        port=server["EMAIL_PORT"] or (465 if server.get("EMAIL_USE_SSL") else 25),
        username=server["EMAIL_HOST_USER"] or "",
        password=server["EMAIL_HOST_PASSWORD"] or "",
        use_tls=server.get("EMAIL_USE_TLS", False),
        use_ssl=server.get("EMAIL_USE_SSL", False),
        timeout=TIMEOUT,
    )
