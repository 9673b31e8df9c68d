"""Lists of members, invitations, service accounts, teams and mails: pages, order, filters."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from accounts.lists import listing
from accounts.models import Invitation, Role, ServiceAccount, Team, User
from accounts.permissions import Actor
from accounts.services import invitations, service_accounts
from accounts.services.service_accounts import About
from tests import factories

pytestmark = pytest.mark.django_db

MEMBERS = "/t/acme/members/"
INVITATIONS = "/t/acme/members/invitations/all/"
ACCOUNTS = "/t/acme/service-accounts/"
MAIL = "/t/acme/mail/"
TEAMS = "/operator/teams/"
LISTS = (MEMBERS, INVITATIONS, ACCOUNTS, MAIL, TEAMS)
NAME = re.compile(r'class="name(?: go)?"[^>]*>([^<]+)<')
NEXT = re.compile(r'rel="next" href="([^"]+)"')


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of three rows, so that a few rows are many."""
    monkeypatch.setattr(listing, "PAGE", 3)


@pytest.fixture
def as_alice(acme: Team, alice: User) -> Client:
    """The owner's browser, who also runs the installation, in a team with a few of everything."""
    User.objects.filter(pk=alice.pk).update(is_operator=True)
    for n in range(7):
        person = factories.user(f"person{n}")
        factories.join(acme, person, [Role.VIEWER, Role.EDITOR][n % 2])
        User.objects.filter(pk=person.pk).update(
            last_login=None if n == 0 else timezone.now() - timedelta(days=n)
        )
        about = About(f"sync-{n}", ["staging", "production"][n % 2], owner=person)
        service_accounts.create(acme, about, factories.TESTER)
        factories.mail(acme)
        factories.team(f"Team {n}")
    by = actor(alice)
    invitations.invite(acme, [f"guest{n}@acme.example" for n in range(7)], Role.VIEWER, by)
    globex = factories.team("Globex")
    factories.join(globex, factories.user("mallory"), Role.OWNER)
    service_accounts.create(globex, About("mallorys", "staging"), factories.TESTER)
    factories.mail(globex)
    return factories.client(alice, is_fresh=True)


def actor(person: User) -> Actor:
    """Somebody as the services know them."""
    return Actor("person", str(person.pk), person.username, "192.0.2.1")


def names(browser: Client, url: str) -> list[str]:
    """The names on a page of a list."""
    page = browser.get(url)
    assert page.status_code == 200, url
    return NAME.findall(page.content.decode().partition('id="rows"')[2])


def walk(browser: Client, url: str) -> list[str]:
    """The names on all pages of a list, from the first on."""
    seen: list[str] = []
    for _ in range(20):
        seen += names(browser, url)
        found = NEXT.search(browser.get(url).content.decode())
        if found is None:
            return seen
        url = found[1].replace("&amp;", "&")
    raise AssertionError("the pages have no end")


@pytest.mark.parametrize("path", LISTS)
def test_every_row_is_on_one_page_whatever_the_order(path: str, as_alice: Client) -> None:
    page = as_alice.get(path).content.decode()
    orders = set(re.findall(r"[?&;]sort=(-?\w+)", page))
    assert orders
    first = walk(as_alice, path)
    for sort in (*orders, *(f"-{each}" for each in orders if not each.startswith("-"))):
        rows = walk(as_alice, f"{path}?sort={sort}")
        assert len(rows) == len(first) > listing.PAGE
        assert sorted(rows) == sorted(first)


def test_a_column_sorts_either_way_and_says_so(as_alice: Client) -> None:
    rising = walk(as_alice, f"{MEMBERS}?sort=name")
    assert rising == sorted(rising)
    assert walk(as_alice, f"{MEMBERS}?sort=-name") == rising[::-1]
    page = as_alice.get(f"{MEMBERS}?sort=-name").content.decode()
    assert re.search(
        r'aria-sort="descending"[^>]*>.{0,120}<span[^>]*>[^<]*</span><a href="[^"]*sort=name"',
        page,
        re.DOTALL,
    )
    assert page.count("aria-sort") == 1


