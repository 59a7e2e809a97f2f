"""What `manage.py doctor` says of the operator's settings for Slack: the app behind "Add to Slack", the "
"API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from connectors import net
from connectors.findings import Finding, error, ok, warning

PATIENCE: Final = 5.0  # seconds
_OF_THE_APP: Final = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET")


def findings() -> Iterator[Finding]:
    """What is amiss with SLACK_*. Network I/O; may be repeated."""
    missing = [name for name in _OF_THE_APP if not getattr(settings, name)]
    if len(missing) == len(_OF_THE_APP):
        # Perhaps nobody here uses Slack, and this machine calls nobody outside: the API is not asked.
        yield ok("No Slack app of the operator's is set: people make their own, from a manifest.")
        return
    if missing:
        yield error(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set: nobody is offered "
            "Add to Slack.",
            "Set all three from the app's Basic Information, or none.",
        )
    else:
        yield _app()
    yield _api()


def _app() -> Finding:
    if urlsplit(settings.PUBLIC_URL).scheme != "https":
        return error(
            "Add to Slack is set up, but PUBLIC_URL is not https: Slack sends nobody back there, and pushes "
            "nothing.",
            "Have Sameroom answer at a public https address, and set PUBLIC_URL to it.",
        )
    return ok("Add to Slack is offered.")


def _api() -> Finding:
    """`api.test` needs no token (docs.slack.dev/reference/methods/api.test)."""
    address = f"{settings.SLACK_API_URL}/api.test"
    remedy = "Check SLACK_API_URL, and whether this machine may call out (firewall, name server)."
    try:
        answer = net.request("POST", address, deadline=PATIENCE)
        told = answer.json()
    except net.NetError as failure:
        return warning(f"Slack's API does not answer: {failure}.", remedy)
    if not isinstance(told, dict) or told.get("ok") is not True:
        return warning(f"{address} answers {answer.status}, and not as Slack's API does.", remedy)
    return ok("Slack's API answers.")
