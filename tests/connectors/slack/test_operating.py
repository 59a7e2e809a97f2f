"""What the doctor says of an operator's settings for Slack."""

from typing import Any

import pytest

from connectors.findings import Finding, Severity, error, ok
from connectors.slack import operating
from connectors.slack.connector import SlackConnector
from tests import servers
from tests.monitor.standing import web

ANSWERS = {"POST /api/api.test": (200, '{"ok": true}')}
API_ANSWERS = ok("Slack's API answers.")


@pytest.fixture(autouse=True)
def app(settings: Any) -> Any:
    """An app of the operator's, at a public address."""
    settings.SLACK_CLIENT_ID, settings.SLACK_CLIENT_SECRET = "1.2", "the-client-secret"
    settings.SLACK_SIGNING_SECRET, settings.PUBLIC_URL = "the-signing-secret", "https://sameroom.example.org"
    return settings


def findings(settings: Any, answers: dict[str, tuple[int, str]] = ANSWERS) -> list[Finding]:
    with web(answers) as address:
        settings.SLACK_API_URL = f"{address}/api"
        return list(SlackConnector.operator_findings())


def test_app_that_is_set_up(app: Any) -> None:
    assert findings(app) == [ok("Add to Slack is offered."), API_ANSWERS]


def test_no_app_is_nothing_amiss_and_asks_nobody(app: Any) -> None:
    app.SLACK_CLIENT_ID = app.SLACK_CLIENT_SECRET = app.SLACK_SIGNING_SECRET = ""
    app.SLACK_API_URL = f"http://127.0.0.1:{servers.free_port()}/api"

    assert list(operating.findings()) == [
        ok("No Slack app of the operator's is set: people make their own, from a manifest.")
    ]


def test_app_that_is_half_set_up(app: Any) -> None:
    app.SLACK_SIGNING_SECRET = ""

    assert findings(app)[0] == error(
        "SLACK_SIGNING_SECRET is not set: nobody is offered Add to Slack.",
        "Set all three from the app's Basic Information, or none.",
    )


def test_app_at_an_address_that_slack_does_not_call(app: Any) -> None:
    app.PUBLIC_URL = "http://sameroom.example.org"

    assert findings(app)[0].text.startswith("Add to Slack is set up, but PUBLIC_URL is not https")


@pytest.mark.parametrize("answer", [(200, '{"ok": false}'), (200, "[]"), (404, '{"ok": 1}')])
def test_api_that_is_something_else(app: Any, answer: tuple[int, str]) -> None:
    found = findings(app, {"POST /api/api.test": answer})[1]

    assert (found.severity, found.text.split("/api/")[1]) == (
        Severity.WARNING,
        f"api.test answers {answer[0]}, and not as Slack's API does.",
    )


@pytest.mark.parametrize("text", ["<html>", ""])
def test_api_that_answers_no_json(app: Any, text: str) -> None:
    assert findings(app, {"POST /api/api.test": (200, text)})[1].severity is Severity.WARNING


def test_api_that_is_gone(app: Any) -> None:
    app.SLACK_API_URL = f"http://127.0.0.1:{servers.free_port()}/api"

    assert [found.text.split(":")[0] for found in operating.findings()] == [
        "Add to Slack is offered.",
        "Slack's API does not answer",
    ]
