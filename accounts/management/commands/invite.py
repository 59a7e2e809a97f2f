"""`manage.py invite [EMAIL]`: make an invitation and print its link."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.urls import reverse

from accounts.invitations import invitation_create


class Command(BaseCommand):
    help = "Make an invitation to sign up, and print its link."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", nargs="?", default="", help="Only for this e-mail address.")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        if email:
            try:
                validate_email(email)
            except ValidationError as error:
                raise CommandError(f"{email!r} is no e-mail address.") from error
        invitation = invitation_create(email=email)
        self.stdout.write(settings.PUBLIC_URL + reverse("accounts:invitation-accept", args=[invitation.code]))
        if settings.SIGNUP != "invite":
            self.stderr.write(f"SIGNUP is {settings.SIGNUP!r}: the link works once it is 'invite'.")
