"""`manage.py bot_account add KIND --owner EMAIL`: an account of Sameroom's own, for everybody's rooms."""

import getpass
import sys
from collections.abc import Callable
from typing import Any

from django import forms
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import LinkedAccount, User
from accounts.services import LinkRefused, account_link, account_remove
from accounts.tasks import refresh_rooms
from connectors.base import Connector
from connectors.forms import CredentialsForm
from connectors.registry import connector_class, connectors


class Command(BaseCommand):
    help = (
        "Accounts that anybody may invite into a room. Secrets are asked for, or read from standard input: "
        "a line with the one secret, or lines of NAME=SECRET. Adding one again renews its secret."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        add = acts.add_parser("add", help="Log in with an account and share it.")
        add.add_argument("kind", help="The service, such as hipchat.")
        add.add_argument("--owner", required=True, help="The e-mail address of the user who gets its mails.")
        add.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="A field of the service's form that is no secret, such as server=https://chat.example.com.",
        )
        acts.add_parser("list", help="Show the shared accounts.")
        remove = acts.add_parser("remove", help="Forget one; everybody's Tubes at it end.")
        remove.add_argument("number", type=int, help="As `list` shows it.")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        acts: dict[str, Callable[..., None]] = {
            "add": self._add,
            "list": self._list,
            "remove": self._remove,
        }
        acts[act](**options)

    def _add(self, *, kind: str, owner: str, set: list[str], **_: Any) -> None:
        service = connector_class(kind)
        if service is None:
            raise CommandError(f"There is no service {kind!r}. There are: {', '.join(connectors())}.")
        user = User.objects.filter(email=owner.lower()).first()
        if user is None:
            raise CommandError(
                f"Nobody signs in with {owner}. Take the address of a user of this installation."
            )
        form = _filled(service, dict(map(_named, set)))
        if not form.is_valid():
            raise CommandError(_sentence(form))
        try:
            account = account_link(owner=user, form=form, is_shared=True)
        except LinkRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        refresh_rooms(account.pk)
        self.stdout.write(f"{account.pk}  {account} is shared. Everybody finds it under Add an Account.")

    def _list(self, **_: Any) -> None:
        for account in LinkedAccount.objects.filter(is_shared=True).select_related("owner").order_by("pk"):
            rooms = account.listings.count()
            self.stdout.write(
                f"{account.pk}  {account.kind}  {account}  {account.owner.email}  {account.status}  "
                f"{rooms} proved room{'' if rooms == 1 else 's'}"
            )

    def _remove(self, *, number: int, **_: Any) -> None:
        account = LinkedAccount.objects.filter(is_shared=True, pk=number).first()
        if account is None:
            raise CommandError(f"There is no shared account {number}. `bot_account list` shows them.")
        account_remove(account=account)
        self.stdout.write(f"{account} is removed.")


def _named(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise CommandError(f"{text!r} is not of the form NAME=VALUE.")
    return name, value


def _filled(service: type[Connector], told: dict[str, str]) -> CredentialsForm:
    """The service's form with what was told, its own proposals, and the secrets from standard input."""
    blank = service.credentials_form(connector_class=service)
    secret = [name for name, field in blank.fields.items() if isinstance(field.widget, forms.PasswordInput)]
    if unknown := set(told) - set(blank.fields):
        raise CommandError(f"There is no field {sorted(unknown)[0]!r}. There are: {', '.join(blank.fields)}.")
    if shown := set(told) & set(secret):
        raise CommandError(
            f"{sorted(shown)[0]} is a secret, and others see the arguments of a command. "
            "Type it when it is asked for, or send it to standard input."
        )
    proposed = {name: field.initial for name, field in blank.fields.items() if field.initial}
    return service.credentials_form(proposed | told | _secrets(secret), connector_class=service)


def _secrets(names: list[str]) -> dict[str, str]:
    if sys.stdin.isatty():
        return {name: getpass.getpass(f"{name}: ") for name in names}
    lines = [line.strip() for line in sys.stdin.read().splitlines() if line.strip()]
    if len(names) == 1 and len(lines) == 1:
        return {names[0]: lines[0].removeprefix(f"{names[0]}=")}
    return dict(map(_named, lines))


def _sentence(form: CredentialsForm) -> str:
    """What is wrong, field by field. A form's errors never hold what was typed as a secret."""
    return " ".join(
        f"{'' if name == '__all__' else name + ': '}{error}"
        for name, errors in form.errors.items()
        for error in errors
    )
