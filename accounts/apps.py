from django.apps import AppConfig
from django.contrib.admin import apps as admin


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and their chat accounts"
    default_auto_field = "django.db.models.BigAutoField"


class OperatorsConfig(admin.AdminConfig):
    """Django's administration, by a site of our own."""

    default = False  # of this package's two
    default_site = "accounts.operators.OperatorsSite"
