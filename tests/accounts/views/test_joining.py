"""The pages of invitations: the link shown once, the token out of the URL, three ways in."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.mail import outbox
from accounts.models import Invitation, LinkToken, Mail, Membership, Role, Session, Team, User
from tests import factories

pytestmark = pytest.mark.django_db

LIST = "/t/acme/members/"
INVITE = f"{LIST}invitations/"
NORA = {"addresses": "nora@example.com", "role": "editor"}
WHO = {"username": "nora", "password": factories.PASSWORD}
LINK = re.compile(r"https?://[^\s\"<]+/join/fll_[\w-]{43}/(?:[0-9a-f]{32}/)?")


@pytest.fixture
def link(as_alice: Client) -> str:
    """The link of nora's invitation, as the page shows it."""
    return shown(as_alice.post(INVITE, NORA).content)


def shown(body: bytes) -> str:
    (found,) = set(LINK.findall(body.decode()))
    return str(found)


def path(link: str) -> str:
    return link[link.index("/join/") :]


def without_chance(page: str, name: str) -> str:
    """A page without its tokens, ids and times, and without a name."""
    page = re.sub(r'csrfmiddlewaretoken" value="\w+"|X-CSRFToken[^}]*|req_\w+', "", page)
    return re.sub(r"\d\d:\d\d(:\d\d)?", "", page).replace(name, "")


def opened(link: str, browser: Client | None = None) -> Client:
    """A browser that has followed the link."""
    browser = browser or Client()
    assert browser.get(path(link))["Location"] == "/join/"
    return browser


def test_the_page_shows_the_link_once_and_says_that_no_mail_was_sent(as_alice: Client) -> None:
    response = as_alice.post(INVITE, NORA)
    body = response.content.decode()
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    token = shown(response.content).split("/")[4]
    assert "No mail was sent" in body
    for again in (LIST, INVITE):
        assert token not in as_alice.get(again, follow=True).content.decode()
    held = str([session.get_decoded() for session in Session.objects.all()])
    assert token not in held + str(as_alice.cookies) + str(response.headers)


def test_the_mail_gives_the_pages_link_in_text_and_html_with_a_proof(
    as_alice: Client, settings: Any
) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid", "EMAIL_PORT": 25}
    response = as_alice.post(INVITE, NORA)
    assert "1 mail is on the way" in response.content.decode()
    on_page = shown(response.content)
    mail = Mail.objects.get()
    in_text, in_html = (shown(part.encode()) for part in outbox.body(mail))
    assert in_text == in_html
    assert in_text.startswith(on_page)
    assert mail.recipient == "nora@example.com"
    assert in_text.removeprefix(on_page).strip("/") not in response.content.decode()
    opened(in_text).post("/join/", WHO)
    assert User.objects.get(username="nora").email_verified_at is not None


def test_a_wrong_proof_opens_the_link_and_proves_nothing(as_alice: Client, settings: Any) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid", "EMAIL_PORT": 25}
    link = shown(as_alice.post(INVITE, NORA).content)
    for proof in ("0" * 32, "%C3%A9", "null"):
        browser = opened(f"{link}{proof}/")
    browser.post("/join/", WHO)
    assert User.objects.get(username="nora").email_verified_at is None


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:9999", "localhost"])
def test_the_link_comes_from_public_url_whatever_the_host_says(
    as_alice: Client, settings: Any, host: str
) -> None:
    forged: dict[str, Any] = {"HTTP_HOST": host, "HTTP_X_FORWARDED_HOST": "evil.example"}
    response = as_alice.post(INVITE, NORA, **forged)
    if host == "evil.example":
        assert response.status_code == 400
        assert not Invitation.objects.exists()
    else:
        assert shown(response.content).startswith(settings.PUBLIC_URL + "/join/")


def test_opening_the_link_takes_the_token_away_and_uses_nothing_up(link: str) -> None:
    token = link.split("/")[4]
    for _ in range(3):
        browser = opened(link)
        page = browser.get("/join/")
        assert page.status_code == 200
        assert token not in page.content.decode()
    assert Client().head(path(link)).status_code == 302
    assert LinkToken.objects.filter(used_at=None).count() == 1
    held = str([session.get_decoded() for session in Session.objects.all()])
    assert token.removeprefix("fll_") not in held


def test_a_new_person_chooses_a_name_and_password_and_is_in(link: str) -> None:
    browser = opened(link)
    before = browser.session.session_key
    response = browser.post("/join/", WHO)
    assert response["Location"] == "/t/acme/chatflows/"
    assert browser.session.session_key != before
    assert browser.get(LIST).status_code == 200
    assert "invitation" not in browser.session
    assert Membership.objects.get(user__username="nora").role == Role.EDITOR
    assert browser.get("/join/").status_code == 410
    assert opened(link).get("/join/").status_code == 410


