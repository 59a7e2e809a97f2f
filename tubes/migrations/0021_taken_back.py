"""What taking a closing back has to know: since when the Tube had let pass, and what was left out lately."""

from django.db import migrations, models

from tubes.migrations._beside_traffic import AddIndexBesideTraffic


class Migration(migrations.Migration):
    atomic = False

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
        AddIndexBesideTraffic(
            model_name="delivery",
            index=models.Index(
                fields=["finished_at"],
                name="left_out_lately",
                condition=models.Q(status="skipped"),
            ),
        ),
    ]
