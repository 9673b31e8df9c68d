"""Set-up: the link's token leaves the URL, all or nothing happens, DefaultKey is shown once."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import audit
from accounts.models import LinkPurpose, LinkToken, Membership, Role, Session, Team, User
from accounts.services import link_tokens
from apikeys.key_text import PATTERN
from apikeys.models import ApiKey, KeySecret
from chatflows.models import Chatflow
from chatflows.services import onboarding
from chatflows.services.onboarding import AlreadySetUp
from tests import factories

pytestmark = pytest.mark.django_db

FORM = {
    "email": "alice@example.com",
    "username": "alice",
    "password": factories.PASSWORD,
    "team_name": "Acme",
}


@pytest.fixture(autouse=True)
def _prepared(db: None) -> None:
    onboarding.prepare("", factories.TESTER)


@pytest.fixture
def token() -> str:
    return onboarding.new_set_up_token()


@pytest.fixture
def visitor(client: Client, token: str) -> Client:
    """A browser that has opened the link."""
    client.get(f"/set-up/{token}/")
    return client


def digest(token: str) -> str:
    found = link_tokens.digest_if_usable(LinkPurpose.SET_UP, token)
    assert found is not None
    return found


def set_up(token: str, **more: str) -> onboarding.SetUp:
    return onboarding.set_up(digest(token), address="192.0.2.1", **{**FORM, **more})


def texts(body: bytes) -> set[str]:
    return {found[0] for found in PATTERN.finditer(body.decode())}


def test_set_up_makes_the_owner_names_the_team_and_issues_default_key(token: str) -> None:
    done = set_up(token)
    team = Team.objects.get()
    assert (team.name, team.slug) == ("Acme", "acme")
    assert Membership.objects.get().role == Role.OWNER
    assert User.objects.get().is_operator
    assert done.key.name == ApiKey.DEFAULT_NAME
    assert KeySecret.objects.get().public_id == done.key_text.split("_")[2]
    assert done.chatflow == Chatflow.objects.get()
    assert done.key in done.chatflow.keys.all()
    assert done.key_text not in factories.dump()
    for chain in (team.id, audit.INSTALLATION):
        assert audit.verify(chain) is None


def test_a_second_redeem_is_refused(token: str) -> None:
    found = digest(token)
    set_up(token)
    before = factories.dump()
    more = {**FORM, "username": "mallory", "email": "mallory@example.com"}
    with pytest.raises(AlreadySetUp):
        onboarding.set_up(found, address="", **more)
    assert factories.dump() == before


def test_with_an_owner_even_a_good_link_is_refused_and_unused(token: str) -> None:
    onboarding.create_first_owner("a@example.com", "", factories.PASSWORD, factories.TESTER)
    found = digest(token)
    with pytest.raises(AlreadySetUp):
        onboarding.set_up(found, address="", **FORM)
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"password": "short"},
        {"password": "alice-alice1"},
        {"password": "x" * 5000},
        {"username": "a b"},
        {"email": "nonsense"},
    ],
    ids=str,
)
def test_what_the_rules_refuse_leaves_the_link_good_and_nothing_behind(
    token: str, change: dict[str, str]
) -> None:
    before = factories.dump()
    with pytest.raises(ValidationError):
        set_up(token, **change)
    assert factories.dump() == before
    set_up(token)


def test_a_fault_at_the_last_step_leaves_nothing_behind(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = factories.dump()

    def broken(*_: object, **__: object) -> str:
        raise RuntimeError

    monkeypatch.setattr("apikeys.services.keys.issue", broken)
    with pytest.raises(RuntimeError):
        set_up(token)
    assert factories.dump() == before
    assert digest(token)


def test_preparing_twice_changes_nothing() -> None:
    before = factories.dump()
    assert onboarding.prepare("Other", factories.TESTER) is False
    assert factories.dump() == before


def test_a_prepared_team_has_a_closed_door_and_no_key_text() -> None:
    team = Team.objects.get()
    assert team.name == "My team"
    key = ApiKey.objects.get()
    assert (key.name, key.secret) == (ApiKey.DEFAULT_NAME, None)
    chatflow = Chatflow.objects.get()
    assert chatflow.access_mode == "keys"
    assert chatflow.faq_entries.count() == len(onboarding.SAMPLE_ENTRIES)
    assert not KeySecret.objects.exists()


def test_the_link_takes_the_token_out_of_the_url_and_uses_nothing(
    client: Client, token: str
) -> None:
    for _ in range(2):
        response = client.get(f"/set-up/{token}/")
        assert response["Location"] == "/set-up/"
        assert token not in str(response.headers)
    assert LinkToken.objects.get().used_at is None
    assert client.get("/set-up/").status_code == 200


def test_the_session_holds_no_token(visitor: Client, token: str) -> None:
    held = str([session.get_decoded() for session in Session.objects.all()])
    assert "set_up" in held
    assert token.removeprefix("fll_") not in held
    stolen = dict(visitor.session)["set_up_digest"]
    assert visitor.get(f"/set-up/{stolen}/").status_code == 410
    assert visitor.get(f"/set-up/fll_{stolen}/").status_code == 410


def test_the_page_says_what_it_is_without_the_token(visitor: Client, token: str) -> None:
    body = visitor.get("/set-up/").content.decode()
    assert token not in body


def test_the_form_ends_logged_in_with_the_text_once(visitor: Client) -> None:
    before = visitor.session.session_key
    response = visitor.post("/set-up/", FORM)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    (text,) = texts(response.content)
    assert visitor.session.session_key != before
    tail = text.split("_")[3]
    assert tail not in factories.dump()
    held = str([session.get_decoded() for session in Session.objects.all()])
    assert tail not in held
    assert "set_up_digest" not in held
    assert visitor.get("/set-up/").status_code == 410
    assert visitor.post("/set-up/", FORM).status_code == 410
    for page in ("/t/acme/keys/", "/t/acme/chatflows/", "/t/acme/keys/new/"):
        answer = visitor.get(page)
        assert answer.status_code == 200  # also the page that wants a fresh password
        assert not texts(answer.content)


def test_the_link_is_dead_after_set_up(visitor: Client, token: str) -> None:
    visitor.post("/set-up/", FORM)
    stranger = Client()
    assert stranger.get(f"/set-up/{token}/").status_code == 410
    assert stranger.get("/set-up/").status_code == 410


def test_two_browsers_with_one_link_make_one_owner(token: str) -> None:
    first, second = Client(), Client()
    for browser in (first, second):
        browser.get(f"/set-up/{token}/")
    assert first.post("/set-up/", FORM).status_code == 200
    other = {**FORM, "username": "mallory", "email": "mallory@example.com"}
    response = second.post("/set-up/", other)
    assert response.status_code == 410
    assert not texts(response.content)
    assert list(User.objects.values_list("username", flat=True)) == ["alice"]


def test_a_newer_link_shuts_the_page_of_the_older(visitor: Client) -> None:
    onboarding.new_set_up_token()
    assert visitor.get("/set-up/").status_code == 410
    assert visitor.post("/set-up/", FORM).status_code == 410
    assert not User.objects.exists()


def test_an_old_link_shuts_the_page(visitor: Client) -> None:
    LinkToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert visitor.post("/set-up/", FORM).status_code == 410


@pytest.mark.parametrize(
    "path",
    ["x", "fll_", "fll_" + "x" * 43, "%00", "fll_%F0%9F%94%91", "a" * 5000, "%ff", "%ED%A0%80"],
)
def test_a_link_that_was_never_made_is_closed(client: Client, token: str, path: str) -> None:
    response = client.get(f"/set-up/{path}/")
    assert response.status_code in (404, 410)
    assert client.get("/set-up/").status_code == 410


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"email": ""}, "Fill this in"),
        ({"email": "nonsense"}, "no e-mail address"),
        ({"email": f"{'x' * 245}@example.com"}, "at most"),
        ({"username": ""}, "Fill this in"),
        ({"username": "a b"}, "Use letters"),
        ({"username": "x" * 10_000}, "at most 64"),
        ({"username": "<script>alert(1)</script>"}, "Use letters"),
        ({"password": ""}, "Fill this in"),
        ({"password": "short"}, "at least 12"),
        ({"password": "x" * 5000}, "at most 4096"),
        ({"password": "é" * 3000}, "4,096 bytes"),
        ({"password": "alice-alice1"}, "close to a word"),
        ({"team_name": ""}, "Fill this in"),
        ({"team_name": "   "}, "Fill this in"),
        ({"team_name": "x" * 10_000}, "at most 80"),
        ({"team_name": "nul\0"}, "can&#x27;t be stored"),
    ],
    ids=lambda v: str(v)[:30],
)
def test_a_wrong_form_says_so_keeps_the_link_and_forgets_the_password(
    visitor: Client, change: dict[str, str], says: str
) -> None:
    response = visitor.post("/set-up/", {**FORM, **change})
    assert response.status_code == 422
    body = response.content.decode()
    assert says in body
    assert "<script>alert" not in body
    assert factories.PASSWORD not in body
    assert not User.objects.exists()
    assert visitor.post("/set-up/", FORM).status_code == 200


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "🔑🔑", "東京", "a'b\"c&d", "-"])
def test_an_odd_team_name_makes_a_team_whose_pages_open(visitor: Client, name: str) -> None:
    response = visitor.post("/set-up/", {**FORM, "team_name": name})
    assert response.status_code == 200
    assert b"<script>alert" not in response.content
    slug = Team.objects.get().slug
    page = visitor.get(f"/t/{slug}/chatflows/")
    assert page.status_code == 200
    assert b"<script>alert" not in page.content


def test_a_post_without_the_csrf_token_is_refused(token: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.get(f"/set-up/{token}/")
    assert browser.post("/set-up/", FORM).status_code == 403
    assert not User.objects.exists()


def test_the_command_prints_a_link_until_there_is_an_owner(
    capsys: pytest.CaptureFixture[str], client: Client, token: str
) -> None:
    call_command("setup_link")
    printed = capsys.readouterr().out.strip()
    path = printed[printed.index("/set-up/") :]
    assert client.get(f"/set-up/{token}/").status_code == 410
    assert client.get(path)["Location"] == "/set-up/"
    client.post("/set-up/", FORM)
    with pytest.raises(CommandError):
        call_command("setup_link")


def test_set_up_replaces_a_secret_that_a_command_made(visitor: Client) -> None:
    team = Team.objects.get()
    call_command("issue_key", team=team.slug, name=ApiKey.DEFAULT_NAME, stdout=StringIO())
    visitor.post("/set-up/", FORM)
    assert KeySecret.objects.filter(ends_at=None).count() == 1
