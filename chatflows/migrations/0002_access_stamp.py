"""The access stamp: on PostgreSQL one row changes in each transaction that changes what opens a door.

The gate keeps rows in its processes for as long as the stamp stands (chatflows/gate/readers/postgres.py).
SQLite needs none of it: there the rows themselves are read at each request.
"""

from django.db import migrations

# Every table of the statement in chatflows/gate/readers/rows.py. A new column counts by itself.
TABLES = (
    "accounts_team",
    "apikeys_apikey",
    "apikeys_keysecret",
    "chatflows_chatflow",
    "chatflows_selection",
)
# The recorder writes it all the time, and no decision reads it.
UNREAD = {"apikeys_apikey": "last_used_at"}

# The stamp is the number of the transaction that wrote it, so no two changes leave the same one.
STAMP = """
CREATE TABLE chatflows_accessstamp (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    stamp bigint NOT NULL
);
INSERT INTO chatflows_accessstamp (stamp) VALUES (pg_current_xact_id()::text::bigint);
CREATE FUNCTION chatflows_access_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE chatflows_accessstamp SET stamp = pg_current_xact_id()::text::bigint
    WHERE stamp <> pg_current_xact_id()::text::bigint;
    RETURN NULL;
END $$;
"""
# Deferred to the end of the transaction: the stamp's row is locked last and shortly, so two changes
# can't wait for each other's locks. ALWAYS: a restore that switches triggers off doesn't pass by.
TRIGGERS = """
CREATE CONSTRAINT TRIGGER access_rows AFTER INSERT OR DELETE ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chatflows_access_changed();
CREATE CONSTRAINT TRIGGER access_values AFTER UPDATE ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ({changed})
    EXECUTE FUNCTION chatflows_access_changed();
CREATE TRIGGER access_emptied AFTER TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION chatflows_access_changed();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER access_rows;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER access_values;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER access_emptied;
"""
NO_TRIGGERS = """
DROP TRIGGER access_rows ON {table};
DROP TRIGGER access_values ON {table};
DROP TRIGGER access_emptied ON {table};
"""


def add(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute(STAMP, params=None)
    for table in TABLES:
        statement = TRIGGERS.format(table=table, changed=_changed(UNREAD.get(table)))
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for table in TABLES:
        schema_editor.execute(NO_TRIGGERS.format(table=table), params=None)
    schema_editor.execute("DROP FUNCTION chatflows_access_changed()", params=None)
    schema_editor.execute("DROP TABLE chatflows_accessstamp", params=None)


def _changed(unread):
    if unread is None:
        return "OLD.* IS DISTINCT FROM NEW.*"
    return f"to_jsonb(OLD) - '{unread}' IS DISTINCT FROM to_jsonb(NEW) - '{unread}'"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("apikeys", "0001_initial"),
        ("chatflows", "0001_initial"),
    ]
    operations = [migrations.RunPython(add, remove)]
