"""The key picker: selected keys first, the rest by a search, and no key lost that was not shown."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Team
from apikeys.models import ApiKey
from chatflows.models import Chatflow, Selection
from chatflows.models import chatflows as models
from chatflows.services import chatflows, key_picker
from tests import factories
from tests.chatflows.views.pages import access, page
from tests.conftest import Integration

HTMX: dict[str, Any] = {"HTTP_HX_REQUEST": "true"}


def select(faq: Chatflow, count: int) -> list[ApiKey]:
    made = [factories.key(faq.team, f"fleet-{n:03d}")[0] for n in range(count)]
    Selection.objects.bulk_create(Selection(chatflow=faq, key=key) for key in made)
    return made


def shown(body: str) -> set[str]:
    return set(re.findall(r'name="shown" value="([^"]+)"', body))


def test_a_key_that_was_not_shown_stays_selected(
    as_alice: Client, faq: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_picker, "SELECTED", 3)
    made = select(faq, 5)  # and DefaultKey, which stands first
    body = as_alice.get(page(faq.id, "chatflow_access")).content.decode()
    drawn = shown(body)
    assert "3 more selected keys not shown here." in body
    assert "and 3 more" in body
    hidden = [key for key in made if str(key.pk) not in drawn]
    assert len(hidden) == 3
    data = access(faq, "keys", made[0].pk, shown=["", *drawn])
    assert as_alice.post(page(faq.id, "chatflow_access_save"), data).status_code == 302
    assert set(faq.keys.all()) == {made[0], *hidden}


@pytest.mark.parametrize("sent", [[], ["", "nonsense"], ["<script>alert(1)</script>"]])
def test_a_form_that_does_not_say_what_it_showed_is_refused(
    as_alice: Client, faq: Chatflow, sent: list[str]
) -> None:
    response = as_alice.post(page(faq.id, "chatflow_access_save"), access(faq, "keys", shown=sent))
    assert response.status_code == 422
    assert b"Load the page again." in response.content
    assert faq.keys.count() == 1


def test_shown_ids_of_other_teams_do_nothing(as_alice: Client, faq: Chatflow, globex: Team) -> None:
    other = factories.chatflow(globex, "Foreign")
    foreign, _ = factories.key(globex, "foreign", other)
    data = access(faq, "keys", shown=["", str(foreign.pk)])
    assert as_alice.post(page(faq.id, "chatflow_access_save"), data).status_code == 302
    assert faq.keys.count() == 1
    assert foreign in other.keys.all()


def test_a_search_finds_keys_that_are_not_selected(
    as_alice: Client, faq: Chatflow, integration: Integration, acme: Team, globex: Team
) -> None:
    second, _ = factories.key(acme, "crm-sync-lund")
    factories.key(globex, "crm-foreign")
    fragment = as_alice.post(
        page(faq.id, "chatflow_access_keys"), {"q": "crm"}, **HTMX
    ).content.decode()
    assert "<html" not in fragment
    assert shown(fragment) == {str(second.pk)}
    assert "Other keys that fit “crm”" in fragment
    nothing = as_alice.post(
        page(faq.id, "chatflow_access_keys"), {"q": "<b>x"}, **HTMX
    ).content.decode()
    assert "No other key fits “&lt;b&gt;x”" in nothing
    # Without a script the whole page answers, with the selected keys above what was found.
    whole = as_alice.get(page(faq.id, "chatflow_access"), {"q": "lund"}).content.decode()
    assert str(second.pk) in shown(whole)
    assert str(integration.key.pk) in shown(whole)


def test_a_refused_form_keeps_a_choice_that_a_search_found(
    as_alice: Client, faq: Chatflow, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_picker, "FOUND", 2)
    made = [factories.key(acme, f"free-{n}")[0] for n in range(6)]
    data = access(faq, "keys", made[0].pk, limit_minute="0")  # made first, so shown last
    body = as_alice.post(page(faq.id, "chatflow_access_save"), data).content.decode()
    assert re.search(rf'value="{made[0].pk}"[^>]*\n? *checked', body)
    default = ApiKey.objects.get(team=acme, name="DefaultKey")
    assert str(default.pk) in shown(body)  # it was unchecked: saving takes its selection away
    assert not re.search(rf'value="{default.pk}"[^>]*\n? *checked', body)


def test_a_publishable_key_of_another_chatflow_is_no_choice(
    as_alice: Client, faq: Chatflow, acme: Team
) -> None:
    other = factories.chatflow(acme, "Other")
    key, _ = factories.publishable(acme, "web-shop", other)
    assert b"web-shop" not in as_alice.get(page(faq.id, "chatflow_access")).content
    assert b"web-shop" in as_alice.get(page(other.id, "chatflow_access")).content
    response = as_alice.post(page(faq.id, "chatflow_access_save"), access(faq, "keys", key.pk))
    assert response.status_code == 422


def test_the_audit_trail_names_what_changed_among_very_many_keys(
    as_alice: Client, faq: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chatflows, "NAMED", 3)
    made = select(faq, 5)
    extra, _ = factories.key(faq.team, "extra")
    ids = ["", str(made[0].pk), str(extra.pk)]
    as_alice.post(page(faq.id, "chatflow_access_save"), access(faq, "keys", extra.pk, shown=ids))
    event = AuditEvent.objects.filter(team_id=faq.team_id).latest("sequence")
    assert event.before is not None
    assert event.after is not None
    assert event.before["keys"] == ["fleet-000", "and 5 others"]
    assert event.after["keys"] == ["extra", "and 5 others"]


def test_vera_searches_and_can_check_nothing(
    as_vera: Client, faq: Chatflow, integration: Integration, acme: Team
) -> None:
    factories.key(acme, "second")
    body = as_vera.post(page(faq.id, "chatflow_access_keys"), {"q": "sec"}, **HTMX).content.decode()
    assert "second" in body
    assert re.search(r'type="checkbox"[^>]*disabled', body)
    data = access(faq, "keys")
    assert as_vera.post(page(faq.id, "chatflow_access_save"), data).status_code == 403


def test_a_pasted_key_is_found_and_never_drawn(as_alice: Client, faq: Chatflow) -> None:
    key, text = factories.key(faq.team, "pasted")
    body = as_alice.post(page(faq.id, "chatflow_access_keys"), {"q": text}, **HTMX).content.decode()
    assert str(key.pk) in body
    assert text.split("_")[3] not in body
    half = text.split("_")[3]
    body = as_alice.post(page(faq.id, "chatflow_access_keys"), {"q": half}, **HTMX).content.decode()
    assert half not in body


def test_usable_keys_are_counted_no_further_than_a_badge_needs(
    faq: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "COUNTED", 2)

    def counted() -> int:
        count: int = Chatflow.objects.with_usable_keys().get().usable_keys  # type: ignore[attr-defined]
        return count

    made = select(faq, 5)
    assert counted() == 3
    ApiKey.objects.filter(pk__in=[key.pk for key in made[:3]]).update(disabled_at=timezone.now())
    assert counted() == 2
    ApiKey.objects.update(disabled_at=timezone.now())
    assert counted() == 0
