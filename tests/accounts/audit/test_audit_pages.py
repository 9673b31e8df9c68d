"""The audit trail's pages: who sees them, what fits a filter, and the files."""

import csv
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import audit
from accounts.audit import trail, words
from accounts.models import AuditEvent, Role, Team
from accounts.permissions import Actor
from apikeys.services import keys
from chatflows.models import Chatflow
from chatflows.services import chatflows
from tests import factories
from tests.accounts.audit.trails import VERIFY, file, note

pytestmark = pytest.mark.django_db

LIST = "/t/acme/audit/"
PAGES = (LIST, "/t/acme/audit/csv/", "/t/acme/audit/jsonl/")
TARGET = audit.Target("thing", "1", "Thing")


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
@pytest.mark.parametrize("path", [*PAGES, VERIFY])
def test_below_admin_nobody_reads_it(acme: Team, role: Role, path: str) -> None:
    person = factories.user("someone")
    factories.join(acme, person, role)
    browser = factories.client(person)
    answer = browser.post(path) if path == VERIFY else browser.get(path)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", [*PAGES, VERIFY])
def test_a_stranger_gets_what_a_team_that_is_not_there_gets(
    as_mallory: Client, acme: Team, path: str
) -> None:
    ask: Any = as_mallory.post if path == VERIFY else as_mallory.get
    real, none = ask(path), ask(path.replace("acme", "nobody"))
    assert (real.status_code, none.status_code) == (404, 404)
    assert factories.without_id_and_time(real) == factories.without_id_and_time(none)
    assert {k for k, _ in real.items()} == {k for k, _ in none.items()}


def test_it_says_who_did_what_from_where(as_alice: Client, acme: Team, by_alice: Actor) -> None:
    key = keys.create(acme, "crm-sync", by_alice)
    body = as_alice.get(LIST).content.decode()
    link = f'<a class="name" href="/t/acme/keys/{key.id}/">crm-sync</a>'
    assert f"<strong>alice</strong> created the key {link}" in body
    assert "api_key.create" in body
    assert "192.0.2.1" in body


def test_it_shows_what_changed_and_not_what_stayed(
    as_alice: Client, faq: Chatflow, by_alice: Actor
) -> None:
    access = chatflows.Access("public", frozenset())
    chatflows.save_access(faq, access, by_alice, version=faq.version)
    body = as_alice.get(LIST, {"event": "chatflow.set_access"}).content.decode()
    assert re.search(
        r"<dt>Access mode</dt>\s*<dd>\s*<del>.*?keys</del>\s+<ins>.*?public</ins>", body
    )
    assert re.search(
        r"<dt>Keys</dt>\s*<dd>\s*<del>.*?DefaultKey</del>\s+<ins>.*?nothing</ins>", body
    )
    assert "Key in the address" not in body


def test_what_people_typed_is_text(as_alice: Client, acme: Team) -> None:
    nasty = "<script>alert(1)</script>{{ 7|add:7 }}"
    by = Actor("person", "1", nasty)
    note(acme, nasty, by, after={nasty: nasty})
    body = as_alice.get(LIST).content.decode()
    assert "<script>alert" not in body
    assert "&lt;script&gt;alert" in body


def test_another_teams_entries_are_nowhere(as_alice: Client, acme: Team, globex: Team) -> None:
    note(globex, "globex-secret-project")
    bodies = [as_alice.get(LIST), as_alice.get(LIST, {"what": "globex"})]
    text = "".join(answer.content.decode() for answer in bodies)
    text += file(as_alice.get(PAGES[1])) + file(as_alice.get(PAGES[2]))
    assert "globex-secret-project" not in text


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ({"who": "mall"}, {"by mallory"}),
        ({"who": "198.51.100.9"}, {"by mallory"}),
        ({"who": "198.51.100"}, set()),
        ({"what": "OLD"}, {"old"}),
        ({"event": "api_key.create"}, {"by mallory", "old", "new", "DefaultKey"}),
        ({"event": "team.create"}, {"Acme"}),
        ({"first_day": "2026-11-20", "last_day": "2026-11-20"}, {"old"}),
        ({"last_day": "2026-11-19"}, set()),
        ({"who": "mall", "what": "old"}, set()),
        ({"who": "%"}, set()),
        ({"what": "' OR 1=1 --"}, set()),
    ],
)
def test_a_filter_shows_what_fits_on_the_page_and_in_both_files(
    as_alice: Client, acme: Team, monkeypatch: pytest.MonkeyPatch, query: Any, finds: set[str]
) -> None:
    note(acme, "by mallory", Actor("person", "7", "mallory", "198.51.100.9"))
    note(acme, "new")
    moment = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: moment)
    note(acme, "old")
    monkeypatch.undo()
    page = as_alice.get(LIST, query).context["page"]
    names = {event.target_name for event in page.events}
    if "first_day" not in query and "event" not in query:
        names -= {"alice"}
    assert names == finds
    lines = file(as_alice.get(PAGES[2], query)).splitlines()
    assert {json.loads(line)["target"] for line in lines} == finds
    rows = csv.DictReader(io.StringIO(file(as_alice.get(PAGES[1], query)).removeprefix("\ufeff")))
    assert {row["target"] for row in rows} == finds