def test_two_browsers_with_one_link_make_one_member(link: str) -> None:
    first, second = opened(link), opened(link)
    assert first.post("/join/", WHO).status_code == 302
    assert second.post("/join/", {**WHO, "username": "tom"}).status_code == 410
    assert not User.objects.filter(username="tom").exists()


def test_a_logged_in_account_of_the_address_confirms(as_alice: Client, mallory: User) -> None:
    link = shown(as_alice.post(INVITE, {**NORA, "addresses": mallory.email}).content)
    browser = opened(link, factories.client(mallory))
    assert b"You are logged in as mallory" in browser.get("/join/").content
    assert not Membership.objects.filter(user=mallory).exists()
    assert browser.post("/join/").status_code == 302
    assert Membership.objects.get(user=mallory).role == Role.EDITOR


def test_a_logged_out_account_logs_in_and_comes_back(as_alice: Client, mallory: User) -> None:
    link = shown(as_alice.post(INVITE, {**NORA, "addresses": mallory.email}).content)
    browser = opened(link)
    assert b"/login/?next=%2Fjoin%2F" in browser.get("/join/").content
    answer = browser.post(
        "/login/", {"login": "mallory", "password": factories.PASSWORD, "next": "/join/"}
    )
    assert answer["Location"] == "/join/"
    assert browser.post("/join/").status_code == 302
    assert Membership.objects.filter(user=mallory).count() == 1


def test_another_account_is_told_so_and_can_switch(link: str, mallory: User) -> None:
    browser = opened(link, factories.client(mallory))
    page = browser.get("/join/").content.decode()
    assert "with another address" in page
    assert browser.post("/join/").status_code == 200
    assert not Membership.objects.filter(user=mallory).exists()
    assert browser.post("/join/switch/")["Location"] == "/join/"
    assert "_auth_user_id" not in browser.session
    assert browser.post("/join/", WHO).status_code == 302


def test_a_copied_link_does_not_tell_whether_the_address_has_an_account(
    as_alice: Client, mallory: User
) -> None:
    assert mallory.email.startswith("mallory@")
    answers, pages = [], []
    for name in ("mallory", "nobody7"):
        answer = as_alice.post(INVITE, {**NORA, "addresses": f"{name}@example.com"})
        link = shown(answer.content)
        answers.append(without_chance(answer.content.decode().replace(link, ""), name))
        pages.append(without_chance(opened(link).get("/join/").content.decode(), name))
    assert answers[0] == answers[1]
    assert pages[0] == pages[1]


def test_the_mailed_link_tells_its_reader_to_log_in(
    as_alice: Client, mallory: User, settings: Any
) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid", "EMAIL_PORT": 25}
    as_alice.post(INVITE, {**NORA, "addresses": mallory.email})
    link = shown(outbox.body(Mail.objects.get())[0].encode())
    page = opened(link).get("/join/").content.decode()
    assert "You have an account here" in page
    assert 'name="password"' not in page


def test_a_taken_name_and_a_known_address_are_said_beside_the_form(
    link: str, alice: User, as_alice: Client, mallory: User
) -> None:
    page = opened(link).post("/join/", {**WHO, "username": "ALICE"})
    assert page.status_code == 422
    assert b"ALICE is taken" in page.content
    assert factories.PASSWORD.encode() not in page.content
    of_mallory = shown(as_alice.post(INVITE, {**NORA, "addresses": mallory.email}).content)
    page = opened(of_mallory).post("/join/", WHO)
    assert page.status_code == 422
    assert b"Log in with it" in page.content


@pytest.mark.parametrize("fate", ["withdraw", "resend"])
def test_a_dead_link_names_whom_to_ask_to_its_holder_alone(
    link: str, as_alice: Client, fate: str
) -> None:
    as_alice.post(f"{INVITE}{Invitation.objects.get().pk}/{fate}/")
    page = opened(link).get("/join/")
    assert page.status_code == 410
    body = page.content.decode()
    assert "Ask alice" in body
    assert "Acme" not in body
    assert "nora@example.com" not in body
    stranger = Client().get("/join/fll_" + "A" * 43 + "/")
    assert stranger.status_code == 410
    assert b"alice" not in stranger.content


@pytest.mark.parametrize(
    "token",
    ["x", "null", "None", "fll_", "fll_null", "fll_" + "x" * 43, "%00", "a" * 5000, "%ED%A0%80"],
)
def test_a_link_that_was_never_made_is_closed(link: str, token: str) -> None:
    browser = Client()
    for where in (f"/join/{token}/", f"/join/{token}/{'0' * 32}/"):
        assert browser.get(where).status_code in (404, 410)
    assert browser.get("/join/").status_code == 410
    assert browser.post("/join/", WHO).status_code == 410
    assert browser.post(f"/join/{token}/", WHO).status_code in (404, 405)


