from django.apps import AppConfig
from django.core import checks


class SandboxConfig(AppConfig):
    name = "sandbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sandbox.checks import not_in_service

        checks.register(not_in_service, checks.Tags.security, deploy=True)
