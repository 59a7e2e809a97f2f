"""Names folded for search, beside the names: SQLite folds ASCII only, PostgreSQL as its locale says."""

from typing import Any

from django.db import migrations

import tubes.models.folding
from connectors.markup.sanitize import fold

AT_ONCE = 1000  # rows of one UPDATE


def fold_names(apps: Any, schema_editor: Any) -> None:
    for model in ("RoomListing", "Room"):
        rows, last = apps.get_model("tubes", model)._default_manager.order_by("pk"), 0
        while some := list(rows.filter(pk__gt=last).only("pk", "name")[:AT_ONCE]):
            for row in some:
                row.folded_name = fold(row.name)
            rows.bulk_update(some, ["folded_name"])
            last = some[-1].pk


class Migration(migrations.Migration):
    dependencies = [("tubes", "0019_early_changes")]

    operations = [
        migrations.AddField(
            model_name="roomlisting",
            name="folded_name",
            field=tubes.models.folding.FoldedName(db_default="", default="", editable=False),
        ),
        migrations.AddField(
            model_name="room",
            name="folded_name",
            field=tubes.models.folding.FoldedName(db_default="", default="", editable=False),
        ),
        migrations.RunPython(fold_names, migrations.RunPython.noop, elidable=True),
    ]
