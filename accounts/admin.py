"""Users, invitations and linked accounts, as operators see them. Secrets are absent."""

from collections import Counter
from typing import Any

from allauth.account import admin as allauth
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timesince import timesince

from accounts.admin_removing import Loss, RemovingAdmin
from accounts.leaving import SOMEBODY, losses_of, user_remove
from accounts.models import Invitation, LinkedAccount, User
from accounts.services import account_remove
from tubes.models import Portal
from tubes.services import tubes_of_account

RIGHTS = ["is_staff", "is_superuser", "groups", "user_permissions"]


@admin.register(User)
class UserAdmin(RemovingAdmin, DjangoUserAdmin):
    """Who may change users may not thereby get more rights: those are given by superusers alone."""

    ordering = ["-date_joined"]
    list_display = ["email", "is_active", "is_staff", "daily_messages", "date_joined", "last_login"]
    list_filter = ["is_active", "is_staff", "date_joined"]
    search_fields = ["email"]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("Name", {"fields": ["first_name", "last_name"]}),
        ("Limits", {"fields": ["daily_messages"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]

    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["email", "password1", "password2"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        fields = list(super().get_readonly_fields(request, obj))
        return fields if _is_superuser(request) else [*fields, *RIGHTS]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def loss_of(self, row: User, request: HttpRequest) -> Loss:
        accounts, tubes = losses_of(row)
        portals = Portal.objects.owned_by(row).not_deleted().count()
        shared = [
            f"{one}: an account of Sameroom's own. Remove it first." for one in accounts if one.is_shared
        ]
        own = (
            ["Your own user: delete it under Your data, on Sameroom's pages."] if row == request.user else []
        )
        along = [f"{account.label}: {account}" for account in accounts]
        along.append("Seats, notices, sessions, the second step and all else that is theirs")
        counts = Counter({"linked accounts": len(accounts), "open Tubes": tubes, "Portals": portals})
        return Loss(along, counts, [*own, *shared])

    def remove(self, row: User) -> None:
        user_remove(user=row, by_operator=True)

    def called(self, row: User) -> str:
        return SOMEBODY


class BySuperusersAdmin(admin.ModelAdmin):
    """What gives rights, or lets somebody sign in as another: only superusers change it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _is_superuser(request)


admin.site.unregister([EmailAddress, Group])


@admin.register(EmailAddress)
class EmailAddressAdmin(BySuperusersAdmin, allauth.EmailAddressAdmin):  # type: ignore[misc]
    """A code goes to a confirmed address, and signs its reader in."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """allauth's asks for no right."""
        return dict(super().get_actions(request)) if _is_superuser(request) else {}


@admin.register(Group)
class GroupAdmin(BySuperusersAdmin, DjangoGroupAdmin):
    """Rights of several people."""


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    """Superusers are changed and deleted by superusers."""
    return user is None or not user.is_superuser or _is_superuser(request)


admin.site.unregister(Authenticator)  # allauth's page shows what it keeps


@admin.register(Authenticator)
class AuthenticatorAdmin(admin.ModelAdmin):
    """Who has a second step. `manage.py second_factor_reset` takes it off, not whoever gets in here."""

    list_display = ["user", "type", "created_at", "last_used_at"]
    list_filter = ["type", "created_at"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    exclude = ["data"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return False


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    list_display = ["__str__", "link", "invited_by", "used_by", "created_at"]
    list_filter = ["created_at"]
    raw_id_fields = ["invited_by", "used_by"]
    readonly_fields = ["link", "created_at"]

    @admin.display(description="link to send")
    def link(self, invitation: Invitation) -> str:
        if invitation.used_by_id or not invitation.pk:
            return "–"
        address = settings.PUBLIC_URL + reverse("accounts:invitation-accept", args=[invitation.code])
        return format_html('<a href="{0}">{0}</a>', address)


@admin.register(LinkedAccount)
class LinkedAccountAdmin(RemovingAdmin):
    """Read, filter, follow links, remove; accounts are linked by their owners, never here."""

    list_display = [
        "__str__",
        "kind",
        "owner",
        "is_shared",
        "status",
        "age",
        "status_reason",
        "rooms_of",
        "expires_at",
    ]
    list_filter = ["status", "is_shared", "kind", "server", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["code", "owner__email", "remote_user_name", "team_name", "server"]
    raw_id_fields = ["owner"]
    exclude = ["sealed", "stream_token"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: LinkedAccount | None = None) -> bool:
        return False

    def loss_of(self, row: LinkedAccount, request: HttpRequest) -> Loss:
        seats, tubes = row.seats.count(), tubes_of_account(row).count()
        return Loss(["Its secret and its Seats"], Counter({"Seats": seats, "open Tubes": tubes}))

    def remove(self, row: LinkedAccount) -> None:
        account_remove(account=row, by_operator=True)

    def called(self, row: LinkedAccount) -> str:
        return f"{row.label} account {row.pk}"

    @admin.display(description="for", ordering="status_since")
    def age(self, account: LinkedAccount) -> str:
        return timesince(account.status_since, depth=1)

    @admin.display(description="rooms")
    def rooms_of(self, account: LinkedAccount) -> str:
        address = reverse("admin:tubes_seat_changelist")
        return format_html('<a href="{}?account__id__exact={}">Seats</a>', address, account.pk)
