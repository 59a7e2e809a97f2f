"""The administration: for staff who have taken the second step of signing in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.second_factor import has_second_factor, took_second_step

STEP_LASTS: Final = timedelta(hours=12)  # then the code is asked for again


class OperatorsSite(AdminSite):
    """Operators sign in by the same page as everybody: with its limits and its codes."""

    site_header = site_title = "Sameroom"
    index_title = "What is going on"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this is active staff, and, where that is asked, by two steps within half a day."""
        if not super().has_permission(request):
            return False
        return not settings.ADMIN_SECOND_STEP or (
            took_second_step(request, within=STEP_LASTS) and has_second_factor(request.user)  # type: ignore[arg-type]
        )

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """To what is missing: signing in, setting an app up, or its code. Then back."""
        back = request.GET.get("next") or reverse("admin:index")
        if self.has_permission(request):
            return redirect("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(back)
        if not super().has_permission(request):
            raise PermissionDenied
        if not settings.ADMIN_SECOND_STEP:
            return redirect_to_login(back, resolve_url("admin:index"))
        if has_second_factor(request.user):
            return redirect_to_login(back, resolve_url("mfa_reauthenticate"))
        messages.info(
            request,
            "The administration asks for a second step when you sign in. Set it up now; it takes a minute.",
        )
        return redirect_to_login(back, resolve_url("mfa_activate_totp"))
