"""Users, invitations and linked accounts, as operators see them. Secrets are absent."""

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timesince import timesince

from accounts.leaving import LeaveRefused, user_remove
from accounts.models import Invitation, LinkedAccount, User
from accounts.services import account_remove


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
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

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        is_needed = obj is not None and obj.linked_accounts.filter(is_shared=True).exists()
        return not is_needed and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        user_remove(user=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            try:
                user_remove(user=user)
            except LeaveRefused as refusal:
                self.message_user(request, f"{user} stays. {refusal}", messages.ERROR)


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
class LinkedAccountAdmin(admin.ModelAdmin):
    """Read, filter, follow links; accounts are linked by their owners, never here."""

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

    def delete_model(self, request: HttpRequest, obj: LinkedAccount) -> None:
        account_remove(account=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[LinkedAccount]) -> None:
        for account in queryset:
            account_remove(account=account)

    @admin.display(description="for", ordering="status_since")
    def age(self, account: LinkedAccount) -> str:
        return timesince(account.status_since, depth=1)

    @admin.display(description="rooms")
    def rooms_of(self, account: LinkedAccount) -> str:
        address = reverse("admin:tubes_seat_changelist")
        return format_html('<a href="{}?account__id__exact={}">Seats</a>', address, account.pk)
