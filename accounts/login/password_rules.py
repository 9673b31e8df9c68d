"""Password rules beside Django's: a maximum length, and no words that are easy to guess here.

`check` is the one way to apply them all. A password counts in its normalized form (NIST SP 800-63B
5.1.1.2): the same letters are the same password on every keyboard.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from django.contrib.auth.password_validation import CommonPasswordValidator, validate_password
from django.core.exceptions import ValidationError

from accounts.login import guesses
from accounts.models import Team, User

MIN_CHARACTERS, MAX_PASSWORD_BYTES = 12, 4096
CONTEXT_WORDS = ("flowlatch", "flowise", "chatflow", "password", "defaultkey")
# This many characters must be left to guess beside words that anyone would try.
MIN_CHARACTERS_BESIDE = 8
MAX_IGNORED_LENGTH = 3  # shorter words stand in anything
EASY = (
    "This password is close to a word that others would try here, or made of common words, years, "
    "rows of keys or repeats. Take several words that have nothing to do with each other."
)


def normalized(password: str) -> str:
    """Return the form in which a password is checked and hashed."""
    return unicodedata.normalize("NFKC", password)


def is_too_long(password: str) -> bool:
    """Whether a password would only cost time in the hasher."""
    return len(password.encode("utf-8", "surrogatepass")) > MAX_PASSWORD_BYTES


def check(password: str, user: User | None = None, avoid: Iterable[str] = ()) -> None:
    """Raise ValidationError for a new password that a rule refuses.

    `avoid` are more words that it must not be close to.
    """
    password = normalized(password)
    validate_password(password, user)
    if words := list(avoid):
        _refuse_easy(password, [*words, *_words_of(user)])


class MinimumValidator:
    """Refuse passwords that can be tried out."""

    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) < MIN_CHARACTERS:
            raise ValidationError(f"Take at least {MIN_CHARACTERS} characters.")

    def get_help_text(self) -> str:
        return f"At least {MIN_CHARACTERS} characters."


class MaximumBytesValidator:
    """Refuse passwords that would only cost time in the hasher."""

    def validate(self, password: str, user: User | None = None) -> None:
        if is_too_long(password):
            raise ValidationError("This password is longer than 4,096 bytes. Use a shorter one.")

    def get_help_text(self) -> str:
        return "At most 4,096 bytes."


class EasyPasswordValidator:
    """Refuse passwords that are little more than words anyone would guess here."""

    def validate(self, password: str, user: User | None = None) -> None:
        _refuse_easy(password, _words_of(user))

    def get_help_text(self) -> str:
        return "Not the name of this product, of you or of your team."


def _refuse_easy(password: str, words: Iterable[str]) -> None:
    # A name is guessed whole and by its words.
    own = {part for word in words for part in (word.lower(), *re.findall(r"\w+", word.lower()))}
    telling = frozenset(word for word in own if len(word) > MAX_IGNORED_LENGTH)
    if guesses.is_easy(password, telling, _common_words(), MIN_CHARACTERS_BESIDE):
        raise ValidationError(EASY)


@cache
def _common_words() -> frozenset[str]:
    return frozenset(CommonPasswordValidator().passwords)


def _words_of(user: User | None) -> list[str]:
    if user is None:
        return list(CONTEXT_WORDS)
    mine = Team.objects.filter(memberships__user=user) if user.pk else Team.objects.none()
    local, _, domain = user.email.partition("@")
    names = mine.values_list("name", flat=True)
    return [*CONTEXT_WORDS, user.username, local, domain.partition(".")[0], *names]
