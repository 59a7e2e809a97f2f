from django.apps import AppConfig


class StandaloneConfig(AppConfig):
    name = "standalone"
    default_auto_field = "django.db.models.BigAutoField"