def test_members_stand_by_role_and_those_who_never_came_stand_last(as_alice: Client) -> None:
    assert walk(as_alice, MEMBERS)[:3] == ["alice", "person1", "person3"]
    logins = [name for name in walk(as_alice, f"{MEMBERS}?sort=login") if name != "alice"]
    assert logins == [f"person{n}" for n in (1, 2, 3, 4, 5, 6, 0)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"{MEMBERS}?q=PERSON3", ["person3"]),
        (f"{MEMBERS}?q=person3%40example", ["person3"]),
        (f"{MEMBERS}?q=person&role=editor", ["person1", "person3", "person5"]),
        (f"{MEMBERS}?q=mallory", []),
        (f"{INVITATIONS}?q=guest4", ["guest4@acme.example"]),
        (f"{INVITATIONS}?state=accepted", []),
        (f"{ACCOUNTS}?q=SYNC-2", ["sync-2"]),
        (f"{ACCOUNTS}?q=person5", ["sync-5"]),
        (f"{ACCOUNTS}?environment=production", ["sync-1", "sync-3", "sync-5"]),
        (f"{ACCOUNTS}?status=disabled", []),
        (f"{ACCOUNTS}?q=mallorys", []),
        (f"{TEAMS}?q=team-5", ["Team 5"]),
        (f"{TEAMS}?q=%25", []),
        (f"{MAIL}?q=nobody", []),
    ],
)
def test_searches_and_filters_find_what_fits(
    query: str, found: list[str], as_alice: Client
) -> None:
    assert names(as_alice, query) == found
    if not found:
        assert "No " in as_alice.get(query).content.decode()


def test_who_sees_no_address_finds_nobody_by_it(as_alice: Client, vera: User) -> None:
    as_vera = factories.client(vera)
    assert names(as_vera, f"{MEMBERS}?q=person3") == ["person3"]
    assert names(as_vera, f"{MEMBERS}?q=person3%40example") == []
    assert "sort=login" not in as_vera.get(MEMBERS).content.decode()
    assert names(as_vera, f"{MEMBERS}?sort=login") == names(as_vera, MEMBERS)
    assert as_vera.get(INVITATIONS).status_code == 403


NOT_UNDERSTOOD = (
    "sort=password",
    "sort=user__password",
    "sort=--name",
    "sort=",
    "sort=%00",
    "sort=" + "x" * 100_000,
    "after=x",
    "after=%00",
    "after=%ED%A0%80",
    "after=" + "x" * 100_000,
    "role=%00&status=%00&state=x&environment=x&show=%ED%A0%80",
)


@pytest.mark.parametrize("path", LISTS)
def test_what_no_list_understands_shows_the_first_page(path: str, as_alice: Client) -> None:
    first = names(as_alice, path)
    for query in NOT_UNDERSTOOD:
        assert names(as_alice, f"{path}?{query}") == first, query


@pytest.mark.parametrize("path", LISTS)
def test_no_search_breaks_a_list(path: str, as_alice: Client) -> None:
    for q in ("%00", "%ED%A0%80", "x" * 100_000, "%27%22%3E%3Cb%3E", "%F0%9F%90%88"):
        page = as_alice.get(f"{path}?q={q}")
        assert page.status_code == 200
        assert len(page.content) < 60_000
        assert b"'\"><b>" not in page.content


def test_a_place_counts_in_its_list_and_order_alone(as_alice: Client) -> None:
    mallory = factories.client(User.objects.get(username="mallory"))
    page = as_alice.get(f"{ACCOUNTS}?sort=-name").content.decode()
    place = NEXT.search(page)[1].partition("?")[2].replace("&amp;", "&")  # type: ignore[index]
    assert names(as_alice, f"{ACCOUNTS}?{place}") == ["sync-3", "sync-2", "sync-1"]
    assert names(mallory, f"/t/globex/service-accounts/?{place}") == ["mallorys"]
    after = re.search(r"after=([^&]+)", place)[1]  # type: ignore[index]
    assert names(as_alice, f"{ACCOUNTS}?sort=contact&after={after}") == names(
        as_alice, f"{ACCOUNTS}?sort=contact"
    )
    broken = quote(after[:-1] + ("A" if after[-1] != "A" else "B"))
    assert names(as_alice, f"{ACCOUNTS}?sort=-name&after={broken}") == [
        "sync-6",
        "sync-5",
        "sync-4",
    ]


def test_a_place_outlives_its_row(as_alice: Client) -> None:
    page = as_alice.get(f"{ACCOUNTS}").content.decode()
    following = NEXT.search(page)[1].replace("&amp;", "&")  # type: ignore[index]
    ServiceAccount.objects.filter(name="sync-2").delete()
    assert names(as_alice, following) == ["sync-3", "sync-4", "sync-5"]


