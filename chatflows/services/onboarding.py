"""Onboarding: what a new team starts with, and the first team and its owner."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from accounts.models import LinkPurpose, Membership, Role, Team, User
from accounts.permissions import Actor
from accounts.services import link_tokens, teams, users
from apikeys.models import ApiKey
from apikeys.services import keys
from chatflows.faq import entries
from chatflows.models import Chatflow
from chatflows.services import chatflows

SET_UP_LIFETIME = timedelta(days=7)
SAMPLE_NAME = "Flowlatch FAQ"
SAMPLE_FALLBACK = (
    "The sample FAQ has no answer to that. Ask what Flowlatch is, how to call a chatflow, or how "
    "to take a key back."
)
SAMPLE_ENTRIES = (
    (
        "What is Flowlatch?",
        "Flowlatch is the front door for AI chatflows. Each chatflow gets one address, and "
        "Flowlatch decides who may call it, shows who did, and takes the right back at once.",
    ),
    (
        "How do I call a chatflow?",
        "Send a POST to its address with the header Authorization: Bearer and your key, and a "
        "JSON body with a question. The page of the chatflow has the code to paste.",
    ),
    (
        "How do I stream an answer?",
        'Add "streaming": true to the body. The answer comes as server-sent events: start, '
        "token, metadata and end.",
    ),
    (
        "How do I take a key back?",
        "Delete it or disable it on the API keys page. The very next call with it is refused, on "
        "every worker process.",
    ),
    (
        "What is DefaultKey?",
        "DefaultKey is the key that every team starts with. It is selected for each new chatflow "
        "until you choose otherwise, and its text is shown once.",
    ),
    (
        "Who can open a chatflow with no key selected?",
        "Nobody. A chatflow without a usable key is closed; only the mode Public opens it to "
        "everyone, and someone has to choose that.",
    ),
)


class AlreadySetUp(Exception):
    """Raised if there is an owner, so that set-up is over."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """The result of set-up. `key_text` is shown once and stored nowhere.

    It is empty where DefaultKey has a text already, which goes on working: the key file brought it
    back, or a command made it.
    """

    user: User
    team: Team
    key: ApiKey
    key_text: str
    chatflow: Chatflow | None


@transaction.atomic
def prepare(team_name: str, by: Actor) -> bool:
    """Make the first team at the very first start, and return whether there was none.

    It gets DefaultKey, which has no secret yet, and the sample chatflow.
    """
    if Team.objects.exists():
        return False
    teams.open_new(team_name or teams.DEFAULT_NAME, by)
    return True


def fit_out(team: Team, by: Actor, **_: Any) -> None:
    """Give a new team DefaultKey and a sample chatflow. Receives `team_opened`."""
    keys.create(team, ApiKey.DEFAULT_NAME, by)
    chatflow = chatflows.create(team, SAMPLE_NAME, by)
    for question, answer in SAMPLE_ENTRIES:
        entries.add(chatflow, question, answer, by)
    entries.set_fallback(chatflow, SAMPLE_FALLBACK, by)


def has_owner() -> bool:
    """Whether any team has an owner."""
    return Membership.objects.filter(role=Role.OWNER).exists()


def new_set_up_token() -> str:
    """Make the token of a new set-up link, which ends the one before. Raises AlreadySetUp."""
    if has_owner():
        raise AlreadySetUp
    return link_tokens.issue(LinkPurpose.SET_UP, SET_UP_LIFETIME)


@transaction.atomic
def create_first_owner(email: str, username: str, password: str, by: Actor) -> User:
    """Create the first team's owner. Raises AlreadySetUp or ValidationError."""
    if has_owner():
        raise AlreadySetUp
    username = username or users.username_from_email(email)
    user = users.create_operator(email, username, password, by)
    teams.add_owner(first_team(), user, by)
    return user


@transaction.atomic
def set_up(
    digest: str, *, email: str, username: str, password: str, team_name: str, address: str
) -> SetUp:
    """Redeem the set-up link: make the owner, name the team, issue DefaultKey; all or nothing.

    Raises AlreadySetUp if the link is used, replaced or too old, or if there is an owner.
    Raises ValidationError for what the rules of names and passwords refuse; the link stays good.
    """
    if not link_tokens.redeem(LinkPurpose.SET_UP, digest):
        raise AlreadySetUp
    by = Actor("system", "set-up", "set-up link", address)
    user = create_first_owner(email, username, password, by)
    team = first_team()
    teams.rename_with_slug(team, team_name, by)
    # A team that the key file brought back may have deleted it.
    key = ApiKey.objects.of(team).kept().filter(name=ApiKey.DEFAULT_NAME).first()
    key = key or keys.create(team, ApiKey.DEFAULT_NAME, by)
    key_text = "" if key.secret is not None else keys.issue(key, by)
    chatflow = Chatflow.objects.of(team).order_by("created_at").first()
    return SetUp(user, team, key, key_text, chatflow)


def first_team() -> Team:
    """Return the oldest team."""
    return Team.objects.order_by("created_at")[0]
