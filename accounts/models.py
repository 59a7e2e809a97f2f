"""People, and the accounts at chat services that they have linked."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any, ClassVar

from django.apps import apps
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.db.models import Q

from accounts.codes import new_code
from accounts.secrets import seal, unseal
from connectors.base import Connector, Login, UserId
from connectors.registry import connector_class
from sameroom import clock

ENDS_SOON = timedelta(days=14)
LISTS_NO_LONGER = timedelta(minutes=3)  # whoever has not ended by then was killed, or never began


class UserManager(BaseUserManager["User"]):
    """Makes users, whose e-mail address is the login."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> User:
        """An operator. Whoever may do this runs the installation: the address counts as confirmed."""
        user = self.create_user(email, password, is_staff=True, is_superuser=True, **extra)
        addresses = apps.get_model("account", "EmailAddress")._default_manager
        addresses.create(user=user, email=user.email, verified=True, primary=True)
        return user


class User(AbstractUser):
    """A person who signs in. The e-mail address is the login; there is no user name."""

    username = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)
    daily_messages = models.PositiveIntegerField(
        null=True, blank=True, help_text="Messages a day; empty: the installation's, 0: no limit."
    )
    onboarded_at = models.DateTimeField(
        null=True, blank=True, help_text="When the first steps were done or put away; empty: pages show them."
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]


