from django.apps import AppConfig
from django.core.checks import register


class ConnectorsConfig(AppConfig):
    name = "connectors"

    def ready(self) -> None:
        from connectors.checks import check_connectors

        register(check_connectors)
