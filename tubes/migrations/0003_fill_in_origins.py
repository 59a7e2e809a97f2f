from django.db import migrations

# Deliveries made before these columns were: a few, unless a service has been away for a day.
ORIGINS = """
    UPDATE tubes_delivery SET origin_id = (SELECT room_id FROM tubes_event WHERE id = tubes_delivery.event_id)
"""
PARTS = """
    UPDATE tubes_delivery SET part = (SELECT COUNT(*) FROM tubes_post WHERE delivery_id = tubes_delivery.id)
    WHERE status = 'queued'
"""


class Migration(migrations.Migration):
    dependencies = [("tubes", "0002_the_relay_under_fire")]

    operations = [migrations.RunSQL([ORIGINS, PARTS], migrations.RunSQL.noop)]
