"""The Celery application: an alarm clock for rows, never the keeper of anything."""

import os
from typing import Any

from celery import Celery
from celery.signals import task_prerun
from celery.worker import state

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sameroom.settings")

app = Celery("sameroom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def check_connections(sender: Any, **kwargs: Any) -> None:
    """Let each task begin on a database connection that works: one that failed is dropped."""
    if not sender.request.is_eager:  # inside the caller's transaction, which is not ours to end
        from django.db import close_old_connections

        close_old_connections()


def stopping() -> bool:
    """Whether this worker was asked to stop: a task that takes its time should come to an end."""
    return any(flag is not None and flag is not False for flag in (state.should_stop, state.should_terminate))