def test_a_stored_digest_and_a_doubled_token_are_no_links(link: str) -> None:
    digest = LinkToken.objects.get().digest
    token = link.split("/")[4]
    for text in (digest, f"fll_{digest}", token * 2, f"{token},{token}", token.upper()):
        assert Client().get(f"/join/{text}/").status_code == 410


def test_a_set_up_link_is_no_invitation(link: str, acme: Team) -> None:
    LinkToken.objects.update(purpose="set_up")
    assert Client().get(path(link)).status_code == 410


@pytest.mark.parametrize(
    "more",
    [
        {"role": "owner"},
        {"team": "globex"},
        {"email": "else@example.com"},
        {"is_operator": "on"},
        {"id": "1"},
        {"username": ["nora", "tom"]},
        {"token": "null"},
    ],
    ids=str,
)
def test_what_is_added_to_the_join_form_is_refused(link: str, more: dict[str, Any]) -> None:
    browser = opened(link)
    before = factories.dump()
    assert browser.post("/join/", {**WHO, **more}).status_code == 422
    assert factories.dump() == before
    assert browser.post("/join/", WHO).status_code == 302


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"addresses": "", "role": "viewer"},
        {"addresses": "a@example.com, b@example", "role": "viewer"},
        {"addresses": "Ann <a@example.com> <b@example.com>", "role": "viewer"},
        {"addresses": "b@example.com <a@example.com>", "role": "viewer"},
        {"addresses": ",;\n", "role": "viewer"},
        {"addresses": "a@example.com\r\nBcc: b@example.com", "role": "viewer"},
        {"addresses": "a@example.com\0", "role": "viewer"},
        {"addresses": "\n".join(f"p{n}@example.com" for n in range(21)), "role": "viewer"},
        {"addresses": "x" * 100_000, "role": "viewer"},
        {**NORA, "role": "superuser"},
        {**NORA, "role": ""},
        {**NORA, "team": "globex"},
        {**NORA, "id": "1"},
        {**NORA, "invited_by": "1"},
        {**NORA, "role": ["viewer", "owner"]},
        {**NORA, "addresses": "vera@example.com"},
    ],
    ids=lambda data: str(data)[:60],
)
def test_a_wrong_invitation_is_refused_and_nothing_is_sent(
    as_alice: Client, vera: User, settings: Any, data: dict[str, Any]
) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid", "EMAIL_PORT": 25}
    assert as_alice.post(INVITE, data).status_code == 422
    assert not Invitation.objects.exists()
    assert not Mail.objects.exists()


def test_several_addresses_get_a_link_each(as_alice: Client) -> None:
    lines = "nora@example.com\r\n\r\n  tom@example.com \nNora@example.com"
    body = as_alice.post(INVITE, {"addresses": lines, "role": "viewer"}).content.decode()
    assert "2 people are invited" in body
    assert len(set(LINK.findall(body))) == 2


@pytest.mark.parametrize("who", ["as_eddie", "as_vera", "as_mallory"])
@pytest.mark.usefixtures("globex")
def test_others_invite_nobody(who: str, link: str, request: pytest.FixtureRequest) -> None:
    browser: Client = request.getfixturevalue(who)
    invitation = Invitation.objects.get()
    expected = 404 if who == "as_mallory" else 403
    for where in (INVITE, f"{INVITE}{invitation.pk}/resend/", f"{INVITE}{invitation.pk}/withdraw/"):
        assert browser.post(where, {**NORA, "role": "viewer"}).status_code == expected
    assert Invitation.objects.get().withdrawn_at is None


def test_the_invitation_of_another_team_cannot_be_named(
    link: str, as_mallory: Client, globex: Team
) -> None:
    invitation = Invitation.objects.get()
    for what in ("resend", "withdraw"):
        where = f"/t/globex/members/invitations/{invitation.pk}/{what}/"
        assert as_mallory.post(where).status_code == 404
    assert Invitation.objects.get().withdrawn_at is None


def test_next_on_the_way_in_leads_nowhere_else(link: str) -> None:
    browser = opened(link)
    assert browser.post("/join/?next=https://evil.example/", WHO)["Location"] == (
        "/t/acme/chatflows/"
    )


def test_a_post_without_the_csrf_token_is_refused(link: str) -> None:
    browser = opened(link, Client(enforce_csrf_checks=True))
    assert browser.post("/join/", WHO).status_code == 403
    assert browser.post("/join/switch/").status_code == 403
    assert not User.objects.filter(username="nora").exists()
