"""Migrations since the last release leave that release able to serve.

During an upgrade of several instances the old version reads and writes the tables of the new one:
it fills in no column that it doesn't know, and asks for each one that it does.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

pytestmark = pytest.mark.fast

APPS = ("accounts", "apikeys", "chatflows", "config")
# The last migration of each app in the last release. A release sets them anew (CONTRIBUTING.md).
RELEASED = {
    "accounts": "0018_profiles",
    "apikeys": "0013_hand_over_terms",
    "chatflows": "0012_usage",
}
# Operations that are named and yet harmless, as "app.migration: what", with the reason. A stale
# line fails.
HARMLESS: dict[str, str] = {}

CHANGES = re.compile(
    r"\b(DROP (TABLE|COLUMN)|RENAME|SET NOT NULL|ADD CONSTRAINT|CREATE UNIQUE|ALTER COLUMN)\b",
    re.IGNORECASE,
)
TAKEN_AWAY = (
    migrations.RemoveField,
    migrations.RenameField,
    migrations.DeleteModel,
    migrations.RenameModel,
    migrations.AlterModelTable,
    migrations.AlterUniqueTogether,
)


def faults(operations: Sequence[Operation], made: set[str]) -> Iterator[str]:
    """What in a migration the version before can't live with.

    `made` holds the app's models that are new since the release: no older code knows them.
    """
    for operation in operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from faults(operation.database_operations, made)
            continue
        name = getattr(operation, "model_name", getattr(operation, "name", "")).lower()
        if isinstance(operation, migrations.CreateModel):
            made.add(name)
        if name not in made and (fault := fault_of(operation)):
            yield f"{type(operation).__name__} {name}: {fault}"


def fault_of(operation: Operation) -> str:
    match operation:
        case migrations.RunSQL() if CHANGES.search(str(operation.sql)):
            return "it changes a table"
        case migrations.AddField() if not is_filled_in(operation.field):
            return f"{operation.name} is neither null nor has a default of the database"
        case migrations.AlterField() | migrations.AddConstraint():
            return "the old version may write what it refuses"
        case _ if isinstance(operation, TAKEN_AWAY):
            return "the old version asks for it"
    return ""


def is_filled_in(field: "models.Field[object, object]") -> bool:
    """Whether a row that the old version writes has a value there."""
    return field.null or field.has_db_default() or field.many_to_many or field.generated


def since_the_release() -> Iterator[tuple[str, Sequence[Operation]]]:
    loader = MigrationLoader(None)
    before = {
        key for app, name in RELEASED.items() for key in loader.graph.forwards_plan((app, name))
    }
    for app in APPS:
        for key in loader.graph.forwards_plan(loader.graph.leaf_nodes(app)[0]):
            if key[0] == app and key not in before:
                yield ".".join(key), loader.disk_migrations[key].operations


def test_no_migration_since_the_release_hurts_that_release() -> None:
    made: defaultdict[str, set[str]] = defaultdict(set)
    named = {
        f"{migration}: {fault}"
        for migration, operations in since_the_release()
        for fault in faults(operations, made[migration.partition(".")[0]])
    }
    assert named - HARMLESS.keys() == set()
    assert HARMLESS.keys() - named == set(), "stale"


text = models.CharField(max_length=9)
once = models.UniqueConstraint(fields=["note"], name="once")


@pytest.mark.parametrize(
    ("operation", "is_named"),
    [
        (migrations.AddField("key", "note", text), True),
        (migrations.AddField("key", "note", models.CharField(max_length=9, default="")), True),
        (migrations.AddField("key", "note", models.CharField(max_length=9, db_default="")), False),
        (migrations.AddField("key", "note", models.CharField(max_length=9, null=True)), False),
        (migrations.AddField("new", "note", text), False),
        (migrations.RemoveField("key", "note"), True),
        (migrations.RenameField("key", "note", "remark"), True),
        (migrations.AlterField("key", "note", text), True),
        (migrations.DeleteModel("key"), True),
        (migrations.AddConstraint("key", once), True),
        (migrations.AddIndex("key", models.Index(fields=["note"], name="i")), False),
        (migrations.RunSQL("ALTER TABLE key DROP COLUMN note"), True),
        (migrations.RunSQL("CREATE TRIGGER x"), False),
        (migrations.RunPython(lambda apps, editor: None), False),
    ],
)  # fmt: skip
def test_what_is_named(operation: Operation, is_named: bool) -> None:
    assert bool(list(faults([operation], {"new"}))) is is_named
