"""manage.py issue_key: prints a text once, and says in one line what is wrong."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Team
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from apikeys import key_text
from apikeys.models import ApiKey, KeyPolicy, KeySecret
from chatflows.models import Chatflow
from tests import factories

pytestmark = pytest.mark.django_db


def issue(capsys: pytest.CaptureFixture[str], *more: str, name: str = "first") -> str:
    call_command("issue_key", "--team", "acme", "--name", name, *more)
    return capsys.readouterr().out


def refused(*arguments: str) -> str:
    before = factories.dump()
    with pytest.raises(CommandError) as caught:
        call_command("issue_key", *arguments)
    assert factories.dump() == before
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


def test_it_prints_one_line_that_is_a_key(
    capsys: pytest.CaptureFixture[str], acme: Team, faq: Chatflow
) -> None:
    printed = issue(capsys, "--chatflow", str(faq.id))
    made = key_text.parse(printed.removesuffix("\n"))
    assert made is not None
    assert set(ApiKey.objects.get(name="first").chatflows.all()) == {faq}
    assert made.text not in factories.dump()


def test_default_keys_text_is_made_and_then_refused_unless_rotated(
    capsys: pytest.CaptureFixture[str], acme: Team
) -> None:
    first = issue(capsys, name="DefaultKey")
    message = refused("--team", "acme", "--name", "defaultkey")
    assert "--rotate" in message
    second = issue(capsys, "--rotate", name="DefaultKey")
    assert first != second
    assert KeySecret.objects.filter(ends_at=None).count() == 1
    assert ApiKey.objects.count() == 1


def test_an_expiry_is_set(capsys: pytest.CaptureFixture[str], acme: Team) -> None:
    issue(capsys, "--expires-in", "30d")
    expires_at = ApiKey.objects.get(name="first").expires_at
    assert expires_at is not None
    assert abs(expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--name", "k", "--team", "acme", "--scopes", "chatflows:*"], "--scopes: “chatflows:*”"),
        (["--name", "k", "--team", "acme", "--scopes", "usage:view,usage:view"], "twice"),
        (["--name", "k", "--team", "acme", "--network", "203.0.113.7/24"], "--network: "),
        (["--name", "k", "--team", "acme", "--network", "0.0.0.0/0"], "every address"),
        (["--name", "k", "--team", "acme", "--environment", "moon"], "invalid choice"),
        (["--name", "DefaultKey", "--team", "acme", "--network", "192.0.2.0/24"], "as they are"),
        (["--name", "k", "--team", "nowhere"], "Teams: acme"),
        (["--name", "k", "--team", "acme", "--chatflow", "nonsense"], "no chatflow"),
        (["--name", "k", "--team", "acme", "--chatflow", str(factories.NOBODYS_ID)], "no chatflow"),
        (["--name", "k", "--team", "acme", "--scopes", "everything"], "scope"),
        (["--name", "k", "--team", "acme", "--scopes", ","], "scope"),
        (["--name", "DefaultKey", "--team", "acme", "--expires-in", "1d"], "stay as they are"),
        (["--name", "", "--team", "acme"], ""),
        (["--name", "x" * 65, "--team", "acme"], "64"),
        (["--name", "k", "--team", "acme", "--expires-in", "0d"], "30d"),
        (["--name", "k", "--team", "acme", "--expires-in", "-1d"], ""),
        (["--name", "k", "--team", "acme", "--expires-in", "soon"], "30d"),
        (["--name", "k"], "--team"),
        (["--team", "acme"], "--name"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_in_one_line(acme: Team, more: list[str], says: str) -> None:
    assert says in refused(*more)


def test_a_key_gets_its_scopes_its_environment_and_its_networks(
    capsys: pytest.CaptureFixture[str], acme: Team, faq: Chatflow
) -> None:
    bounds = ("--network", "203.0.113.0/24", "--network", "2001:db8::/32")
    scopes = ("--scopes", "predictions:create, conversations:view")
    about = ("--environment", "staging", "--chatflow", str(faq.id))
    call_command("issue_key", "--team", "acme", "--name", "first", *scopes, *about, *bounds)
    key = ApiKey.objects.get(name="first")
    assert key.scopes == ["conversations:view", "predictions:create"]
    assert (key.environment, key.networks) == ("staging", ["203.0.113.0/24", "2001:db8::/32"])
    printed = capsys.readouterr()
    assert key_text.parse(printed.out.removesuffix("\n")) is not None
    assert printed.err == (
        "Whoever found this key could ask Support FAQ and read what was said with it, from "
        "203.0.113.0/24 and 2001:db8::/32 only, for as long as the key lives. They could change "
        "nothing.\n"
    )


def test_a_key_policy_holds_for_commands_too(
    capsys: pytest.CaptureFixture[str], acme: Team
) -> None:
    KeyPolicy.objects.create(team=acme, longest_life=30, may_last_forever=False, scopes=[])
    team = ("--team", "acme", "--name", "k")
    assert "--expires-in: The key policy of the team asks for an end." in refused(*team)
    assert "does not allow usage:view" in refused(
        *team, "--expires-in", "1d", "--scopes", "usage:view"
    )
    assert issue(capsys, "--expires-in", "30d")


def test_another_teams_chatflow_is_no_chatflow(acme: Team, globex: Team) -> None:
    foreign = factories.chatflow(globex, "Foreign")
    message = refused("--team", "acme", "--name", "k", "--chatflow", str(foreign.id))
    assert "Foreign" not in message


def test_the_longest_lifetime_is_a_date_or_one_line(
    capsys: pytest.CaptureFixture[str], acme: Team
) -> None:
    issue(capsys, "--expires-in", "99999d")
    assert ApiKey.objects.filter(name="first").exists()


def test_a_key_can_belong_to_a_service_account(
    capsys: pytest.CaptureFixture[str], acme: Team, globex: Team
) -> None:
    account = service_accounts.create(acme, About("CRM sync", "production"), factories.TESTER)
    service_accounts.create(globex, About("theirs", "production"), factories.TESTER)
    issue(capsys, "--service-account", "crm SYNC")
    assert ApiKey.objects.get(name="first").service_account == account
    team = ("--team", "acme", "--name")
    assert "CRM sync" in refused(*team, "second", "--service-account", "theirs")
    assert "theirs" not in refused(*team, "second", "--service-account", "x")
    assert "stay" in refused(*team, "first", "--rotate", "--service-account", "CRM sync")
    service_accounts.delete(account, factories.TESTER)
    assert "none" in refused(*team, "second", "--service-account", "CRM sync")
