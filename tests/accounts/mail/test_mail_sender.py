"""The sender: every mail arrives once, waits while the server is away, leaves no link behind."""

import smtplib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from accounts.mail import outbox, sender
from accounts.mail.troubles import trouble
from accounts.models import Mail
from accounts.models.mail_kinds import KINDS
from tests import factories, mail_servers
from tests.mail_servers import MailServer

pytestmark = pytest.mark.django_db

TOKEN = "fll_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
LINK = f"http://127.0.0.1:8000/invitation/{TOKEN}/"


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    """A mail server that takes everything, and the settings that lead to it."""
    with mail_servers.running() as running:
        settings.MAIL_SERVER = running.settings
        yield running


def queued(to: str = "eve@example.com") -> Mail:
    values = {**KINDS["invitation"].sample, "link": LINK}
    with transaction.atomic():
        mail = outbox.queue("invitation", to, values)
    assert mail is not None
    return mail


def send() -> None:
    sender.send_due(threading.Event())


def make_due(mail: Mail) -> None:
    """As if the pause were over."""
    Mail.objects.filter(pk=mail.pk).update(next_try_at=timezone.now())


def after(mail: Mail) -> Mail:
    mail.refresh_from_db()
    return mail


def test_a_mail_arrives_with_text_html_and_its_headers(server: MailServer) -> None:
    mail = queued()
    send()
    (arrived,) = server.mails
    assert server.recipients == ["eve@example.com"]
    assert arrived["To"] == "eve@example.com"
    assert arrived["From"] == "Flowlatch <flowlatch@127.0.0.1>"
    assert arrived["Subject"] == "alice invites you to Acme"
    assert arrived["Message-ID"] == f"<{mail.id}@127.0.0.1>"
    assert arrived["Auto-Submitted"] == "auto-generated"
    text, html = arrived.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert LINK in text.get_content()
    assert f'href="{LINK}"' in html.get_content()


def test_a_sent_mail_is_noted_and_its_body_erased(server: MailServer) -> None:
    mail = queued()
    send()
    assert after(mail).status == "sent"
    assert mail.attempts == 1
    assert mail.ciphertext is None
    send()
    assert len(server.mails) == 1


def test_nothing_is_lost_while_the_mail_server_is_down(settings: Any) -> None:
    stopped = MailServer()
    with mail_servers.running(stopped):
        settings.MAIL_SERVER = stopped.settings
    mail = queued()
    for attempt in (1, 2, 3):
        send()
        assert after(mail).status == "retrying"
        assert mail.attempts == attempt
        assert mail.last_error == "Nothing answers at the mail server's address."
        assert mail.next_try_at is not None
        assert mail.next_try_at > timezone.now()
        send()  # not due: nothing is tried
        assert after(mail).attempts == attempt
        make_due(mail)
    with mail_servers.running(stopped):
        send()
    assert [m["To"] for m in stopped.mails] == ["eve@example.com"]
    assert after(mail).status == "sent"
    assert mail.last_error == ""


def test_a_refused_recipient_fails_at_once_and_the_next_mail_goes_out(server: MailServer) -> None:
    refused, good = queued("gone@example.com"), queued()

    async def handle(_: Any, __: Any, envelope: Any, address: str, ___: Any) -> str:
        if address.startswith("gone"):
            return f"550 5.1.1 No such user, see {LINK}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    server.handle_RCPT = handle  # type: ignore[assignment,method-assign]
    send()
    assert after(refused).status == "failed"
    words = "The mail server refuses this address (550 5.1.1 No such user, see [link])."
    assert refused.last_error == words
    assert refused.ciphertext is None
    assert after(good).status == "sent"


def test_a_recipient_refused_for_now_is_tried_again(server: MailServer) -> None:
    server.refuse_rcpt = "450 4.2.1 Greylisted"
    mail = queued()
    send()
    assert after(mail).status == "retrying"
    server.refuse_rcpt = ""
    make_due(mail)
    send()
    assert after(mail).status == "sent"


def test_a_mail_is_given_up_after_a_day_and_its_link_is_gone(server: MailServer) -> None:
    server.refuse_data = "451 4.3.0 Later"
    mail = queued()
    Mail.objects.filter(pk=mail.pk).update(give_up_at=timezone.now())
    send()
    assert after(mail).status == "failed"
    assert mail.ciphertext is None
    assert "451 4.3.0 Later" in mail.last_error


def test_pauses_grow_to_an_hour_and_fill_a_day() -> None:
    pauses = [sender.pause_after(attempt) for attempt in range(1, 40)]
    assert timedelta(seconds=20) < pauses[0] < timedelta(seconds=40)
    assert max(pauses) <= timedelta(minutes=75)
    assert sum(pauses, timedelta()) > timedelta(hours=20)
    assert len({sender.pause_after(9) for _ in range(9)}) > 1


def test_a_silent_server_costs_one_time_out_and_not_one_for_each_mail(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "TIMEOUT", 0.2)
    with mail_servers.silent() as port:
        settings.MAIL_SERVER = {**MailServer().settings, "EMAIL_PORT": port}
        first, second = queued(), queued("vera@example.com")
        send()
    assert after(first).last_error == "The mail server did not answer in time."
    assert after(second).attempts == 0


