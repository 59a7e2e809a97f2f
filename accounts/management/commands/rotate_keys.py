"""Encrypt every stored secret anew with the first of ENCRYPTION_KEYS."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand
from django.db import transaction

from accounts.models import LinkedAccount
from accounts.second_factor import secrets_encrypt_anew


class Command(BaseCommand):
    help = (
        "Put a new key in front of ENCRYPTION_KEYS, restart, run this, then take the old key out. "
        "May be repeated and interrupted."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done = 0
        for pk in LinkedAccount.objects.order_by("pk").values_list("pk", flat=True).iterator():
            with transaction.atomic():
                account = LinkedAccount.objects.select_for_update().filter(pk=pk).first()
                if account is not None:
                    account.credentials = account.credentials
                    account.save(update_fields=["sealed"])
                    done += 1
        for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True).iterator():
            with transaction.atomic():
                authenticator = Authenticator.objects.select_for_update().filter(pk=pk).first()
                if authenticator is not None:
                    secrets_encrypt_anew(authenticator)
                    done += 1
        self.stdout.write(f"{done} secrets are encrypted with the first key.")
