"""The key ring can be rotated: when a version came into use, and what each process holds.

The new columns may be empty, so the release before goes on with these tables. ADD COLUMN leaves the
triggers of the audit trail in their place.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0018_profiles")]
    operations = [
        migrations.AddField("ringkey", "used_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "audithead", "key_version", models.PositiveIntegerField(null=True)
        ),
        migrations.CreateModel(
            "RingProcess",
            [
                ("name", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=10)),
                ("knows", models.JSONField()),
                ("uses", models.JSONField()),
                ("seen_at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
