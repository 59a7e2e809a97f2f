from django.apps import AppConfig


class TubesConfig(AppConfig):
    name = "tubes"
    default_auto_field = "django.db.models.BigAutoField"
