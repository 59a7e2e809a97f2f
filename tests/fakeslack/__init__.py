"""A Slack of our own, over real HTTP and WebSocket, as Slack's documentation has it.

    with running() as slack:
        ann, app = slack.person("ann"), slack.app()
        token = slack.install(app)
        room = slack.channel("talk", ann, token.bot)
        slack.say(room, ann, "hello")
        WebClient(token.value, base_url=slack.api)

For what emulators get wrong or lack: tokens are checked, events signed and repeated, limits counted, things
go wrong on request (`faults.py`). slack-sdk is the witness that it is a Slack: `tests/fakeslack/test_*.py`.
"""

from tests.fakeslack.control import FakeSlack
from tests.fakeslack.server import running

__all__ = ["FakeSlack", "running"]
