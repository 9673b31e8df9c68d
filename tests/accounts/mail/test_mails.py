"""Mails: queued with the change or not at all, to one address, unreadable in a dump."""

import re
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.mail import get_connection
from django.db import IntegrityError, transaction
from django.template import Context, Engine

from accounts.mail import outbox
from accounts.models import Mail, Team
from accounts.models.mail_kinds import KINDS
from accounts.outages import Unavailable
from config import settings as shipped
from tests import factories

pytestmark = pytest.mark.django_db

TOKEN = "fll_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
LINK = f"http://127.0.0.1:8000/invitation/{TOKEN}/"


@pytest.fixture(autouse=True)
def _with_a_mail_server(settings: Any) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid", "EMAIL_PORT": 25}


def invite(to: str = "eve@example.com", **more: Any) -> Mail:
    values = {**KINDS["invitation"].sample, "link": LINK}
    mail = outbox.queue("invitation", to, values, **more)
    assert mail is not None
    return mail


def test_a_mail_waits_with_its_team_and_is_due_at_once(acme: Team) -> None:
    mail = invite(team=acme)
    assert list(Mail.objects.of(acme).due(mail.created_at)) == [mail]
    assert mail.subject == "alice invites you to Acme"
    text, html = outbox.body(mail)
    assert LINK in text
    assert f'href="{LINK}"' in html


def test_a_dump_of_the_database_holds_no_link() -> None:
    invite()
    assert TOKEN not in factories.dump()
    assert "sample" not in factories.dump()


def test_a_body_moved_to_another_recipient_is_nothing() -> None:
    mail = invite()
    Mail.objects.filter(pk=mail.pk).update(recipient="mallory@example.com")
    mail.refresh_from_db()
    with pytest.raises(Unavailable):
        outbox.body(mail)


def test_without_a_mail_server_nothing_is_queued(settings: Any) -> None:
    settings.MAIL_SERVER = {}
    assert not outbox.is_configured()
    assert outbox.queue("invitation", "eve@example.com", KINDS["invitation"].sample) is None
    assert not Mail.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_mail_needs_the_transaction_of_the_change() -> None:
    with pytest.raises(RuntimeError):
        invite()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "eve",
        "eve@",
        "@example.com",
        "eve@example.com\nBcc: mallory@example.com",
        "eve@example.com\r\n",
        "eve@example.com, mallory@example.com",
        "eve@example.com; mallory@example.com",
        "eve@example.com mallory@example.com",
        "eve@example.com\x00",
        "eve@mallory@example.com",
        "Eve <eve@example.com>",
        "<eve@example.com>",
        "eve@example.com (mallory@example.com)",
        '"eve, mallory"@example.com',
        '"eve@example.com,"@example.com',
        "team: eve@example.com, mallory@example.com;",
        "eve%example.com@example.org",
        "eve\u202e@example.com",
        "eve@[127.0.0.1]",
        "e" * 245 + "@example.com",
    ],
)
def test_what_is_not_exactly_one_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        invite(address)
    assert not Mail.objects.exists()


@pytest.mark.parametrize("address", ["eve@example.com", "o'brien+x@mail.example.co.uk"])
def test_one_plain_address_is_taken(address: str) -> None:
    assert invite(address).recipient == address


def test_a_subject_is_one_line() -> None:
    values = {**KINDS["invitation"].sample, "team_name": "Acme\r\nBcc: mallory@example.com"}
    subject, _, _ = outbox.render("invitation", values)
    assert subject == "alice invites you to Acme Bcc: mallory@example.com"


def test_names_are_escaped_in_html_and_stand_as_they_are_in_text() -> None:
    values = {**KINDS["invitation"].sample, "team_name": "<b>R&D</b>"}
    _, text, html = outbox.render("invitation", values)
    assert "<b>R&D</b>" in text
    assert "&lt;b&gt;R&amp;D&lt;/b&gt;" in html


@pytest.mark.parametrize("wrong", [{}, {"username": "alice"}, {"more": 1}])
def test_a_mail_takes_exactly_its_values(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="takes"):
        outbox.render("password_reset", wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_rendered_from_its_sample_and_nothing_else(kind: str) -> None:
    subject, text, html = outbox.render(kind, KINDS[kind].sample)
    assert subject
    for name, value in KINDS[kind].sample.items():
        if isinstance(value, str):
            assert value in subject + text, name
            assert value in html, name
    assert "Flowlatch" in html
    links = re.findall(r'https?://[^\s"<]+', text + html)
    assert links
    assert all(each.startswith("http://127.0.0.1:8000") for each in links)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", outbox.PARTS)
def test_a_template_uses_no_value_that_its_sample_lacks(
    kind: str, part: str, settings: Any
) -> None:
    strict = Engine(dirs=[str(shipped.BASE_DIR / "templates")], string_if_invalid="LACKS %s")
    template = strict.get_template(f"accounts/mails/{kind}{part}")
    values = {**KINDS[kind].sample, "public_url": settings.PUBLIC_URL}
    assert "LACKS" not in template.render(Context(values))


def test_every_template_of_a_mail_is_of_a_known_kind() -> None:
    files = {path.name for path in (shipped.BASE_DIR / "templates/accounts/mails").iterdir()}
    wanted = {f"{kind}{part}" for kind in KINDS for part in outbox.PARTS}
    assert files == wanted | {"layout.html", "layout.txt", "button.html", "keys.html"}


def test_a_mail_is_waiting_sent_or_failed_and_only_waiting_has_a_body() -> None:
    mail = invite()
    for change in (
        {"next_try_at": None},
        {"ciphertext": None},
        {"sent_at": mail.created_at},
        {"next_try_at": None, "sent_at": mail.created_at},
        {"next_try_at": None, "failed_at": mail.created_at},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Mail.objects.filter(pk=mail.pk).update(**change)


def test_djangos_own_mail_is_closed() -> None:
    with pytest.raises(RuntimeError, match="queue"):
        get_connection(shipped.EMAIL_BACKEND).send_messages([])
