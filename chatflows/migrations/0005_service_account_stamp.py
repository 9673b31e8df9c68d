"""The access stamp also changes with service accounts: disabling one refuses all its keys."""

from importlib import import_module

from django.db import migrations

stamp = import_module("chatflows.migrations.0002_access_stamp")

TABLE = "accounts_serviceaccount"


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        statement = stamp.TRIGGERS.format(table=TABLE, changed="OLD.* IS DISTINCT FROM NEW.*")
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(stamp.NO_TRIGGERS.format(table=TABLE), params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_service_accounts"),
        ("apikeys", "0002_service_account"),
        ("chatflows", "0004_unanswered"),
    ]
    operations = [migrations.RunPython(add, remove)]
