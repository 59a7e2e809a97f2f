"""When the secrets of a login have to be traded for new ones."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0009_first_steps'),
    ]

    operations = [
        migrations.AddField(
            model_name='linkedaccount',
            name='rotates_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
