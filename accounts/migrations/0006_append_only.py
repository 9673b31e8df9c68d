"""The database itself refuses to change or delete what the audit trail holds.

Whoever may drop these triggers can still do it; then the chain of macs names the row (accounts/audit.py).
A migration that makes these tables anew on SQLite has to add the triggers again: they go with the table.
"""

from django.db import migrations

EVENTS, HEADS = "accounts_auditevent", "accounts_audithead"
REFUSAL = "the audit trail is append-only"

# REPLACE deletes without the trigger of deletions, so an insertion may meet no row.
SQLITE = (
    f"""CREATE TRIGGER audit_event_is_new BEFORE INSERT ON {EVENTS}
        WHEN EXISTS (SELECT 1 FROM {EVENTS} WHERE id = NEW.id)
          OR EXISTS (SELECT 1 FROM {EVENTS} WHERE team_id = NEW.team_id AND sequence = NEW.sequence)
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER audit_event_stays BEFORE DELETE ON {EVENTS}
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER audit_event_is_final BEFORE UPDATE ON {EVENTS}
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER audit_head_is_new BEFORE INSERT ON {HEADS}
        WHEN EXISTS (SELECT 1 FROM {HEADS} WHERE team_id = NEW.team_id)
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER audit_head_stays BEFORE DELETE ON {HEADS}
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER audit_head_goes_on BEFORE UPDATE ON {HEADS}
        WHEN NEW.team_id IS NOT OLD.team_id OR NEW.sequence <> OLD.sequence + 1
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
)
NO_SQLITE = (
    "DROP TRIGGER audit_event_is_new",
    "DROP TRIGGER audit_event_stays",
    "DROP TRIGGER audit_event_is_final",
    "DROP TRIGGER audit_head_is_new",
    "DROP TRIGGER audit_head_stays",
    "DROP TRIGGER audit_head_goes_on",
)
# ALWAYS: a session that switches triggers off doesn't pass by.
POSTGRESQL = (
    f"""CREATE FUNCTION accounts_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation'; END $$""",
    f"""CREATE TRIGGER audit_event_stays BEFORE UPDATE OR DELETE ON {EVENTS}
        FOR EACH ROW EXECUTE FUNCTION accounts_audit_is_append_only()""",
    f"""CREATE TRIGGER audit_event_all_stay BEFORE TRUNCATE ON {EVENTS}
        FOR EACH STATEMENT EXECUTE FUNCTION accounts_audit_is_append_only()""",
    f"""CREATE TRIGGER audit_head_stays BEFORE DELETE ON {HEADS}
        FOR EACH ROW EXECUTE FUNCTION accounts_audit_is_append_only()""",
    f"""CREATE TRIGGER audit_head_goes_on BEFORE UPDATE ON {HEADS} FOR EACH ROW
        WHEN (NEW.team_id <> OLD.team_id OR NEW.sequence <> OLD.sequence + 1)
        EXECUTE FUNCTION accounts_audit_is_append_only()""",
    f"""CREATE TRIGGER audit_head_all_stay BEFORE TRUNCATE ON {HEADS}
        FOR EACH STATEMENT EXECUTE FUNCTION accounts_audit_is_append_only()""",
    f"ALTER TABLE {EVENTS} ENABLE ALWAYS TRIGGER audit_event_stays",
    f"ALTER TABLE {EVENTS} ENABLE ALWAYS TRIGGER audit_event_all_stay",
    f"ALTER TABLE {HEADS} ENABLE ALWAYS TRIGGER audit_head_stays",
    f"ALTER TABLE {HEADS} ENABLE ALWAYS TRIGGER audit_head_goes_on",
    f"ALTER TABLE {HEADS} ENABLE ALWAYS TRIGGER audit_head_all_stay",
)
NO_POSTGRESQL = ("DROP FUNCTION accounts_audit_is_append_only() CASCADE",)

LOCK = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
UNLOCK = {"sqlite": NO_SQLITE, "postgresql": NO_POSTGRESQL}


def lock(apps, schema_editor):
    for statement in LOCK[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def unlock(apps, schema_editor):
    for statement in UNLOCK[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_lock_outs")]
    operations = [migrations.RunPython(lock, unlock)]
