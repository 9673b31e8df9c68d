"""Every page and every gate route says who may; the open ones are a list with reasons."""

import pytest
from django.core.management import call_command
from django.urls import Resolver404, get_resolver, resolve

from accounts.checks import every_page_has_a_policy, policies
from accounts.guards import Policy, open_view, operator_view, signed_in_view, team_view
from accounts.permissions import Permission
from chatflows.gate import constants
from chatflows.gate.operations import health
from chatflows.gate.routes import ROUTES, Asks, Open, Watchers
from config.openapi.views import BECAUSE

pytestmark = pytest.mark.fast

UUID = "0198c2f4-1c2b-4d5e-8f90-abcdef123456"
# Every page that is open to people without a membership, and why. A stale line fails.
OPEN_PAGES = {
    "/api/openapi.json": "the document of the API holds nothing of any team",
    "/key-link/": "the link, kept as a digest in the session, is the credential",
    "/key-link/<str:token>/": "the link's token is the credential",
    "/leaked-key/": "whoever found a key reports it here; every report gets the same answer",
    "/api/docs": "the document of the API holds nothing of any team",
    "/llms.txt": "the document of the API holds nothing of any team",
    "/key-contact/": "the link, kept as a digest in the session, is the credential",
    "/key-contact/<str:token>/": "the link's token is the credential",
    "/key": "the key's text opens it, and then a visit of 15 minutes",
    "/key/": "leads to the address without a slash",
    "/key/leave": "ends a visit; without one it does nothing",
    "/key/rotate": "the key's text opens it, and then a visit of 15 minutes",
    "/key/stop": "the key's text opens it, and then a visit of 15 minutes",
    "/key-undo/": "the link, kept as a digest in the session, is the credential",
    "/key-undo/<str:token>/": "the link's token is the credential",
    "/": "leads people to where they belong",
    "/favicon.ico": "every browser asks for it, and it is the same for everyone",
    "/robots.txt": "robots ask for it, and it is the same for everyone",
    "/login/": "people log in here",
    "/logout/": "ends a session; without one it does nothing",
    "/forgotten-password/": "people who forgot their password ask here",
    "/password-reset/": "the link, kept as a digest in the session, is the credential",
    "/password-reset/<str:token>/": "the link's token is the credential",
    "/docs/": "everyone who is logged in",
    "/docs/<slug:name>/": "everyone who is logged in",
    "/profile/": "everyone who is logged in",
    "/new-email/": "the link, kept as a digest in the session, is the credential",
    "/new-email/<str:token>/": "the link's token is the credential",
    "/profile/account/": "everyone who is logged in",
    "/profile/password/": "everyone who is logged in",
    "/profile/sessions/<str:digest>/end/": "everyone who is logged in",
    "/profile/sessions/end-others/": "everyone who is logged in",
    "/reauthenticate/": "everyone who is logged in",
    "/join/": "the invitation's link, kept as a digest in the session, is the credential",
    "/join/<str:token>/": "the link's token is the credential",
    "/join/<str:token>/<str:proof>/": "the link's token is the credential",
    "/join/switch/": "ends the visitor's own session, and keeps the link that was opened in it",
    "/set-up/": "the set-up link, kept as a digest in the session, is the credential",
    "/set-up/<str:token>/": "the link's token is the credential",
}
FLOW = "/flow/<slug:slug>"
OPEN_PAGES |= {
    f"{FLOW}/": "the flow app's own username and password let visitors in",
    f"{FLOW}/login/": "the flow app's own username and password let visitors in",
    f"{FLOW}/logout/": "the flow app's own username and password let visitors in",
    f"{FLOW}/<uuid:chatflow_id>/": "whoever is in the flow app",
    f"{FLOW}/<uuid:chatflow_id>/stream/": "whoever is in the flow app",
}
# Every page of operators alone.
OPERATOR_PAGES = {
    "/operator/",
    "/operator/teams/",
    "/operator/teams/new/",
    "/operator/teams/<uuid:team_id>/owner/",
    "/operator/teams/<uuid:team_id>/rename/",
    "/operator/teams/<uuid:team_id>/suspend/",
    "/operator/teams/<uuid:team_id>/unsuspend/",
    "/operator/teams/<uuid:team_id>/delete/",
    "/operator/audit/",
    "/operator/audit/verify/",
    "/operator/audit/csv/",
    "/operator/audit/jsonl/",
    "/operator/mail/",
    "/operator/mail/test/",
    "/operator/mail/<uuid:mail_id>/retry/",
}
TEAM = "/t/<slug:slug>"
ONE_KEY = f"{TEAM}/keys/<uuid:key_id>"
ONE = f"{TEAM}/chatflows/<uuid:chatflow_id>"

