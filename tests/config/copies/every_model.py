"""Give each model that has no row one: run with the environment of an installation.

The values are as odd as a field allows: as long as its column, with letters of four bytes, with
microseconds, all bytes, and JSON in the order in which nobody would write it.
"""

import datetime
import os
import uuid
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django

django.setup()

from django.apps import apps  # noqa: E402 (Django must be set up first)
from django.db import IntegrityError, models, transaction  # noqa: E402

from accounts.models import AuditEvent, AuditHead  # noqa: E402

AT = datetime.datetime(2026, 3, 29, 1, 59, 59, 123456, tzinfo=datetime.UTC)
LETTERS = "\U0001f511 é\t\\N \"'\n"
JSON = {"z": [1, None, {"b": "\U0001f511", "a": "\\u0000 \t\\"}], "a": {}, "2": 1.5, "é": True}


def rows() -> None:
    """Make the rows."""
    for model in apps.get_models(include_auto_created=True):
        if model not in (AuditEvent, AuditHead) and not model._base_manager.exists():
            row(model)


def row(model: type[models.Model]) -> models.Model:
    """Return the first row of a model; a new one, where it has none."""
    found = model._base_manager.first()
    return found or _new(model, is_full=True) or _new(model, is_full=False) or _fail(model)


def _fail(model: type[models.Model]) -> models.Model:
    raise AssertionError(f"no row of {model.__name__} passes its constraints")


def _new(model: type[models.Model], *, is_full: bool) -> models.Model | None:
    values = {
        field.attname: _value(field, is_full=is_full)
        for field in model._meta.concrete_fields
        if not isinstance(field, models.AutoField)
    }
    try:
        with transaction.atomic():
            (made,) = model._base_manager.bulk_create([model(**values)])
    except IntegrityError:
        return None
    return made


def _value(field: Any, *, is_full: bool) -> Any:
    if field.name in ODD:
        return ODD[field.name]
    if field.null and not is_full:
        return None
    if isinstance(field, models.ForeignKey):
        related = field.remote_field.model
        return None if field.null and related is field.model else row(related).pk
    if field.choices:
        return field.choices[0][0]
    if isinstance(field, models.CharField):
        longest = field.max_length or 0
        return (LETTERS * longest)[:longest]
    for kind, value in VALUES.items():
        if isinstance(field, kind):
            return value
    raise AssertionError(f"no value for {field}")


VALUES: dict[type, Any] = {
    models.UUIDField: uuid.UUID(int=7),
    models.BooleanField: True,
    models.JSONField: JSON,
    models.TextField: LETTERS * 9000,
    models.BinaryField: bytes(range(256)),
    models.DurationField: datetime.timedelta(days=3, microseconds=7),
    models.DateTimeField: AT,
    models.DateField: AT.date(),
    models.IntegerField: 3,
}

# What a constraint compares with another field.
ODD = {
    "expires_at": AT + datetime.timedelta(days=1),
    **dict.fromkeys(("withdrawn_at", "sent_at", "failed_at")),
}

if __name__ == "__main__":
    rows()
