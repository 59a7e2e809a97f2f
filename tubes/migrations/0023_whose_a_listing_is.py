"""Each listing says whose it is to pick, so that a search asks an index, and not for everybody's rooms."""

from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery


def say_whose(apps: Any, schema_editor: Any) -> None:
    listings = apps.get_model("tubes", "RoomListing")._default_manager.filter(owner=None)
    listings.filter(account__is_shared=True).delete()  # nobody has proved a right to these
    accounts = apps.get_model("accounts", "LinkedAccount")._default_manager.filter(pk=OuterRef("account"))
    listings.update(owner=Subquery(accounts.values("owner")[:1]))


class Migration(migrations.Migration):
    dependencies = [("tubes", "0022_left_out_lately")]

    # Apart from the next: PostgreSQL alters no table with changes that wait for a commit.
    operations = [migrations.RunPython(say_whose, migrations.RunPython.noop)]
