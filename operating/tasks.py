"""The Celery task of the monitor."""

from celery import shared_task

from operating import history


@shared_task
def watch() -> None:
    """Write down what was counted in the last minute."""
    history.note()