ONE_ACCOUNT = f"{TEAM}/service-accounts/<uuid:account_id>"
# Every page of a team, and the right that it asks for.
TEAM_PAGES = {
    f"{TEAM}/": "chatflows:view",
    f"{TEAM}/service-accounts/": "service-accounts:view",
    f"{TEAM}/service-accounts/new/": "service-accounts:create",
    f"{ONE_ACCOUNT}/": "service-accounts:view",
    f"{ONE_ACCOUNT}/save/": "service-accounts:update",
    f"{ONE_ACCOUNT}/disable/": "service-accounts:update",
    f"{ONE_ACCOUNT}/enable/": "service-accounts:update",
    f"{ONE_ACCOUNT}/delete/": "service-accounts:delete",
    f"{TEAM}/mail/": "mails:view",
    f"{TEAM}/mail/<uuid:mail_id>/retry/": "mails:update",
    f"{TEAM}/audit/": "audit:view",
    f"{TEAM}/audit/verify/": "audit:view",
    f"{TEAM}/audit/csv/": "audit:view",
    f"{TEAM}/audit/jsonl/": "audit:view",
    f"{TEAM}/members/": "members:view",
    f"{TEAM}/members/names/": "members:view",
    f"{TEAM}/service-accounts/names/": "service-accounts:view",
    f"{TEAM}/keys/new/find/": "apikeys:create",
    f"{ONE_KEY}/find/": "apikeys:view",
    f"{TEAM}/members/leave/": "members:view",
    f"{TEAM}/members/<int:member_id>/role/": "members:update",
    f"{TEAM}/members/<int:member_id>/remove/": "members:delete",
    f"{TEAM}/members/<int:member_id>/keys/": "members:update",
    f"{TEAM}/members/<int:member_id>/hand-over/": "team:transfer",
    f"{TEAM}/members/invitations/": "invitations:create",
    f"{TEAM}/members/invitations/all/": "invitations:create",
    f"{TEAM}/members/invitations/<uuid:invitation_id>/resend/": "invitations:create",
    f"{TEAM}/members/invitations/<uuid:invitation_id>/withdraw/": "invitations:create",
    f"{TEAM}/keys/": "apikeys:view",
    f"{TEAM}/keys/disable/": "apikeys:update",
    f"{TEAM}/keys/enable/": "apikeys:update",
    f"{TEAM}/keys/search/": "apikeys:view",
    f"{TEAM}/keys/new/": "apikeys:create",
    f"{ONE_KEY}/": "apikeys:view",
    f"{ONE_KEY}/edit/": "apikeys:update",
    f"{ONE_KEY}/limits/": "apikeys:update",
    f"{ONE_KEY}/where-from/": "apikeys:update",
    f"{ONE_KEY}/scopes/": "apikeys:update",
    f"{ONE_KEY}/chatflows/": "apikeys:update",
    f"{ONE_KEY}/origins/add/": "apikeys:update",
    f"{ONE_KEY}/origins/remove/": "apikeys:update",
    f"{ONE_KEY}/pin/": "apikeys:update",
    f"{ONE_KEY}/contact/resend/": "apikeys:update",
    f"{ONE_KEY}/revoke/": "apikeys:update",
    f"{ONE_KEY}/issue/": "apikeys:create",
    f"{ONE_KEY}/first-call/": "apikeys:view",
    f"{ONE_KEY}/disable/": "apikeys:update",
    f"{ONE_KEY}/enable/": "apikeys:update",
    f"{ONE_KEY}/delete/": "apikeys:delete",
    f"{TEAM}/chatflows/": "chatflows:view",
    f"{TEAM}/chatflows/new/": "chatflows:create",
    f"{ONE}/": "chatflows:view",
    f"{ONE}/access/": "chatflows:update",
    f"{ONE}/access/keys/": "chatflows:view",
    f"{ONE}/calls/": "chatflows:view",
    f"{ONE}/calls/all/": "chatflows:view",
    f"{ONE}/engine/": "chatflows:view",
    f"{ONE}/engine/save/": "chatflows:update",
    f"{ONE}/engine/test/": "chatflows:update",
    f"{ONE}/engine/models/": "chatflows:update",
    f"{ONE}/engine/entries/": "chatflows:update",
    f"{ONE}/engine/entries/<int:entry_id>/": "chatflows:update",
    f"{ONE}/engine/entries/<int:entry_id>/delete/": "chatflows:update",
    f"{ONE}/engine/entries/<int:entry_id>/restore/": "chatflows:update",
    f"{ONE}/engine/fallback/": "chatflows:update",
    f"{ONE}/engine/import/": "chatflows:update",
    f"{ONE}/engine/import/save/": "chatflows:update",
    f"{ONE}/engine/export/": "chatflows:view",
    f"{ONE}/engine/unanswered/<int:question_id>/dismiss/": "chatflows:update",
    f"{ONE}/engine/unanswered/<int:question_id>/restore/": "chatflows:update",
    f"{ONE}/try/": "predictions:create",
    f"{ONE}/try/stream/": "predictions:create",
    f"{ONE}/use/": "chatflows:view",
    f"{ONE}/use/postman/": "chatflows:view",
    f"{ONE}/settings/": "chatflows:update",
    f"{ONE}/settings/hosted-chat/": "chatflows:update",
    f"{ONE}/delete/": "chatflows:delete",
    f"{TEAM}/settings/": "team:update",
    f"{TEAM}/keys/<uuid:key_id>/rotate/": "apikeys:update",
    f"{TEAM}/keys/<uuid:key_id>/hand-over/": "apikeys:update",
    f"{TEAM}/keys/<uuid:key_id>/hand-over/end/": "apikeys:update",
    f"{TEAM}/keys/<uuid:key_id>/retire/": "apikeys:update",
    f"{TEAM}/keys/<uuid:key_id>/overlap/": "apikeys:update",
    f"{TEAM}/keys/<uuid:key_id>/extend/": "apikeys:update",
    f"{TEAM}/developer/": "apikeys:view",
    f"{TEAM}/settings/keys/": "key-policy:update",
    f"{TEAM}/settings/keys/preview/": "key-policy:update",
    f"{TEAM}/settings/flow-app/": "flow-app:update",
    f"{TEAM}/settings/flow-app/edit/": "flow-app:update",
}


