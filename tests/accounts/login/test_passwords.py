"""Passwords: long ones welcome, short, common, own and endless ones refused; argon2id."""

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.login.hashers import Argon2Hasher
from accounts.models import User

pytestmark = pytest.mark.fast

ALICE = User(username="alice.liddell", email="looking.glass@example.com")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "x7 GQ!r2-vLw",
        "пароль из пяти слов",
        "🔑🔒🔑🔒🔑🔒🔑🔒🔑🔒🔑🔒",
        "z" * 11 + "yq" * 60,
        "w9" * 2048,
        "flowlatch guards twelve geese",
        "      spaces at both ends      ",
    ],
    ids=lambda p: p[:20],
)
def test_a_good_password_is_taken(password: str) -> None:
    validate_password(password, ALICE)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "too short"),
        ("elevenchars", "too short"),
        ("w9" * 2048 + "x", "longer than 4,096 bytes"),
        ("é" * 2049, "longer than 4,096 bytes"),
        ("🔑" * 1025, "longer than 4,096 bytes"),
        ("password1234", "word that others would try"),
        ("Flowlatch123", "word that others would try"),
        ("FLOWISE-12345", "word that others would try"),
        ("mydefaultkey!", "word that others would try"),
        ("alice.liddell", "close to a word"),
        ("Alice.Liddell1", "close to a word"),
        ("looking.glass99", "close to a word"),
        ("my-Example-12", "close to a word"),
        ("1qaz2wsx3edc4rfv", "too common"),
    ],
    ids=lambda p: p[:20],
)
def test_a_bad_password_is_refused_with_the_reason(password: str, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        validate_password(password, ALICE)
    assert says in " ".join(caught.value.messages)


@pytest.mark.django_db
def test_the_teams_name_is_a_word_to_guess(alice: User) -> None:
    team = alice.memberships.get().team
    team.name = "Wonderland"
    team.save()
    with pytest.raises(ValidationError, match="close to a word"):
        validate_password("WONDERLAND-1", alice)
    validate_password("nine geese over wonderland", alice)


@pytest.fixture
def argon2(settings: object) -> None:
    settings.PASSWORD_HASHERS = ["accounts.login.hashers.Argon2Hasher"]  # type: ignore[attr-defined]


def test_a_hash_is_argon2id_with_our_parameters(argon2: None) -> None:
    encoded = make_password("correct horse battery staple")
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password("correct horse battery staple", encoded)
    assert not check_password("correct horse battery stable", encoded)
    assert not Argon2Hasher().must_update(encoded)


def test_a_password_is_taken_whole(argon2: None) -> None:
    long = "x" * 4000
    assert not check_password(long + "y", make_password(long + "z"))


def test_over_4_kib_no_hash_is_run(argon2: None, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = make_password("correct horse battery staple")

    def never(*_: object) -> bool:
        raise AssertionError("hashed")

    monkeypatch.setattr("accounts.login.hashers.Argon2PasswordHasher.verify", never)
    assert not Argon2Hasher().verify("x" * 4097, encoded)
    assert not Argon2Hasher().verify("\ud800" * 2000, encoded)
