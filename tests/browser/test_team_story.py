"""A team's story as new people live it: mails from a real server, a browser for each of them."""

import html
import re
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import mail_servers
from tests.browser.conftest import log_in
from tests.browser.models import Model
from tests.mail_servers import MailServer
from tests.server.shipped import OWNER, Shipped, start
from tests.server.world import eventually

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
]

WEAK, STRONG, NEW = "flowlatch123", "nine copper kettles", "eleven paper boats"
OPEN_FLOW_APP = re.compile("Turn on the flow app|Change password or access")
# What changes something: a form's button or field that is not switched off.
PRESSABLE = (
    "main form[method=post]:not([role=search]) "
    ":is(button, input:not([type=hidden]), select, textarea):enabled:not([form=find-keys])"
)
# From oldest to newest, as the page of the trail tells it.
SENTENCES = [
    "alice invited adam@acme.example",
    "adam joined the team",
    "adam accepted the invitation of adam@acme.example",
    "alice invited vera@acme.example",
    "vera joined the team",
    "vera accepted the invitation of vera@acme.example",
    "adam invited eddie@acme.example",
    "alice removed adam from the team",
    "alice withdrew the invitation of eddie@acme.example",
    "alice handed over the team Acme",
]


@pytest.fixture(scope="module")
def mailbox() -> Iterator[MailServer]:
    """A real mail server."""
    with mail_servers.running() as running:
        yield running


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory, mailbox: MailServer) -> Iterator[Shipped]:
    """Acme's server, owned by alice, which sends its mail there."""
    email_url = f"smtp://127.0.0.1:{mailbox.port}"
    server = start(tmp_path_factory.mktemp("acme"), {**OWNER, "EMAIL_URL": email_url})
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.log


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", name=name)


def mail_to(mailbox: MailServer, name: str, subject: str) -> EmailMessage:
    """The newest mail to someone, once it has come."""

    def found() -> list[EmailMessage]:
        address = f"{name}@acme.example"
        return [m for m in mailbox.mails if m["To"] == address and subject in m["Subject"]]

    assert eventually(found), f"{name} got no mail: {subject}"
    return found()[-1]


def link_in(mail: EmailMessage) -> str:
    """The one link of a mail to follow; its text and its HTML have the same."""
    parts = [mail.get_body((kind,)) for kind in ("plain", "html")]
    texts = [html.unescape(part.get_content()) for part in parts if part is not None]
    links = [set(re.findall(r"https?://[^\s\"<>]*/fll_[^\s\"<>]+", text)) for text in texts]
    assert len(links) == 2
    assert links[0] == links[1]
    (link,) = links[0]
    return str(link)


def invite(page: Page, server: Shipped, name: str, role: str) -> None:
    page.goto(f"{server.url}/t/acme/members/")
    page.get_by_label("E-mail").fill(f"{name}@acme.example")
    page.get_by_role("combobox", name="Role", exact=True).select_option(label=role)
    press(page, "Send invitation")
    expect(heading(page, f"{name}@acme.example is invited")).to_be_visible()
    expect(page.get_by_text("1 mail is on the way.")).to_be_visible()
    shown = page.locator("[data-copy-source]").inner_text()
    page.get_by_role("link", name="Back to members").click()
    expect(page.get_by_text(f"{name}@acme.example").first).to_be_visible()
    assert shown not in page.content()


def join(page: Page, server: Shipped, link: str, name: str) -> None:
    """From the mail's link: a weak password is refused in words, the next one lets in."""
    page.goto(link)
    assert page.url == f"{server.url}/join/"  # the token has left the address
    expect(heading(page, "Join Acme")).to_be_visible()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(WEAK)
    press(page, "Join the team")
    expect(page.get_by_text("close to a word that others would try here")).to_be_visible()
    expect(page.get_by_label("Username")).to_have_value(name)
    page.get_by_label("Password", exact=True).fill(STRONG)
    press(page, "Join the team")
    page.wait_for_url("**/t/acme/chatflows/")
    expect(page.get_by_text("You are in. Welcome to Acme.")).to_be_visible()


def forged(page: Page, server: Shipped, path: str, **fields: str) -> int:
    """The status of a form that no page offered, sent with the page's own session and token."""
    token = page.locator("input[name=csrfmiddlewaretoken]").first.get_attribute("value")
    headers = {"Origin": server.url, "Referer": page.url}
    form: dict[str, str | float | bool] = {"csrfmiddlewaretoken": token or "", **fields}
    return page.request.post(server.url + path, form=form, headers=headers).status


