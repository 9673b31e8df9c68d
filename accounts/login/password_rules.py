"""Password rules beside Django's: a maximum length, and no words that are easy to guess here."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError

from accounts.models import Team, User

MAX_PASSWORD_BYTES = 4096
CONTEXT_WORDS = ("flowlatch", "flowise", "chatflow", "password", "defaultkey")
# A context word may stand in a password that has this many other characters beside it.
MIN_CHARACTERS_BESIDE = 8
MAX_IGNORED_LENGTH = 3  # shorter words stand in anything


class MaximumBytesValidator:
    """Refuse passwords that would only cost time in the hasher."""

    def validate(self, password: str, user: User | None = None) -> None:
        if len(password.encode("utf-8", "surrogatepass")) > MAX_PASSWORD_BYTES:
            raise ValidationError("This password is longer than 4,096 bytes. Use a shorter one.")

    def get_help_text(self) -> str:
        return "At most 4,096 bytes."


class ContextWordsValidator:
    """Refuse passwords that are little more than a word anyone would guess here."""

    def validate(self, password: str, user: User | None = None) -> None:
        refuse_words(password, (*CONTEXT_WORDS, *_own_words(user)))

    def get_help_text(self) -> str:
        return "Not the name of this product, of you or of your team."


def refuse_words(password: str, words: Iterable[str]) -> None:
    """Raise ValidationError for a password that is little more than one of these words."""
    lowered = password.lower()
    for word in (word.lower() for word in words if len(word) > MAX_IGNORED_LENGTH):
        if word in lowered and len(lowered) - len(word) < MIN_CHARACTERS_BESIDE:
            raise ValidationError("This password is close to a word that others would try here.")


def _own_words(user: User | None) -> list[str]:
    if user is None:
        return []
    mine = Team.objects.filter(memberships__user=user) if user.pk else Team.objects.none()
    local, _, domain = user.email.partition("@")
    return [user.username, local, domain.partition(".")[0], *mine.values_list("name", flat=True)]