def test_an_action_leads_back_to_the_list_as_it_was(as_alice: Client) -> None:
    account = ServiceAccount.objects.get(name="sync-5")
    shown = f"{ACCOUNTS}?q=sync&environment=production&sort=-name"
    done = as_alice.post(
        f"{ACCOUNTS}{account.pk}/disable/", HTTP_REFERER=f"http://testserver{shown}"
    )
    assert (done.status_code, done["Location"]) == (302, shown)
    invitation = Invitation.objects.get(email="guest4@acme.example")
    shown = f"{INVITATIONS}?q=guest"
    where = f"{MEMBERS}invitations/{invitation.pk}/withdraw/"
    assert as_alice.post(where, HTTP_REFERER=f"http://testserver{shown}")["Location"] == shown
    team = Team.objects.get(slug="team-5")
    shown = f"{TEAMS}?q=team&status=active"
    where = f"{TEAMS}{team.pk}/suspend/"
    assert as_alice.post(where, HTTP_REFERER=f"http://testserver{shown}")["Location"] == shown


@pytest.mark.parametrize(
    "said",
    [
        "",
        "http://evil.example/t/acme/service-accounts/?q=x",
        "http://testserver//evil.example/",
        "http://testserver/t/globex/service-accounts/?q=x",
        "http://testserver/t/acme/keys/?q=x",
        f"http://testserver{ACCOUNTS}?q={'x' * 5000}",
        "javascript:alert(1)",
        "http://[",
    ],
)
def test_a_way_back_that_is_not_this_list_is_the_bare_list(said: str, as_alice: Client) -> None:
    account = ServiceAccount.objects.get(name="sync-5")
    done = as_alice.post(f"{ACCOUNTS}{account.pk}/disable/", HTTP_REFERER=said)
    assert (done.status_code, done["Location"]) == (302, ACCOUNTS)


@pytest.mark.parametrize("path", LISTS)
def test_while_somebody_types_the_rows_alone_are_sent(path: str, as_alice: Client) -> None:
    answer = as_alice.get(f"{path}?q=3&sort=&role=&after=x", headers={"HX-Request": "true"})
    text = answer.content.decode()
    assert "<!doctype" not in text.lower()
    assert "<form" not in text
    assert 'id="found" hx-swap-oob="innerHTML"' in text
    assert answer["HX-Replace-Url"] == f"{path}?q=3"
    restored = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<!doctype" in as_alice.get(path, headers=restored).content.decode().lower()


def test_a_list_has_one_form_for_all_its_rows(as_alice: Client) -> None:
    for path in (ACCOUNTS, INVITATIONS):
        page = as_alice.get(path).content.decode().partition("<main")[2].partition("</main")[0]
        assert page.count("csrfmiddlewaretoken") == 1, path
        assert page.count('form="act"') >= listing.PAGE


def test_many_invitations_are_not_drawn_among_the_members(as_alice: Client) -> None:
    page = as_alice.get(MEMBERS).content.decode()
    assert len(re.findall(r"<strong>guest", page)) == 3
    assert INVITATIONS in page
    assert "guest" not in page.partition('id="rows"')[2]


def test_over_is_what_is_listed_as_over(as_alice: Client, acme: Team, alice: User) -> None:
    given = [*Invitation.objects.of(acme).order_by("email")]
    invitations.withdraw(given[0], actor(alice))
    Invitation.objects.filter(pk=given[1].pk).update(accepted_at=timezone.now(), accepted_by=alice)
    past = timezone.now() - timedelta(days=9)
    Invitation.objects.filter(pk=given[2].pk).update(
        link_made_at=past, expires_at=past + timedelta(1)
    )
    for state, each in (("withdrawn", 0), ("accepted", 1), ("expired", 2)):
        assert names(as_alice, f"{INVITATIONS}?state={state}") == [given[each].email]
    assert len(walk(as_alice, f"{INVITATIONS}?state=pending")) == 4
    assert len(walk(as_alice, INVITATIONS)) == 5
    assert len(walk(as_alice, f"{INVITATIONS}?state=all")) == 7


def test_names_are_drawn_as_text(as_alice: Client, acme: Team) -> None:
    ServiceAccount.objects.filter(name="sync-0").update(name="<i>sync</i>")
    assert escape("<i>sync</i>") in as_alice.get(ACCOUNTS).content.decode()
