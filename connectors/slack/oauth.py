"""Add to Slack: linking by Slack's own page, and tokens that are traded for new ones every few hours.

"Installing with OAuth" and "Using token rotation" (docs.slack.dev/authentication): the app of the operator,
who sets its id and secrets. A token that ends comes with a refresh token, which works once; the ended one's
successor is asked for two hours before, as slack-sdk does. The client secret proves that it is us; PKCE,
which Slack has for apps that can keep none, is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from connectors import net
from connectors.authorizing import Authorization
from connectors.errors import ConnectorError, LoginRejected, RetryLater
from connectors.model import Login, Rotation
from connectors.slack.refusals import shown
from connectors.slack.scopes import EXPLAINED, WHOLE
from connectors.slack.shapes import Json, table, text
from connectors.slack.signing import OAUTH, VIA
from connectors.slack.wire import Unreadable, Wire
from sameroom import clock

DEADLINE: Final = 10.0
BEFORE: Final = timedelta(hours=2)  # the end of a token; it lives for twelve
ROTATES: Final = "rotates_at"
SIZE: Final = 256 * 1024

DENIED: Final = "Nothing was linked: the app was not allowed at Slack. Begin again and press Allow."
NO_CODE: Final = "Slack sent you back without an answer. Begin again."
ENDED: Final = "Slack does not take this answer: it has ended, or was used already. Begin again."
UNKNOWN_APP: Final = (
    "Slack does not know this Sameroom by its client id and secret, or not at this address. "
    "Tell whoever runs this Sameroom."
)
WHOLE_ORGANISATION: Final = (
    "The app was added to a whole organization. Sameroom works in one workspace at a time: begin again, and "
    "choose a workspace at the top of Slack's page."
)
NO_LONGER: Final = "Slack does not renew this login any more: the app was removed. Add it to Slack again."
_CODE_BAD: Final = frozenset({"invalid_code", "code_expired", "code_already_used", "invalid_grant"})
_APP_BAD: Final = frozenset(
    {"bad_redirect_uri", "invalid_client_id", "bad_client_secret", "oauth_authorization_url_mismatch"}
)
_REFRESH_BAD: Final = frozenset(
    {"invalid_refresh_token", "invalid_grant", "token_revoked", "token_expired", "authorization_not_found"}
)


class SlackAuthorization(Authorization):
    """With the operator's app: its id, its secret, and the secret that signs what Slack pushes."""

    explained = EXPLAINED

    def is_offered(self) -> bool:
        return all((settings.SLACK_CLIENT_ID, settings.SLACK_CLIENT_SECRET, settings.SLACK_SIGNING_SECRET))

    def address(self, *, state: str, back: str) -> str:
        asked = {
            "client_id": settings.SLACK_CLIENT_ID,
            "scope": ",".join(WHOLE),
            "redirect_uri": back,
            "state": state,
        }
        return f"{settings.SLACK_API_URL.removesuffix('/api')}/oauth/v2/authorize?{urlencode(asked)}"

    def login(self, *, code: str, back: str) -> Login:
        told = _ask(
            lambda web: web.oauth_v2_access(code=code, redirect_uri=back, **_client()),
            refusals=dict.fromkeys(_CODE_BAD, ENDED),
        )
        if told.get("is_enterprise_install") is True or not table(told.get("team")):
            raise LoginRejected(WHOLE_ORGANISATION)
        return Login(server=settings.SLACK_API_URL, credentials={VIA: OAUTH, **_tokens(told)})

    def refusal(self, error: str) -> str:
        if not error:
            return NO_CODE
        return DENIED if error == "access_denied" else _refused(error)


def rotate(login: Login) -> Rotation:
    """As `Connector.rotate`."""
    refresh = login.credentials.get("refresh_token", "")
    if not refresh:
        raise LoginRejected(NO_LONGER)
    told = _ask(
        lambda web: web.oauth_v2_access(grant_type="refresh_token", refresh_token=refresh, **_client()),
        refusals=dict.fromkeys(_REFRESH_BAD, NO_LONGER),
    )
    tokens = _tokens(told)
    return Rotation(tokens, rotates_at(tokens))


def rotates_at(credentials: Mapping[str, str]) -> datetime | None:
    """When the tokens of these credentials have to be traded; None for those that do not end. No I/O."""
    at = credentials.get(ROTATES, "")
    return datetime.fromisoformat(at) if at else None


def uninstall(login: Login) -> None:
    """Remove the operator's app from the workspace. Network I/O; may be repeated. ConnectorError."""
    token = login.credentials["token"]
    _ask(lambda web: web.apps_uninstall(**_client()), refusals={}, token=token)


def _client() -> dict[str, str]:
    return {"client_id": settings.SLACK_CLIENT_ID, "client_secret": settings.SLACK_CLIENT_SECRET}


def _tokens(told: Json) -> dict[str, str]:
    token, refresh, lasts = (
        text(told.get("access_token")),
        text(told.get("refresh_token")),
        told.get("expires_in"),
    )
    if not token:
        raise LoginRejected(NO_CODE)
    if not refresh or not isinstance(lasts, int):
        return {"token": token}
    ends = clock.now() + max(timedelta(seconds=lasts) - BEFORE, timedelta(seconds=lasts) / 2)
    return {"token": token, "refresh_token": refresh, ROTATES: ends.isoformat()}


def _ask(ask: Callable[[WebClient], SlackResponse], *, refusals: Mapping[str, str], token: str = "") -> Json:
    web = Wire(settings.SLACK_API_URL, token, deadline=DEADLINE, max_bytes=SIZE)
    # Raised outside of `except`: slack-sdk's own errors carry the whole answer along.
    problem: ConnectorError
    try:
        return table(ask(web).data)
    except SlackApiError as error:
        problem = _problem(
            text(table(error.response.data).get("error")), error.response.status_code, refusals
        )
    except Unreadable as error:
        problem = RetryLater(f"Slack answered with an error (status {error.answer.status}). Try again later.")
    except net.NetError as error:
        problem = RetryLater(f"Slack could not be reached: {error}. Try again later.")
    raise problem


def _problem(word: str, status: int, refusals: Mapping[str, str]) -> ConnectorError:
    if word in refusals:
        return LoginRejected(refusals[word])
    if word in _APP_BAD:
        return RetryLater(UNKNOWN_APP)  # the operator's to mend: nobody's login is at fault
    if status == 429 or status >= 500 or word in ("ratelimited", "internal_error", "fatal_error"):
        return RetryLater(f"Slack answered with an error (status {status}). Try again later.")
    return RetryLater(_refused(word))


def _refused(word: str) -> str:
    return f"Slack did not let Sameroom in ({shown(word)}). Try again later."
