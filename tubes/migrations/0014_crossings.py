"""The index by which pages find the newest deliveries of a Seat, in the place of its foreign key's own."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tubes", "0013_news")]

    operations = [
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["seat", "id"], name="deliveries_of_a_seat"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="seat",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="tubes.seat",
            ),
        ),
    ]
