"""Password resets: the reply tells nothing, a link works once for an hour, and all sessions end."""

import re
from datetime import timedelta
from io import StringIO
from threading import Event
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import audit
from accounts.mail import outbox
from accounts.models import AuditEvent, LinkPurpose, LinkToken, Mail, ResetRequest, Team, User
from accounts.services import link_tokens, password_resets
from tests import factories

pytestmark = pytest.mark.django_db

ASK, RESET = "/forgotten-password/", "/password-reset/"
NEW = "another good password"


@pytest.fixture(autouse=True)
def _with_a_mail_server(settings: Any) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid", "EMAIL_PORT": 25}


def ask(login: str, **more: Any) -> str:
    response = Client().post(ASK, {"login": login}, **more)
    assert response.status_code == 200
    return words(response)


def words(response: Any) -> str:
    """A page without its request id, time and CSRF token."""
    return re.sub(r"\b\w{64}\b", "", factories.without_id_and_time(response))


def answer_all() -> None:
    """The worker's turn."""
    password_resets.answer_all(Event())
    assert not ResetRequest.objects.exists()


def links() -> list[str]:
    texts = [outbox.body(mail)[0] for mail in Mail.objects.filter(kind="password_reset")]
    return [re.findall(r"http://127.0.0.1:8000(/\S+)", text)[0] for text in texts]


def link_for(person: User) -> str:
    ask(person.username)
    answer_all()
    return links()[-1]


@pytest.fixture
def visitor(client: Client, alice: User) -> Client:
    """A browser that has opened alice's link."""
    assert client.get(link_for(alice))["Location"] == RESET
    return client


def choose(browser: Client, password: str = NEW) -> int:
    return browser.post(RESET, {"password": password}).status_code


@pytest.mark.parametrize("login", ["alice", "ALICE", " alice@EXAMPLE.com "])
def test_who_forgot_a_password_gets_a_link_by_mail_and_chooses_one(
    client: Client, alice: User, login: str
) -> None:
    ask(login)
    assert Mail.objects.count() == 0  # the worker's duty
    answer_all()
    mail = Mail.objects.get()
    assert mail.recipient == "alice@example.com"
    (link,) = links()
    client.get(link)
    assert b"alice" in client.get(RESET).content
    assert choose(client) == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert ResetRequest.objects.count() == 0


@pytest.mark.parametrize("login", ["nobody", "nobody@example.com", "%", "alice@example.com\u3000x"])
def test_a_stranger_gets_the_same_reply_and_no_mail(alice: User, login: str) -> None:
    assert ask(login) == ask("alice")
    ResetRequest.objects.order_by("-asked_at")[0].delete()
    answer_all()
    assert Mail.objects.count() == 0


def test_a_known_and_an_unknown_name_take_the_same_statements(alice: User) -> None:
    def statements(login: str) -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            ask(login)
        sql = [" ".join(q["sql"].split()[:3]) for q in asked.captured_queries]
        return [re.sub(r"_x\d+", "", each) for each in sql]

    ask("warm-up")
    known = statements("alice")
    assert known == statements("nobody")
    assert not any("accounts_user" in sql for sql in known)


@pytest.mark.parametrize("login", ["", "x" * 255, "alice\0"])
def test_what_can_be_no_name_is_refused_in_words(client: Client, alice: User, login: str) -> None:
    assert client.post(ASK, {"login": login}).status_code == 422
    assert ResetRequest.objects.count() == 0


def test_who_is_not_active_gets_no_mail(alice: User) -> None:
    User.objects.update(is_active=False)
    ask("alice")
    answer_all()
    assert Mail.objects.count() == 0


def test_what_was_typed_lies_nowhere_in_clear(alice: User) -> None:
    ask("my-secret-in-the-wrong-field")
    assert "my-secret" not in factories.dump()


def test_a_person_gets_three_links_an_hour_however_many_ask(alice: User) -> None:
    for n in range(6):
        reply = ask("alice", REMOTE_ADDR=f"203.0.{n}.1")
        answer_all()
    assert Mail.objects.count() == 3
    assert reply == ask("alice", REMOTE_ADDR="203.0.99.1")


