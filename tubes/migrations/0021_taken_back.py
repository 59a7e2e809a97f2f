"""Since when a Tube that was closed had let pass, for taking the closing back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tubes", "0020_folded_names")]

    operations = [
        migrations.AddField(
            model_name="tube",
            name="earlier_since",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="tube",
            name="earlier_until",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
