"""The index by which a message finds the edits, and the deletion, that came before it."""

from django.db import migrations, models

from tubes.migrations._beside_traffic import AddIndexBesideTraffic


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("tubes", "0018_lost_lately")]

    operations = [
        AddIndexBesideTraffic(
            model_name="event",
            index=models.Index(
                fields=["room", "target"],
                name="early_changes",
                condition=models.Q(about__isnull=True, kind__in=["edit", "delete"]),
            ),
        ),
    ]
