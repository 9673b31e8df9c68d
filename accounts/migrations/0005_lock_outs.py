from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_mails'),
    ]

    operations = [
        migrations.CreateModel(
            name='LockOut',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('failures', models.PositiveIntegerField()),
                ('last_failed_at', models.DateTimeField(db_index=True)),
            ],
        ),
    ]
