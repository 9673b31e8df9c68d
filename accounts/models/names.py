"""Names: how they are compared, and which characters they may have."""

import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

# Controls, formats (direction marks, zero-width), line and paragraph separators, surrogates,
# private use, unassigned.
HIDDEN_KINDS = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})
INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters that draw nothing
JOINERS = frozenset("\u200c\u200d")  # hold letters of some scripts, and emoji, together


def fold(name: str) -> str:
    """Return the form by which names are compared, regardless of case and of look-alike forms."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def is_plain(name: str) -> bool:
    """Whether a name is one visible line: no controls, direction marks or invisible letters."""
    kinds = [unicodedata.category(character) for character in name if character not in JOINERS]
    is_hidden = any(c in INVISIBLE for c in name) or any(k in HIDDEN_KINDS for k in kinds)
    return not is_hidden and any(kind[0] in "LNPS" for kind in kinds)


class Named(models.Model):
    """Base of models whose `name` is unique in a team.

    Python folds the name into a column for the constraint, because SQLite's LOWER() knows only
    ASCII.
    """

    name: Any
    name_key = models.TextField(editable=False)

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Refuse invisible characters, and fold the name before the constraint is checked."""
        if self.name and not is_plain(self.name):
            raise ValidationError({"name": "Use visible characters on one line."})
        self.name_key = fold(self.name)

    def store(self, **how: Any) -> None:
        """Check all fields, then save.

        Raises ValidationError, also for a name that was taken between the check and the row.
        """
        self.full_clean()
        try:
            with transaction.atomic():
                self.save(**how)
        except IntegrityError:
            self.full_clean()  # the words for it
            raise

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Fold the name on every save."""
        self.name_key = fold(self.name)
        super().save(*args, **kwargs)
