"""The manifest by which somebody makes a Slack app for Sameroom in a minute. No I/O.

"Reference: App manifest" (docs.slack.dev/reference/app-manifest); `new_app=1&manifest_yaml=` opens
Slack's page with it ("Configuring apps with app manifests"). Slack tells an app what is said by its
request URL, where it can reach this server; else by Socket Mode, which needs none.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from connectors.slack.scopes import EVENTS, WHOLE

CREATE: Final = "https://api.slack.com/apps"
COMMAND: Final = "/sameroom"


def is_reached() -> bool:
    """Whether Slack can call this Sameroom: it takes public https addresses only. No I/O."""
    return settings.PUBLIC_URL.startswith("https://")


def request_url() -> str:
    """Where Slack's pushes for all apps come to."""
    return settings.PUBLIC_URL + reverse("tubes:service-hook", args=["slack"])


def manifest() -> str:
    """The manifest as YAML."""
    url = request_url() if is_reached() else ""
    context = {"scopes": WHOLE, "events": EVENTS, "command": COMMAND, "request_url": url}
    return render_to_string("connectors/slack/manifest.yaml", context)


def creating() -> str:
    """Slack's page on which the app is made, filled in."""
    return f"{CREATE}?{urlencode({'new_app': 1, 'manifest_yaml': manifest()})}"
