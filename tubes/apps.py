from django.apps import AppConfig


class TubesConfig(AppConfig):
    name = "tubes"
    verbose_name = "Rooms, Tubes and the relay"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sameroom.celery import app
        from tubes.worker import LaneStep

        app.steps["worker"].add(LaneStep)
