from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from sameroom.celery import app, check_connections


def task(*, is_eager: bool) -> Any:
    return SimpleNamespace(request=SimpleNamespace(is_eager=is_eager))


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_connection_that_works_is_kept() -> None:
    connection.ensure_connection()
    working = connection.connection

    check_connections(sender=task(is_eager=False))

    connection.ensure_connection()
    assert connection.connection is working


def test_beat_names_tasks_that_exist() -> None:
    app.loader.import_default_modules()

    wanted = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert wanted - set(app.tasks) == set()