def test_every_page_has_a_policy() -> None:
    assert every_page_has_a_policy() == []
    assert all(policy is not None for _, policy in policies())


def test_the_table_of_pages_is_the_committed_one() -> None:
    found = {path: policy for path, policy in policies() if policy is not None}
    opened = {path: policy.open_because for path, policy in found.items() if policy.open_because}
    operators = {path for path, policy in found.items() if policy.is_operators}
    guarded = {path: policy.permission for path, policy in found.items() if policy.permission}
    assert opened == OPEN_PAGES
    assert operators == OPERATOR_PAGES
    assert len(opened) + len(operators) + len(guarded) == len(found)
    assert guarded == TEAM_PAGES


def test_every_page_of_a_team_has_the_teams_guard() -> None:
    for path, policy in policies():
        assert policy is not None
        assert (policy.permission is not None) is path.startswith("/t/<slug:slug>/"), path
        assert policy.is_operators is path.startswith("/operator/"), path


def test_a_page_without_a_policy_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    page = get_resolver().url_patterns[0]
    nested = page.url_patterns[0]  # type: ignore[union-attr]
    monkeypatch.setattr(nested, "callback", lambda request: None)
    (error,) = every_page_has_a_policy()
    assert error.id == "accounts.E001"
    assert "'/'" in error.msg


def test_the_decorators_declare_what_they_were_told() -> None:
    def view(request: object) -> object:
        raise AssertionError

    guarded = team_view(Permission.AUDIT_VIEW)(view)  # type: ignore[arg-type]
    assert guarded.policy == Policy(Permission.AUDIT_VIEW)  # type: ignore[attr-defined]
    assert open_view("why")(view).policy.open_because == "why"  # type: ignore[attr-defined]
    assert operator_view()(view).policy == Policy(None, is_operators=True)  # type: ignore[arg-type, attr-defined]
    assert signed_in_view()(view).policy.permission is None  # type: ignore[arg-type, attr-defined]


def test_every_gate_route_has_a_policy_and_an_answer() -> None:
    for route in ROUTES:
        assert isinstance(route.policy, Asks | Open | Watchers), route.path
        if isinstance(route.policy, Open):
            constant = [*vars(constants).values(), health.readyz]
            assert route.handler in constant, route.path
        elif isinstance(route.policy, Asks):
            assert route.policy.scope in Permission


def test_no_method_of_a_path_stands_twice_in_the_gates_table() -> None:
    pairs = [(route.method, route.path) for route in ROUTES]
    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_no_page_answers_a_path_of_the_gate(route: object) -> None:
    path = str(getattr(route, "path", "")).replace("{id}", UUID)
    for spelling in (path, path + "/", path.upper(), path.replace("/", "//")):
        with pytest.raises(Resolver404):
            resolve(spelling)


def test_no_page_lies_under_the_apis_prefixes() -> None:
    for path, policy in policies():
        if policy is not None and policy.open_because == BECAUSE:
            continue  # the pages of the API itself
        assert not path.lower().startswith(("/api", "/v1", "/livez", "/readyz", "/metrics")), path


def test_the_shipped_checks_have_nothing_to_say() -> None:
    call_command("check")
