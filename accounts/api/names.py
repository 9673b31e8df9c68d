"""Names of fields: those of columns in the words of bodies."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from django.core.exceptions import ValidationError

# A name that the team has already is an error of the whole row.
OF_NAMED: Mapping[str, str] = MappingProxyType({"__all__": "name", "name_key": "name"})


@contextmanager
def in_words_of_bodies(names: Mapping[str, str] = OF_NAMED) -> Iterator[None]:
    """Let a ValidationError of a service name its fields as the body does."""
    try:
        yield
    except ValidationError as error:
        if not hasattr(error, "error_dict"):
            raise
        named: dict[str, list[Any]] = {}
        for field, errors in error.error_dict.items():
            named.setdefault(names.get(field, field), []).extend(errors)
        raise ValidationError(named) from None
