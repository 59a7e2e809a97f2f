"""Where a request came from, for mails that warn of what somebody else may have done."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The client's network address, as TRUSTED_PROXY_COUNT lets us see it; "" where it is unknown."""
    try:
        return str(get_adapter(request).get_client_ip(request))
    except PermissionDenied:
        return ""
