import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_rotation"),
        ("tubes", "0023_whose_a_listing_is"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="roomlisting", name="one_listing_per_account_and_room"),
        migrations.RemoveConstraint(model_name="roomlisting", name="one_proved_listing_per_owner"),
        migrations.AlterField(
            model_name="roomlisting",
            name="owner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="room_listings",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="roomlisting",
            constraint=models.UniqueConstraint(
                fields=["account", "remote_id", "owner"], name="one_listing_per_account_room_and_owner"
            ),
        ),
    ]
