"""The index by which operators find what was lost last."""

from django.db import migrations, models

from tubes.migrations._beside_traffic import AddIndexBesideTraffic


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("tubes", "0017_posting_as_owner")]

    operations = [
        AddIndexBesideTraffic(
            model_name="delivery",
            index=models.Index(
                fields=["finished_at"],
                name="lost_lately",
                condition=models.Q(status__in=["failed", "unknown"]),
            ),
        ),
    ]
