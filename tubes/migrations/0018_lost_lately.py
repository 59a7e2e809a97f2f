"""The index by which operators find what was lost last, made beside the traffic on PostgreSQL."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class AddIndexBesideTraffic(AddIndexConcurrently):
    """CREATE INDEX CONCURRENTLY where there is such a thing: deliveries may be millions, and go on."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        way = self._way(schema_editor)
        way.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        way = self._way(schema_editor)
        way.database_backwards(self, app_label, schema_editor, from_state, to_state)

    def _way(self, schema_editor: Any) -> type[migrations.AddIndex]:
        is_postgres = schema_editor.connection.vendor == "postgresql"
        return AddIndexConcurrently if is_postgres else migrations.AddIndex


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
