"""Audit rows carry the id of the request that made the change.

Django would make the table anew on SQLite, and its triggers would go with it. ADD COLUMN leaves the
rows as they are, on both databases: those from before have an empty id, and their macs still hold.
"""

from django.db import migrations, models

EVENTS = "accounts_auditevent"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_first_owners")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {EVENTS} ADD COLUMN request_id varchar(20) DEFAULT '' NOT NULL",
            f"ALTER TABLE {EVENTS} DROP COLUMN request_id",
            state_operations=[
                migrations.AddField(
                    "auditevent",
                    "request_id",
                    models.CharField(blank=True, default="", max_length=20),
                )
            ],
        )
    ]
