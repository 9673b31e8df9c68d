"""Names: how they are compared, which characters they may have, and how a mail prints them."""

import re
import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

# Controls, formats (direction marks, zero-width), line and paragraph separators, surrogates,
# private use, unassigned.
HIDDEN_KINDS = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})
INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters that draw nothing
JOINERS = frozenset("\u200c\u200d")  # hold letters of some scripts, and emoji, together
# What a mail program makes a link of. A bare host may be a name, such as Node.js.
_ADDRESS = re.compile(
    r"\w:[/\\]{2}\S|\\\\\S|[/\\]{2}\S*\.\S|\bwww\."
    r"|\b(?:(?:https?|ftps?|mailto|javascript):\S|(?:tel|sms):[+(\d]|data:\S*,|file:[/\\])"
    # A last label like "John" in "St.John/Paul" is none, unless hosts often end so.
    r"|\w\.(?:com|net|org|info|[a-z]{2}|(?-i:(?![A-Z][a-z]+[/:?#])[^\W\d_][\w-]+))[/:?#]\S"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}[/:?#]\S|\S@\S+\.\S",
    re.IGNORECASE,
)
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")  # browsers read them as dots of a host
_JOINTS = re.compile(r"([.:/\\@\u3002\uff0e\uff61\uff0f\uff1a\uff20])(?=\S)")
MAX_READ = 200  # characters of a name; none may have as many
NOT_PLAIN = "Use visible characters on one line."
WITH_ADDRESS = "Leave web and e-mail addresses out of the name: it stands in mails."


def fold(name: str) -> str:
    """Return the form by which names are compared, regardless of case and of look-alike forms."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def is_plain(name: str) -> bool:
    """Whether a name is one visible line: no controls, direction marks or invisible letters."""
    kinds = [unicodedata.category(character) for character in name if character not in JOINERS]
    is_hidden = any(c in INVISIBLE for c in name) or any(k in HIDDEN_KINDS for k in kinds)
    return not is_hidden and any(kind[0] in "LNPS" for kind in kinds)


def has_address(name: str) -> bool:
    """Whether a name holds a web or e-mail address, also in look-alike forms."""
    read = unicodedata.normalize("NFKC", name[:MAX_READ].translate(_DOTS))
    return _ADDRESS.search(read) is not None


def check(name: str, longest: int) -> None:
    """Raise ValidationError for a new name that is no visible line or holds an address."""
    if not name or len(name) > longest:
        raise ValidationError(f"Use a name of at most {longest} characters.")
    if not is_plain(name):
        raise ValidationError(NOT_PLAIN)
    if has_address(name):
        raise ValidationError(WITH_ADDRESS)


def unlinked(name: str) -> str:
    """Return a name for a mail: no program makes a link of a host in it."""
    return _JOINTS.sub("\\1\u200b", name)


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
            raise ValidationError({"name": NOT_PLAIN})
        if has_address(self.name) and not self._is_kept():
            raise ValidationError({"name": WITH_ADDRESS})
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

    def _is_kept(self) -> bool:
        """Whether the row has this name already: names of earlier days stay."""
        return (
            type(self)
            ._base_manager.filter(models.Q(pk=self.pk), models.Q(("name", self.name)))
            .exists()
        )

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Fold the name on every save."""
        self.name_key = fold(self.name)
        super().save(*args, **kwargs)


@models.CharField.register_lookup
@models.TextField.register_lookup
class Begins(models.Lookup):
    """`name__begins=text`: a search from the beginning that an index answers on both databases.

    SQLite's LIKE takes no index, and PostgreSQL's order of text is not the one of its bytes: there
    an index with `text_pattern_ops` answers LIKE.
    """

    lookup_name = "begins"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Write a LIKE with the text's own wildcards escaped."""
        column, values = self.process_lhs(compiler, connection)
        escaped = re.sub(r"([\\%_])", r"\\\1", self.rhs)
        return f"{column} LIKE %s", (*values, f"{escaped}%")

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Write a range of texts, compared by their bytes."""
        column, values = self.process_lhs(compiler, connection)
        last = f"{self.rhs}\U0010ffff"
        return f"{column} >= %s AND {column} < %s", (*values, self.rhs, *values, last)
