"""Users: one person is one name and one address, however they are written."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.models.users import initials
from accounts.services import users
from tests import factories

pytestmark = pytest.mark.django_db


def create(username: str, email: str, password: str = factories.PASSWORD) -> User:
    return users.create_operator(email, username, password, factories.TESTER)


@pytest.mark.parametrize(
    ("username", "email", "field"),
    [
        ("ALICE", "other@example.com", "username"),
        ("Alice", "other@example.com", "username"),
        ("other", "ALICE@EXAMPLE.COM", "email"),
        ("other", "Alice@Example.com", "email"),
    ],
)
def test_a_name_or_address_in_other_case_is_taken(
    alice: User, username: str, email: str, field: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        create(username, email)
    assert list(caught.value.message_dict) == [field]
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user(username, email, factories.PASSWORD)


@pytest.mark.parametrize(
    "username",
    [
        "",
        " ",
        "a b",
        "a@b",
        "<b>",
        "a\n",
        "a\0",
        "x" * 65,
        "x" * 10_000,
        "ａｌｉｃｅ",  # full-width letters  # noqa: RUF001
        "ﬁona",  # a ligature
        "al\u200bice",  # a space of no width
        "🔑",
        "a/b",
        "éva",
        "\u0422\u041e\u041c",
    ],
)
def test_a_name_that_is_no_name_is_refused_with_the_field(username: str) -> None:
    with pytest.raises(ValidationError) as caught:
        create(username, "someone@example.com")
    assert set(caught.value.message_dict) == {"username"}
    assert not User.objects.exists()


@pytest.mark.parametrize("email", ["", "nonsense", "a@b", "a b@example.com", f"{'x' * 250}@a.de"])
def test_an_address_that_is_none_is_refused_with_the_field(email: str) -> None:
    with pytest.raises(ValidationError) as caught:
        create("someone", email)
    assert set(caught.value.message_dict) == {"email"}


def test_a_person_is_found_without_regard_to_case(alice: User) -> None:
    assert User.objects.get_by_natural_key("ALICE") == alice


@pytest.mark.parametrize("username", ["_", "%", "a_ice", "al%"])
def test_a_wildcard_finds_nobody(alice: User, username: str) -> None:
    with pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key(username)


def test_a_password_lies_only_as_a_hash() -> None:
    person = create("alice", "alice@example.com")
    assert person.is_operator
    assert person.check_password(factories.PASSWORD)
    assert factories.PASSWORD not in factories.dump()


@pytest.mark.parametrize(
    ("email", "username"),
    [
        ("alice@example.com", "alice"),
        ("a.b-c_d+tag@example.com", "a.b-c_dtag"),
        ("+++@example.com", "owner"),
        ("", "owner"),
        (f"{'x' * 200}@example.com", "x" * 64),
    ],
)
def test_a_username_is_made_of_an_address(email: str, username: str) -> None:
    assert users.username_from_email(email) == username


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("alice", "AL"),
        ("alice liddell", "AL"),
        ("a", "A"),
        ("", ""),
        ("   ", ""),
        ("🔑 key", "🔑K"),
    ],
)
def test_initials_are_two_letters_at_most(name: str, letters: str) -> None:
    assert initials(name) == letters