@pytest.mark.parametrize(
    "query",
    [
        {"first_day": "yesterday"},
        {"first_day": "2026-11-20", "last_day": "2026-11-19"},
        {"event": "nonsense"},
        {"who": "x" * 255},
        {"what": "\0"},
    ],
)
def test_a_filter_that_is_wrong_says_so_and_makes_no_file(
    as_alice: Client, acme: Team, query: dict[str, str]
) -> None:
    answer = as_alice.get(LIST, query)
    assert answer.status_code == 200
    assert 'class="error"' in answer.content.decode()
    assert [as_alice.get(path, query).status_code for path in PAGES[1:]] == [302, 302]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_of_all_are_days(as_alice: Client, acme: Team, day: str) -> None:
    for name in ("first_day", "last_day"):
        assert as_alice.get(LIST, {name: day}).status_code == 200


@pytest.mark.parametrize("cursor", ["", "x", "-1", "9" * 30, "0", "²", "1.5"])
def test_a_cursor_never_fails(as_alice: Client, acme: Team, cursor: str) -> None:
    for name in ("before", "after"):
        assert as_alice.get(LIST, {name: cursor}).status_code == 200


def test_pages_follow_each_other_without_gap_or_repeat(
    as_alice: Client, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "PAGE_SIZE", 3)
    for number in range(7):
        note(acme, f"k{number}")
    page = as_alice.get(LIST, {"what": "k"}).context["page"]
    seen = [[event.target_name for event in page.events]]
    while page.older:
        page = as_alice.get(LIST, {"what": "k", "before": page.older}).context["page"]
        seen.append([event.target_name for event in page.events])
    assert [name for names in seen for name in names][:7] == [
        "k6",
        "k5",
        "k4",
        "k3",
        "k2",
        "k1",
        "k0",
    ]
    back = as_alice.get(LIST, {"what": "k", "after": page.newer}).context["page"]
    assert [event.target_name for event in back.events] == seen[-2]


def test_links_to_other_pages_keep_the_filter(
    as_alice: Client, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "PAGE_SIZE", 1)
    note(acme, "k1")
    last = note(acme, "k2")
    body = as_alice.get(LIST, {"what": "k", "before": "99"}).content.decode()
    assert f'href="?what=k&amp;before={last.sequence}"' in body
    assert 'href="/t/acme/audit/csv/?what=k"' in body


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "'="])
def test_no_cell_of_the_file_runs_as_a_formula(as_alice: Client, acme: Team, start: str) -> None:
    name = f"{start}HYPERLINK(0)"
    note(acme, name, Actor("person", "1", name), before={"a": name}, after={name: 1})
    text = file(as_alice.get(PAGES[1], {"event": "api_key.create"}))
    for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")):
        assert not [cell for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n")]
    assert f"'{name}" in text.replace('""', '"')


def test_a_file_goes_past_its_batches_and_holds_everything(
    as_alice: Client, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "BATCH", 2)
    note(acme, "crm", before={"a": [1, "x"]}, after={"é": None})
    answer = as_alice.get(PAGES[2])
    assert answer["Content-Disposition"] == 'attachment; filename="audit-acme.jsonl"'
    lines = [json.loads(line) for line in file(answer).splitlines()]
    events = AuditEvent.objects.filter(team_id=acme.id).order_by("-sequence")
    assert [line["mac"] for line in lines] == list(events.values_list("mac", flat=True))
    assert (lines[0]["before"], lines[0]["after"]) == ({"a": [1, "x"]}, {"é": None})
    assert lines[0]["what"] == "created the key crm"


def test_every_event_of_the_code_has_a_sentence_that_tells_its_target() -> None:
    used = {
        (action, path.name)
        for app in ("accounts", "apikeys", "chatflows")
        for path in (Path(settings.BASE_DIR) / app).rglob("*.py")
        if re.search(r"audit\.(?:record\(|Entry\()|users\.note\(", text := path.read_text())
        for action in re.findall(r'(?<!get_logger\()"([a-z_]+\.[a-z_]+)"', text)
    }
    assert len(used) > 15
    assert {one for one in used if one[0] not in words.known()} == set()
    stale = set(words.known()) - {action for action, _ in used}
    assert stale == set(), "no code writes these"
    nameless = {action for action, text in words.known().items() if "{target}" not in text}
    assert nameless == {"membership.join", "membership.leave"}, "only of oneself"


def test_an_event_without_words_is_still_named(as_alice: Client, acme: Team) -> None:
    audit.record(acme.id, "thing.fold", factories.TESTER, TARGET)
    assert "thing.fold <b>Thing</b>" in as_alice.get(LIST).content.decode()


def test_a_long_value_is_cut_on_the_page_and_whole_in_the_file(
    as_alice: Client, acme: Team
) -> None:
    note(acme, "crm", after={"answer": "x" * 8000})
    assert "x" * 401 not in as_alice.get(LIST).content.decode()
    assert "x" * 8000 in file(as_alice.get(PAGES[2]))
