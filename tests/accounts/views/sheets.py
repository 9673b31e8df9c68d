"""Sheets of off-boarding as a browser sends them: what is chosen when nobody touched anything."""

from html.parser import HTMLParser

from django.test import Client

from accounts.models import Membership, User
from apikeys.models import ApiKey

LEAVE = "/t/acme/members/leave/"


class Fields(HTMLParser):
    """Collects what a browser would send of the last form on a page."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "form":
            self.sent = {}
        elif tag == "select":
            self._select = name
        elif tag == "datalist":
            self._select = ""
        elif (
            tag == "option"
            and self._select
            and (self._select not in self.sent or "selected" in given)
        ):
            self.sent[self._select] = value
        elif tag == "input" and name and (given.get("type") != "radio" or "checked" in given):
            self.sent[name] = value


def url(person: User, what: str) -> str:
    place = Membership.objects.get(user=person, team__slug="acme")
    return f"/t/acme/members/{place.pk}/{what}/"


def drawn(browser: Client, address: str) -> dict[str, str]:
    """The fields of a page as they are drawn."""
    response = browser.get(address)
    assert response.status_code == 200
    fields = Fields()
    fields.feed(response.content.decode())
    fields.sent.pop("csrfmiddlewaretoken", None)
    return fields.sent


def way(key: ApiKey) -> str:
    """The name of a key's field."""
    return f"key-{key.id}"
