"""How far a lookup of rooms is."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_letters'),
    ]

    operations = [
        migrations.AddField(
            model_name='linkedaccount',
            name='listing_count',
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='linkedaccount',
            name='listing_since',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
