from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and their chat accounts"
    default_auto_field = "django.db.models.BigAutoField"
