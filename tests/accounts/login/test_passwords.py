"""Passwords: long ones welcome, short, common, own and endless ones refused; argon2id."""

from contextlib import suppress

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password
from django.core.exceptions import ValidationError

from accounts.login import guesses, password_rules
from accounts.login.hashers import Argon2Hasher
from accounts.models import User
from tests.endings import that_ends

pytestmark = pytest.mark.fast

PASSPHRASES = (
    "river stone lamp", "seven green boats", "my dog eats cake", "we sing at noon",
    "purple monkey dishwasher", "apple table music", "tea before the storm", "old man winter song",
    "the cat sat on the mat", "no no not today", "go to the lake", "one two three four",
    "blue-sky-thinking", "horse.battery.staple", "sunshine over london", "coffee and a book",
    "never gonna give up", "a quiet little town", "we drink red wine", "three blind mice run",
    "bread butter jam", "winter is coming soon", "love peace harmony", "silver moon rising",
    "four candles burning", "rain in the morning", "golden gate bridge", "kleiner roter fuchs",
    "mon petit chat noir", "tree house garden",
)  # fmt: skip
REPEATED = (
    "a" * 16, "." * 12, " " * 12, "xyxyxyxyxyxyxyxy", "0000-0000-0000", "2026-2026-2026",
    "abcd-abcd-abcd", "1111 2222 3333", "\U0001f511\U0001f512" * 6, "w9" * 2048,
    "19991999 19991999",
    "z" * 11 + "yq" * 60,
)  # fmt: skip
ALICE = User(username="alice.liddell", email="looking.glass@example.com")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "x7 GQ!r2-vLw",
        "пароль из пяти слов",
        "🔑🔒🌊🍎🚲🎻🐌🔭🎈🌵🔑🔒",
        "z" * 11 + "yqxkvjwhp" + "7f" * 60,
        "9c" + "".join(f"{n * n * 7919:x}" for n in range(400)),
        *PASSPHRASES,
        "flowlatch guards twelve geese",
        "      spaces at both ends      ",
        "monkey dragon shadow river",
        "summer at the lake 1974",
        "Tr0ub4dor&3xyz",
    ],
    ids=lambda p: p[:20],
)
def test_a_good_password_is_taken(password: str) -> None:
    password_rules.check(password, ALICE)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "at least 12"),
        ("elevenchars", "at least 12"),
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
        ("1qaz2wsx3edc4rfv", "close to a word"),
        ("password12345678", "close to a word"),
        ("flowlatch20262026", "close to a word"),
        ("flowlatchflowlatch", "close to a word"),
        ("Flow1atch-2026-02", "close to a word"),
        ("p@ssw0rd!p@ssw0rd!", "close to a word"),
        ("passwordasdfghjkl", "close to a word"),
        ("password!@#$%^&*()", "close to a word"),
        ("password-abcdefgh", "close to a word"),
        ("alice.liddell-1999", "close to a word"),
        ("qwertyuiopasdfgh", "rows of keys"),
        ("mnbvcxzlkjhgfdsa", "rows of keys"),
        ("dragon12345678", "common words"),
        ("summerwinter2026", "years"),
        ("monkeymonkeymonkey", "common words"),
        ("121212121212", "common words"),
        ("\uff30\uff21\uff33\uff33\uff37\uff2f\uff32\uff2412345678", "close to a word"),
        *((repeated, "repeats") for repeated in REPEATED),
        ("e\u0301" * 6, "at least 12"),
        ("\ufdfa" * 200, "longer than 4,096 bytes"),
    ],
    ids=lambda p: p[:20],
)
def test_a_bad_password_is_refused_with_the_reason(password: str, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        password_rules.check(password, ALICE)
    assert says in " ".join(caught.value.messages)


@pytest.mark.django_db
def test_the_teams_name_is_a_word_to_guess(alice: User) -> None:
    team = alice.memberships.get().team
    team.name = "Wonderland"
    team.save()
    with pytest.raises(ValidationError, match="close to a word"):
        password_rules.check("WONDERLAND-1", alice)
    password_rules.check("nine geese over wonderland", alice)


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


def test_the_teams_words_are_avoided_whatever_stands_beside() -> None:
    for password in ("acmeacmeacme", "Acme Support 2026!", "acme12345678", "acme-support-1"):
        with pytest.raises(ValidationError, match="close to a word"):
            password_rules.check(password, ALICE, ["Acme Support"])
    password_rules.check("acme wants nine grey geese", ALICE, ["Acme Support"])


@pytest.mark.parametrize("piece", ["password", "a1", "qwertyuiop", "\U0001f511", "w"])
def test_a_long_password_is_judged_in_little_time(piece: str) -> None:
    with that_ends(), suppress(ValidationError):
        password_rules.check((piece * 4096)[:4096], ALICE)
    with that_ends():
        guesses.is_easy((piece * 4096)[:4096], {"x" * 80, "y" * 4000}, set(), 8)


def test_of_a_long_password_the_beginning_is_judged() -> None:
    assert guesses.is_easy("a" * guesses.MAX_READ + "x7GQ!r2-vLwKp", (), (), 8)
    assert not guesses.is_easy("x7GQ!r2-vLwKp" + "a" * 4000, (), (), 8)


NFC, NFD = "caf\u00e9 nine grey geese", "cafe\u0301 nine grey geese"


@pytest.mark.parametrize(("chosen", "typed"), [(NFC, NFD), (NFD, NFC), (NFD, NFD)])
def test_a_password_is_the_same_on_every_keyboard(argon2: None, chosen: str, typed: str) -> None:
    encoded = make_password(chosen)
    assert check_password(typed, encoded)
    assert not check_password(f"{typed}x", encoded)


@pytest.mark.parametrize("typed", [NFC, NFD])
def test_a_hash_of_the_text_as_typed_is_still_accepted(argon2: None, typed: str) -> None:
    old = Argon2PasswordHasher.encode(Argon2Hasher(), typed, "saltsaltsalt")
    assert check_password(typed, old)
    assert not check_password("cafe nine grey geese", old)


@pytest.mark.parametrize(("typed", "count"), [(NFC, 1), (NFD, 2), ("\ufdfa" * 1000, 1)])
def test_a_check_costs_the_same_whether_somebody_is_known(
    argon2: None, monkeypatch: pytest.MonkeyPatch, typed: str, count: int
) -> None:
    encoded = make_password("correct horse battery staple")
    hashed = list[str]()
    for name in ("encode", "verify"):

        def counted(self: object, text: str, *_: str, name: str = name) -> str:
            hashed.append(name)
            return ""

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)
    check_password(typed, encoded)
    assert hashed == ["verify"] * count
    make_password(typed)  # what a login does for a name that nobody has
    assert hashed[count:] == ["encode"] * count


def test_over_4_kib_no_hash_is_run(argon2: None, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = make_password("correct horse battery staple")

    def never(*_: object) -> bool:
        raise AssertionError("hashed")

    monkeypatch.setattr("accounts.login.hashers.Argon2PasswordHasher.verify", never)
    assert not Argon2Hasher().verify("x" * 4097, encoded)
    assert not Argon2Hasher().verify("\ud800" * 2000, encoded)
