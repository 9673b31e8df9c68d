from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chatflows', '0007_flow_apps'),
    ]

    operations = [
        migrations.CreateModel(
            name='Abort',
            fields=[
                ('thread_id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(db_index=True)),
            ],
        ),
    ]