def test_a_mail_that_can_not_be_made_keeps_no_other_from_being_sent(server: MailServer) -> None:
    broken, good = queued("mallory@example.com"), queued()
    Mail.objects.filter(pk=broken.pk).update(recipient="other@example.com")  # its body is lost
    send()
    assert after(broken).status == "retrying"
    assert broken.last_error == "The mail can't be made (Unavailable)."
    assert after(good).status == "sent"


def test_a_stopping_worker_begins_no_other_mail(server: MailServer) -> None:
    stopping = threading.Event()
    server.on_data = stopping.set
    queued(), queued("vera@example.com")
    sender.send_due(stopping)
    assert len(server.mails) == 1


def test_a_claimed_mail_is_nobody_elses_until_the_claim_runs_out(server: MailServer) -> None:
    mail = queued()
    assert sender._claim(mail)  # and then its sender is killed
    send()
    assert server.mails == []
    make_due(mail)
    send()
    assert len(server.mails) == 1


def test_a_sender_that_comes_back_too_late_changes_nothing(server: MailServer) -> None:
    mail = queued()
    assert sender._claim(mail)
    make_due(mail)
    send()
    sender._note(mail, trouble(TimeoutError()))
    assert after(mail).status == "sent"


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_every_mail_once(server: MailServer) -> None:
    sent = [queued(f"person{n}@example.com") for n in range(12)]
    ready = threading.Barrier(3)

    def work() -> None:
        ready.wait()
        try:
            send()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(server.recipients) == sorted(mail.recipient for mail in sent)
    assert {mail.status for mail in Mail.objects.all()} == {"sent"}


def test_no_attempt_leaves_the_link_in_the_database_or_the_log(
    server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuse_data = f"554 5.7.1 Blocked: {LINK} and {TOKEN}"
    queued()
    send()
    ours = [record for record in caplog.records if record.name.startswith("flowlatch")]
    said = "".join(f"{record.msg} {record.exc_info}" for record in ours)
    assert "mail given up" in said
    assert TOKEN not in factories.dump() + said
    assert "eve@example.com" not in said


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1, with its key."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(path)]
    done = subprocess.run(
        ["openssl", "req", *made, *subject], capture_output=True, check=True, text=True
    )
    with path.open("a") as file:
        file.write(done.stdout)
    return path


def test_starttls_and_a_password_are_used_and_the_certificate_is_checked(
    certificate: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with mail_servers.running(password="s3cret", tls=tls) as server:
        more = {"EMAIL_USE_TLS": True, "EMAIL_HOST_USER": "alice", "EMAIL_HOST_PASSWORD": "s3cret"}
        settings.MAIL_SERVER = {**server.settings, **more}
        mail = queued()
        send()
        assert after(mail).last_error == "The mail server's certificate is not trusted."
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        settings.MAIL_SERVER["EMAIL_HOST_PASSWORD"] = "wrong"
        make_due(mail)
        send()
        assert "refuses our username or password (535" in after(mail).last_error
        settings.MAIL_SERVER["EMAIL_HOST_PASSWORD"] = "s3cret"
        make_due(mail)
        send()
        assert after(mail).status == "sent"


@pytest.mark.parametrize(
    ("error", "words", "is_final", "is_of_server"),
    [
        (smtplib.SMTPDataError(554, b"Spam"), "refuses this mail (554 Spam)", True, False),
        (smtplib.SMTPDataError(451, b"Later"), "refuses this mail (451 Later)", False, False),
        (smtplib.SMTPSenderRefused(553, b"No", "x"), "our sender's address", False, True),
        (smtplib.SMTPConnectError(421, b"Busy"), "not ready (421 Busy)", False, True),
        (smtplib.SMTPServerDisconnected(), "closed the connection", False, True),
        (smtplib.SMTPNotSupportedError(), "lacks what EMAIL_URL", False, True),
        (ssl.SSLError(), "TLS fails", False, True),
        (OSError(), "can't be reached", False, True),
        (ValueError("secret"), "can't be made (ValueError)", False, False),
    ],
)
def test_a_trouble_is_said_in_plain_words(
    error: Exception, words: str, is_final: bool, is_of_server: bool
) -> None:
    found = trouble(error)
    assert words in found.words
    assert (found.is_final, found.is_of_server) == (is_final, is_of_server)
    assert "secret" not in found.words + found.name


def test_an_endless_reply_fits_its_column(server: MailServer) -> None:
    found = trouble(smtplib.SMTPRecipientsRefused({"x": (550, b"\x1b[31m" + b"no " * 999)}))
    assert len(found.words) < 300
    assert Mail._meta.get_field("last_error").max_length == 300
    assert "\x1b" not in found.words


def test_an_idle_outbox_costs_one_statement(server: MailServer) -> None:
    with connection.execute_wrapper(lambda run, *rest: asked.append(1) or run(*rest)):  # type: ignore[func-returns-value]
        asked: list[int] = []
        send()
    assert len(asked) == 1