class Invitation(models.Model):
    """A one-time permission to sign up where SIGNUP is `invite`."""

    code = models.CharField(max_length=32, unique=True, default=new_code, editable=False)
    email = models.EmailField(blank=True, help_text="Leave empty to let anybody with the link use it.")
    invited_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    used_by = models.OneToOneField(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return self.email or self.code


class LinkedAccountQuerySet(models.QuerySet["LinkedAccount"]):
    def owned_by(self, user: Any) -> LinkedAccountQuerySet:
        return self.filter(owner=user)

    def usable(self) -> LinkedAccountQuerySet:
        return self.filter(status__in=LinkedAccount.USABLE)

    def ending(self) -> LinkedAccountQuerySet:
        """Those that work, but whose login ends soon."""
        now = clock.now()
        return self.usable().filter(expires_at__gt=now, expires_at__lte=now + ENDS_SOON)

    def newest_first(self) -> LinkedAccountQuerySet:
        return self.order_by("-created_at", "-pk")


class LinkedAccount(models.Model):
    """One authenticated login at a chat service, attached to a Sameroom user."""

    class Status(models.TextChoices):
        CONNECTED = "connected", "Connected"
        RETRYING = "retrying", "Service has a problem"
        NEEDS_LOGIN = "needs_login", "Needs login"
        DISABLED = "disabled", "Disabled"

    USABLE: ClassVar[tuple[str, ...]] = (Status.CONNECTED, Status.RETRYING)
    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        Status.CONNECTED: frozenset({Status.RETRYING, Status.NEEDS_LOGIN, Status.DISABLED}),
        Status.RETRYING: frozenset({Status.CONNECTED, Status.NEEDS_LOGIN, Status.DISABLED}),
        Status.NEEDS_LOGIN: frozenset({Status.CONNECTED, Status.DISABLED}),
        Status.DISABLED: frozenset({Status.CONNECTED, Status.NEEDS_LOGIN}),
    }

    code = models.CharField(max_length=32, unique=True, default=new_code, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="linked_accounts")
    kind = models.CharField(max_length=32)
    server = models.CharField(max_length=255, blank=True)
    space = models.CharField(max_length=255)
    team_id = models.CharField(max_length=255, blank=True)
    team_name = models.CharField(max_length=255, blank=True)
    remote_user_id = models.CharField(max_length=255)
    remote_user_name = models.CharField(max_length=255)
    remote_username = models.CharField(
        max_length=255,
        blank=True,
        help_text="By what name people mention this user, if another.",
    )
    is_shared = models.BooleanField(
        default=False, help_text="An app or bot login that several owners may use."
    )
    sealed = models.BinaryField(editable=False)  # the credentials, encrypted
    scopes = models.JSONField(default=list, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    # When its secrets have to be traded for new ones, or whoever does so has to be done.
    rotates_at = models.DateTimeField(null=True, blank=True, editable=False)
    stream_token = models.TextField(blank=True, editable=False)
    status = models.CharField(max_length=16, choices=Status, default=Status.CONNECTED)
    status_reason = models.TextField(blank=True)
    status_since = models.DateTimeField(default=clock.now)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When its login was last asked about.")
    # Which mails its owner has got: about the state that began then, and so many days before the end.
    told_since = models.DateTimeField(null=True, blank=True, editable=False)
    told_well_since = models.DateTimeField(
        null=True, blank=True, editable=False
    )  # the `told_since` that is over
    warned_days = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    rooms_refreshed_at = models.DateTimeField(null=True, blank=True)
    # Since when its rooms are being looked up, and how many were found so far: for pages only.
    listing_since = models.DateTimeField(null=True, blank=True, editable=False)
    listing_count = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    # The reading lease: who holds it may poll this account's rooms.
    poll_fence = models.PositiveBigIntegerField(default=0, editable=False)
    poll_lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    # The listening lease: who holds it keeps this account's stream, and moves its token.
    stream_fence = models.PositiveBigIntegerField(default=0, editable=False)
    stream_lease_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = LinkedAccountQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["kind", "server", "remote_user_id"],
                condition=Q(is_shared=False),
                name="one_owner_per_personal_login",
            ),
            models.UniqueConstraint(
                fields=["owner", "kind", "server", "remote_user_id"], name="one_account_per_owner_and_login"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["connected", "retrying", "needs_login", "disabled"]),
                name="known_account_status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.remote_user_name} @ {self.team_name or self.server or self.kind}"

    @property
    def label(self) -> str:
        """The service's name, for people."""
        cls = connector_class(self.kind)
        return cls.label if cls else self.kind

    @property
    def address(self) -> str:
        """The server's, for people; "" where the service has one for everybody."""
        cls = connector_class(self.kind)
        return "" if cls and cls.has_one_server else self.server

    @property
    def lacks(self) -> str:
        """What it may not do, though it could, and what to do about it; a sentence, or "". No I/O."""
        cls = connector_class(self.kind)
        return cls.lacking(self.scopes) if cls and self.is_usable else ""

    @property
    def is_usable(self) -> bool:
        """Whether calls through this account may be tried."""
        return self.status in self.USABLE

    @property
    def is_listing(self) -> bool:
        """Whether its rooms are being looked up, or wait for it. No I/O."""
        return self.listing_since is not None and clock.now() - self.listing_since < LISTS_NO_LONGER

    @property
    def days_left(self) -> int | None:
        """In how many days the login ends, where that is soon; else None. No I/O."""
        if self.expires_at is None or not self.is_usable:
            return None
        left = self.expires_at - clock.now()
        return math.ceil(left / timedelta(days=1)) if timedelta(0) < left <= ENDS_SOON else None

    @property
    def credentials(self) -> dict[str, str]:
        """The secrets, opened on each use. SecretsUnreadable where no key fits. No I/O."""
        return unseal(bytes(self.sealed))

    @credentials.setter
    def credentials(self, secrets: dict[str, str]) -> None:
        self.sealed = seal(secrets)

    def connector(self) -> Connector:
        """The connector logged in as this account. No I/O. LoginRejected where the secret is unreadable."""
        cls = connector_class(self.kind)
        if cls is None:
            raise LookupError(f"This installation has no connector {self.kind!r}.")
        return cls(
            Login(
                server=self.server,
                credentials=self.credentials,
                user_id=UserId(self.remote_user_id),
                team_id=self.team_id,
                scopes=tuple(self.scopes),
            )
        )


class Bucket(models.Model):
    """How much somebody has tried lately: `accounts.limits`. Who that is cannot be read from it."""

    key = models.CharField(max_length=64, primary_key=True)
    empty_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key[:8]


class Letter(models.Model):
    """A mail that has to go out, though what it is about may be gone by then. Deleted once it has gone."""

    to = models.EmailField()
    subject = models.CharField(max_length=255)
    text = models.TextField()
    created_at = models.DateTimeField(default=clock.now, editable=False)
    next_try_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return self.subject
