"""The index by which taking a closing back finds what was left out since."""

from django.db import migrations, models

from tubes.migrations._beside_traffic import AddIndexBesideTraffic


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("tubes", "0021_taken_back")]

    operations = [
        AddIndexBesideTraffic(
            model_name="delivery",
            index=models.Index(
                fields=["finished_at"],
                name="left_out_lately",
                condition=models.Q(status="skipped"),
            ),
        ),
    ]