def test_one_network_asks_ten_times_and_then_in_vain_without_a_word(alice: User) -> None:
    replies = {ask("alice") for _ in range(12)}
    assert len(replies) == 1
    assert ResetRequest.objects.count() == 10


def test_asking_locks_nobody_out(client: Client, alice: User) -> None:
    for _ in range(12):
        ask("alice")
    fields = {"login": "alice", "password": factories.PASSWORD}
    assert client.post("/login/", fields).status_code == 302


def test_an_old_request_is_answered_no_more(alice: User) -> None:
    ask("alice")
    ResetRequest.objects.update(asked_at=timezone.now() - timedelta(hours=2))
    answer_all()
    assert Mail.objects.count() == 0


def test_without_a_mail_server_the_page_says_so_and_nothing_is_kept(
    client: Client, alice: User, settings: Any
) -> None:
    settings.MAIL_SERVER = {}
    page = client.get(ASK)
    assert b"sends no mail" in page.content
    replies = [words(client.post(ASK, {"login": n})) for n in ("alice", "x")]
    assert replies[0] == replies[1] == words(page)
    assert ResetRequest.objects.count() == 0


def test_the_link_is_built_from_the_public_url(client: Client, alice: User) -> None:
    forged = {"host": "localhost:1", "x-forwarded-host": "evil.example"}
    client.post(ASK, {"login": "alice"}, headers=forged)
    answer_all()
    assert links()[0].startswith("/password-reset/fll_")  # of 127.0.0.1:8000


def test_opening_the_link_uses_nothing_up_and_takes_the_token_away(alice: User) -> None:
    link = link_for(alice)
    for _ in range(3):  # a mail scanner, a preview, the person
        for method in ("head", "get"):
            browser = Client()
            response = getattr(browser, method)(link)
            assert response["Location"] == RESET
    token = link.split("/")[2]
    assert token not in str(dict(browser.session))
    assert token not in factories.dump()
    assert token not in browser.get(RESET).content.decode()
    assert choose(browser) == 302


def test_a_link_works_once(visitor: Client, alice: User) -> None:
    second = Client()
    second.get(link_for(alice))
    link = links()[-1]
    assert choose(second) == 302
    assert choose(visitor, "a third good password") == 410
    assert choose(second, "a third good password") == 410
    assert Client().get(link).status_code == 410
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def test_of_two_at_once_one_wins(alice: User) -> None:
    digest = link_tokens.digest_if_usable(LinkPurpose.PASSWORD_RESET, link_for(alice).split("/")[2])
    assert digest is not None
    password_resets.reset(digest, NEW, "192.0.2.1")
    with pytest.raises(password_resets.LinkClosed):
        password_resets.reset(digest, "a third good password", "192.0.2.1")


def test_an_expired_link_is_closed(visitor: Client, alice: User) -> None:
    LinkToken.objects.update(expires_at=timezone.now())
    assert visitor.get(RESET).status_code == 410
    assert choose(visitor) == 410
    assert Client().get(links()[0]).status_code == 410
    assert b"Ask for a new link" in visitor.get(RESET).content


def test_a_link_lives_for_an_hour(alice: User) -> None:
    link_for(alice)
    token = LinkToken.objects.get()
    assert token.expires_at - token.created_at <= timedelta(hours=1, seconds=1)


def test_a_person_who_was_disabled_meanwhile_stays_out(visitor: Client, alice: User) -> None:
    User.objects.update(is_active=False)
    assert choose(visitor) == 410


def test_a_link_of_another_purpose_opens_nothing(client: Client, alice: User) -> None:
    token = link_tokens.issue(LinkPurpose.SET_UP, timedelta(days=1), bound_to=str(alice.pk))
    assert client.get(f"{RESET}{token}/").status_code == 410
    assert client.get(RESET).status_code == 410


@pytest.mark.parametrize(
    "token", ["fll_", "null", "undefined", "%00", "fll_%00", "fll_" + "A" * 43]
)
def test_a_made_up_token_opens_nothing(client: Client, alice: User, token: str) -> None:
    assert client.get(f"{RESET}{token}/").status_code == 410


