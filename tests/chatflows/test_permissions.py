"""Permissions of chatflows go by their type, on pages and from the side of keys."""

import pytest
from django.test import Client

from accounts import guards
from accounts.models import Role, User
from accounts.permissions import ROLE_PERMISSIONS, Actor, Permission
from accounts.services import members
from accounts.services.members import NotAllowed
from chatflows.models import Chatflow, ChatflowType, Selection
from chatflows.permissions import of_type, permission_for
from chatflows.services import chatflows
from tests import factories
from tests.conftest import Integration

TABLE = {
    ChatflowType.CHATFLOW: "chatflows",
    ChatflowType.ASSISTANT: "chatflows",
    ChatflowType.AGENTFLOW: "agentflows",
    ChatflowType.MULTIAGENT: "agentflows",
}


@pytest.mark.fast
@pytest.mark.parametrize("verb", ["view", "update", "delete"])
@pytest.mark.parametrize("kind", ChatflowType)
def test_a_chatflow_asks_for_the_permission_of_its_type(kind: ChatflowType, verb: str) -> None:
    flow = Chatflow(type=kind)
    assert permission_for(flow, verb) == f"{TABLE[kind]}:{verb}"
    assert of_type(Permission(f"chatflows:{verb}"), flow) == f"{TABLE[kind]}:{verb}"
    assert of_type(Permission.PREDICTIONS_CREATE, flow) is Permission.PREDICTIONS_CREATE


@pytest.fixture
def agents(faq: Chatflow) -> Chatflow:
    """A chatflow with agents."""
    Chatflow.objects.filter(pk=faq.pk).update(type=ChatflowType.AGENTFLOW)
    faq.refresh_from_db()
    return faq


@pytest.fixture
def _no_editor_updates_agentflows(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = ROLE_PERMISSIONS[Role.EDITOR] - {Permission.AGENTFLOWS_UPDATE}
    table = {**ROLE_PERMISSIONS, Role.EDITOR: lacking}
    monkeypatch.setattr(guards, "ROLE_PERMISSIONS", table)
    monkeypatch.setattr(members, "ROLE_PERMISSIONS", table)


@pytest.mark.usefixtures("_no_editor_updates_agentflows")
def test_pages_of_an_agentflow_ask_for_its_own_permission(
    as_eddie: Client, agents: Chatflow
) -> None:
    plain = factories.chatflow(agents.team, "Plain")
    for flow, status in ((plain, 200), (agents, 403)):
        assert as_eddie.get(f"/t/acme/chatflows/{flow.id}/settings/").status_code == status
        assert as_eddie.get(f"/t/acme/chatflows/{flow.id}/").status_code == 200
    before = factories.state()
    assert as_eddie.post(f"/t/acme/chatflows/{agents.id}/access/").status_code == 403
    assert factories.state() == before


@pytest.mark.usefixtures("_no_editor_updates_agentflows")
def test_a_key_is_selected_for_an_agentflow_by_who_may_update_it(
    integration: Integration, agents: Chatflow, eddie: User
) -> None:
    Selection.objects.filter(key=integration.key).delete()
    plain = factories.chatflow(agents.team, "Plain")
    by = Actor("person", str(eddie.pk), "eddie")
    with pytest.raises(NotAllowed):
        chatflows.select(integration.key, [plain.id, agents.id], by)
    assert not Selection.objects.filter(key=integration.key).exists(), "nothing is half-done"
    chatflows.select(integration.key, [plain.id], by)
    assert Selection.objects.filter(key=integration.key).count() == 1
