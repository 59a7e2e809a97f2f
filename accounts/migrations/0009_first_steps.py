"""The first steps are shown to whoever signs up from now on."""

from typing import Any

from django.db import migrations, models
from django.db.models import F


def _know_their_way(apps: Any, schema_editor: Any) -> None:
    apps.get_model("accounts", "User").objects.update(onboarded_at=F("date_joined"))


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0008_buckets"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="onboarded_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the first steps were done or put away; empty: pages show them.",
                null=True,
            ),
        ),
        migrations.RunPython(_know_their_way, migrations.RunPython.noop),
    ]
