"""What belongs to a team says so: a `team`, and a manager whose queries start from it."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import models

from accounts.models import (
    AuditEvent,
    AuditHead,
    Lease,
    LinkToken,
    LockOut,
    Mail,
    Membership,
    ResetRequest,
    RingKey,
    RingProcess,
    Session,
    Team,
    TeamOwned,
    User,
)
from apikeys.models import KeyFileChange, KeySecret, KeyVisit, LeakCandidate
from chatflows.models import (
    Abort,
    Conversation,
    FaqEntry,
    HostedChat,
    Message,
    Selection,
    UnansweredQuestion,
    UpstreamSecret,
)
from config.models import ServedVersion

pytestmark = pytest.mark.fast

OURS = [
    m
    for name in ("accounts", "apikeys", "chatflows", "config")
    for m in apps.get_app_config(name).get_models()
]
# Models without a `team` of their own, and why. A stale line fails.
WITHOUT_A_TEAM = {
    Abort: "stands for a chatflow, a caller and a conversation, for a minute",
    AuditEvent: "rows outlive their team: team_id, no foreign key",
    AuditHead: "likewise",
    LinkToken: "set-up comes before there is anyone in a team",
    KeyFileChange: "of the one file of the installation, whichever team it is about",
    LeakCandidate: "a stranger's report: whose key it is, if anyones, is found out later",
    Lease: "of the installation's processes",
    Mail: "password resets are of no team",
    LockOut: "counts names that nobody may have",
    ResetRequest: "asked by people whom nobody has looked up yet",
    ServedVersion: "of the installation",
    Session: "of a person, who can be in many teams",
    RingKey: "of the installation",
    RingProcess: "of the installation's processes",
    Team: "is the team",
    User: "a person can be in many teams",
    KeySecret: "reached through its key",
    KeyVisit: "reached through its secret",
    Conversation: "reached through its chatflow",
    FaqEntry: "reached through its chatflow",
    HostedChat: "reached through its chatflow",
    Message: "reached through its conversation",
    Selection: "reached through its chatflow; both sides are of one team",
    UnansweredQuestion: "reached through its chatflow",
    UpstreamSecret: "reached through its chatflow",
}
# Membership is read by person as often as by team.
WITHOUT_OF = {Membership}


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_a_model_belongs_to_a_team_or_says_why_not(model: type[models.Model]) -> None:
    assert issubclass(model, TeamOwned) is (model not in WITHOUT_A_TEAM)
    if issubclass(model, TeamOwned):
        field = model._meta.get_field("team")
        assert not field.null
        if model not in WITHOUT_OF:
            assert hasattr(model._default_manager, "of")


def test_the_list_of_exceptions_is_not_stale() -> None:
    assert set(WITHOUT_A_TEAM) <= set(OURS)
    assert set(OURS) >= WITHOUT_OF


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_a_model_says_what_it_is_and_shows_no_secret(model: type[models.Model]) -> None:
    assert model.__doc__
    assert not model.__doc__.startswith(f"{model.__name__}(")
    assert model.__str__ is not models.Model.__str__


def test_no_model_can_hold_the_text_of_a_secret() -> None:
    names = {field.name for model in OURS for field in model._meta.get_fields()}
    assert not names & {"text", "secret", "token", "plain", "key_text", "secret_text"}


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
