"""Names: when two of them are the same to people."""

import unicodedata
from typing import Any

from django.db import models


def fold(name: str) -> str:
    """The form by which names are compared: without regard to case and to look-alike forms."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


class Named(models.Model):
    """Base of what has a `name` that a team has once.

    Python folds it into a column for the constraint, for SQLite's own LOWER() knows ASCII alone.
    """

    name: Any
    name_key = models.TextField(editable=False)

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Fold the name before the constraint is checked."""
        self.name_key = fold(self.name)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Fold the name, whoever saves."""
        self.name_key = fold(self.name)
        super().save(*args, **kwargs)