def sees_and_cannot_change(page: Page, server: Shipped) -> None:
    """A viewer's pages have nothing to press but what is the viewer's own."""
    flow = f"/t/acme/chatflows/{server.chatflow}/"
    for path in ("/t/acme/chatflows/", flow, "/t/acme/keys/", "/t/acme/members/"):
        page.goto(server.url + path)
        expect(page.locator("main h1")).to_be_visible()
        expect(page.locator(PRESSABLE)).to_have_count(0)
    expect(page.get_by_role("row", name=re.compile("alice"))).to_contain_text("Owner")
    expect(page.get_by_role("link", name="Audit trail")).to_have_count(0)
    for path in (
        *("/t/acme/chatflows/new/", f"{flow}access/", f"{flow}delete/", "/t/acme/keys/new/"),
        *("/t/acme/members/invitations/", "/t/acme/settings/flow-app/edit/"),
    ):
        assert forged(page, server, path, name="Mine", role="viewer") == 403, path


def cannot_invite_an_owner(page: Page, server: Shipped, mailbox: MailServer) -> None:
    """It is not offered; put into the form by hand, it is refused."""
    page.goto(f"{server.url}/t/acme/members/")
    role = page.get_by_role("combobox", name="Role", exact=True)
    assert role.locator("option").all_inner_texts() == ["Viewer", "Editor", "Admin"]
    role.evaluate("select => select.options[0].value = 'owner'")
    role.select_option("owner")
    page.get_by_label("E-mail").fill("oscar@acme.example")
    press(page, "Send invitation")
    expect(page.get_by_text("Choose one of the list.")).to_be_visible()
    expect(heading(page, "Pending invitations")).not_to_contain_text("2")
    assert "oscar@acme.example" not in mailbox.recipients


def remove(page: Page, server: Shipped, name: str) -> None:
    page.goto(f"{server.url}/t/acme/members/")
    press(page, f"More for {name}")
    page.get_by_role("link", name="Remove from the team").click()
    expect(page.get_by_text(f"1 invitation that {name} sent is withdrawn")).to_be_visible()
    press(page, "Remove member")
    expect(page.get_by_text(f"{name} is no longer in the team.")).to_be_visible()


def choose_another_password(page: Page, server: Shipped, mailbox: MailServer, name: str) -> None:
    """Forgotten, asked for, mailed, chosen, and then logged in with."""
    page.goto(f"{server.url}/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Username or e-mail").fill(name)
    press(page, "Send a link")
    expect(heading(page, "Look into your mailbox")).to_be_visible()
    page.goto(link_in(mail_to(mailbox, name, "Choose a new password")))
    assert page.url == f"{server.url}/password-reset/"
    page.get_by_label("New password", exact=True).fill(NEW)
    press(page, "Change password")
    expect(page.get_by_text("Your password is changed. Log in with it.")).to_be_visible()
    page.get_by_label("Username or e-mail").fill(name)
    page.get_by_label("Password", exact=True).fill(NEW)
    press(page, "Log in")
    page.wait_for_url("**/t/acme/chatflows/")


def hand_over(page: Page, server: Shipped, name: str) -> None:
    page.goto(f"{server.url}/t/acme/members/")
    press(page, f"More for {name}")
    page.get_by_role("link", name="Hand over the team").click()
    press(page, "Hand over the team")
    expect(page.get_by_text(f"{name} owns Acme now. You are an admin.")).to_be_visible()


def sentences(page: Page, server: Shipped) -> list[str]:
    """What the trail's page says, from oldest to newest."""
    page.goto(f"{server.url}/t/acme/audit/")
    lines = page.locator("ol.audit > li > div").all_inner_texts()
    return [" ".join(text.split("\n")[0].split()) for text in reversed(lines)]


def test_a_team_grows_shrinks_and_changes_hands(
    acme: Shipped, mailbox: MailServer, open_page: Callable[[], Page]
) -> None:
    alice, adam, vera, eddie = (open_page() for _ in range(4))
    log_in(alice, acme)
    invite(alice, acme, "adam", "Admin")
    join(adam, acme, link_in(mail_to(mailbox, "adam", "alice invites you to Acme")), "adam")
    invite(alice, acme, "vera", "Viewer")
    join(vera, acme, link_in(mail_to(mailbox, "vera", "alice invites you to Acme")), "vera")
    sees_and_cannot_change(vera, acme)
    invite(adam, acme, "eddie", "Editor")
    cannot_invite_an_owner(adam, acme, mailbox)

    adam.goto(f"{acme.url}/t/acme/chatflows/")
    remove(alice, acme, "adam")
    adam.get_by_role("link", name="Members").click()
    expect(adam.get_by_text("alice@acme.example")).to_have_count(0)
    expect(heading(adam, "Welcome back")).to_be_visible()  # it was the only team: logged out
    eddie.goto(link_in(mail_to(mailbox, "eddie", "adam invites you to Acme")))
    expect(heading(eddie, "This invitation was withdrawn")).to_be_visible()
    expect(eddie.get_by_text("Ask adam for a new link.")).to_be_visible()

    choose_another_password(eddie, acme, mailbox, "vera")  # in another browser
    assert mail_to(mailbox, "vera", "Your password was changed")
    vera.goto(f"{acme.url}/t/acme/keys/")
    expect(heading(vera, "Welcome back")).to_be_visible()
    hand_over(alice, acme, "vera")

    told = [line for line in sentences(alice, acme) if line in SENTENCES]
    assert told == SENTENCES
    press(alice, "Check the chain")
    expect(alice.get_by_text("The chain holds.")).to_be_visible()
    assert acme.manage("verify_audit", "--team", "acme").returncode == 0

    place = acme.do("edit_audit_row", team="acme", action="membership.delete", actor_name="vera")
    press(alice, "Check again")
    expect(alice.get_by_role("alert")).to_contain_text(f"The chain breaks at entry {place}: ")
    expect(alice.get_by_role("alert")).to_contain_text("vera removed adam from the team. ")
    found = acme.manage("verify_audit", "--team", "acme")
    assert found.returncode == 1
    assert f"acme: broken at entry {place}: " in found.stdout
    assert "vera removed adam from the team" in found.stdout


