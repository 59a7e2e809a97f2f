"""Configuration of the project; no behaviour lives here."""

from sameroom.celery import app as celery_app

__all__ = ["celery_app"]
