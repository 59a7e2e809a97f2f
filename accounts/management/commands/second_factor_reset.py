"""Take the second step of signing in off, for somebody who has lost the app and the recovery codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.second_factor import second_factor_remove


class Command(BaseCommand):
    help = "Let somebody in by password alone who has lost their app and recovery codes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="The e-mail address they sign in with.")

    def handle(self, *args: Any, **options: Any) -> None:
        email = str(options["email"]).strip().lower()
        user = User.objects.filter(email=email).first()
        if user is None:
            raise CommandError(f"Nobody signs in with {email}.")
        if not second_factor_remove(user=user):
            raise CommandError(f"{email} has no second step: nothing was changed.")
        self.stdout.write(
            f"{email} signs in by password alone now. Make sure that it was they who asked, and have them "
            "set the second step up anew."
        )