def test_without_a_mail_server_the_page_gives_the_link_and_says_that_no_mail_was_sent(
    tmp_path: Path, open_page: Callable[[], Page]
) -> None:
    server = start(tmp_path, OWNER)
    alice, vera = open_page(), open_page()
    log_in(alice, server)
    alice.goto(f"{server.url}/t/acme/members/")
    expect(alice.get_by_text("This server sends no mail")).to_be_visible()
    alice.get_by_label("E-mail").fill("vera@acme.example")
    press(alice, "Create invitation")
    expect(alice.get_by_text("No mail was sent.")).to_be_visible()
    expect(alice.get_by_text("on the way")).to_have_count(0)
    press(alice, "Copy link")
    link = alice.evaluate("navigator.clipboard.readText()")
    alice.get_by_role("link", name="I have handed over the link").click()
    expect(alice.get_by_text("no mail was sent")).to_be_visible()
    join(vera, server, link, "vera")
    alice.reload()
    person = alice.get_by_role("row", name=re.compile("vera@acme.example"))
    expect(person).to_be_visible()
    expect(person).not_to_contain_text("verified")  # a copied link proves no mailbox
    assert server.stop() == 0


def test_the_owner_opens_the_flow_app_and_a_phone_opens_nothing_else(
    acme: Shipped, open_page: Callable[[], Page], model: str
) -> None:
    config = {"base_url": model, "model": "slow-1"}
    flow = acme.do("make_chatflow", team="acme", name="Concierge", entries=[])
    acme.do("set_engine", chatflow=flow, engine="openai", config=config, secret="sk-model")
    alice, phone = open_page(), open_page()
    log_in(alice, acme)
    publish(alice, f"{acme.url}/t/acme/chatflows/{flow}/settings/", "Ask the concierge")
    address = set_login(alice, acme, "guests", STRONG)

    phone.set_viewport_size({"width": 390, "height": 844})
    phone.goto(address)
    phone.get_by_label("Username").fill("guests")
    phone.get_by_label("Password", exact=True).fill(STRONG)
    press(phone, "Log in")
    phone.get_by_role("link", name="Ask the concierge").click()
    # Loaded to the end: Enter sends once the script is there; before, it is a new line.
    phone.wait_for_url(re.compile(r"/flow/acme/[0-9a-f-]{36}/$"))
    phone.get_by_label("Your question").fill("Where is breakfast?")
    phone.get_by_label("Your question").press("Enter")
    answer = phone.locator(".says[data-answer] .bubble")
    expect(answer).to_have_text("One")  # the rest is not even said yet
    Model.go_on.set()
    expect(answer).to_have_text("One two")
    phone.reload()
    expect(answer).to_have_text("One two")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390

    for path in ("/", "/t/acme/members/", "/t/acme/audit/", f"/t/acme/chatflows/{flow}/"):
        phone.goto(acme.url + path)
        expect(heading(phone, "Welcome back")).to_be_visible()
    called = phone.request.post(f"{acme.url}/api/v1/prediction/{flow}", data={"question": "Hi"})
    assert called.status == 401


def publish(page: Page, settings_page: str, title: str) -> None:
    page.goto(settings_page)
    page.get_by_label("Publish it in the flow app").check()
    page.get_by_label("Title").fill(title)
    press(page, "Save hosted chat")
    expect(page.get_by_text("Visitors now see")).to_be_visible()


def set_login(page: Page, server: Shipped, username: str, password: str) -> str:
    """Turn the flow app on; the address to pass on."""
    page.goto(f"{server.url}/t/acme/settings/flow-app/")
    page.get_by_role("link", name=OPEN_FLOW_APP).click()
    page.get_by_role("radio", name=re.compile("^Password")).check()
    page.get_by_role("textbox", name="Username").fill(username)
    page.get_by_role("textbox", name="Password").fill(password)
    press(page, "Save flow app")
    expect(page.get_by_text("Everyone who was in logs in anew")).to_be_visible()
    return page.locator("dd [data-copy-source]").inner_text()
