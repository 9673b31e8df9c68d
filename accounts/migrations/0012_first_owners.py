"""Operators invite the first owner of a team."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_last_team")]

    operations = [
        migrations.AddField("invitation", "is_by_operator", models.BooleanField(default=False)),
    ]
