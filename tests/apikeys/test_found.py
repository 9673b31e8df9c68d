"""Found: what the sentence says, by a table; it never says less than the scopes give."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.bounds import Limits
from accounts.models import Role
from accounts.permissions import ROLE_PERMISSIONS, SCOPES, with_implied
from apikeys import scopes
from apikeys.found import Found, abilities, sentence
from apikeys.scopes import Preset

pytestmark = pytest.mark.fast

ASK, SAID = "predictions:create", "conversations:view"
END = datetime(2027, 2, 19, 23, 59, tzinfo=UTC)
ANYWHERE = "from anywhere, for as long as the key lives"
LEAD = "Whoever found this key could"
NETWORK = ["203.0.113.0/24"]
LIMITS = Limits(minute=60, day=2000)

TABLE: list[tuple[list[str], dict[str, Any], str]] = [
    # Nothing is chosen yet: New key.
    (
        [ASK],
        {"resources": None},
        "ask the chatflows it opens. They could read nothing else and change nothing.",
    ),
    (
        ["apikeys:view", "chatflows:view", "members:view", "usage:view"],
        {"resources": None},
        "read the names of keys, chatflows and members, and how much is used. They could ask "
        "nothing and change nothing.",
    ),
    # It asks, and it opens one, some, none.
    (
        [ASK],
        {"resources": ["FAQ"]},
        f"ask FAQ, {ANYWHERE}. They could read nothing else and change nothing.",
    ),
    (
        [ASK, SAID],
        {"resources": ["a", "b", "c"], "networks": NETWORK, "expires_at": END},
        "ask 3 chatflows and read what was said with them, from 203.0.113.0/24 only, until "
        "19 February 2027. They could change nothing.",
    ),
    (
        [ASK, SAID],
        {"resources": ["FAQ"], "networks": ["192.0.2.0/24", "198.51.100.7/32"]},
        "ask FAQ and read what was said with it, from 192.0.2.0/24 and 198.51.100.7/32 only, for "
        "as long as the key lives. They could change nothing.",
    ),
    (
        [ASK],
        {"resources": [], "expires_at": END},
        "do nothing yet: it opens no chatflow. Once it does, they could ask it, from anywhere, "
        "until 19 February 2027.",
    ),
    (
        [ASK, "audit:view"],
        {"resources": [], "networks": ["a", "b", "c"]},
        "read who changed what, from 3 networks only, for as long as the key lives. They could "
        "change nothing. It opens no chatflow yet.",
    ),
    (
        [SAID],
        {"resources": ["FAQ"]},
        f"read what was said with FAQ, {ANYWHERE}. They could ask nothing and change nothing.",
    ),
    ([], {"resources": ["FAQ"]}, "do nothing: it has no scope."),
    # It changes something: that comes first, with what would be better.
    (
        ["chatflows:update"],
        {"resources": [], "networks": NETWORK, "expires_at": END},
        "open and close chatflows; from 203.0.113.0/24 only, until 19 February 2027. They could "
        "ask nothing.",
    ),
    (
        [ASK, "chatflows:update"],
        {"resources": [], "networks": NETWORK, "expires_at": END},
        "ask every chatflow; open and close chatflows; from 203.0.113.0/24 only, until "
        "19 February 2027.",
    ),
    (
        [ASK, SAID, "apikeys:create"],
        {"resources": ["a", "b"], "networks": NETWORK},
        "ask 2 chatflows; make keys; read what was said and the names of keys; from "
        "203.0.113.0/24 only, for as long as the key lives. Give it an end.",
    ),
    (
        ["chatflows:delete", "agentflows:delete", "invitations:create", "conversations:delete"],
        {"resources": None},
        "delete chatflows and agentflows; invite editors and viewers; delete what was said. They "
        "could ask nothing. Give it an end and a network.",
    ),
    # Publishable.
    (
        [ASK],
        {"resources": ["Finder"], "is_publishable": True, "limits": LIMITS},
        "They could ask Finder, at most 60 times a minute and 2,000 times a day, all together. "
        "They could read nothing and change nothing. A browser on another site is kept out; a "
        "program can claim any origin, and against that only the limits hold.",
    ),
    (
        [ASK],
        {
            "resources": ["Finder"],
            "is_publishable": True,
            "limits": Limits(day=5),
            "expires_at": END,
        },
        "They could ask Finder, at most 5 times a day, all together, until 19 February 2027. They "
        "could read nothing and change nothing. A browser on another site is kept out; a program "
        "can claim any origin, and against that only the limits hold.",
    ),
    (
        [ASK],
        {"resources": None, "is_publishable": True},
        "They could ask the one chatflow that it opens, at most as often as the limits allow, all "
        "together. They could read nothing and change nothing.",
    ),
]


def found(held: Sequence[str], **more: Any) -> Found:
    return sentence(held, **{"resources": None, **more})


@pytest.mark.parametrize(("held", "more", "rest"), TABLE, ids=lambda value: str(value)[:50])
def test_the_sentence_is_that_of_the_table(
    held: list[str], more: dict[str, Any], rest: str
) -> None:
    said = found(held, **more)
    assert said.rest == rest
    assert said.lead == ("Everyone can read this key." if more.get("is_publishable") else LEAD)


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_every_scope_adds_words(scope: str) -> None:
    without = sorted(set(SCOPES) - {s for s in SCOPES if scope in with_implied([s])})
    for others in ([], without):
        assert found([*others, scope]).rest != found(others).rest


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_what_changes_something_is_to_be_weighed(scope: str) -> None:
    is_mild = scope.endswith(":view") or scope == ASK
    said = found([scope])
    assert said.is_strong is not is_mild
    assert ("change nothing" in said.rest) is is_mild


def test_a_publishable_key_is_always_to_be_weighed() -> None:
    said = found([ASK], is_publishable=True)
    assert said.is_strong
    assert said.scopes == (ASK,)


def test_chips_name_the_weighty_scopes_first_and_count_the_rest() -> None:
    said = found(sorted(SCOPES))
    assert said.chips == (ASK, "apikeys:create", "chatflows:update", "agentflows:update")
    assert len(said.chips) + said.more == len(SCOPES)
    assert found([ASK, "apikeys:delete"]).scopes == (ASK, "apikeys:delete", "apikeys:view")


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("preset", [Preset.PREDICT, Preset.READ, Preset.ALL])
def test_a_preset_gives_only_what_the_role_holds(role: Role, preset: Preset) -> None:
    given = scopes.of_preset(preset, scopes.givable(ROLE_PERMISSIONS[role], None))
    assert given <= ROLE_PERMISSIONS[role] & SCOPES
    if preset is Preset.READ:
        assert all(scope.endswith(":view") for scope in given)
    if preset is Preset.ALL:
        assert given == ROLE_PERMISSIONS[role] & SCOPES


def test_a_policy_takes_scopes_away_and_never_calls() -> None:
    owner = ROLE_PERMISSIONS[Role.OWNER]
    assert scopes.givable(owner, []) == {ASK}
    # Without what it implies a scope can't be given.
    assert scopes.givable(owner, ["apikeys:create", "usage:view", "team:update"]) == {
        ASK,
        "usage:view",
    }


BAD = [
    "chatflows:*",
    "*",
    "*:*",
    "Predictions:create",
    "predictions:CREATE",
    " predictions:create",
    "predictions:create ",
    "predictions: create",
    "predictions",
    "",
    " ",
    "team:update",
    "members:update",
    "mails:view",
    "webhooks:view",
    "predictions:create\n",
    "predictions:create\0",
    "x" * 10_000,
]


@pytest.mark.parametrize("text", BAD, ids=lambda text: repr(text[:30]))
def test_a_scope_has_one_spelling(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as caught:
        scopes.read(["usage:view", text])
    assert len(str(caught.value)) < 160


def test_scopes_are_few_and_each_stands_once() -> None:
    for texts, says in (
        ([], "at least one"),
        ([ASK, ASK], "twice"),
        ([ASK] * 10_000, "10000 scopes"),
        (["chatflows:*"], "star"),
        (["Usage:View"], "Write usage:view"),
        (["team:update"], "No key may hold"),
    ):
        with pytest.raises(ValueError, match=says):
            scopes.read(texts)
    assert scopes.read(["apikeys:update", ASK]) == {ASK, "apikeys:update", "apikeys:view"}


def test_pages_have_words_for_every_scope() -> None:
    named = [scope for group in scopes.GROUPS.values() for scope in group]
    assert sorted(named) == sorted(SCOPES)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ([], "nothing"),
        ([ASK], "ask the chatflows it opens, nothing else"),
        ([ASK, SAID], "ask the chatflows it opens; read what was said with them"),
        (["usage:view"], "read how much is used, nothing else"),
        (
            [ASK, "apikeys:create"],
            "ask the chatflows it opens; make keys; read the names of keys",
        ),
    ],
)
def test_a_holder_reads_what_the_key_may_do(held: list[str], words: str) -> None:
    assert abilities(held) == words
    assert sentence(held, resources=["Order status"]).may == words


def test_the_sentence_knows_what_the_key_opens() -> None:
    assert sentence([ASK], resources=["Order status"]).opens == ("Order status",)
    assert sentence([ASK], resources=None).opens == ()
