"""Link tokens: one use, the newest only, one purpose, and nothing of them in the database."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.crypto import digests
from accounts.models import LinkPurpose, LinkToken
from accounts.services import link_tokens
from apikeys import key_text
from tests import factories

pytestmark = pytest.mark.django_db

SET_UP, INVITATION = LinkPurpose.SET_UP, LinkPurpose.INVITATION
WEEK = timedelta(days=7)


def digest(token: str) -> str:
    found = link_tokens.digest_if_usable(SET_UP, token)
    assert found is not None
    return found


def test_a_token_is_redeemed_once() -> None:
    found = digest(link_tokens.issue(SET_UP, WEEK))
    assert link_tokens.redeem(SET_UP, found) is True
    assert link_tokens.redeem(SET_UP, found) is False
    assert not link_tokens.is_usable(SET_UP, found)


def test_a_new_token_kills_those_of_the_same_thing_alone() -> None:
    for_ada, for_bob = (link_tokens.issue(INVITATION, WEEK, bound_to=to) for to in ("ada", "bob"))
    again = link_tokens.issue(INVITATION, WEEK, bound_to="ada")
    usable = [link_tokens.digest_if_usable(INVITATION, t) for t in (for_ada, for_bob, again)]
    assert [found is not None for found in usable] == [False, True, True]
    link_tokens.revoke(INVITATION, "bob")
    assert link_tokens.digest_if_usable(INVITATION, for_bob) is None


def test_a_dead_token_is_still_found_by_who_holds_it() -> None:
    token = link_tokens.issue(INVITATION, WEEK, bound_to="ada")
    link_tokens.revoke(INVITATION, "ada")
    found = link_tokens.find(INVITATION, token)
    assert found is not None
    assert found.bound_to == "ada"
    assert link_tokens.find(SET_UP, token) is None
    assert link_tokens.find(INVITATION, found.digest) is None


def test_looking_a_token_up_uses_nothing() -> None:
    token = link_tokens.issue(SET_UP, WEEK)
    before = factories.dump()
    for _ in range(3):
        assert link_tokens.digest_if_usable(SET_UP, token)
    assert factories.dump() == before


def test_only_the_newest_token_is_good() -> None:
    old, new = link_tokens.issue(SET_UP, WEEK), link_tokens.issue(SET_UP, WEEK)
    assert link_tokens.digest_if_usable(SET_UP, old) is None
    assert not link_tokens.redeem(SET_UP, digests.link_token_digest(old))
    assert link_tokens.redeem(SET_UP, digest(new))


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(seconds=-1), -WEEK])
def test_an_expired_token_is_dead(lifetime: timedelta) -> None:
    token = link_tokens.issue(SET_UP, lifetime)
    assert link_tokens.digest_if_usable(SET_UP, token) is None
    assert not link_tokens.redeem(SET_UP, digests.link_token_digest(token))


def test_a_token_of_another_purpose_is_nothing() -> None:
    token = link_tokens.issue(SET_UP, WEEK)
    LinkToken.objects.update(purpose="invitation")
    assert link_tokens.digest_if_usable(SET_UP, token) is None
    assert not link_tokens.redeem(SET_UP, digests.link_token_digest(token))
    assert link_tokens.issue(SET_UP, WEEK)
    other = LinkToken.objects.get(purpose="invitation")
    assert other.used_at is None  # a new one of ours does not kill theirs


@pytest.mark.parametrize(
    "token", ["", " ", "fll_", "fll_x", "x" * 10_000, "fll_" + "🔑", "\0", "null", "None"]
)
def test_text_that_was_never_issued_is_nothing(token: str) -> None:
    link_tokens.issue(SET_UP, WEEK)
    assert link_tokens.digest_if_usable(SET_UP, token) is None
    assert not link_tokens.redeem(SET_UP, digests.link_token_digest(token))


def test_an_empty_digest_is_refused_before_the_look_up() -> None:
    LinkToken.objects.create(purpose=SET_UP, digest="", expires_at=timezone.now() + WEEK)
    assert not link_tokens.is_usable(SET_UP, "")
    assert not link_tokens.redeem(SET_UP, "")


def test_the_stored_digest_is_no_token() -> None:
    link_tokens.issue(SET_UP, WEEK)
    stored = LinkToken.objects.get().digest
    assert link_tokens.digest_if_usable(SET_UP, stored) is None
    assert link_tokens.digest_if_usable(SET_UP, "fll_" + stored) is None


def test_the_text_is_in_no_table_and_is_no_key() -> None:
    token = link_tokens.issue(SET_UP, WEEK)
    assert token.removeprefix("fll_") not in factories.dump()
    assert len(token) >= 4 + 43
    assert key_text.parse(token) is None