@pytest.mark.parametrize("tail", ["/", "x/y/", "../"])
def test_an_empty_or_odd_path_is_no_page(client: Client, alice: User, tail: str) -> None:
    assert client.get(f"{RESET}{tail}").status_code in (404, 410)


def test_a_doubled_token_opens_nothing(client: Client, alice: User) -> None:
    link = link_for(alice)
    token = link.split("/")[2]
    assert client.get(f"{RESET}{token}{token}/").status_code == 410
    assert client.get(f"{RESET}{token}/{token}/").status_code == 404


@pytest.mark.parametrize("digest", ["", "null", None, 1, []])
def test_a_session_without_a_digest_opens_nothing(
    client: Client, alice: User, digest: object
) -> None:
    session = client.session
    session["password_reset_digest"] = digest
    session.save()
    assert choose(client) == 410


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "alice@example.com",
        "flowlatch-1234",
        "x" * 4097,
        "é" * 2049,
        "a good one\0 not",
    ],
    ids=lambda p: p[:15],
)
def test_a_bad_password_is_refused_and_the_link_stays_good(
    visitor: Client, alice: User, password: str
) -> None:
    assert choose(visitor, password) == 422
    alice.refresh_from_db()
    assert alice.check_password(factories.PASSWORD)
    assert choose(visitor) == 302


def test_a_password_of_a_mebibyte_costs_no_hash(
    visitor: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(User, "set_password", lambda *_: pytest.fail("hashed"))
    assert choose(visitor, "x" * 2**20) == 422


def test_a_long_password_is_taken_whole(visitor: Client, alice: User) -> None:
    assert choose(visitor, "wx yz" * 25 + "end") == 302
    alice.refresh_from_db()
    assert alice.check_password("wx yz" * 25 + "end")


def test_every_session_of_the_person_ends_and_nobody_elses(
    visitor: Client, as_alice: Client, as_vera: Client
) -> None:
    choose(visitor)
    assert as_alice.get("/t/acme/keys/").status_code == 302
    assert as_vera.get("/t/acme/keys/").status_code == 200
    assert "_auth_user_id" not in visitor.session


def test_the_person_is_told_by_mail_and_every_team_by_its_trail(
    visitor: Client, alice: User, acme: Team, globex: Team
) -> None:
    factories.join(globex, alice, "viewer")  # type: ignore[arg-type]
    choose(visitor)
    assert Mail.objects.get(kind="password_changed").recipient == "alice@example.com"
    events = AuditEvent.objects.filter(action="user.reset_password")
    assert {e.team_id for e in events} == {acme.pk, globex.pk}
    assert {e.actor_name for e in events} == {"alice"}
    assert audit.verify(acme.pk) is None
    assert NEW not in factories.dump()


def test_after_a_reset_the_person_gets_in_however_many_strangers_guess(
    visitor: Client, alice: User
) -> None:
    for _ in range(11):
        Client().post("/login/", {"login": "alice", "password": "wrong password here"})
    choose(visitor)
    assert Client().post("/login/", {"login": "alice", "password": NEW}).status_code == 429
    assert visitor.post("/login/", {"login": "alice", "password": NEW}).status_code == 302


def test_the_commands_link_works_and_kills_the_older_one(client: Client, alice: User) -> None:
    mailed, out = link_for(alice), StringIO()
    call_command("reset_link", "Alice@Example.com", stdout=out, stderr=StringIO())
    assert client.get(mailed).status_code == 410
    client.get(out.getvalue().strip().removeprefix("http://127.0.0.1:8000"))
    assert choose(client) == 302
    (event,) = AuditEvent.objects.filter(action="user.reset_link")
    assert (event.actor_kind, event.target_name) == ("command", "alice")


@pytest.mark.parametrize("email", ["nobody@example.com", "", "%"])
def test_the_command_says_that_there_is_no_one(alice: User, email: str) -> None:
    with pytest.raises(CommandError, match="no active account"):
        call_command("reset_link", email)
